"""Rules: from the summaries of runs to their phases. A rule is frozen, cheap, and never stored with the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from analysis.load import AnalysisError
from sweeps.stopping import LOSS_THRESHOLD, RATIO_THRESHOLD

PHASES = ("memorize", "grok", "generalize", "fail", "diverged", "undecided")


class Rule(Protocol):
    """Anything that labels runs. Where it has an attribute `certain`, no later step of a run could take those phases back."""

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run: categorical over PHASES, on the index of `runs`."""


@dataclass(frozen=True)
class ArticleRule:
    """The rule of the published 1s-and-0s sweep (Pearce et al. 2023), in this order:

    least train loss above `loss_threshold`: fail; least test loss above it: memorize; greatest ratio of test to train loss below
    `ratio_threshold`: generalize; otherwise grok.

    A run that met a value that is not finite is `diverged`, unless it is `grok`, which nothing later can change: minima only fall,
    and the ratio's maximum only rises. One whose summaries are missing is `undecided`.
    """

    loss_threshold: float = LOSS_THRESHOLD
    ratio_threshold: float = RATIO_THRESHOLD

    @property
    def certain(self) -> frozenset[str]:
        """Only `grok`: a loss may still fall, a ratio still rise."""
        return frozenset({"grok"})

    def __post_init__(self) -> None:
        for name in ("loss_threshold", "ratio_threshold"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise AnalysisError(f"{name} = {value} is out of range; use a number above 0")

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run, from min_train_loss, min_test_loss, max_loss_ratio, and diverged_step where there is one."""
        train, test, ratio = (_numbers(runs, name) for name in ("min_train_loss", "min_test_loss", "max_loss_ratio"))
        grok = (train <= self.loss_threshold) & (test <= self.loss_threshold) & (ratio >= self.ratio_threshold)
        phase = np.select(
            [
                grok,
                _told(runs, "diverged_step"),
                np.isnan(train),
                train > self.loss_threshold,
                np.isnan(test),
                test > self.loss_threshold,
                np.isnan(ratio),
            ],
            ["grok", "diverged", "undecided", "fail", "undecided", "memorize", "undecided"],
            default="generalize",
        )
        return pd.Series(pd.Categorical(phase, categories=PHASES), index=runs.index, name="phase")


def classify(runs: pd.DataFrame, rule: Rule) -> pd.Series[str]:
    """The phase of each run under a rule.

    A run that was stopped early is `undecided`, unless its phase is one that the rule is certain of: under another rule, or other
    thresholds, than those that stopped it, what it would have become is not known.
    """
    phases = rule(runs)
    open_yet = _told(runs, "stopped_by") & ~phases.isin(getattr(rule, "certain", ())).to_numpy()
    return phases.mask(open_yet, "undecided")


def _told(runs: pd.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Where a column says something; nowhere if the table has no such column, as published ones have not."""
    return runs[name].notna().to_numpy(dtype=bool) if name in runs else np.zeros(len(runs), bool)


def _numbers(runs: pd.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if name not in runs:
        raise AnalysisError(f"the rule needs the column {name}, and the table has {', '.join(map(str, runs.columns))}")
    try:
        return runs[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise AnalysisError(f"the rule needs numbers in the column {name}; it holds {runs[name].iloc[0]!r}") from None
