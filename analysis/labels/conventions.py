"""Loss conventions: thresholds written as others write them, turned into the stored nats per example, by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from grokjax.errors import AnalysisError

Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

# How many classes a run's examples have, by its task, from the columns of the runs table.
_CLASSES: Mapping[str, tuple[str | None, Callable[[float], float]]] = {
    "sparse_parity": (None, lambda _: 2),
    "digits": (None, lambda _: 10),
    "modular_arithmetic": ("modulus", float),
    "permutation_composition": ("permuted", lambda permuted: math.factorial(int(permuted))),
}


def classes(runs: pd.DataFrame) -> Numbers:
    """How many classes the examples of each run have, [R].

    Raises:
      AnalysisError: the table does not say, or names a task that is not known here.
    """
    if "task" not in runs:
        raise AnalysisError("the loss convention per_class needs the column task, to know how many classes there are")
    found = np.full(len(runs), np.nan)
    tasks = runs["task"].astype(str).to_numpy()
    for task in dict.fromkeys(tasks):
        if task not in _CLASSES:
            raise AnalysisError(f"the loss convention per_class knows the classes of {', '.join(_CLASSES)}, not of {task}")
        column, count = _CLASSES[task]
        if column is not None and column not in runs:
            raise AnalysisError(f"the loss convention per_class needs the column {column}, to know how many classes there are")
        of_task = tasks == task
        values = np.zeros(int(of_task.sum())) if column is None else runs.loc[of_task, column].to_numpy(dtype=float)
        distinct, where = np.unique(values, return_inverse=True)
        found[of_task] = np.array([count(value) for value in distinct])[where]
    return found


# A loss in a convention, times its factor [R], is the stored one: the mean over examples of the cross-entropy in nats.
CONVENTIONS: Mapping[str, Callable[[pd.DataFrame], Numbers]] = {
    "per_example": lambda runs: np.ones(len(runs)),
    "per_class": classes,  # averaged over the classes as well: the article's modular runs (Pearce et al. 2023)
    "bits": lambda runs: np.full(len(runs), math.log(2)),
}


def in_nats(loss: float, convention: str, runs: pd.DataFrame) -> Numbers:
    """A loss written in a convention, as the stored loss of each run would have to be, [R] nats per example."""
    return loss * CONVENTIONS[convention](runs)
