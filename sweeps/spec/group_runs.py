"""Expands a spec into groups of runs, stored as columns so that a million runs fit in memory and a pack in a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import pydantic

from grokjax.config import RunConfig, UnknownComponent, hyperparameter_fields
from grokjax.errors import SpecError
from grokjax.fields import Value, role_of
from grokjax.registry import COMPONENTS
from grokjax.sweeps.spec.grid import Points, points
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.spec.validate import impossible_run

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
        """How many runs."""
        return len(self.run_ids)

    @overload
    def __getitem__(self, index: int) -> RunConfig: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> RunConfig | Runs:
        """The run at an index, or the runs of a slice."""
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

    Raises:
      SpecError: a combination of values is not a valid run.
    """
    at, fields = points(spec), hyperparameter_fields()
    if unknown := [name for name in at.values if name not in fields]:
        _run(spec, at.at(0))  # raises a better error if a task, model or optimizer is missing
        raise SpecError(f"{spec.name}: there is no hyperparameter {unknown[0]}; is the package that provides it installed?")
    kinds = [part for part in COMPONENTS if part in at.values]
    for alike in _same(at, np.arange(at.count), kinds):
        names = [name for name in at.values if name in spec.hyperparameters(at.at(alike[0]))]
        static = [name for name in names if role_of(fields[name]) == "static"]
        traced = [name for name in names if name not in static]
        for rows in _same(at, alike, static):
            distinct = rows if len(names) == len(at.values) else _distinct(at, rows, traced)
            yield _group(spec, at, distinct, traced)


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


def _same(at: Points, rows: np.ndarray[Any, Any], names: Sequence[str]) -> Iterator[np.ndarray[Any, Any]]:
    """Splits points [n] by the values of `names`, in the order in which each combination first occurs."""
    key = _key(at, rows, names)
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    yield from sorted((rows[chosen] for chosen in np.split(order, cuts)), key=lambda chosen: int(chosen[0]))


def _distinct(at: Points, rows: np.ndarray[Any, Any], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """The first of the points [n] with each combination of `names`. The others differ only in hyperparameters of other classes."""
    _, first = np.unique(_key(at, rows, names), return_index=True)
    return rows[np.sort(first)]


def _key(at: Points, rows: np.ndarray[Any, Any], names: Sequence[str]) -> np.ndarray[Any, Any]:
    """One integer per point [n] that identifies its combination of values of `names`."""
    key = np.zeros(len(rows), np.int64)
    for name in names:
        key = key * len(at.values[name]) + at.codes[name][rows]
    return key


def _run(spec: SweepSpec, point: Mapping[str, Value]) -> RunConfig:
    try:
        return RunConfig.from_flat(spec.hyperparameters(point))
    except UnknownComponent as error:
        raise SpecError(f"{spec.name}: {error}") from None
    except pydantic.ValidationError as error:
        raise SpecError(f"{spec.name}: {impossible_run(error, spec, point)}") from None
