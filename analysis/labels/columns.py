"""A column of a table as numbers, with one message where it holds none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    import pandas as pd


def numbers(table: pd.DataFrame, name: str, user: str = "the rule needs", dtype: Any = np.float64) -> np.ndarray[Any, Any]:
    """A column as floats [R], with NaN for null.

    Args:
      table: any table.
      name: the column.
      user: what needs the column, as the beginning of a message.
      dtype: the floating-point type.

    Raises:
      AnalysisError: there is no such column, or it holds anything but numbers.
    """
    if name not in table:
        raise AnalysisError(f"{user} the column {name}, and the table has {', '.join(map(str, table.columns))}")
    try:
        values: np.ndarray[Any, Any] = table[name].to_numpy(dtype=dtype, na_value=np.nan)
    except (TypeError, ValueError):
        raise AnalysisError(f"{user} numbers in the column {name}; it holds {table[name].dropna().iloc[0]!r}") from None
    return values
