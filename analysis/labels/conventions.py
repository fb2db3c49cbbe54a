"""Loss conventions: converts loss thresholds stated in other units or averages to the stored nats per example."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    import pandas as pd

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

# Tables of version 0.1 have no column num_classes; it follows from the task and the column with the task's size.
_CLASSES_IN_0_1: Mapping[str, tuple[str | None, Callable[[float], float]]] = {
    "sparse_parity": (None, lambda _: 2),
    "digits": (None, lambda _: 10),
    "modular_arithmetic": ("modulus", float),
    "permutation_composition": ("permuted", lambda permuted: math.factorial(int(permuted))),
}


def classes(runs: pd.DataFrame) -> Numbers:
    """Number of classes of each run's task, [R]: the column num_classes, or derived from the columns of version 0.1.

    Raises:
      AnalysisError: the table has neither.
    """
    found = np.full(len(runs), np.nan)
    if "num_classes" in runs:
        found = runs["num_classes"].to_numpy(dtype=np.float64, na_value=np.nan)
    unknown = np.isnan(found)
    return np.where(unknown, _classes_in_0_1(runs, unknown), found) if unknown.any() else found


def _classes_in_0_1(runs: pd.DataFrame, unknown: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Numbers:
    if "task" not in runs:
        raise AnalysisError("the loss convention per_class needs the column num_classes for the number of classes")
    found = np.full(len(runs), np.nan)
    tasks = runs["task"].astype(str).to_numpy()
    for task in dict.fromkeys(tasks[unknown]):
        if task not in _CLASSES_IN_0_1:
            raise AnalysisError(
                f"the loss convention per_class needs the column num_classes; without it, the number of classes is known only for "
                f"{', '.join(_CLASSES_IN_0_1)}, not for {task}"
            )
        column, count = _CLASSES_IN_0_1[task]
        if column is not None and column not in runs:
            raise AnalysisError(f"the loss convention per_class needs the column {column} for the number of classes")
        of_task = tasks == task
        sizes = np.zeros(int(of_task.sum())) if column is None else runs.loc[of_task, column].to_numpy(dtype=float)
        distinct, where = np.unique(sizes, return_inverse=True)
        found[of_task] = np.array([count(size) for size in distinct])[where]
    return found


# For each convention, the factor [R] that converts a loss to the stored one, mean cross-entropy per example in nats.
CONVENTIONS: Mapping[str, Callable[[pd.DataFrame], Numbers]] = {
    "per_example": lambda runs: np.ones(len(runs)),
    "per_class": classes,  # averaged over the classes as well, as in the article's modular runs (Pearce et al. 2023)
    "bits": lambda runs: np.full(len(runs), math.log(2)),
}


def in_nats(loss: float, convention: str, runs: pd.DataFrame) -> Numbers:
    """A loss in the given convention, converted to nats per example for each run, [R]."""
    return loss * CONVENTIONS[convention](runs)
