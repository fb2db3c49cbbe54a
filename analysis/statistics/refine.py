"""Where to train next: points of the grid where the boundary between phases is least known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.grid import entropy
from grokjax.analysis.statistics.spacing import off_scale, on_scale, spans_factors
from grokjax.errors import AnalysisError


def least_known(grid: pd.DataFrame, cell: Sequence[str], count: int = 16) -> pd.DataFrame:
    """New points, halfway between neighbouring cells of a grid, where the phases of the two are most mixed over the widest gap.

    A boundary runs somewhere between two cells that differ, and nobody knows where in the gap. The score of a gap is the entropy
    of the phases of both cells' seeds together, in bits, times the gap's length as a share of its axis, on a log scale where the
    values span a factor. It is 0 where both cells agree, however far apart. Undecided runs do not count, and beside a cell whose
    runs are all still missing there is nothing to refine yet.

    Args:
      grid: from `phases.phase_grid`.
      cell: its hyperparameters. Gaps are looked for along those that are numbers.
      count: how many points at most.

    Returns:
      The columns of `cell` and `score`, the highest first; no two points are the same, and none is a cell of the grid.

    Raises:
      AnalysisError: no axis has two values to go between, or no two neighbouring cells differ.
    """
    numeric = [name for name in cell if _numbers(grid[name]) and grid[name].nunique() > 1]
    if not numeric:
        raise AnalysisError(f"{' x '.join(cell)} have no numeric axis with two values or more, so there is nothing to go between")
    found = pd.concat([_midpoints(grid, cell, name) for name in numeric], ignore_index=True)
    found = found[found["score"] > 0].sort_values("score", ascending=False, kind="stable").drop_duplicates(list(cell))
    if found.empty:
        raise AnalysisError("no two neighbouring cells differ in their phases, so no boundary runs between them; choose other axes")
    return found.head(count).reset_index(drop=True)


def _midpoints(grid: pd.DataFrame, cell: Sequence[str], axis: str) -> pd.DataFrame:
    """The points halfway between cells that are neighbours along an axis, with their scores."""
    others = [name for name in cell if name != axis]
    ordered = grid.sort_values([*others, axis]).reset_index(drop=True)
    values = ordered[axis].to_numpy(float)
    log = spans_factors(values)
    places = on_scale(values, log=log)
    neighbours = np.ones(len(ordered) - 1, bool)
    for name in others:
        codes, _ = pd.factorize(ordered[name])
        neighbours &= codes[1:] == codes[:-1]
    low = np.flatnonzero(neighbours)
    counts = ordered[[f"{phase}_count" for phase in PHASES if phase != "undecided"]].to_numpy(float)
    together = counts[low] + counts[low + 1]
    total = np.maximum(together.sum(axis=1, keepdims=True), 1)
    middle = off_scale((places[low] + places[low + 1]) / 2, log=log)
    points = ordered.loc[low, list(cell)].reset_index(drop=True)
    points[axis] = np.round(middle) if pd.api.types.is_integer_dtype(ordered[axis]) else _short(middle)
    points = points.astype({axis: ordered[axis].dtype})
    gap = (places[low + 1] - places[low]) / np.ptp(places)
    points["score"] = entropy(together / total) * gap
    new, seeds = points[axis].to_numpy(float), ordered["seeds"].to_numpy()
    return points[(new > values[low]) & (new < values[low + 1]) & (seeds[low] > 0) & (seeds[low + 1] > 0)]


def _short(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The values [n] to three significant digits, as one would write them."""
    return np.array([float(f"{value:.3g}") for value in values])


def _numbers(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
