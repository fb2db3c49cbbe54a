"""Loads the runs, curves and weights of a root."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.analysis.tables.hyperparameters import describe_columns
from grokjax.errors import AnalysisError
from grokjax.metrics import METRICS, Metric
from grokjax.sweeps.store.done import KEYS
from grokjax.sweeps.store.duplicates import committed_rows, superseded
from grokjax.sweeps.store.read import OnBadFile, TableFile, concat_files, joined, read_files
from grokjax.sweeps.store.root import Root, Table
from grokjax.sweeps.store.schema import SCALARS, curves_schema


def load_runs(root: str | Path | Root, columns: Sequence[str] | None = None, on_bad_file: OnBadFile = "raise") -> pd.DataFrame:
    """The runs table: a row per committed run, in the order of run_id. Arrow-backed columns.

    `attrs["hyperparameters"]` of the frame lists the columns that are hyperparameters, `attrs["follows"]` maps a hyperparameter to
    the one whose value it takes when it is left out, and `attrs["meanings"]` maps a column to its meaning.

    Args:
      root: where the sweep was run to.
      columns: the columns to read; all when None. `stopped_by` is added if any run was stopped early, because rules need it to
        label such a run.
      on_bad_file: whether a file that is missing, truncated or not grokjax's is an error, or is left out with a BadFileWarning.

    Raises:
      StoreError: `root` holds no sweep, or a file is bad.
      AnalysisError: nothing is committed yet, or a column is not in the table.
    """
    files = _files(root, "runs", None if columns is None else {*KEYS, *columns}, on_bad_file=on_bad_file)
    schema = joined([file.schema for file in files])
    if columns is not None:
        _require_columns(columns, schema.names)
    rows = _sorted(concat_files(files), ["run_id"])
    runs = _frame(rows)
    if _repeated(rows, ["run_id"]):
        runs = runs[~superseded(runs)].reset_index(drop=True)
    describe_columns(runs, schema)
    if columns is None:
        return runs
    stopped = "stopped_by" in runs and bool(runs["stopped_by"].notna().any())
    return runs[list(dict.fromkeys([*columns, *["stopped_by"] * stopped]))]


def load_curves(
    root: str | Path | Root,
    run_ids: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    on_bad_file: OnBadFile = "raise",
) -> pd.DataFrame:
    """The curves: a row per run and logged step, sorted by both. Only the runs and columns asked for are read.

    `attrs["units"]` and `attrs["meanings"]` of the frame map each column to its unit and meaning, as stored in the files, including
    metrics of installed packages.

    Args:
      root: where the sweep was run to.
      run_ids: the runs; all when None.
      columns: the metrics to read besides run_id and step; all when None.
      on_bad_file: as for `load_runs`.

    Raises:
      StoreError: `root` holds no sweep, or a file is bad.
      AnalysisError: nothing is committed yet, or a column is not in the table, or there is no curve of a run.
    """
    wanted = None if columns is None else ["run_id", "step", *columns]
    files = _files(root, "curves", wanted, None if run_ids is None else set(run_ids), on_bad_file)
    schema = _curve_columns(files)
    if wanted is not None:
        _require_columns(wanted, schema.names)
        schema = pa.schema([schema.field(name) for name in dict.fromkeys(wanted)])
    rows = _sorted(concat_files(files, schema), ["run_id", "step"])
    if _repeated(rows, ["run_id", "step"]):
        rows = _sorted(concat_files(_current(root, files, on_bad_file), schema), ["run_id", "step"])
    if run_ids is not None and on_bad_file == "raise":
        present = set(pc.unique(rows["run_id"].cast(pa.string())).to_pylist())
        if absent := [run_id for run_id in run_ids if run_id not in present]:
            raise AnalysisError(f"{root} holds no committed run {absent[0]}")
    curves = _frame(rows)
    metadata = {field.name: field.metadata or {} for field in schema}
    for key, name in (("units", b"unit"), ("meanings", b"meaning")):
        curves.attrs[key] = {column: each[name].decode() for column, each in metadata.items() if name in each}
    return curves


def scalar_metrics(curves: pd.DataFrame) -> dict[str, Metric]:
    """The scalar metrics in `curves`, by name, those of this package first."""
    own = {metric.name: metric for metric in SCALARS if metric.name in curves}
    units, meanings = (curves.attrs.get(key, {}) for key in ("units", "meanings"))
    others = (name for name in map(str, curves) if name not in ("run_id", "step", *(metric.name for metric in METRICS)))
    numeric = (name for name in others if pd.api.types.is_numeric_dtype(curves[name]))
    return own | {name: Metric(name, units.get(name, ""), meanings.get(name, name)) for name in numeric}


def _curve_columns(files: Sequence[TableFile]) -> pa.Schema:
    """The columns that this version writes, and those of metrics that installed packages logged."""
    schema = curves_schema()
    known = set(schema.names)
    further = {field.name: field for file in files for field in file.schema if field.name not in known}
    return pa.schema([*schema, *further.values()])


def runs_schema_of(root: str | Path | Root, on_bad_file: OnBadFile = "raise") -> pa.Schema:
    """The columns of the runs table of a root. Raises as `load_runs`."""
    return joined([file.schema for file in _files(root, "runs", (), on_bad_file=on_bad_file)])


def _current(root: str | Path | Root, files: Sequence[TableFile], on_bad_file: OnBadFile) -> list[TableFile]:
    """The files without curves of superseded rows, for runs that are in several files."""
    rows = committed_rows(Root.open(root), on_bad_file)
    current = {str(file): ids.tolist() for file, ids in rows[~superseded(rows)].groupby("file")["run_id"]}
    chosen = [pc.is_in(part.rows["run_id"], pa.array(current.get(part.file, []), pa.string())) for part in files]
    return [part._replace(rows=part.rows.filter(mask)) for part, mask in zip(files, chosen, strict=True)]


@dataclass(frozen=True)
class Weights:
    """The stored weights of a run at K steps."""

    step: np.ndarray  # [K]
    arrays: dict[str, np.ndarray]  # [K, ...] by name


def load_weights(root: str | Path | Root, run_id: str) -> Weights:
    """The stored weights of a committed run, with their steps.

    Raises:
      StoreError: `root` holds no sweep, or the file is truncated.
      AnalysisError: there is no such committed run, or its weights were not stored.
    """
    if not (load_runs(root, ["run_id"])["run_id"] == run_id).any():
        raise AnalysisError(f"{root} holds no committed run {run_id}")
    kept = Root.open(root).get_weights(run_id)
    if kept is None:
        raise AnalysisError(
            f"no weights of run {run_id} were kept; set snapshots in the spec's [run], and run it into another root"
        )
    return Weights(*kept)


def _files(
    root: str | Path | Root,
    table: Table,
    columns: Collection[str] | None,
    run_ids: Collection[str] | None = None,
    on_bad_file: OnBadFile = "raise",
) -> list[TableFile]:
    opened = Root.open(root)
    files = read_files(opened, table, columns, run_ids, on_bad_file)
    if not files and (table == "runs" or not opened.table_keys(table)):
        raise AnalysisError(f"{root} holds no finished runs yet; start or continue the sweep with grokjax run")
    return files


def _sorted(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """The table sorted by the given columns."""
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in names])
    return pa.table([_taken(column, order) for column in rows.columns], schema=rows.schema)


def _taken(column: pa.ChunkedArray, order: pa.Array) -> pa.ChunkedArray:
    """A column [n] in another order. A column with a single value, as most are, is returned unchanged."""
    if column.null_count == len(column):
        return column
    if column.null_count == 0 and not pa.types.is_nested(column.type) and pc.all(pc.equal(column, column[0])).as_py():
        return column
    return column.take(order)


def _repeated(rows: pa.Table, names: Sequence[str]) -> bool:
    """Whether any two rows of a sorted table have equal values in the given columns."""
    same = [pc.equal(rows[name][1:], rows[name][:-1]) for name in names]
    return bool(pc.any(functools.reduce(pc.and_, same)).as_py())


def _require_columns(columns: Sequence[str], known: Sequence[str]) -> None:
    for name in columns:
        if name not in known:
            raise AnalysisError(f"there is no column {name}; the columns are {', '.join(known)}")


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame
