"""Reads the planned runs of a root from the tables that were written when each spec was entered."""

import contextlib
import functools
import io
import json
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from grokjax.errors import StoreError, reason
from grokjax.fields import Value
from grokjax.sweeps.store.read import concat_rows
from grokjax.sweeps.store.root import Root, parquet_bytes
from grokjax.sweeps.store.specs import SpecEntry, current_specs

ROWS_PER_GROUP = 131_072
ALWAYS_READ = ("run_id", "group_id", "steps")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Asked:
    """The runs that one spec asks for, their steps, and its stopping rule."""

    rows: np.ndarray[Any, Any]  # [M] their row indices in `Planned.runs`
    steps: int
    rule: str | None  # under which they may be stopped early


@dataclass(frozen=True, eq=False)
class Planned:
    """The planned runs of a root, each once, and what each spec asks of them.

    `runs` has one row per run: run_id, group_id, steps (the most that any spec asks for) and hyperparameters, null where a run does
    not have one.
    """

    runs: pa.Table
    asked: tuple[Asked, ...]


def planned_runs(root: Root, columns: Collection[str] | None = None, specs: Collection[SpecEntry] | None = None) -> Planned:
    """The planned runs of the specs of a root.

    Args:
      root: where the sweep was run to.
      columns: the hyperparameters to read besides run_id, group_id and steps; all when None. Those that no spec has are ignored.
      specs: which specs of the root; those of `current_specs` when None.

    Raises StoreError if a file of the root cannot be read.
    """
    chosen = current_specs(root) if specs is None else specs
    specs = sorted(chosen, key=lambda spec: spec.steps, reverse=True)  # for a run in several, the one with most steps comes first
    tables = [read_planned(root, spec, None if columns is None else [*ALWAYS_READ, *columns]) for spec in specs]
    if not tables:
        empty = pa.schema({"run_id": pa.string(), "group_id": pa.string(), "steps": pa.int64()})
        return Planned(empty.empty_table(), ())
    runs = concat_rows(tables).combine_chunks()
    places = np.arange(len(runs))
    if len(tables) > 1:
        codes = runs["run_id"].combine_chunks().dictionary_encode().indices.to_numpy()  # numbered in the order of the first rows
        before = np.concatenate([[-1], np.maximum.accumulate(codes)[:-1]])
        runs, places = runs.take(np.flatnonzero(codes > before)), codes
    ends = np.cumsum([0, *map(len, tables)])
    asked = (
        Asked(places[start:end], spec.steps, spec.stopping_rule) for spec, start, end in zip(specs, ends, ends[1:], strict=False)
    )
    return Planned(runs, tuple(asked))


def planned_groups(root: Root) -> dict[str, dict[str, Value]]:
    """The static hyperparameters of each planned group of a root, by group_id. Raises StoreError."""
    groups: dict[str, dict[str, Value]] = {}
    for spec in current_specs(root):
        static = [field.name for field in planned_schema(root, spec) if (field.metadata or {}).get(b"role") == b"static"]
        runs = read_planned(root, spec, ["group_id", *static], as_codes=True)
        _, first = np.unique(runs["group_id"].combine_chunks().indices.to_numpy(), return_index=True)
        for row in runs.take(np.sort(first)).to_pylist():
            groups.setdefault(row.pop("group_id"), {name: value for name, value in row.items() if value is not None})
    return groups


def read_planned(root: Root, spec: SpecEntry, columns: Collection[str] | None = None, *, as_codes: bool = False) -> pa.Table:
    """The planned runs of one spec, one row per run: run_id, group_id, steps and other hyperparameters.

    Args:
      root: where the spec was run to.
      spec: the spec.
      columns: the columns to read, if the table has them; all when None.
      as_codes: whether to read strings as dictionaries, which is faster if few of them differ.

    Raises StoreError if the table cannot be read.
    """
    with _opened(root, spec, ["group_id", *(columns or ())] if as_codes else None) as file:
        return file.read(None if columns is None else [name for name in file.schema_arrow.names if name in columns])


def planned_schema(root: Root, spec: SpecEntry) -> pa.Schema:
    """The columns of `read_planned`; the metadata of each says its role: "static", "traced" or "recording". Raises StoreError."""
    with _opened(root, spec) as file:
        return file.schema_arrow


def planned_bytes(runs: pa.Table) -> bytes:
    """The content of the Parquet file with the planned runs of a spec."""
    codes = [name for name in runs.schema.names if name != "run_id"]
    return parquet_bytes(runs, "snappy", row_group_size=ROWS_PER_GROUP, use_dictionary=codes)


@contextlib.contextmanager
def _opened(root: Root, spec: SpecEntry, dictionaries: Collection[str] | None = None) -> Iterator[pq.ParquetFile]:
    key = root.key("planned", spec.spec_id)
    try:
        if (content := root.get(key)) is None:
            content = _expanded(json.dumps(spec.spec))
        yield pq.ParquetFile(io.BytesIO(content), read_dictionary=dictionaries)
    except (OSError, pa.ArrowException) as error:
        helps = f"delete it, and grokjax run {spec.name} will write it again"
        raise StoreError(f"cannot read {root}/{key}: {reason(error)}; {helps}") from None


@functools.lru_cache(maxsize=8)
def _expanded(spec: str) -> bytes:
    """The planned-runs file of a spec that version 0.1 entered without one. Needs the packages that train the runs."""
    from grokjax.sweeps.spec.group_runs import planned_table_of  # noqa: PLC0415  (loads jax, for roots of version 0.1 alone)

    logger.info("expanding a spec whose planned runs are not stored")
    return planned_bytes(planned_table_of(spec))
