"""Summarizes a curve into the outcome columns of the runs table: extremes, final values, and when thresholds were crossed."""

from __future__ import annotations

from collections.abc import Mapping
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
    train_loss, test_loss = (metrics[name].astype(np.float64) for name in ("train_loss", "test_loss"))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = test_loss / train_loss
    finite = finite_rows(metrics)  # [T]
    return {
        "steps": int(step[-1]),
        "diverged_step": None if finite.all() else int(step[np.argmin(finite)]),
        "min_train_loss": _extreme(np.min, train_loss[finite]),
        "min_test_loss": _extreme(np.min, test_loss[finite]),
        "max_loss_ratio": _extreme(np.nanmax, ratio[finite]),
        "max_test_accuracy": _extreme(np.max, metrics["test_accuracy"][finite]),
        **dict.fromkeys(f"final_{metric.name}" for metric in SCALARS),
        **{f"final_{name}": float(values[-1]) for name, values in metrics.items() if values.ndim == 1 and ":" not in name},
        **{
            name: crossing_step(step, metrics[metric], threshold, falling=metric.endswith("loss"), sustained=sustained)
            for name, metric, threshold, sustained in crossing_columns()
        },
    }


def crossing_step(step: Array, values: Array, threshold: float, *, falling: bool, sustained: bool) -> int | None:
    """The first step at which `values` reach the threshold, or with `sustained` the step from which they stay there; None if never.

    step, values: [T]. Reaching includes equality: at most the threshold when `falling`, else at least. NaN never reaches. The
    threshold is compared in the precision of `values`, so that float32 0.9 reaches 0.9.
    """
    limit = values.dtype.type(threshold)
    reached = values <= limit if falling else values >= limit  # [T]
    if sustained:
        reached = np.logical_and.accumulate(reached[::-1])[::-1]
    return int(step[np.argmax(reached)]) if reached.any() else None


def _extreme(reduce: Any, values: Array) -> float:
    return float("nan") if np.isnan(values).all() else float(reduce(values))
