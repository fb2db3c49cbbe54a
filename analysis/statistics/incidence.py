"""Cumulative incidence: which share of all runs has grokked, generalized or diverged by each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import align
from grokjax.analysis.statistics.cells import check_cell
from grokjax.analysis.statistics.delays import Crossings, Numbers, crossing_steps, groups_of, numbers_in, stacked
from grokjax.analysis.statistics.grid import wilson_interval
from grokjax.errors import AnalysisError

OUTCOMES = ("grok", "generalize", "diverged")  # the phases that begin at a step, of which a run has at most one
ROUNDING = 1e-9  # a standard error below which a share is 0 or 1


def run_outcomes(runs: pd.DataFrame, crossings: Crossings = Crossings(), delay: float = 1000) -> pd.DataFrame:
    """The outcome of each run and the step at which it began, as the rule `crossing` labels it.

    Args:
      runs: a runs table.
      crossings: as for `grokking_delays`.
      delay: by how many steps the test metric must cross later than the train metric for `grok`.

    Returns:
      On the index of `runs`: `outcome`, one of OUTCOMES or null for a run without any, and `step`, at which the later of the two
      metrics crossed, or the run diverged, or ended without an outcome.

    Raises:
      AnalysisError: as for `grokking_delays`.
    """
    fitted, generalized = crossing_steps(runs, crossings)
    phases = crossings.rule(delay)(runs)
    outcome = pd.Categorical(phases.astype(object).where(phases.isin(OUTCOMES)), categories=OUTCOMES)
    ends, diverged = (numbers_in(runs, name) if name in runs else np.full(len(runs), np.nan) for name in ("steps", "diverged_step"))
    step = np.select([phases.isin(OUTCOMES[:2]), phases == "diverged"], [np.maximum(fitted, generalized), diverged], ends)
    return pd.DataFrame({"step": step, "outcome": outcome}, index=runs.index)


def cumulative_incidence(
    runs: pd.DataFrame,
    outcomes: pd.DataFrame,
    by: Sequence[str] = (),
    confidence: float = 0.95,
    mix: Sequence[str] = (),
) -> pd.DataFrame:
    """The Aalen-Johansen estimate in each group: the share of all runs with each outcome by each step, counted from step 0.

    Unlike the share of fitted runs that have not generalized, it leaves out no run: a run that diverges can no longer grok, and a
    run that never fits is one without an outcome. Only runs that ended without an outcome, before others, are censored.

    Args:
      runs: a runs table.
      outcomes: from `run_outcomes`, aligned by index.
      by: hyperparameters that make the groups.
      confidence: of the intervals.
      mix: other hyperparameters whose values a group may mix.

    Returns:
      A row per group, step at which a run ended or had an outcome, and outcome: the columns of `by`, `step`, `outcome`, the runs
      `at_risk` just before the step, the `events` of this outcome at it, the `incidence`, its standard error `error`, and its
      interval `low` to `high`: Wilson's, for the number of runs that gives a share this standard error (Dorey and Korn 1987).

    Raises:
      AnalysisError: a group would mix other hyperparameters (see `check_cell`), or the outcomes are not of these runs.
    """
    check_cell(runs, by, mix)
    outcomes = _aligned(outcomes, runs.index)
    groups, positions = groups_of(runs, by)
    return stacked(groups, [_aalen_johansen(outcomes.iloc[members], confidence) for members in positions])


def _aligned(outcomes: pd.DataFrame, index: pd.Index[Any]) -> pd.DataFrame:
    if not isinstance(outcomes, pd.DataFrame) or not {"step", "outcome"} <= set(outcomes):
        raise AnalysisError("outcomes are a table with the columns step and outcome, from run_outcomes")
    outcomes = align(outcomes, index, "outcome")
    if outcomes["step"].isna().any():
        raise AnalysisError("a run has no step at which it ended; outcomes need the column steps of the runs table")
    if not (known := outcomes["outcome"].isin(OUTCOMES) | outcomes["outcome"].isna()).all():
        raise AnalysisError(f"{outcomes['outcome'][~known].iloc[0]!r} is no outcome; outcomes are {', '.join(OUTCOMES)}, or null")
    return outcomes


def _aalen_johansen(outcomes: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The rows of a group: with S(t) the share without an outcome, the incidence of k grows by S(t-) d_k / n at each step.

    The standard error is the infinitesimal jackknife: the root of the summed squares of the derivatives of the incidence with
    respect to the weight of each run, as in R's `survfit`.
    """
    step, places = np.unique(outcomes["step"].to_numpy(np.float64), return_inverse=True)
    codes = pd.Categorical(outcomes["outcome"], categories=OUTCOMES).codes
    runs, steps = len(outcomes), len(step)
    at_risk = runs - np.concatenate([[0], np.cumsum(np.bincount(places, minlength=steps))[:-1]])
    events = np.zeros((len(OUTCOMES), steps))
    np.add.at(events, (codes[codes >= 0], places[codes >= 0]), 1)
    hazard = events / at_risk
    left = np.cumprod(1 - hazard.sum(axis=0))
    before = np.concatenate([[1.0], left[:-1]])
    incidence = np.cumsum(before * hazard, axis=1)
    exposed = (np.arange(steps) <= places[:, None]) / at_risk  # [R, J]
    happened = [((codes == k)[:, None] & (np.arange(steps) == places[:, None])) / at_risk for k in range(len(OUTCOMES))]
    moved = [own - exposed * rate for own, rate in zip(happened, hazard, strict=True)]  # of each hazard, by each run's weight
    with np.errstate(divide="ignore", invalid="ignore"):
        of_left = np.where(left > 0, sum(moved) / (1 - hazard.sum(axis=0)), 0)
    of_before = -before * np.concatenate([np.zeros((runs, 1)), np.cumsum(of_left, axis=1)[:, :-1]], axis=1)
    ended = np.concatenate([[0], np.cumsum(np.bincount(places[codes < 0], minlength=steps))[:-1]])
    frames = []
    for k, outcome in enumerate(OUTCOMES):
        error = np.sqrt((np.cumsum(of_before * hazard[k] + before * moved[k], axis=1) ** 2).sum(axis=0))
        low, high = _interval(incidence[k], error, runs - ended, confidence)
        frames.append(pd.DataFrame({
            "step": step, "outcome": outcome, "at_risk": at_risk, "events": events[k].astype(np.int64),
            "incidence": incidence[k], "error": error, "low": low, "high": high,
        }))  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _interval(share: Numbers, error: Numbers, known: Numbers, confidence: float) -> tuple[Any, Any]:
    """Wilson's interval for the size of a sample whose share would have this error: where there is none, those `known`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(error > ROUNDING, share * (1 - share) / error**2, known)
    return wilson_interval(np.minimum(share, 1) * size, size, confidence)
