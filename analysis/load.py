"""The tables of a root as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from sweeps.errors import InputError
from sweeps.schema import curves_schema
from sweeps.store import Store


class AnalysisError(InputError):
    """A question that the tables cannot answer. The message says what was asked, what there is, and what to do."""


def load_runs(root: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The runs table: a row a committed run, in the order of run_id. Arrow-backed columns.

    `attrs["hyperparameters"]` of the frame lists which columns are hyperparameters.

    Args:
      root: where the sweep was run to.
      columns: which columns; all of them when None.

    Raises:
      StoreError: `root` holds no sweep.
      AnalysisError: nothing is committed yet, or a column is not in the table.
    """
    dataset = _dataset(root, "runs")
    if columns is not None:
        _require_columns(columns, dataset.schema.names)
    wanted = None if columns is None else list(dict.fromkeys(["run_id", "steps", *columns]))
    runs = _frame(dataset.to_table(columns=wanted)).sort_values(["run_id", "steps"])
    runs = runs.drop_duplicates("run_id", keep="last", ignore_index=True)  # one stopped early and then trained on is in two packs
    runs.attrs["hyperparameters"] = [field.name for field in dataset.schema if _kind(field) == "hyperparameter"]
    return runs if columns is None else runs[list(columns)]


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
    curves = _frame(dataset.to_table(columns=wanted, filter=chosen))
    return curves.drop_duplicates(["run_id", "step"]).sort_values(["run_id", "step"], ignore_index=True)


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


def _kind(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"kind", b"").decode())
