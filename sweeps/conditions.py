"""Conditions of a spec's `leave_out`: comparisons of hyperparameters, told for all points at once."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np

from sweeps.errors import SpecError

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


def holds(condition: str, columns: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """At which of n points a condition holds, [n] bool; `columns` [n] has the hyperparameters that it names.

    Raises:
      SpecError: it compares what cannot be compared, or nothing.
    """
    import pandas as pd  # noqa: PLC0415  (half a second that most specs do not need)

    try:
        told = pd.DataFrame(dict(columns)).eval(condition, engine="python")
    except (TypeError, ValueError, NotImplementedError) as error:
        raise SpecError(f"leave_out {condition!r}: {error}") from None
    at = np.asarray(told)
    if at.dtype.kind != "b" or at.ndim != 1:
        raise SpecError(f"leave_out {condition!r} compares nothing; write such as {EXAMPLE}")
    return at
