"""Reads the tables of a root: each file is opened once, many at a time, and only the rows and columns asked for are read."""

import bisect
import contextlib
import functools
import io
import itertools
import logging
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grokjax.errors import BadFileError, BadFileWarning, reason, remedy
from grokjax.sweeps.store.root import Root, Table

OnBadFile = Literal["raise", "skip"]
logger = logging.getLogger(__name__)


class TableFile(NamedTuple):
    """The rows that were read from one file of a table."""

    file: str  # its stem, which is the same for a pack's runs and curves files
    rows: pa.Table
    schema: pa.Schema  # of all its columns, read or not


def read_files(
    root: Root,
    table: Table,
    columns: Collection[str] | None = None,
    run_ids: Collection[str] | None = None,
    on_bad_file: OnBadFile = "raise",
) -> list[TableFile]:
    """The runs or the curves of all committed packs, file by file.

    Args:
      root: where the sweep was run to.
      table: which of the two.
      columns: the columns to read, if a file has them; all when None.
      run_ids: the runs to read; all when None. Files without any of them are left out.
      on_bad_file: whether a bad file is an error, or is left out with a BadFileWarning that names it.

    Raises:
      BadFileError: a file is missing, cut short, no Parquet file, or not one of this table.
      StoreError: the root cannot be read.
    """
    read = functools.partial(_read, root, columns, None if run_ids is None else sorted(run_ids))
    if on_bad_file == "skip":
        read = functools.partial(_unless_bad, root, read)
    with ThreadPoolExecutor(root.readers) as pool:
        files = [file for file in pool.map(read, root.table_keys(table)) if file is not None]
    return _compatible(root, table, files, on_bad_file)


def read_file(root: Root, table: Table, name: str, content: bytes | None = None) -> pa.Table:
    """All rows of one file of a table, named by its stem, with the checksums of its pages verified. Raises BadFileError.

    `content` is the file's content, if it was read before.
    """
    key = root.key(table, name)
    with naming_bad_file(root, key):
        return open_table(root, key, None if content is None else io.BytesIO(content), page_checksum_verification=True).read()


def check_file(root: Root, table: Table, name: str) -> None:
    """Raises BadFileError if a file of a table, named by its stem, is missing, truncated or foreign."""
    _read(root, (), None, root.key(table, name))


def warn_left_out(error: BadFileError) -> None:
    """Warns that a bad file is left out."""
    logger.warning("left out: %s", error)
    warnings.warn(f"left out: {error}", BadFileWarning, stacklevel=1)


