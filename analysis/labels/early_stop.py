"""Early stopping: a run may end as soon as no later step can change its label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from grokjax.metrics import finite_rows

Array = np.ndarray[Any, Any]

RuleName = str  # a key of `rules.rules()`
# Takes a run's next logged rows, {metric: [k]}; returns the index of the row that decides the label, or None.
Decider = Callable[[Mapping[str, Array]], int | None]


class AllReached:
    """A `Decider` for labels that are certain once each of several conditions has been met, possibly at different rows.

    Args:
      conditions: maps the next logged rows of a run, {metric: [k]}, to a mask of the conditions met at each row, [c, k].
    """

    def __init__(self, conditions: Callable[[Mapping[str, Array]], Array]) -> None:
        self._conditions = conditions
        self._reached: Array = np.zeros(1, bool)  # [c] after the rows seen so far

    def __call__(self, rows: Mapping[str, Array]) -> int | None:
        """The index of the row at which the last condition is met; None if some are not met yet. Rows with a non-finite value do
        not count.
        """
        reached = np.logical_or.accumulate(self._conditions(rows) & finite_rows(rows), axis=1) | self._reached[..., None]  # [c, k]
        decided = reached.all(axis=0)
        self._reached = reached[:, -1]
        return int(np.argmax(decided)) if decided.any() else None
