"""Grokking delays: the steps from the train metric's to the test metric's crossing of its threshold, with censoring.

A run that fitted but had not generalized by its last step has a longer delay than observed: it is censored there, not left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from grokjax.analysis.labels.columns import numbers
from grokjax.analysis.labels.rules import CrossingRule, align
from grokjax.analysis.statistics.cells import Codes, cells_of
from grokjax.errors import AnalysisError

Kind = Literal["held", "first", "sustained"]
Numbers = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """The two crossings between which a grokking delay lies, checked when they are made.

    Of several crossings of one threshold, those that are "held" are the first ones, if the metric still meets the threshold at the
    last step; "first" ones count whatever comes after them; after a "sustained" one the metric never drops back.

    Raises:
      AnalysisError: a threshold or a kind that `CrossingRule` does not have.
    """

    train: str = "accuracy_99"
    """When a run has fitted: a threshold of the train metric, such as accuracy_95 or loss_1e_2."""
    test: str = "accuracy_99"
    """When a run has generalized: a threshold of the test metric."""
    kind: Kind = "held"
    """Which crossing counts: "held", the first, if it still holds at the last step; "first"; or "sustained", never lost again."""

    def __post_init__(self) -> None:
        self.rule()

    def rule(self, delay: float = 1000) -> CrossingRule:
        """The rule that labels runs by these crossings."""
        return CrossingRule(self.train, self.test, self.kind, delay)

    @property
    def kind_text(self) -> str:
        """A sentence that says which crossings count."""
        return {
            "held": "A crossing counts if it still holds at the last step.",
            "first": "First crossings count, whatever comes after them.",
            "sustained": "A crossing counts from the step after which it is never lost.",
        }[self.kind]

    @property
    def delay_text(self) -> str:
        """A sentence that says what a delay is between, and one that says which crossings count."""
        train, test = crossing_text(self.train), crossing_text(self.test)
        return f"Delay: the steps from train {train} to test {test}. {self.kind_text}"


def crossing_text(crossing: str) -> str:
    """A crossing as text: accuracy ≥ 99 % for accuracy_99, loss ≤ 1e-5 nats for loss_1e_5."""
    metric, threshold = crossing.split("_", 1)
    return f"accuracy ≥ {threshold} %" if metric == "accuracy" else f"{metric} ≤ {threshold.replace('_', '-')} nats"


def grokking_delays(runs: pd.DataFrame, crossings: Crossings = Crossings()) -> pd.DataFrame:
    """The grokking delay of each run, censored where the run ended before it generalized.

    Args:
      runs: a runs table.
      crossings: the two crossings between which the delay lies.

    Returns:
      On the index of `runs`: `delay` in steps, from the train crossing to the test crossing, or to the last step if there is no
      test crossing; 0 where test crossed first; NaN for a run that never fitted. `generalized`: whether both crossings were
      observed.

    Raises:
      AnalysisError: a column is missing or holds no numbers; or runs were stopped early at a step that depends on their delay
        (see `crossing_steps`).
    """
    fitted, generalized = crossing_steps(runs, crossings)
    seen = ~np.isnan(generalized) & ~np.isnan(fitted)
    delay = np.maximum(np.where(seen, generalized, numbers_in(runs, "steps")) - fitted, 0)
    return pd.DataFrame({"delay": delay, "generalized": seen}, index=runs.index)


def crossing_steps(runs: pd.DataFrame, crossings: Crossings) -> tuple[Numbers, Numbers]:
    """The steps at which the train metric and the test metric of each run cross their thresholds, NaN where they never do.

    Raises:
      AnalysisError: as `grokking_delays`. A run that was stopped early as soon as its phase was decided may still have lost a
        crossing, or crossed soon after. To censor it where it was stopped would bias every estimate, because censoring must not
        depend on the outcome.
    """
    first = crossings.kind == "first"
    names = [name for name in crossings.rule().columns if name != "diverged_step"]
    fitted, generalized, *at_end = (numbers_in(runs, name) for name in names)
    if at_end:
        fitted, generalized = (
            np.where(np.isnan(end), np.nan, step) for step, end in zip((fitted, generalized), at_end, strict=True)
        )
    stopped = runs["stopped_by"].notna().to_numpy(bool) if "stopped_by" in runs else np.zeros(len(runs), bool)
    unknown = stopped & ~np.isnan(fitted) & np.isnan(generalized) if first else stopped
    if unknown.any():
        remedy = "choose thresholds that are reached before" if first else "use crossings of the kind first"
        raise AnalysisError(
            f"{int(unknown.sum())} of {len(runs)} runs were stopped as soon as their phase was decided, before it was known "
            f"whether they {'cross' if first else 'keep'} the thresholds; censoring them there would bias the delays: "
            f"{remedy}, or train them to the end, with stop set to never"
        )
    return fitted, generalized


def align_delays(delays: pd.DataFrame, index: pd.Index[Any]) -> pd.DataFrame:
    """Delays aligned to an index: `delay` as floats and `generalized` as booleans.

    Args:
      delays: from `grokking_delays`, aligned by its index.
      index: of the runs.

    Raises:
      AnalysisError: a column is missing, a value is none of its column, or a run has no row or several.
    """
    if not isinstance(delays, pd.DataFrame) or not {"delay", "generalized"} <= set(delays):
        found = ", ".join(map(str, delays)) if isinstance(delays, pd.DataFrame) else type(delays).__name__
        raise AnalysisError(f"delays are a table with the columns delay and generalized, from grokking_delays; got {found}")
    delays = align(delays, index, "delay")
    steps = numbers_in(delays, "delay")
    if (steps < 0).any():
        raise AnalysisError("a delay is negative; delays count steps, and NaN stands for a run that never fitted")
    generalized = delays["generalized"]
    if generalized.isna().any() or not generalized.isin((True, False)).all():
        raise AnalysisError("generalized is not true or false in every row; compute delays with grokking_delays")
    seen = generalized.to_numpy(bool)
    if (seen & np.isnan(steps)).any():
        raise AnalysisError("a run without a delay counts as generalized; compute delays with grokking_delays")
    return pd.DataFrame({"delay": steps, "generalized": seen}, index=index)


def groups_of(runs: pd.DataFrame, by: Sequence[str]) -> tuple[pd.DataFrame, list[np.ndarray[Any, Any]]]:
    """The groups of runs with equal hyperparameters: their values, a row per group in order, and the positions of their runs."""
    codes, groups = cells_of(runs[list(by)])
    return groups, np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])


def codes_of(runs: pd.DataFrame, by: Sequence[str]) -> Codes:
    """The group of each run, [R], numbered in the order of `groups_of`."""
    return cells_of(runs[list(by)])[0]


def stacked(groups: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables of groups below one another, each row with the hyperparameters of its group."""
    values = groups.iloc[np.repeat(np.arange(len(groups)), [len(table) for table in tables])]
    return pd.concat([values.reset_index(drop=True), pd.concat(tables, ignore_index=True)], axis=1)


def numbers_in(table: pd.DataFrame, name: str) -> Numbers:
    """A column as floats [R], with NaN for null. Raises AnalysisError if it is missing or holds anything but finite numbers."""
    values: Numbers = numbers(table, name, "delays need")
    if np.isinf(values).any():
        raise AnalysisError(f"delays need finite numbers in the column {name}; it holds an infinite one")
    return values
