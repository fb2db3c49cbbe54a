"""The tables of a root as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from sweeps.errors import InputError
from sweeps.schema import curves_schema
from sweeps.standing import KEYS, committed_rows, superseded
from sweeps.store import Store, get_weights


class AnalysisError(InputError):
    """A question that the tables cannot answer. The message says what was asked, what there is, and what to do."""


def load_runs(root: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The runs table: a row a committed run, in the order of run_id. Arrow-backed columns.

    `attrs["hyperparameters"]` of the frame lists which columns are hyperparameters; `attrs["follows"]` says which of them take the
    value of which other one where none was given.

    Args:
      root: where the sweep was run to.
      columns: which columns; all of them when None. `stopped_by` comes along where any run was stopped early, since no rule can be
        right about such a run without it.

    Raises:
      StoreError: `root` holds no sweep.
      AnalysisError: nothing is committed yet, or a column is not in the table.
    """
    dataset = _dataset(root, "runs")
    if columns is not None:
        _require_columns(columns, dataset.schema.names)
    wanted = None if columns is None else list(dict.fromkeys([*KEYS, *columns]))
    runs = _frame(dataset.to_table(columns=[name for name in wanted or dataset.schema.names if name in dataset.schema.names]))
    runs = runs[~superseded(runs)].sort_values("run_id", ignore_index=True)
    metadata = {
        field.name: {key.decode(): value.decode() for key, value in (field.metadata or {}).items()} for field in dataset.schema
    }
    runs.attrs["hyperparameters"] = [name for name, told in metadata.items() if told.get("kind") == "hyperparameter"]
    runs.attrs["follows"] = {name: told["follows"] for name, told in metadata.items() if "follows" in told}
    if columns is None:
        return runs
    stopped = "stopped_by" in runs and bool(runs["stopped_by"].notna().any())
    return runs[list(dict.fromkeys([*columns, *["stopped_by"] * stopped]))]


def load_curves(root: str | Path, run_ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The curves: a row a run and logged step, sorted by both. Reads only the runs and columns asked for.

    Args:
      root: where the sweep was run to.
      run_ids: which runs; all of them when None.
      columns: which metrics beside run_id and step; all of them when None.

    Raises:
      StoreError: `root` holds no sweep.
      AnalysisError: nothing is committed yet, or a column is not in the table.
    """
    dataset = _dataset(root, "curves")
    known = curves_schema().names
    if columns is not None:
        _require_columns(columns, known)
    wanted = known if columns is None else list(dict.fromkeys(["run_id", "step", *columns]))
    chosen = None if run_ids is None else ds.field("run_id").isin(pa.array(list(run_ids), pa.string()))
    keys = _frame(_dataset(root, "runs").to_table(columns=["run_id", "pack_id"]))
    if keys["run_id"].is_unique:
        curves = _frame(dataset.to_table(columns=wanted, filter=chosen))
    else:  # the curve of a run that is in two files is that of the row that stands
        rows = committed_rows(Store(root))
        standing = rows[~superseded(rows)].set_index("run_id")["file"]
        curves = _frame(dataset.to_table(columns=[*wanted, "__filename"], filter=chosen))
        files, names = pd.factorize(curves.pop("__filename"))
        stems = pd.Series([Path(name).stem for name in names]).reindex(files).to_numpy()
        curves = curves[stems == curves["run_id"].map(standing).to_numpy()]
    return curves.sort_values(["run_id", "step"], ignore_index=True)


@dataclass(frozen=True)
class Weights:
    """Copies of a run's weights at some of its steps."""

    step: np.ndarray  # [K]
    arrays: dict[str, np.ndarray]  # [K, ...] by name


def load_weights(root: str | Path, run_id: str) -> Weights:
    """The weights that were kept of a committed run, with their steps.

    Raises:
      StoreError: `root` holds no sweep, or the file is cut short.
      AnalysisError: no such committed run, or none of its weights were kept.
    """
    if not (load_runs(root, ["run_id"])["run_id"] == run_id).any():
        raise AnalysisError(f"{root} holds no committed run {run_id}")
    kept = get_weights(Store(root), run_id)
    if kept is None:
        raise AnalysisError(
            f"no weights of run {run_id} were kept; set snapshots in the spec's [run], and run it into another root"
        )
    return Weights(*kept)


def _dataset(root: str | Path, table: str) -> ds.Dataset:
    dataset = Store(root).dataset(table)
    if dataset is None:
        raise AnalysisError(f"{root} holds no finished runs yet; start or continue the sweep with grokjax run")
    return dataset


def _require_columns(columns: Sequence[str], known: Sequence[str]) -> None:
    for name in columns:
        if name not in known:
            raise AnalysisError(f"there is no column {name}; the columns are {', '.join(known)}")


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
