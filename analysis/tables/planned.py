"""Planned and missing runs as data frames, and the hyperparameters that specs sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from grokjax.analysis.tables.selection import condition_names, meets
from grokjax.sweeps.store.done import COMMITTED, unfinished_runs
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import SpecEntry


def load_planned(root: str | Path | Root, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The runs that the specs of a root plan, a row per run: run_id, group_id, steps and hyperparameters. Arrow-backed columns.

    Args:
      root: where the sweep was run to.
      columns: hyperparameters to read besides the first three columns; all when None. Those that no spec has are ignored.

    Raises:
      StoreError: `root` holds no sweep, or a file of it cannot be read.
    """
    planned: pd.DataFrame = planned_runs(Root.open(root), columns).runs.to_pandas(types_mapper=pd.ArrowDtype)
    return planned


def swept_names(specs: Sequence[SpecEntry]) -> list[str]:
    """The hyperparameters on an axis of any of the given specs, in order."""
    return list(dict.fromkeys(name for spec in specs for name in spec.swept))


def planned_cells(planned: pd.DataFrame, cell: Sequence[str], conditions: Sequence[str] = ()) -> pd.DataFrame | None:
    """The hyperparameters `cell` of the planned runs that meet the conditions, one row per run; null where a run has none.

    Args:
      planned: from `load_planned`, with the columns of the cell and of the conditions.
      cell: hyperparameters.
      conditions: as for `select`.

    Returns:
      None if a condition concerns an outcome, which only finished runs have.
    """
    chosen = _select_planned(planned, conditions)
    return None if chosen is None else chosen.reindex(columns=list(cell))


def unfinished(root: str | Path | Root, runs: pd.DataFrame) -> list[str]:
    """The run_ids that some spec of a root asks for and that are not done for it, where `runs` is the whole runs table."""
    rows = pa.Table.from_pandas(runs.reindex(columns=COMMITTED.names), COMMITTED, preserve_index=False)
    return unfinished_runs(planned_runs(Root.open(root), ()), rows)


def missing_runs(run_ids: Collection[str], planned: pd.DataFrame, conditions: Sequence[str] = ()) -> pd.DataFrame:
    """The planned runs that meet the conditions and are among `run_ids`, from `unfinished`.

    Runs of an extended sweep that have made fewer steps than a spec asks for are among them, although the runs table has them.
    Empty if a condition concerns an outcome, which only finished runs have.
    """
    chosen = _select_planned(planned, conditions)
    if chosen is None:
        return planned.iloc[:0]
    return chosen[chosen["run_id"].isin(list(run_ids))].reset_index(drop=True)


def _select_planned(planned: pd.DataFrame, conditions: Sequence[str]) -> pd.DataFrame | None:
    if not set(condition_names(conditions)) <= set(planned):
        return None
    for condition in conditions:
        planned = planned[meets(planned, condition)]
    return planned
