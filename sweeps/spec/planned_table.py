"""The table of a spec's planned runs, which a root stores so that readers need not expand the spec."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from grokjax.config import hyperparameter_fields
from grokjax.fields import Role, role_of, same_as
from grokjax.sweeps.spec.group_runs import Runs, groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.schema import Column


def planned_table(groups: Iterable[Runs]) -> pa.Table:
    """The planned runs of a sweep, one row per run: run_id, group_id, steps and every other hyperparameter that any run has.

    Columns have the types that they have in the runs table; null where a run has no such hyperparameter. The metadata of a column
    says its role: "static", "traced" or "recording".
    """
    groups, fields = list(groups), hyperparameter_fields()
    columns = hyperparameter_columns(groups[0].template.default_sources)
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
