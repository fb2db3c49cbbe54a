"""Finds runs whose label hangs on low bits: those near enough to a threshold that a little rounding could change it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import NamedRule, classify
from grokjax.analysis.labels.thresholds import thresholds_of
from grokjax.errors import AnalysisError

FACTOR = 1.25


def near_threshold(runs: pd.DataFrame, rule: NamedRule, factor: float = FACTOR) -> pd.Series[bool]:
    """Whether each run's label changes if one threshold of the rule is multiplied or divided by `factor`, on the index of `runs`.

    For accuracies, 1 - accuracy is. Only thresholds that are numbers are moved; options, such as the accuracy of a crossing, are
    not.

    The same run, trained with another lane width, library or machine, differs in low bits, which training amplifies: near a
    threshold its label is not a property of its hyperparameters and seed. docs/statistics/sensitivity.md has measurements.

    Args:
      runs: a runs table.
      rule: the rule.
      factor: greater than 1.

    Raises:
      AnalysisError: `factor` is not greater than 1, or the table lacks a column that the rule reads.
    """
    if not 1 < factor < np.inf:
        raise AnalysisError(f"a label hangs on a threshold within a factor greater than 1, got {factor}")
    labels = classify(runs, rule).cat.codes.to_numpy()
    near = np.zeros(len(runs), bool)
    for moved in _moved_rules(rule, factor):
        near |= classify(runs, moved).cat.codes.to_numpy() != labels
    return pd.Series(near, index=runs.index, name="near_threshold")


def marginal_note(runs: pd.DataFrame, rule: NamedRule, factor: float = FACTOR) -> str:
    """How many runs are near a threshold, as a sentence without its stop; empty if none is."""
    count = int(near_threshold(runs, rule, factor).sum())
    return f"{count:,} of {len(runs):,} labels change if a threshold moves by a factor of {factor:g}" if count else ""


def _moved_rules(rule: NamedRule, factor: float) -> Iterator[NamedRule]:
    """The rule with each numeric threshold moved either way, as far as its range allows."""
    for name, threshold in thresholds_of(rule).items():
        if threshold.options:
            continue
        value = getattr(rule, name)
        for times in (factor, 1 / factor):
            to = value * times if threshold.log else 1 - (1 - value) * times
            yield dataclasses.replace(rule, **{name: float(np.clip(to, threshold.low, threshold.high))})
