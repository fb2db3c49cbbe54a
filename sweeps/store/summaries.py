"""Summarizes curves into the outcome columns of the runs table: extremes, final values, and when thresholds were crossed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.metrics import finite_rows
from grokjax.sweeps.store.schema import SCALARS, crossing_columns

Array = np.ndarray[Any, Any]


def summarize(step: Array, metrics: Mapping[str, Array]) -> dict[str, int | float | None]:
    """The outcome columns of one run, except `stopped_by`.

    Args:
      step: [T] ascending.
      metrics: [T] each, or [T, ...]. Rows with a non-finite value are left out of the extremes. A missing metric gives None.
    """
    finite = finite_rows(metrics)  # [T]
    scalars = {name: values for name, values in metrics.items() if values.ndim == 1 and ":" not in name}
    found = summaries(step, scalars, np.zeros(len(step), np.int64), step[-1:], finite)
    crossed = {name: None if np.isnan(found[name][0, 0]) else int(found[name][0, 0]) for name, *_ in crossing_columns()}
    return {
        **{name: float(values[0, 0]) for name, values in found.items()},
        "steps": int(step[-1]),
        "diverged_step": None if finite.all() else int(step[np.argmin(finite)]),
        **{f"final_{metric.name}": None for metric in SCALARS if metric.name not in scalars},
        **crossed,
    }


def summaries(
    step: Array, metrics: Mapping[str, Array], runs: Array, budgets: Array, finite: Array | None = None
) -> dict[str, Array]:
    """The extremes, final values and crossings of many runs, as they stood at each of several steps.

    Args:
      step: [N] of the logged rows of R runs, one run after the other, ascending in each. Each run's first row is at or before the
        first budget.
      metrics: the scalar metrics, [N] each. Columns of metrics that are not given are left out.
      runs: the run of each row, [N], from 0 to R - 1 and ascending.
      budgets: [B] ascending; rows after the last one are not read.
      finite: which rows count for the extremes, [N]; all when None.

    Returns:
      A float64 array [R, B] by column of the runs table; NaN for a threshold that was not crossed, and for an extreme of no rows.
    """
    kept = step <= budgets[-1]
    rows = _Rows.of(step[kept], runs[kept], budgets)
    counts = np.ones(len(rows.step), bool) if finite is None else finite[kept]
    metrics = {name: values[kept] for name, values in metrics.items()}
    found = {f"final_{name}": values[rows.last].astype(np.float64) for name, values in metrics.items()}
    for name, metric, threshold, sustained in crossing_columns():
        if metric in metrics:
            found[name] = rows.crossing(metrics[metric], threshold, falling=metric.endswith("loss"), sustained=sustained)
    extremes: dict[str, tuple[Any, Array]] = {}
    for metric in ("train_loss", "test_loss"):
        if metric in metrics:
            extremes[f"min_{metric}"] = (np.fmin, metrics[metric])
    if {"train_loss", "test_loss"} <= set(metrics):
        extremes["max_loss_ratio"] = (np.fmax, _ratio(metrics["test_loss"], metrics["train_loss"]))
    if "test_accuracy" in metrics:
        extremes["max_test_accuracy"] = (np.fmax, metrics["test_accuracy"])
    for name, (extreme, values) in extremes.items():
        found[name] = rows.reduce(extreme, np.where(counts, values.astype(np.float64), np.nan), np.nan)
    return found


def _ratio(over: Array, under: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio: Array = over.astype(np.float64) / under.astype(np.float64)
    return ratio


@dataclass(frozen=True, eq=False)
class _Rows:
    """Logged rows [N] of R runs, in parts: a part holds the rows of one run after one budget, up to the next of B."""

    step: Array  # [N]
    starts: Array  # [S] the first row of each part that is not empty
    parts: Array  # [S] their places among the R x B parts
    shape: tuple[int, int]  # R, B
    last: Array  # [R, B] the last row up to each budget
    first: Array  # [R, 1] the first row of each run

    @classmethod
    def of(cls, step: Array, runs: Array, budgets: Array) -> _Rows:
        """The rows in parts; see `summaries`."""
        place = runs * len(budgets) + np.searchsorted(budgets, step)  # [N]
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        ends = np.append(starts[1:], len(step)) - 1
        shape = (int(runs[-1]) + 1 if len(runs) else 0, len(budgets))
        last = np.full(shape, -1)
        last.ravel()[place[starts]] = ends
        first = np.flatnonzero(np.diff(runs, prepend=-1))[:, None]
        return cls(step, starts, place[starts], shape, np.maximum.accumulate(last, axis=1), first)

    def reduce(self, ufunc: Any, values: Array, empty: float) -> Array:
        """The reduction of values [N] over the rows of each run up to each budget, [R, B]; `empty` where there is none."""
        found = np.full(self.shape, empty, values.dtype)
        found.ravel()[self.parts] = ufunc.reduceat(values, self.starts) if len(self.starts) else values
        reduced: Array = ufunc.accumulate(found, axis=1)
        return reduced

    def crossing(self, values: Array, threshold: float, *, falling: bool, sustained: bool) -> Array:
        """The first step [R, B] at which values [N] reach the threshold, or with `sustained` the step from which they stay there
        up to the budget; NaN if never.

        Reaching includes equality: at most the threshold when `falling`, else at least. NaN never reaches. The threshold is
        compared in the precision of `values`, so that float32 0.9 reaches 0.9.
        """
        limit = values.dtype.type(threshold)
        reached = values <= limit if falling else values >= limit  # [N]
        row = np.arange(len(values))
        if sustained:
            at = np.maximum(self.reduce(np.maximum, np.where(reached, -1, row), -1) + 1, self.first)
        else:
            at = self.reduce(np.minimum, np.where(reached, row, len(row)), len(row))
        return np.where(at <= self.last, self.step[np.minimum(at, len(row) - 1)].astype(np.float64), np.nan)
