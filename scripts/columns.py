"""`grokjax columns`: prints the columns of the tables and the hyperparameter reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

import pyarrow as pa
from cyclopts import Parameter

from grokjax.errors import UserError, nearest
from grokjax.fields import COMPONENTS
from grokjax.registry import available_probes, classes_of, metrics_of
from grokjax.scripts.printing import print_table
from grokjax.sweeps.spec.group_runs import hyperparameter_columns
from grokjax.sweeps.spec.hyperparameters import RUN, hyperparameters
from grokjax.sweeps.store.schema import Column, curve_columns, runs_columns


def command(
    *names: Annotated[str, Parameter(name="NAME", help="Only these columns.")],
    table: Annotated[Literal["runs", "curves"] | None, Parameter(show_default="both")] = None,
) -> None:
    """Describe the columns of the tables: name, type, unit and meaning.

    For a hyperparameter given by name, also print the tasks, models or optimizers that have it, its allowed values and its default.

    Args:
      table: Only the columns of this table.

    Examples:
        grokjax columns

        grokjax columns max_loss_ratio weight_decay
    """
    tables = {name: columns for name, columns in dictionary().items() if table in (None, name)}
    known = [column.name for columns in tables.values() for column in columns]
    for name in names:
        if name not in known:
            raise UserError(f"there is no column {name} in {' or '.join(tables)}{nearest(name, known)}")
    for which, columns in tables.items():
        chosen = [column for column in columns if not names or column.name in names]
        if chosen:
            rows = ((each.name, type_name(each.type), each.unit, each.meaning) for each in chosen)
            print_table((which, "type", "unit", "meaning"), rows)
    if names and table != "curves":
        _print_hyperparameters(names)


def _print_hyperparameters(names: tuple[str, ...]) -> None:
    rows = []
    for each in hyperparameters():
        if each.name in names:
            default = f"that of {each.same_as}" if each.same_as else "required" if each.default is None else each.default
            owners = "every run" if each.component == RUN else f"{each.component} {', '.join(each.owners)}"
            rows.append((each.name, owners, ", ".join(each.allowed), default or "none"))
    if rows:
        print()
        print_table(("hyperparameter", "of", "allowed", "default"), rows)


def dictionary() -> dict[str, tuple[Column, ...]]:
    """Every column of both tables, in order; task, model and optimizer with their available values."""
    metrics = metrics_of(available_probes())
    runs = tuple(
        replace(column, meaning=f"{column.meaning}: {', '.join(classes_of(column.name))}") if column.name in COMPONENTS else column
        for column in runs_columns(hyperparameter_columns(), metrics)
    )
    return {"runs": runs, "curves": curve_columns(metrics)}


def type_name(kind: pa.DataType) -> str:
    """The name of a column's type as the docs and `grokjax columns` print it."""
    if pa.types.is_map(kind):
        return f"map from {type_name(kind.key_type)} to {type_name(kind.item_type)}"
    if pa.types.is_list(kind):
        return f"list of {type_name(kind.value_type)}"
    return {"double": "float64", "float": "float32"}.get(str(kind), str(kind))
