"""Ratios of the delays of runs with different values of a hyperparameter."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.cells import check_cell, check_confidence
from grokjax.analysis.statistics.delays import Numbers, codes_of
from grokjax.analysis.statistics.weibull import fit_weibull, fitted_runs, indicators, refuse_collinear
from grokjax.errors import AnalysisError


def delay_ratios(
    runs: pd.DataFrame,
    delays: pd.DataFrame,
    of: str,
    strata: Sequence[str] = (),
    mix: Sequence[str] = (),
    reference: Any = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """By which factor the delays at one value of a hyperparameter are longer than those at another.

    An accelerated failure time model: the delay has a Weibull distribution, which is the same at all values of the hyperparameter
    and in all strata but for a factor each. If a value shortens the delays of some strata and lengthens those of others, the ratio
    is an average that describes none of them: compare within each stratum. The intervals contain all ratios together with the
    given confidence (Bonferroni); the p-values of a ratio of 1 are adjusted by Holm's method.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, aligned by index.
      of: the hyperparameter.
      strata: hyperparameters that are held fixed; each combination of their values has a factor of its own.
      mix: hyperparameters that vary and are not held fixed.
      reference: the value that the others are compared with; every value is compared with every lower one when None.
      confidence: with which the intervals contain all ratios.

    Returns:
      A row per comparison: `value`, `reference`, the `ratio` of the delays, `low`, `high` and `p`. If no run generalized at one
      of the values, or all did so without a delay, the numbers are NaN.

    Raises:
      AnalysisError: fewer than two values, no such reference, another hyperparameter varies, or too few runs generalized.
    """
    check_confidence(confidence)
    check_cell(runs, [of, *strata], mix)
    runs, delays = fitted_runs(runs, delays, strata)
    codes = codes_of(runs, [of])
    values = [runs[of].iloc[int(np.argmax(codes == code))] for code in range(codes.max() + 1)]
    pairs = _pairs(of, values, reference)
    known = np.unique(codes[(delays["generalized"] & (delays["delay"] > 0)).to_numpy()])
    kept = np.isin(codes, known)
    runs, delays, codes = runs[kept], delays[kept], np.searchsorted(known, codes[kept])
    found = np.array([value in known and other in known for value, other in pairs])
    columns = np.full((4, len(pairs)), np.nan)
    if found.any():
        effects, shared = indicators(codes), indicators(codes_of(runs, strata))
        refuse_collinear(effects, shared, [of] * effects.shape[1], strata)
        fitted = fit_weibull(runs, delays, np.column_stack([effects, shared]))
        basis = np.eye(len(known), len(fitted.effects) + 1)[:, 1:]  # the first value is what the effects are relative to
        first, second = np.searchsorted(known, np.array(pairs)[found].T)
        value, low, high, p = fitted.intervals(basis[first] - basis[second], 1 - (1 - confidence) / len(first))
        columns[:, found] = [np.exp(value), np.exp(low), np.exp(high), _holm(p)]
    named = {"value": [values[value] for value, _ in pairs], "reference": [values[other] for _, other in pairs]}
    return pd.DataFrame({**named, **dict(zip(("ratio", "low", "high", "p"), columns, strict=True))})


def _pairs(of: str, values: Sequence[Any], reference: Any) -> list[tuple[int, int]]:
    """The indices of the values to compare, each with that of its reference."""
    if len(values) < 2:
        raise AnalysisError(
            f"{of} is {values[0]} in all fitted runs, so there are no delays to compare; choose another hyperparameter"
        )
    if reference is None:
        return [(later, earlier) for earlier, later in itertools.combinations(range(len(values)), 2)]
    if reference not in values:
        raise AnalysisError(f"no fitted run has {of} = {reference}; compare with one of {', '.join(map(str, values))}")
    at = values.index(reference)
    return [(place, at) for place in range(len(values)) if place != at]


def _holm(p: Numbers) -> Numbers:
    """P-values adjusted by Holm's method (1979)."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1)[np.argsort(order)]
