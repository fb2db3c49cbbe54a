"""Converts tables to labelled xarray arrays with hyperparameters as dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    import xarray as xr

# The most elements of an array.
MOST_ELEMENTS = 50_000_000


def to_xarray(table: pd.DataFrame, dims: Sequence[str], columns: Sequence[str] | None = None) -> xr.Dataset:
    """A table as arrays over the values of some of its columns.

    Args:
      table: a table with one row per combination of `dims`, such as a grid by its cell, runs by what varies and the seed, or
      curves by
        run_id and step.
      dims: the columns that become dimensions, in this order; their values are sorted.
      columns: the columns that become variables; all others when None.

    Returns:
      A dataset with a variable per column. For combinations that the table lacks, numbers are NaN, strings and phases None.

    Raises:
      AnalysisError: a column is not in the table, several rows have the same combination, or an array would have more than
        MOST_ELEMENTS elements.
    """
    wanted = [name for name in table if name not in dims] if columns is None else list(columns)
    for name in (*dims, *wanted):
        if name not in table:
            raise AnalysisError(f"{name} is not in the table; there are {', '.join(map(str, table.columns))}")
    if twice := int(table.duplicated(list(dims)).sum()):
        raise AnalysisError(f"{twice} rows share their {' x '.join(dims)} with another; add a column that differs, such as seed")
    elements = int(np.prod([table[name].nunique() for name in dims]))
    if elements > MOST_ELEMENTS:
        raise AnalysisError(
            f"{' x '.join(dims)} make {elements:,} elements, more than {MOST_ELEMENTS:,}; choose fewer dimensions or runs"
        )
    plain = pd.DataFrame({name: _plain(table[name]) for name in (*dims, *wanted)})
    return plain.set_index(list(dims)).sort_index().to_xarray()


def _plain(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """A column [n] as a NumPy array: integers stay integers if none is missing, strings become objects."""
    if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        return values.astype(object).where(values.notna(), None).to_numpy()
    if values.isna().any() or pd.api.types.is_float_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    return values.to_numpy(bool if pd.api.types.is_bool_dtype(values) else np.int64)
