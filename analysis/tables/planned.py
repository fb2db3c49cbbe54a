"""What the specs of a root ask for: swept hyperparameters, and planned runs that are still missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from grokjax.analysis.tables.selection import condition_names, meets
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs


def load_specs(root: str | Path | Root) -> list[dict[str, Any]]:
    """The specs that were run into a root, each as the tables that were stored.

    Raises:
      StoreError: `root` holds no sweep.
    """
    return [dict(entry.spec) for entry in read_specs(Root.open(root))]


def swept(spec: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """The hyperparameters on the axes of a stored spec, with their values."""
    axes: dict[str, Sequence[Any]] = dict(spec.get("axes", {}))
    for axis in spec.get("zipped", ()):
        axes |= axis
    return axes


def swept_names(specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The hyperparameters on an axis of any of some specs, in their order."""
    return list(dict.fromkeys(name for spec in specs for name in swept(spec)))


def size(spec: Mapping[str, Any]) -> int:
    """How many runs the axes of a stored spec make, before any are left out."""
    zipped = (len(next(iter(axis.values()))) for axis in spec.get("zipped", ()))
    return math.prod([*map(len, spec.get("axes", {}).values()), *zipped])


def planned_cells(planned: pd.DataFrame, cell: Sequence[str], conditions: Sequence[str] = ()) -> pd.DataFrame | None:
    """The hyperparameters `cell` of the planned runs that meet some conditions, a row per run; null where a run has none.

    Args:
      planned: a row per planned run, with its hyperparameters.
      cell: hyperparameters.
      conditions: as for `select`.

    Returns:
      None if a condition is about an outcome, which only a finished run has.
    """
    chosen = _select_planned(planned, conditions)
    return None if chosen is None else chosen.reindex(columns=list(cell))


def missing_runs(runs: pd.DataFrame, planned: pd.DataFrame, conditions: Sequence[str] = ()) -> pd.DataFrame:
    """The planned runs that meet some conditions and are not in `runs`: run_id and hyperparameters, a row per run.

    Empty where a condition is about an outcome, which only a finished run has.
    """
    chosen = _select_planned(planned, conditions)
    if chosen is None:
        return planned.iloc[:0]
    return chosen[~chosen["run_id"].isin(runs["run_id"])].reset_index(drop=True)


def _select_planned(planned: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame | None:
    if not set(condition_names(conditions)) <= set(planned):
        return None
    for condition in conditions:
        planned = planned[meets(planned, condition)]
    return planned
