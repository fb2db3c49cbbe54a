"""Finds runs whose label hangs on low bits: those so near a threshold that a little rounding could change it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from grokjax.analysis.labels.columns import numbers
from grokjax.analysis.labels.rules import NamedRule, classify
from grokjax.analysis.labels.thresholds import thresholds_of
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.schema import crossing_columns

if TYPE_CHECKING:
    import pandas as pd

# 95 % of the least test losses of docs/example change by less when the runs are trained again with other low bits.
FACTOR = 1.25


def near_threshold(runs: pd.DataFrame, rule: NamedRule, factor: float = FACTOR) -> pd.Series[bool]:
    """Whether each run's label changes if what it hangs on moves by `factor`, on the index of `runs`.

    Each threshold that is a number is moved either way (for an accuracy, 1 - accuracy is), and so are the crossings that the rule
    reads: one that came late enough is moved beyond the last step, and one that was missed by less than the factor (of the loss, or
    of 1 - accuracy) counts as made at the last step, as far as the runs table has the extreme of the metric.

    The same run, trained with another lane width, library or machine, differs in low bits, which training amplifies: near a
    threshold its label is not a property of its hyperparameters and seed. docs/statistics/sensitivity.md has measurements.

    Args:
      runs: a runs table.
      rule: the rule.
      factor: greater than 1.

    Raises:
      AnalysisError: `factor` is not greater than 1, or the table lacks a column that the rule reads.
    """
    import pandas as pd  # noqa: PLC0415  (half a second that workers do not need)

    if not 1 < factor < np.inf:
        raise AnalysisError(f"a label is near a threshold within a factor greater than 1, got {factor}")
    labels = classify(runs, rule).cat.codes.to_numpy()
    near = np.zeros(len(runs), bool)
    for moved in _moved_rules(rule, factor):
        near |= classify(runs, moved).cat.codes.to_numpy() != labels
    for table in _moved_crossings(runs, rule, factor):
        near |= classify(table, rule).cat.codes.to_numpy() != labels
    return pd.Series(near, index=runs.index, name="near_threshold", dtype=bool)


def marginal_note(runs: pd.DataFrame, rule: NamedRule, factor: float = FACTOR) -> str:
    """How many labels hang on low bits, as a sentence; empty if none does."""
    count = int(near_threshold(runs, rule, factor).sum())
    return f"{count:,} of {len(runs):,} labels are within a factor of {factor:g} of a threshold." if count else ""


def _moved_rules(rule: NamedRule, factor: float) -> Iterator[NamedRule]:
    """The rule with each numeric threshold moved either way, as far as its range allows."""
    for name, threshold in thresholds_of(rule).items():
        if threshold.options:
            continue
        value = getattr(rule, name)
        for times in (factor, 1 / factor):
            to = value * times if threshold.log else 1 - (1 - value) * times
            yield dataclasses.replace(rule, **{name: float(np.clip(to, threshold.low, threshold.high))})


def _moved_crossings(runs: pd.DataFrame, rule: NamedRule, factor: float) -> Iterator[pd.DataFrame]:
    """The runs with the crossings that a rule reads moved, those of one metric at a time."""
    read = {name: (metric, threshold) for name, metric, threshold, _ in crossing_columns() if name in rule.columns}
    for metric, threshold in dict.fromkeys(read.values()):
        names = [name for name, of in read.items() if of == (metric, threshold)]
        columns = {name: numbers(runs, name) for name in names}
        if "steps" in runs:
            steps = numbers(runs, "steps")
            late = {name: np.where(at > steps / factor, np.nan, at) for name, at in columns.items()}
            yield runs.assign(**late)
            missed = _nearly_reached(runs, metric, threshold, factor)
            yield runs.assign(**{name: np.where(np.isnan(at) & missed, steps, at) for name, at in columns.items()})


def _nearly_reached(runs: pd.DataFrame, metric: str, threshold: float, factor: float) -> np.ndarray:
    """Whether the extreme of a metric is within a factor of a threshold, [R]; False where the table does not have it."""
    if metric.endswith("loss"):
        return numbers(runs, f"min_{metric}") <= threshold * factor if f"min_{metric}" in runs else np.zeros(len(runs), bool)
    return 1 - numbers(runs, f"max_{metric}") <= (1 - threshold) * factor if f"max_{metric}" in runs else np.zeros(len(runs), bool)
