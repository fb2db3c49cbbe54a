"""Expands the axes of a spec into the points of the sweep, as columns, without the combinations that `leave_out` excludes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.errors import SpecError
from grokjax.fields import Value
from grokjax.sweeps.spec.conditions import holds, parse_condition
from grokjax.sweeps.spec.sweep_spec import SweepSpec


@dataclass(frozen=True)
class Points:
    """N points of a sweep. In the product of the axes, the last one varies fastest.

    `values` lists the values of each swept hyperparameter, `codes` [N] are the indices into them at each point.
    """

    values: dict[str, tuple[Value, ...]]
    codes: dict[str, np.ndarray[Any, Any]]
    count: int

    def at(self, row: int) -> dict[str, Value]:
        """The values of the swept hyperparameters at a point."""
        return {name: values[self.codes[name][row]] for name, values in self.values.items()}

    def column(self, name: str) -> np.ndarray[Any, Any]:
        """The values [N] of a swept hyperparameter."""
        values: np.ndarray[Any, Any] = np.array(self.values[name])[self.codes[name]]
        return values


def points(spec: SweepSpec) -> Points:
    """The points of a sweep. Raises SpecError if a condition cannot be evaluated, or leaves out every point."""
    axes = [{name: values} for name, values in spec.axes.items()] + [dict(axis) for axis in spec.zipped]
    sizes = [len(next(iter(axis.values()))) for axis in axes]
    indices = np.indices(sizes, np.int32).reshape(len(sizes), spec.size)  # [axes, N]
    codes = {name: index for axis, index in zip(axes, indices, strict=True) for name in axis}
    every = Points(spec.swept, codes, spec.size)
    return _without_left_out(every, spec) if spec.leave_out else every


def _without_left_out(every: Points, spec: SweepSpec) -> Points:
    out = np.zeros(every.count, bool)
    for condition in spec.leave_out:
        names = parse_condition(condition)
        if unknown := sorted(names - every.values.keys() - spec.run.keys()):
            raise SpecError(f"{spec.name}: leave_out {condition!r}: the spec gives no {unknown[0]}; put it in [run] or [axes]")
        columns = {
            name: every.column(name) if name in every.values else np.full(every.count, spec.run[name]) for name in sorted(names)
        }
        out |= holds(condition, columns, every.count)
    if out.all():
        raise SpecError(f"{spec.name}: leave_out leaves out all {every.count:,} runs: {', '.join(spec.leave_out)}")
    return Points(every.values, {name: codes[~out] for name, codes in every.codes.items()}, int((~out).sum()))
