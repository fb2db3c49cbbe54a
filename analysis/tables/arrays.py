"""Tables as labelled arrays: a dimension a hyperparameter, missing combinations NaN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    import xarray as xr

# Places that the product of the dimensions may have.
MOST_PLACES = 50_000_000


def to_xarray(table: pd.DataFrame, dims: Sequence[str], columns: Sequence[str] | None = None) -> xr.Dataset:
    """A table as arrays over the values of some of its columns.

    Args:
      table: any with a row a combination of `dims`: a grid of `phases.phase_grid` by its cell, runs by what varies and the seed,
        curves by run_id and step.
      dims: the columns that become dimensions, in this order; their values are sorted.
      columns: those that become variables; all others when None.

    Returns:
      A dataset with a variable a column. Numbers of a combination that the table lacks are NaN, texts and phases None.

    Raises:
      AnalysisError: a column is not in the table, rows share a combination, or there are more places than MOST_PLACES.
    """
    wanted = [name for name in table if name not in dims] if columns is None else list(columns)
    for name in (*dims, *wanted):
        if name not in table:
            raise AnalysisError(f"{name} is not in the table; there are {', '.join(map(str, table.columns))}")
    if twice := int(table.duplicated(list(dims)).sum()):
        raise AnalysisError(f"{twice} rows share their {' x '.join(dims)} with another; add what tells them apart, such as seed")
    places = int(np.prod([table[name].nunique() for name in dims]))
    if places > MOST_PLACES:
        raise AnalysisError(
            f"{' x '.join(dims)} make {places:,} places, more than {MOST_PLACES:,}; choose fewer dimensions or runs"
        )
    plain = pd.DataFrame({name: _plain(table[name]) for name in (*dims, *wanted)})
    return plain.set_index(list(dims)).sort_index().to_xarray()


def _plain(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """A column [n] as NumPy has it: whole numbers as such where none is missing, texts as objects."""
    if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        return values.astype(object).where(values.notna(), None).to_numpy()
    if values.isna().any() or pd.api.types.is_float_dtype(values):
        return values.to_numpy(np.float64, na_value=np.nan)
    return values.to_numpy(bool if pd.api.types.is_bool_dtype(values) else np.int64)
