"""Points of a design: how many runs of each combination of hyperparameters have a phase, and whether the design is a grid."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES, align_phases
from grokjax.analysis.statistics.boundary import UNINFORMATIVE
from grokjax.analysis.statistics.cells import cells_of, check_cell
from grokjax.analysis.statistics.grid import count_phases
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.tables.hyperparameters import is_number
from grokjax.errors import AnalysisError, nearest

Array = np.ndarray[Any, Any]

# A design is no grid if at most this share of the combinations of its values exists.
GRID_SHARE = 1 / 3
FEWEST_VALUES = 6  # on each axis: with fewer, evenly spaced cells show a few missing combinations as well as points do


@dataclass(frozen=True)
class Points:
    """How many runs have a phase, at each combination of some hyperparameters.

    `table` has a row per point: its hyperparameters, `successes` and `trials`. `left_out` runs have neither phase, or diverged, or
    are undecided. `scales` and `ends` are the scale of each axis and the places of its least and greatest value among all runs.
    """

    names: tuple[str, ...]
    table: pd.DataFrame
    left_out: int
    scales: tuple[AxisScale, ...]
    ends: tuple[tuple[float, float], ...]

    def with_table(self, table: pd.DataFrame, left_out: int = 0) -> Points:
        """Other points on the same axes."""
        return dataclasses.replace(self, table=table, left_out=left_out)

    def to_unit(self, values: Array) -> Array:
        """Values [N, D] as places from 0 to 1 on every axis, where equal distances are equally important."""
        columns = [
            (scale.to_scale(column) - low) / (high - low)
            for scale, (low, high), column in zip(self.scales, self.ends, np.asarray(values, float).T, strict=True)
        ]
        return np.stack(columns, axis=1)

    def from_unit(self, places: Array) -> Array:
        """The values [N, D] at places from 0 to 1; the inverse of `to_unit`."""
        columns = [
            scale.from_scale(low + column * (high - low))
            for scale, (low, high), column in zip(self.scales, self.ends, places.T, strict=True)
        ]
        return np.stack(columns, axis=1)

    @property
    def places(self) -> Array:
        """The places [N, D] of the points, from 0 to 1 on every axis."""
        return self.to_unit(self.table[list(self.names)].to_numpy(float))


def phase_points(
    runs: pd.DataFrame, phases: pd.Series[str], names: Sequence[str], *, phase: str = "grok", against: str | None = None
) -> Points:
    """The points at which runs have a phase, or another one.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      names: numeric hyperparameters, each with two values or more.
      phase, against: as for `boundary`; runs of neither are left out, and so are runs that diverged or are undecided.

    Raises:
      AnalysisError: no such phase, or a name that is not in the table, not numeric, null in some runs, or the same in all of them.
    """
    has, counts = counted_runs(runs, phases, phase, against)
    every = scaled_points(runs, names)
    table = every.table.assign(successes=has)[counts]
    table = table.groupby(list(names), sort=True)["successes"].agg(successes="sum", trials="count").reset_index()
    return every.with_table(table, int((~counts).sum()))


def scaled_points(table: pd.DataFrame, names: Sequence[str]) -> Points:
    """The rows of a table as points, still without counts, with the scales of all axes.

    Raises:
      AnalysisError: a name is not in the table, not numeric, null in some rows, or the same in all of them.
    """
    columns = {name: _numbers(table, name) for name in names}
    scales = tuple(AxisScale.of(values) for values in columns.values())
    placed = [scale.to_scale(values) for scale, values in zip(scales, columns.values(), strict=True)]
    ends = tuple((float(places.min()), float(places.max())) for places in placed)
    return Points(tuple(names), pd.DataFrame(columns, index=table.index), 0, scales, ends)


def counted_runs(runs: pd.DataFrame, phases: pd.Series[str], phase: str, against: str | None) -> tuple[Array, Array]:
    """Which runs [R] have a phase, and which count: those with this phase or, unless `against` is None, that one.

    Runs that diverged or are undecided count only if they are asked for by name.

    Raises:
      AnalysisError: there is no such phase, or both are the same.
    """
    for name in (phase, against):
        if name is not None and name not in PHASES:
            raise AnalysisError(f"there is no phase {name}; the phases are {', '.join(PHASES)}{nearest(name, PHASES)}")
    if phase == against:
        raise AnalysisError(f"{phase} has no boundary against itself; choose another phase, or none for all others")
    labels = align_phases(phases, runs.index).astype(str).to_numpy()
    has = labels == phase
    return has, has | (labels == against if against else ~np.isin(labels, UNINFORMATIVE))


def point_counts(
    runs: pd.DataFrame, phases: pd.Series[str], names: Sequence[str], planned: pd.DataFrame | None = None, mix: Sequence[str] = ()
) -> pd.DataFrame:
    """The number of runs with each phase at each point of a design.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      names: the hyperparameters of a point, any number of them.
      planned: these hyperparameters of every planned run, if some may be missing; points without a run are in the result as well.
      mix: other hyperparameters whose values a point may mix.

    Returns:
      The columns of `names`, `seeds`, and `p_count` for each phase p of PHASES, a row per point.

    Raises:
      AnalysisError: the runs of a point differ in other hyperparameters; a name is not in the table; or a label is not a phase.
    """
    check_cell(runs, names, mix)
    labels = align_phases(phases, runs.index)
    every = runs[list(names)] if planned is None else pd.concat([runs[list(names)], planned[list(names)].dropna()])
    codes, table = cells_of(every)
    counts = count_phases(codes[: len(runs)], len(table), labels)
    return table.assign(seeds=counts.sum(axis=1), **{f"{phase}_count": counts[:, index] for index, phase in enumerate(PHASES)})


def is_scattered(table: pd.DataFrame, x: str, y: str) -> bool:
    """Whether the rows of a table are points rather than cells of a grid over two hyperparameters.

    They are if both hyperparameters are numbers with at least `FEWEST_VALUES` values, and at most `GRID_SHARE` of the combinations
    of these values exist. Sobol and random points are scattered, and so is a grid with many refined points; a grid of which a part
    is left out is not.
    """
    if not all(is_number(table[name]) and table[name].notna().all() for name in (x, y)):
        return False
    columns, rows = table[x].nunique(), table[y].nunique()
    combinations = len(table[[x, y]].drop_duplicates())
    return min(columns, rows) >= FEWEST_VALUES and combinations <= GRID_SHARE * columns * rows


def _numbers(runs: pd.DataFrame, name: str) -> Array:
    """The values [R] of a numeric hyperparameter that varies. Raises AnalysisError for any other."""
    if name not in runs:
        raise AnalysisError(f"{name} is not in the table; choose a numeric hyperparameter{nearest(name, map(str, runs.columns))}")
    if not is_number(runs[name]):
        shown = repr(runs[name].iloc[0]) if len(runs) else "no value"
        raise AnalysisError(f"{name} holds {shown}; choose a numeric hyperparameter")
    values = runs[name].to_numpy(np.float64, na_value=np.nan)
    if missing := int((~np.isfinite(values)).sum()):
        raise AnalysisError(f"{missing} of {len(runs)} runs have no {name}; choose runs that have it")
    if len(np.unique(values)) < 2:
        only = f"is {values[0]:g} in all runs" if len(values) else "has no value, as there are no runs"
        raise AnalysisError(f"{name} {only}; choose a hyperparameter with two values or more")
    return values
