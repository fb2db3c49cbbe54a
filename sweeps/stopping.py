"""When a run may end before its last step: as soon as its label can no longer change under a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
RuleName = Literal["article"]

# The thresholds of the published rule (Pearce et al. 2023); analysis.rules.ArticleRule starts from the same.
LOSS_THRESHOLD = 1e-5
RATIO_THRESHOLD = 5e4


def article_decided(metrics: Mapping[str, Array]) -> int | None:
    """After how many of a run's rows [T] its label under the article's rule is `grok` for good; None if it is not yet.

    The rule asks for the least train loss, the least test loss and the greatest ratio of the two over all finite rows. Once both
    minima are at most the loss threshold and the ratio has reached its own, no later row can undo any of it. No other label is
    ever certain before the last step: a loss may still fall, a ratio still rise.
    """
    train_loss, test_loss = (metrics[name].astype(np.float64) for name in ("train_loss", "test_loss"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = test_loss / train_loss
    counted = np.logical_and.reduce([np.isfinite(values) for values in metrics.values()])  # [T]
    reached = [counted & each for each in (train_loss <= LOSS_THRESHOLD, test_loss <= LOSS_THRESHOLD, ratio >= RATIO_THRESHOLD)]
    if not all(each.any() for each in reached):
        return None
    return max(int(np.argmax(each)) for each in reached) + 1


# What can decide a run early, by the name of its rule.
DECIDED: dict[RuleName, Callable[[Mapping[str, Array]], int | None]] = {"article": article_decided}
