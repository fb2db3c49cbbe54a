"""How the values of a numeric hyperparameter are spaced: by factors or by differences."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Values that span at least this factor are judged on a log scale.
LOG_SPAN = 4


def spans_factors(values: Array) -> bool:
    """Whether the values [n] of a hyperparameter are better judged on a log scale: all above 0, and a factor of LOG_SPAN apart."""
    return bool(np.min(values) > 0 and np.max(values) >= LOG_SPAN * np.min(values))


def on_scale(values: Array, *, log: bool) -> Array:
    """The values [n] on the scale they are judged on."""
    return np.log(values) if log else np.asarray(values, float)


def off_scale(values: Array, *, log: bool) -> Array:
    """What `on_scale` made, back in the hyperparameter's unit [n]."""
    with np.errstate(over="ignore"):  # what lies that far away is as good as infinite
        return np.exp(values) if log else np.asarray(values)
