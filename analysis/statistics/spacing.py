"""Decides whether a hyperparameter's values belong on a log scale, and converts to that scale and back."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Values that span at least this factor are put on a log scale.
LOG_SPAN = 4


def spans_factors(values: Array) -> bool:
    """Whether values [n] belong on a log scale: all are above 0, and they span a factor of LOG_SPAN or more."""
    return bool(np.min(values) > 0 and np.max(values) >= LOG_SPAN * np.min(values))


def on_scale(values: Array, *, log: bool) -> Array:
    """Values [n] on the fitted scale: their logarithms if `log`, else unchanged."""
    return np.log(values) if log else np.asarray(values, float)


def off_scale(values: Array, *, log: bool) -> Array:
    """The inverse of `on_scale`, for values [n]."""
    with np.errstate(over="ignore"):  # overflow to infinity is fine
        return np.exp(values) if log else np.asarray(values)
