"""Conditions of a spec's `leave_out`: comparisons of hyperparameters, told for all points at once."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from grokjax.errors import SpecError

EXAMPLE = '"hidden_size > train_size / 2" or "collapsed_hidden and collapsed_output"'

# What a condition may be made of; no calls, no attributes.
ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div,
    ast.FloorDiv, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Load,
    ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip


def parse_condition(condition: str) -> frozenset[str]:
    """The hyperparameters that a condition names.

    Raises:
      SpecError: it is not made of hyperparameters, numbers and texts, arithmetic, comparisons, and, or, not.
    """
    try:
        nodes = list(ast.walk(ast.parse(condition, mode="eval")))
    except (SyntaxError, ValueError):
        raise SpecError(f"leave_out {condition!r} is no condition; write such as {EXAMPLE}") from None
    for node in nodes:
        if not isinstance(node, ALLOWED):
            raise SpecError(f"leave_out {condition!r}: {ast.unparse(node)!r} has no place in a condition; write such as {EXAMPLE}")
    return frozenset(node.id for node in nodes if isinstance(node, ast.Name))


def holds(condition: str, columns: Mapping[str, np.ndarray[Any, Any]], count: int) -> np.ndarray[Any, Any]:
    """At which of `count` points a parsed condition holds, [count] bool, as Python understands it.

    `columns` [count] has the hyperparameters that it names.

    Raises:
      SpecError: it compares what cannot be compared, divides by zero, or compares nothing.
    """
    code = compile(condition, "leave_out", "eval")  # made of ALLOWED alone: `parse_condition` has looked
    points = zip(*(column.tolist() for column in columns.values()), strict=True) if columns else [()] * count
    at = np.zeros(count, bool)
    for index, point in enumerate(points):
        values = dict(zip(columns, point, strict=True))
        try:
            told = eval(code, {"__builtins__": {}}, values)
        except (TypeError, ArithmeticError) as error:
            where = ", ".join(f"{name} = {value!r}" for name, value in values.items())
            raise SpecError(f"leave_out {condition!r} cannot be told where {where}: {error}") from None
        if not isinstance(told, bool):
            raise SpecError(f"leave_out {condition!r} compares nothing; write such as {EXAMPLE}")
        at[index] = told
    return at
