"""Reading the tables of a root pack by pack: each file is opened once, many at a time, and no more of it read than is asked for."""

from __future__ import annotations

import bisect
import functools
import io
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grokjax.errors import BadFileError, BadFileWarning
from grokjax.sweeps.store.layout import Store, joined, unreadable

OnBadFile = Literal["raise", "skip"]


class Part(NamedTuple):
    """What was read of one file."""

    file: str  # its stem, which names a pack's pair of files
    rows: pa.Table
    schema: pa.Schema  # of all its columns, read or not


def read_parts(
    store: Store,
    table: str,
    columns: Collection[str] | None = None,
    run_ids: Collection[str] | None = None,
    on_bad_file: OnBadFile = "raise",
) -> list[Part]:
    """The table "runs" or "curves" of all committed packs, a part a file.

    Args:
      store: the root.
      table: which.
      columns: those to read, as far as a file has them; all when None.
      run_ids: the runs whose rows to read; all when None. Files that have none of them are left out.
      on_bad_file: whether a bad file is an error, or is left out with a BadFileWarning that names it.

    Raises:
      BadFileError: a file is missing, cut short, no Parquet file, or not one of this table.
      StoreError: the root cannot be read.
    """
    part = functools.partial(_part, store, columns, None if run_ids is None else sorted(run_ids))
    if on_bad_file == "skip":
        part = functools.partial(_unless_bad, store, part)
    with ThreadPoolExecutor(store.readers) as pool:
        parts = [each for each in pool.map(part, store.files(table)) if each is not None]
    return _fitting(store, table, parts, on_bad_file)


def read_pack(store: Store, table: str, file: str) -> pa.Table:
    """A whole file of the table "runs" or "curves", named by its stem, with the checksums of its pages. Raises BadFileError."""
    key = f"{table}/{file}.parquet"
    try:
        return open_table(store, key, page_checksum_verification=True).read()
    except (OSError, pa.ArrowException) as error:
        raise unreadable(store, key, error) from None


def check_table(store: Store, table: str, file: str) -> None:
    """Raises BadFileError if a file of the table "runs" or "curves", named by its stem, is missing, cut short or foreign."""
    _part(store, (), None, f"{table}/{file}.parquet")


def _unless_bad(store: Store, read: Callable[[str], Part | None], path: str) -> Part | None:
    try:
        return read(path)
    except BadFileError as error:
        leave_out(error if path.startswith("runs/") else _bad_runs_file(store, Path(path).stem) or error)
        return None


def _bad_runs_file(store: Store, file: str) -> BadFileError | None:
    """What is wrong with the runs file of a pair, if anything: then there need be no curves to it."""
    try:
        check_table(store, "runs", file)
    except BadFileError as error:
        return error
    return None


def _fitting(store: Store, table: str, parts: list[Part], on_bad_file: OnBadFile) -> list[Part]:
    """The parts, but for those whose columns are of other types than most parts'."""
    if all(part.schema.equals(parts[0].schema) for part in parts):
        return parts
    usual = Counter(str(part.schema) for part in parts).most_common(1)[0][0]
    schema = next(part.schema for part in parts if str(part.schema) == usual)
    fitting: list[Part] = []
    for part in parts:
        try:
            joined([schema, part.schema])
            fitting.append(part)
        except pa.ArrowException as error:
            bad = unreadable(store, f"{table}/{part.file}.parquet", error)
            if on_bad_file == "raise":
                raise bad from None
            leave_out(bad)
    return fitting


def leave_out(error: BadFileError) -> None:
    """Tells the user of a file that is left out, as asked."""
    warnings.warn(f"left out: {error}", BadFileWarning, stacklevel=1)


def open_table(store: Store, path: str, content: io.BytesIO | None = None, **options: Any) -> pq.ParquetFile:
    """The file at a key, or what was read of it, opened.

    Raises:
      BadFileError: its columns are not those of a file of ours.
      OSError, pa.ArrowException: it is missing, cut short or no Parquet file.
    """
    filesystem = store.filesystem() if content is None else None
    file = pq.ParquetFile(path if content is None else content, filesystem=filesystem, **options)
    there = file.schema.names  # several times as fast as asking Arrow's schema
    for name in ("run_id",) if path.startswith("runs/") else ("run_id", "step"):
        if name not in there:
            raise BadFileError(
                f"cannot read {store.root}/{path}: it is no file of a sweep, it has no column {name}; move it out of the root"
            )
    return file


def rows_of(parts: Sequence[Part], schema: pa.Schema | None = None) -> pa.Table:
    """The rows of all parts, columns joined by name.

    Args:
      parts: at least one, unless there is a schema.
      schema: which columns, in its order; null where no part has one. Those there are keep the type they have.
    """
    tables = [part.rows for part in parts]
    if schema is None or tables:
        alike = all(table.schema.equals(tables[0].schema) for table in tables)
        rows = pa.concat_tables(tables, promote_options="none" if alike else "permissive")
    if schema is None:
        return rows
    rows = rows if tables else schema.empty_table()
    for field in schema:
        if field.name not in rows.schema.names:  # of files of a version that had none such
            rows = rows.append_column(field, pa.nulls(len(rows), field.type))
    return rows.select(schema.names)


def _part(store: Store, columns: Collection[str] | None, run_ids: Sequence[str] | None, path: str) -> Part | None:
    # What Arrow reads ahead is worth it over a network alone.
    options: dict[str, Any] = {"pre_buffer": not store.is_local}
    try:
        if run_ids is None:
            return _rows(open_table(store, path, **options), path, columns)
        held = dict(_held(open_table(store, path, read_dictionary=["run_id"], **options), run_ids))
        if not held:
            return None
        part = _rows(open_table(store, path, **options), path, columns, list(held))
        ids = pa.array(sorted(set().union(*held.values())), pa.string())
        return part._replace(rows=part.rows.filter(pc.is_in(part.rows["run_id"], ids)))
    except (OSError, pa.ArrowException) as error:
        raise unreadable(store, path, error) from None


def _rows(file: pq.ParquetFile, path: str, columns: Collection[str] | None, groups: Sequence[int] | None = None) -> Part:
    groups = range(file.num_row_groups) if groups is None else groups
    if columns is None:
        rows = file.read_row_groups(groups, use_threads=False)
        return Part(Path(path).stem, rows, rows.schema)
    schema = file.schema_arrow
    rows = file.read_row_groups(groups, [name for name in schema.names if name in columns], use_threads=False)
    return Part(Path(path).stem, rows, schema)


def _held(file: pq.ParquetFile, run_ids: Sequence[str]) -> Iterator[tuple[int, set[str]]]:
    """The row groups of a file that hold some of these runs, sorted, with which.

    Of a row group whose least and greatest do not tell enough `run_id` alone is read, as a dictionary: in the curves a run is there
    hundreds of times.
    """
    for index in range(file.num_row_groups):
        between = _between(file.metadata.row_group(index), run_ids)
        if between:
            chunks = file.read_row_group(index, ["run_id"], use_threads=False)["run_id"].chunks
            if held := {run_id for chunk in chunks for run_id in chunk.dictionary.to_pylist()}.intersection(between):
                yield index, held


def _between(group: Any, run_ids: Sequence[str]) -> Sequence[str]:
    """Those of some runs, sorted, that lie between the least and the greatest run_id of a row group."""
    first = group.column(0)
    if first.path_in_schema != "run_id" or first.statistics is None or not first.statistics.has_min_max:
        return run_ids
    return run_ids[bisect.bisect_left(run_ids, first.statistics.min) : bisect.bisect_right(run_ids, first.statistics.max)]
