"""The phase diagram: a mark a seed in every cell."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.plots.layout.cells import CellFigure, cell_figure, cells_of
from grokjax.analysis.plots.layout.style import GREY, PHASE_MARKERS, phase_mark, styled
from grokjax.analysis.plots.layout.text import POINTS, counted, ranged, told_missing
from grokjax.errors import AnalysisError

# Points from mark to mark: the least at which shapes can be told apart, and what reads well.
LEAST_PITCH, PITCH = 2.6, 4.0
# Of a cell's side, what its marks fill.
FILLED = 0.84


@styled
def plot_phases(
    grid: pd.DataFrame, *, x: str, y: str, facet: str | None = None, title: str | None = None, width: float | None = None
) -> Figure:
    """The phase diagram: a panel a value of `facet`, a cell a point of the grid, and in each cell a mark for every seed.

    Args:
      grid: from `phases.phase_grid` with the same x, y and facet. Runs that are planned and not there are drawn as rings.
      x, y, facet: hyperparameters; their values are evenly spaced, ascending. Cells without a run stay empty.
      title: above the figure.
      width: in inches; one column of a paper, or both, as is needed, when None.

    Raises:
      AnalysisError: more panels than can be read, or more marks than the width has room for.
    """
    cells = cells_of(grid, x, y, facet)
    missing = missing_counts(grid)
    side = math.ceil(math.sqrt((grid["seeds"] + missing).max()))
    least = side * LEAST_PITCH / FILLED / POINTS
    present = [phase for phase in PHASES if grid[f"{phase}_count"].sum()]
    legend = [phase_mark(phase) for phase in present] + [_ring()] * bool(missing.sum())
    try:
        drawn = cell_figure(
            cells, width=width, smallest=least, comfortable=max(0.2, side * PITCH / FILLED / POINTS), title=title, legend=legend,
            note=grid_note(grid, missing),
        )  # fmt: skip
    except AnalysisError as error:
        raise AnalysisError(f"{int(grid['seeds'].max()):,} marks a cell: {error}, or draw shares") from None
    for value, panel in drawn.panels.items():
        _draw_marks(panel, cells.of(grid.assign(missing=missing), value), side, drawn)
    return drawn.figure


def missing_counts(grid: pd.DataFrame) -> pd.Series[int]:
    """How many planned runs of each cell are not there."""
    missing: pd.Series[int] = grid["planned"] - grid["seeds"]
    return missing


def grid_note(grid: pd.DataFrame, missing: pd.Series[int]) -> str:
    """What a map shows: runs, seeds a cell, cells without any, planned runs that are not there."""
    there = grid["seeds"][grid["seeds"] > 0]
    empty = int((grid["seeds"] == 0).sum())
    total = int(there.sum())
    shown = f"{counted(total, 'run')} in {counted(len(there), 'cell')}, {ranged(there, 'seed')} in each." if total else "No runs."
    bare = f"{counted(empty, 'cell')} without a run." if empty else ""
    return " ".join(part for part in (shown, bare, told_missing(int(missing.sum()), total)) if part)


def _draw_marks(panel: Axes, cells: pd.DataFrame, side: int, drawn: CellFigure) -> None:
    """A square of marks in the middle of each cell, phase by phase, then a ring for each run that is missing."""
    pitch = min(drawn.width, drawn.height) * FILLED / side  # inches
    places = (np.arange(side) - (side - 1) / 2) * pitch
    marks: dict[str, list[tuple[float, float]]] = {name: [] for name in (*PHASES, "missing")}
    for row in cells.to_dict("records"):
        in_order = [phase for phase in PHASES for _ in range(int(row[f"{phase}_count"]))] + ["missing"] * int(row["missing"])
        for index, name in enumerate(in_order):
            line, column = divmod(index, side)
            marks[name].append((row["across"] + places[column] / drawn.width, row["up"] - places[line] / drawn.height))
    size = min(pitch * POINTS * 0.72, 7.0) ** 2  # points squared
    for name, points in marks.items():
        across, up = np.array(points).reshape(-1, 2).T
        if points and name == "missing":
            panel.scatter(across, up, s=size * 0.4, facecolors="none", edgecolors=GREY, linewidths=0.5)
        elif points:
            panel.scatter(across, up, s=size, c=PHASE_COLORS[name], marker=PHASE_MARKERS[name], linewidths=0)


def _ring() -> Line2D:
    return Line2D([], [], ls="", marker="o", mfc="none", mec=GREY, mew=0.5, markersize=3, label="missing")
