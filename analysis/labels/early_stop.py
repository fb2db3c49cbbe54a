"""When a run may end before its last step: as soon as its label can no longer change under a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

from grokjax.metrics import finite_rows

Array = np.ndarray[Any, Any]
# What a spec may say its runs are labelled by; grokjax.analysis.labels.rules has them. Only those in DECIDERS can end a run early.
RuleName = Literal["article", "accuracy_delay", "crossing", "final"]

# The thresholds of the published rule (Pearce et al. 2023); grokjax.analysis.labels.rules.ArticleRule starts from the same.
LOSS_THRESHOLD = 1e-5
RATIO_THRESHOLD = 5e4


class ArticleDecider:
    """Watches one run for the moment after which its label under the article's rule is `grok` for good.

    The rule asks for the least train loss, the least test loss and the greatest ratio of the two over all finite rows. Once both
    minima are at most the loss threshold and the ratio has reached its own, no later row can undo any of it. No other label is
    ever certain before the last step: a loss may still fall, a ratio still rise.
    """

    def __init__(self) -> None:
        self._reached = np.zeros(3, bool)  # train loss, test loss, ratio

    def __call__(self, rows: Mapping[str, Array]) -> int | None:
        """Which of the run's next rows [k] decides it; None if none does."""
        train_loss, test_loss = (rows[name].astype(np.float64) for name in ("train_loss", "test_loss"))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = test_loss / train_loss
        counted = finite_rows(rows)  # [k]
        reaches = np.stack([train_loss <= LOSS_THRESHOLD, test_loss <= LOSS_THRESHOLD, ratio >= RATIO_THRESHOLD])  # [3, k]
        so_far = np.logical_or.accumulate(reaches & counted, axis=1) | self._reached[:, None]
        decided = so_far.all(axis=0)
        self._reached = so_far[:, -1]
        return int(np.argmax(decided)) if decided.any() else None


# What can decide a run early, by the name of its rule: a watcher is made for each run.
DECIDERS: dict[RuleName, Callable[[], Callable[[Mapping[str, Array]], int | None]]] = {"article": ArticleDecider}