@contextlib.contextmanager
def naming_bad_file(root: Root, key: str) -> Iterator[None]:
    """A context in which an error that reading a Parquet file causes becomes a BadFileError that names the file."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        helps = remedy(error) or "restore it, or move its runs file away to train the pack again"
        raise BadFileError(f"cannot read {root}/{key}: {reason(error)}; {helps}") from None


def open_table(root: Root, key: str, content: io.BytesIO | None = None, **options: Any) -> pq.ParquetFile:
    """Opens the file at a key, or `content` if it was read before.

    Raises:
      BadFileError: its columns are not those of a sweep's file.
      OSError, pa.ArrowException: it is missing, cut short or no Parquet file.
    """
    filesystem = root.filesystem() if content is None else None
    file = pq.ParquetFile(key if content is None else content, filesystem=filesystem, **options)
    names = file.schema.names  # several times faster than reading the Arrow schema
    for name in ("run_id", "step") if key.startswith("curves/") else ("run_id",):
        if name not in names:
            raise BadFileError(
                f"cannot read {root}/{key}: it is not a file of a sweep, because it has no column {name}; move it out of the root"
            )
    return file


def joined(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """One schema with the columns of all schemas, matched by name.

    A column has the metadata of all of them, and that of the first one where they disagree. That a hyperparameter follows another
    is written only in the files of runs that have it.
    """
    different: list[pa.Schema] = []
    for schema in schemas:
        if not any(schema.equals(other, check_metadata=True) for other in reversed(different)):
            different.append(schema)
    metadata: dict[str, dict[bytes, bytes]] = {}
    for field in itertools.chain.from_iterable(reversed(different)):
        metadata[field.name] = metadata.get(field.name, {}) | (field.metadata or {})
    unified = pa.unify_schemas(different, promote_options="permissive")
    return pa.schema([field.with_metadata(metadata[field.name]) for field in unified], metadata=unified.metadata)


def concat_files(files: Sequence[TableFile], schema: pa.Schema | None = None) -> pa.Table:
    """One table with the rows of all files, with columns matched by name.

    Args:
      files: at least one, unless there is a schema.
      schema: the columns of the result, in order; null where no file has one. Columns that a file has keep the file's type.
    """
    return concat_rows([file.rows for file in files], schema)


def concat_rows(tables: Sequence[pa.Table], schema: pa.Schema | None = None) -> pa.Table:
    """One table with the rows of all tables; see `concat_files`."""
    if schema is None or tables:
        described = joined(table.schema for table in tables)
        same = all(table.schema.equals(tables[0].schema) for table in tables)
        rows = pa.table(pa.concat_tables(tables, promote_options="none" if same else "permissive").columns, described)
    if schema is None:
        return rows
    rows = rows if tables else schema.empty_table()
    for field in schema:
        if field.name not in rows.schema.names:  # files of an older version
            rows = rows.append_column(field, pa.nulls(len(rows), field.type))
    return rows.select(schema.names)


def _unless_bad(root: Root, read: Callable[[str], TableFile | None], key: str) -> TableFile | None:
    try:
        return read(key)
    except BadFileError as error:
        warn_left_out(error if key.startswith("runs/") else _bad_runs_file(root, Path(key).stem) or error)
        return None


def _bad_runs_file(root: Root, name: str) -> BadFileError | None:
    """The error of the runs file that belongs to a bad curves file, if it is bad too: then the curves need not exist."""
    try:
        check_file(root, "runs", name)
    except BadFileError as error:
        return error
    return None


def _compatible(root: Root, table: Table, files: list[TableFile], on_bad_file: OnBadFile) -> list[TableFile]:
    """The files without those that have other column types than most files."""
    if all(file.schema.equals(files[0].schema) for file in files):
        return files
    usual = Counter(str(file.schema) for file in files).most_common(1)[0][0]
    schema = next(file.schema for file in files if str(file.schema) == usual)
    compatible: list[TableFile] = []
    for file in files:
        try:
            with naming_bad_file(root, root.key(table, file.file)):
                joined([schema, file.schema])
            compatible.append(file)
        except BadFileError as error:
            if on_bad_file == "raise":
                raise
            warn_left_out(error)
    return compatible


def _read(root: Root, columns: Collection[str] | None, run_ids: Sequence[str] | None, key: str) -> TableFile | None:
    options: dict[str, Any] = {"pre_buffer": not root.is_local}  # reading ahead helps only over a network
    with naming_bad_file(root, key):
        if run_ids is None:
            return _rows(open_table(root, key, **options), key, columns)
        found = dict(_row_groups(open_table(root, key, read_dictionary=["run_id"], **options), run_ids))
        if not found:
            return None
        file = _rows(open_table(root, key, **options), key, columns, list(found))
        ids = pa.array(sorted(set().union(*found.values())), pa.string())
        return file._replace(rows=file.rows.filter(pc.is_in(file.rows["run_id"], ids)))


def _rows(file: pq.ParquetFile, key: str, columns: Collection[str] | None, groups: Sequence[int] | None = None) -> TableFile:
    groups = range(file.num_row_groups) if groups is None else groups
    if columns is None:
        rows = file.read_row_groups(groups, use_threads=False)
        return TableFile(Path(key).stem, rows, rows.schema)
    schema = file.schema_arrow
    rows = file.read_row_groups(groups, [name for name in schema.names if name in columns], use_threads=False)
    return TableFile(Path(key).stem, rows, schema)


def _row_groups(file: pq.ParquetFile, run_ids: Sequence[str]) -> Iterator[tuple[int, set[str]]]:
    """The row groups of a file that hold any of the sorted runs, each with those runs.

    If the row-group statistics cannot decide, the column run_id is read as a dictionary, because the curves repeat each run_id
    hundreds of times.
    """
    for index in range(file.num_row_groups):
        between = _between(file.metadata.row_group(index), run_ids)
        if between:
            chunks = file.read_row_group(index, ["run_id"], use_threads=False)["run_id"].chunks
            if found := {run_id for chunk in chunks for run_id in chunk.dictionary.to_pylist()}.intersection(between):
                yield index, found


def _between(group: Any, run_ids: Sequence[str]) -> Sequence[str]:
    """Those of the sorted runs that lie between the least and the greatest run_id of a row group."""
    first = group.column(0)
    if first.path_in_schema != "run_id" or first.statistics is None or not first.statistics.has_min_max:
        return run_ids
    return run_ids[bisect.bisect_left(run_ids, first.statistics.min) : bisect.bisect_right(run_ids, first.statistics.max)]
