"""The conditions of a spec's `leave_out`: comparisons of hyperparameters, evaluated at every point of the sweep."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from grokjax.errors import SpecError

EXAMPLE = '"hidden_size > train_size / 2" or "collapsed_hidden and collapsed_output"'

# The Python syntax that a condition may use: no calls, no attributes.
ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Load,
    ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip


def parse_condition(condition: str) -> frozenset[str]:
    """The hyperparameters that a condition names.

    Raises:
      SpecError: it uses anything but hyperparameters, numbers, texts, arithmetic, comparisons, and, or, not.
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

    Raises:
      SpecError: the condition compares values that have no order, divides by zero, or is not a comparison.
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
