"""Expands a spec into groups of runs, and these into the table of planned runs that a root stores.

Runs are stored as columns, so that a million of them fit in memory and a pack in a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pydantic

from grokjax.config import RunConfig, UnknownComponent, hyperparameter_fields
from grokjax.entry_points import why_unknown
from grokjax.errors import SpecError
from grokjax.fields import COMPONENTS, Role, Value, role_of, same_as
from grokjax.registry import ENTRY_POINTS
from grokjax.sweeps.spec.grid import Points, points
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.spec.validate import impossible_run
from grokjax.sweeps.store.schema import Column

Columns = Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, eq=False)
class Runs(Sequence[RunConfig]):
    """A sequence of runs that differ only in traced fields. Each `RunConfig` is built when it is accessed.

    `template` is one of the runs; `columns` holds the values [n] of the fields that differ between runs, by name; `run_ids` is [n].
    """

    template: RunConfig
    columns: Columns
    run_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.run_ids)

    @overload
    def __getitem__(self, index: int) -> RunConfig: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> RunConfig | Runs:
        if isinstance(index, slice):
            return Runs(self.template, {name: column[index] for name, column in self.columns.items()}, self.run_ids[index])
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.template.bind({name: column[index].item() for name, column in self.columns.items()})

    def only(self, kept: np.ndarray[Any, Any]) -> Runs:
        """The runs where `kept` [n] is true."""
        ids = tuple(run_id for run_id, keep in zip(self.run_ids, kept.tolist(), strict=True) if keep)
        return Runs(self.template, {name: column[kept] for name, column in self.columns.items()}, ids)


def groups_of(spec: SweepSpec) -> Iterator[Runs]:
    """The runs of a sweep, group by group in the order of their first points; within a group in the order of the points.

    Raises SpecError if a combination of values is not a valid run.
    """
    at = points(spec)
    for rows, traced in _rows_of_groups(spec, at):
        yield _group(spec, at, rows, traced)


def count_runs(spec: SweepSpec) -> int:
    """The number of runs of a sweep, without building them. Raises as `groups_of`."""
    return sum(len(rows) for rows, _ in _rows_of_groups(spec, points(spec)))


def _rows_of_groups(spec: SweepSpec, at: Points) -> Iterator[tuple[np.ndarray[Any, Any], list[str]]]:
    """For each group, the rows of its runs among the points, and the traced fields on axes."""
    fields = hyperparameter_fields()
    if unknown := [name for name in at.values if name not in fields]:
        _run(spec, at.at(0))  # raises a better error if a task, model or optimizer is missing
        raise SpecError(f"{spec.name}: there is no hyperparameter {unknown[0]}{why_unknown(unknown[0], fields, *ENTRY_POINTS)}")
    kinds = [part for part in COMPONENTS if part in at.values]
    for same_classes in _split(at, np.arange(at.count), kinds):
        names = [name for name in at.values if name in spec.hyperparameters(at.at(same_classes[0]))]
        static = [name for name in names if role_of(fields[name]) == "static"]
        traced = [name for name in names if name not in static]
        for rows in _split(at, same_classes, static):
            yield rows if len(names) == len(at.values) else _distinct(at, rows, traced), traced


def expand(spec: SweepSpec) -> Iterator[RunConfig]:
    """The runs of a sweep, group by group. Raises SpecError if a combination of values is not a valid run."""
    for runs in groups_of(spec):
        yield from runs


def _group(spec: SweepSpec, at: Points, rows: np.ndarray[Any, Any], traced: Sequence[str]) -> Runs:
    """The runs at points [n] that differ only in traced fields."""
    template = _run(spec, at.at(rows[0]))
    values = template.flat()
    columns = {"seed": np.full(len(rows), template.seed)} | {
        name: np.array(at.values[name], type(values[name]))[at.codes[name][rows]] for name in traced
    }
    columns |= template.defaults_of(columns, given=spec.run.keys() | at.values.keys())
    return Runs(template, columns, tuple(template.run_ids({name: column.tolist() for name, column in columns.items()})))


def _split(at: Points, rows: np.ndarray[Any, Any], names: Sequence[str]) -> Iterator[np.ndarray[Any, Any]]:
    """Splits points [n] by the values of `names`, in the order in which each combination first occurs."""
    key = at.key(names, rows)
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    yield from sorted((rows[chosen] for chosen in np.split(order, cuts)), key=lambda chosen: int(chosen[0]))


def _distinct(at: Points, rows: np.ndarray[Any, Any], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """The first of the points [n] with each combination of `names`. The others differ only in hyperparameters of other classes."""
    _, first = np.unique(at.key(names, rows), return_index=True)
    return rows[np.sort(first)]


def _run(spec: SweepSpec, point: Mapping[str, Value]) -> RunConfig:
    try:
        return RunConfig.from_flat(spec.hyperparameters(point))
    except UnknownComponent as error:
        raise SpecError(f"{spec.name}: {error}") from None
    except pydantic.ValidationError as error:
        raise SpecError(f"{spec.name}: {impossible_run(error, spec, point)}") from None


def planned_table(groups: Iterable[Runs]) -> pa.Table:
    """The planned runs of a sweep, one row per run: run_id, group_id, steps and every other hyperparameter that any run has.

    Columns have the types that they have in the runs table; null where a run has no such hyperparameter. The metadata of a column
    says its role: "static", "traced" or "recording".
    """
    groups, fields = list(groups), hyperparameter_fields()
    columns = hyperparameter_columns({name: other for runs in groups for name, other in runs.template.default_sources.items()})
    schema = {column.name: _with_role(column.field, role_of(fields[column.name])) for column in columns}
    schema["steps"] = _with_role(pa.field("steps", pa.int64()), "recording")
    tables = [_group_table(runs, schema) for runs in groups]
    names = {name for table in tables for name in table.schema.names}
    return pa.concat_tables(tables, promote_options="default").select(
        ["run_id", "group_id", *(name for name in schema if name in names)]
    )


def planned_table_of(spec: str) -> pa.Table:
    """The planned runs of a spec given as JSON."""
    return planned_table(groups_of(SweepSpec.model_validate_json(spec)))


def hyperparameter_columns(follows: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """A column for each hyperparameter of any task, model or optimizer, so that all files of a root have the same columns.

    `follows` maps hyperparameters to the one they default to (`RunConfig.default_sources`); if not given, it has those that every
    class declares so.
    """
    types: dict[Any, pa.DataType] = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return tuple(
        Column(
            name,
            types.get(info.annotation, pa.string()),
            "",
            info.description or f"name of the {name}",
            "hyperparameter",
            follows=(same_as(info) if follows is None else follows.get(name)) or "",
        )
        for name, info in hyperparameter_fields().items()
        if name != "steps"  # in the runs table `steps` is an outcome: the steps made
    )


def _with_role(field: pa.Field, role: Role) -> pa.Field:
    return field.with_metadata({**(field.metadata or {}), "role": role})


def _group_table(runs: Runs, schema: dict[str, pa.Field]) -> pa.Table:
    shared = runs.template.flat()
    names = [name for name in schema if name in shared]
    columns = [
        pa.array(runs.columns[name]).cast(schema[name].type)
        if name in runs.columns
        else pa.repeat(pa.scalar(shared[name], schema[name].type), len(runs))
        for name in names
    ]
    group = pa.repeat(pa.scalar(runs.template.group_id), len(runs))
    keys = [pa.field("run_id", pa.string()), pa.field("group_id", pa.string())]
    arrays = [pa.array(runs.run_ids, pa.string()), group, *columns]
    return pa.table(arrays, schema=pa.schema([*keys, *(schema[name] for name in names)]))
