"""Kaplan-Meier estimates of the grokking delay: curves and medians with their intervals, as R's `survfit` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.cells import check_cell, check_confidence
from grokjax.analysis.statistics.delays import Numbers, align_delays, groups_of, stacked
from grokjax.errors import AnalysisError

# Intervals of the median of fewer runs do not have their confidence: see docs/statistics/delays.md.
FEWEST = 5
TOLERANCE = np.finfo(np.float64).eps ** 0.5  # within which R takes a survival to be one half


def median_delays(
    runs: pd.DataFrame,
    delays: pd.DataFrame,
    by: Sequence[str],
    confidence: float = 0.95,
    mix: Sequence[str] = (),
    fewest: int = FEWEST,
) -> pd.DataFrame:
    """The Kaplan-Meier median of the delay in each group, a row per group.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, aligned by index.
      by: hyperparameters that make the groups.
      confidence: of the interval.
      mix: other hyperparameters whose values a group may mix.
      fewest: the number of fitted runs below which a group has no interval. With four or fewer, the interval contains the median
        less often than its confidence says; 1 gives the intervals of R for any number.

    Returns:
      The columns of `by`, the numbers of `runs`, of `fitted` runs and of `generalized` runs, and the `median` [steps] with
      `low` and `high` (Brookmeyer and Crowley 1982, on the log(-log) scale). A median that was not reached, because fewer than
      half of the runs generalized, is infinite; in a group in which no run fitted it is NaN. An end of the interval that is
      unknown is NaN.

    Raises:
      AnalysisError: a group would mix other hyperparameters (see `check_cell`), or the delays cannot be aligned with the runs.
    """
    check_confidence(confidence)
    check_cell(runs, by, mix)
    delays, rows = align_delays(delays, runs.index), []
    groups, positions = groups_of(runs, by)
    for members in positions:
        at_risk = delays.iloc[members].dropna(subset="delay")
        median = low = high = np.nan
        if len(at_risk):
            curve = _kaplan_meier(at_risk, confidence)
            low, median, high = (_first_half(curve["delay"], curve[name]) for name in ("low", "survival", "high"))
            median = np.inf if np.isnan(median) else median
            if len(at_risk) < fewest:
                low = high = np.nan
        rows.append((len(members), len(at_risk), int(at_risk["generalized"].sum()), median, low, high))
    numbers = pd.DataFrame(rows, columns=["runs", "fitted", "generalized", "median", "low", "high"])
    return pd.concat([groups, numbers], axis=1)


def survival_curves(
    runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str], confidence: float = 0.95, mix: Sequence[str] = ()
) -> pd.DataFrame:
    """The Kaplan-Meier estimate in each group: the share of fitted runs that have not generalized, by steps since they fitted.

    Args:
      runs, delays, by, confidence, mix: as in `median_delays`.

    Returns:
      A row per group and delay at which a run generalized or was censored: the columns of `by`, `delay` [steps], the runs `at_risk`
      just before it, those that `generalized` and those `censored` at it, and `survival` with its interval `low` to `high`
      (Greenwood, on the log(-log) scale), which is NaN where the survival is 0 or 1.

    Raises:
      AnalysisError: as for `median_delays`, or no run fitted.
    """
    check_confidence(confidence)
    check_cell(runs, by, mix)
    delays = align_delays(delays, runs.index)
    if delays["delay"].isna().all():
        raise AnalysisError("no run fitted, so none has a delay; choose other crossings or other runs")
    groups, positions = groups_of(runs, by)
    fitted = [delays.iloc[members].dropna(subset="delay") for members in positions]
    return stacked(groups, [pd.DataFrame(_kaplan_meier(at_risk, confidence)) for at_risk in fitted])


def _kaplan_meier(at_risk: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """The columns of a curve: S(t) is the product of 1 - d / n over the delays up to t, where d of n runs at risk generalized."""
    delay, places = np.unique(at_risk["delay"].to_numpy(np.float64), return_inverse=True)
    seen = at_risk["generalized"].to_numpy(bool)
    events, ends = (np.bincount(places[chosen], minlength=len(delay)) for chosen in (seen, ~seen))
    risk = np.cumsum((events + ends)[::-1])[::-1]
    survival = np.cumprod(1 - events / risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(np.cumsum(events / (risk * (risk - events))))  # Greenwood: the standard error of log S
        spread = NormalDist().inv_cdf((1 + confidence) / 2) * error / np.log(survival)
        inside = (survival > 0) & (survival < 1)
        low, high = (np.where(inside, survival ** np.exp(sign * spread), np.nan) for sign in (-1, 1))
    columns = {"delay": delay, "at_risk": risk, "generalized": events, "censored": ends}
    return {**columns, "survival": survival, "low": low, "high": high}


def _first_half(delay: Numbers, curve: Numbers) -> float:
    """Where a falling curve is first below one half, the middle of the step if it is exactly one half there; NaN if never."""
    reached = np.flatnonzero(curve < 0.5 + TOLERANCE)  # NaN is never reached
    if not len(reached):
        return np.nan
    at = reached[0]
    below = reached[curve[reached] < curve[at]]
    exact = abs(curve[at] - 0.5) < TOLERANCE and len(below)
    return float((delay[at] + delay[below[0]]) / 2 if exact else delay[at])
