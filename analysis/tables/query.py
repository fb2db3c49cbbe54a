"""SQL over a root: one SELECT over the views runs, curves and labels, which cannot change or read anything else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from grokjax.analysis.labels.rules import NamedRule
from grokjax.analysis.tables.hyperparameters import describe_columns
from grokjax.analysis.tables.labels import load_labels
from grokjax.analysis.tables.load import load_curves, load_runs, runs_schema_of
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.duplicates import committed_rows, superseded
from grokjax.sweeps.store.read import OnBadFile, joined, read_files
from grokjax.sweeps.store.root import Root, Table
from grokjax.sweeps.store.schema import curves_schema

if TYPE_CHECKING:
    import duckdb

TABLES: tuple[Table, ...] = ("runs", "curves")
VIEWS = (*TABLES, "labels")


def query(root: str | Path | Root, sql: str, rule: NamedRule | None = None, on_bad_file: OnBadFile = "raise") -> pd.DataFrame:
    """The result of one SELECT over the views of a root, with Arrow-backed columns.

    `runs` has a row per committed run and `curves` one per run and logged step (docs/reference/columns.md). `labels` has a row
    per run: run_id, `phase` under `rule`, and a column for every rule with its default thresholds.

    The query reads the root's own files and writes nothing; it cannot reach the rest of the machine, nor the network.

    Args:
      root: where the sweep was run to.
      sql: one SELECT statement in DuckDB's dialect, which includes WITH, FROM first, SUMMARIZE, DESCRIBE, and PIVOT in brackets.
      rule: the rule for the column `phase`; as `choose_rule` chooses when None.
      on_bad_file: as for `load_runs`.

    Raises:
      StoreError: `root` holds no sweep, or a file is bad.
      AnalysisError: nothing is committed yet, or the query is not one SELECT that DuckDB can answer.
    """
    import duckdb  # noqa: PLC0415  (a quarter of a second that no other command needs)

    connection = duckdb.connect(
        config={
            "python_enable_replacements": "false",  # names refer only to views, not to Python variables
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    with connection:
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise AnalysisError("a query is one SELECT, such as SELECT phase, count(*) FROM labels GROUP BY phase")
            asked = [view for view in VIEWS if re.search(view, sql, re.IGNORECASE)]
            _make_views(connection, Root.open(root), asked, rule, on_bad_file)
            answer: pd.DataFrame = connection.sql(sql).to_arrow_table().to_pandas(types_mapper=pd.ArrowDtype)
            if "runs" in asked:
                describe_columns(answer, runs_schema_of(root, on_bad_file))
        except duckdb.Error as error:
            raise AnalysisError(f"the query cannot be answered: {_sentence(error)}") from None
    return answer


def _make_views(
    connection: duckdb.DuckDBPyConnection, root: Root, views: list[str], rule: NamedRule | None, on_bad_file: OnBadFile
) -> None:
    """Creates the views, and blocks the connection's access to everything else.

    Where it can, it uses DuckDB's own reader, which needs local paths and takes half the time of reading through Arrow.
    """
    gone = _superseded(root, on_bad_file)
    connection.register("superseded", pa.Table.from_pandas(gone, preserve_index=False))
    on_disk = root.is_local and not re.search(
        r"[*?\[]", root.address
    )  # DuckDB reads these characters as patterns; Arrow reads any path
    if on_disk:
        connection.execute(f"SET allowed_directories = [{_quoted(f'{root}/')}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    if "labels" in views:
        connection.register("labels", pa.Table.from_pandas(load_labels(root, rule, on_bad_file), preserve_index=False))
    for view in (table for table in TABLES if table in views):
        found = read_files(root, view, (), on_bad_file=on_bad_file)
        keys = [f"{view}/{file.file}.parquet" for file in found]
        if not found:  # every curves file is bad and left out
            connection.register(view, curves_schema().empty_table())
        elif on_disk:
            files = ", ".join(_quoted(f"{root}/{key}") for key in keys)
            scan = f"read_parquet([{files}], union_by_name = true, filename = 'file')"
            kept = f"SELECT * EXCLUDE (file) FROM {scan}"
            if len(gone):  # a run that was trained further, or by two drivers, is in two packs
                kept += " ANTI JOIN superseded ON run_id = gone_run AND parse_filename(file, true) = gone_file"
            connection.execute(f"CREATE VIEW {view} AS {kept}")
        elif len(gone):
            frame = (load_runs if view == "runs" else load_curves)(root, on_bad_file=on_bad_file)
            connection.register(view, pa.Table.from_pandas(frame, preserve_index=False))
        else:
            schema = joined([file.schema for file in found])
            connection.register(view, ds.dataset(keys, format="parquet", schema=schema, filesystem=root.filesystem()))


def _superseded(root: Root, on_bad_file: OnBadFile) -> pd.DataFrame:
    """The superseded rows, as run_id and file. Raises AnalysisError if nothing is committed."""
    rows = committed_rows(root, on_bad_file)
    if rows.empty:
        raise AnalysisError(f"{root} holds no finished runs yet; start or continue the sweep with grokjax run")
    gone: pd.DataFrame = rows.loc[superseded(rows), ["run_id", "file"]]
    return gone.rename(columns={"run_id": "gone_run", "file": "gone_file"}).astype(str)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sentence(error: Exception) -> str:
    """DuckDB's message in one line, without the query that it repeats."""
    return " ".join(str(error).split("\n\nLINE")[0].split())
