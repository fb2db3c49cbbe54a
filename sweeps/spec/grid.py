"""Expands the axes of a spec into the points of the sweep, as columns, without the combinations that `leave_out` excludes."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.errors import SpecError
from grokjax.fields import Value
from grokjax.sweeps.spec.sweep_spec import SweepSpec

EXAMPLE = '"hidden_size > train_size / 2" or "collapsed_hidden and collapsed_output"'

# The Python syntax that a condition may use: no calls, no attributes.
ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Load,
    ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip


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

    def key(self, names: Sequence[str], rows: Any = slice(None)) -> np.ndarray[Any, Any]:
        """An integer for each point, or each of `rows`, that identifies its combination of values of `names`."""
        key: np.ndarray[Any, Any] = np.zeros(self.count, np.int64)[rows]
        for name in names:
            key = key * len(self.values[name]) + self.codes[name][rows]
        return key

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
        swept = sorted(names & every.values.keys())
        _, first, place = np.unique(every.key(swept), return_index=True, return_inverse=True)  # evaluated once a combination
        columns = {name: np.full(len(first), spec.run[name]) for name in sorted(names - every.values.keys())}
        columns |= {name: every.column(name)[first] for name in swept}
        out |= holds(condition, columns, len(first))[place]
    if out.all():
        raise SpecError(f"{spec.name}: leave_out leaves out all {every.count:,} runs: {', '.join(spec.leave_out)}")
    return Points(every.values, {name: codes[~out] for name, codes in every.codes.items()}, int((~out).sum()))


def parse_condition(condition: str) -> frozenset[str]:
    """The hyperparameters that a condition names.

    Raises SpecError if it uses anything but hyperparameters, numbers, texts, arithmetic, comparisons, and, or, not.
    """
    try:
        nodes = list(ast.walk(ast.parse(condition, mode="eval")))
    except (SyntaxError, ValueError):
        raise SpecError(f"leave_out {condition!r} is not a condition; write one like {EXAMPLE}") from None
    for node in nodes:
        if not isinstance(node, ALLOWED):
            raise SpecError(
                f"leave_out {condition!r}: {ast.unparse(node)!r} is not allowed in a condition; write one like {EXAMPLE}"
            )
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def holds(condition: str, columns: Mapping[str, np.ndarray[Any, Any]], count: int) -> np.ndarray[Any, Any]:
    """Evaluates a condition at `count` points: [count] bool, true where it holds.

    Args:
      condition: a Python expression that `parse_condition` accepts.
      columns: the hyperparameters that the condition names, [count] each.
      count: how many points there are.

    Raises SpecError if the condition compares values that have no order, divides by zero, or is not a comparison.
    """
    code = compile(condition, "leave_out", "eval")  # `parse_condition` has checked that it contains only ALLOWED nodes
    points = zip(*(column.tolist() for column in columns.values()), strict=True) if columns else [()] * count
    at = np.zeros(count, bool)
    for index, point in enumerate(points):
        values = dict(zip(columns, point, strict=True))
        try:
            result = eval(code, {"__builtins__": {}}, values)
        except (TypeError, ArithmeticError) as error:
            where = ", ".join(f"{name} = {value!r}" for name, value in values.items())
            raise SpecError(f"leave_out {condition!r} cannot be evaluated where {where}: {error}") from None
        if not isinstance(result, bool):
            raise SpecError(f"leave_out {condition!r} compares nothing; write one like {EXAMPLE}")
        at[index] = result
    return at
