"""The scale on which the values of a hyperparameter are compared, fitted and drawn: linear, or logarithmic with a place for 0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]

# Positive values that span at least this factor are put on a log scale.
LOG_SPAN = 4


@dataclass(frozen=True)
class AxisScale:
    """A monotonic map from the values of an axis to places on it, where equal distances are equally important.

    A place is the value itself, or its natural logarithm. Where the values of a log scale include 0, such as a control without
    weight decay, 0 has its place one step below the least positive value, and the map is linear between the two (as on matplotlib's
    symlog scale). A step is the median distance of neighbouring positive values.

    `AxisScale.of(values)` chooses a scale. `least` and `step` are NaN unless the scale has a place for 0.
    """

    log: bool = False
    least: float = np.nan  # the least positive value
    step: float = np.nan  # from 0 to the least positive value, in units of the natural logarithm

    @classmethod
    def of(cls, values: Iterable[float] | Array, log: bool | None = None) -> AxisScale:
        """The scale of an axis with these values [n]; NaN and infinite ones do not count.

        Args:
          values: numbers in any order, repeated or not.
          log: None for a log scale if no value is negative and the positive ones span a factor of LOG_SPAN; or whether it is one.

        Raises:
          AnalysisError: `log` is True, and a value is negative or none is positive.
        """
        distinct = np.unique(np.asarray(list(values), float))
        distinct = distinct[np.isfinite(distinct)]
        positive, negative = distinct[distinct > 0], distinct[distinct < 0]
        if log is None:
            log = not len(negative) and bool(len(positive)) and bool(positive[-1] >= LOG_SPAN * positive[0])
        elif log and (len(negative) or not len(positive)):
            worst = f"{distinct[0]:g} is one" if len(distinct) else "there is none"
            raise AnalysisError(f"a log scale needs values above 0 (and may have 0 itself), but {worst}; use log=False")
        if not log or len(positive) == len(distinct):
            return cls(log)
        step = float(np.median(np.diff(np.log(positive)))) if len(positive) > 1 else float(np.log(10))
        return cls(log, float(positive[0]), step)

    @property
    def zero(self) -> bool:
        """Whether this is a log scale with a place for 0."""
        return not np.isnan(self.step)

    def to_scale(self, values: Sequence[float] | Array | float) -> Array:
        """The places [...] of values [...]."""
        values = np.asarray(values, float)
        if not self.log:
            return values
        with np.errstate(divide="ignore", invalid="ignore"):  # without a place for 0, 0 is at minus infinity
            places: Array = np.log(values)
        near_zero = np.log(self.least) + self.step * (np.minimum(values, self.least) / self.least - 1)
        return np.where(values < self.least, near_zero, places) if self.zero else places

    def from_scale(self, places: Sequence[float] | Array | float) -> Array:
        """The values [...] at places [...]; the inverse of `to_scale`. A place below that of 0 gives a negative value."""
        places = np.asarray(places, float)
        if not self.log:
            return places
        with np.errstate(over="ignore"):  # overflow to infinity is fine
            values: Array = np.exp(places)
        near_zero = self.least * (1 + (places - np.log(self.least)) / self.step)
        return np.where(places < np.log(self.least), near_zero, values) if self.zero else values
