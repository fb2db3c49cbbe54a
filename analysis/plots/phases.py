"""The phase diagram: a grid of cells, and in each cell a marker for every run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.plots.layout.cells import Map, draw_map, map_cells
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.style import GREY, PHASE_MARKERS, phase_mark
from grokjax.analysis.plots.layout.text import POINTS, counted, ranged
from grokjax.errors import AnalysisError

# Points between the centres of markers: the least at which shapes can be distinguished, and a comfortable distance.
LEAST_PITCH, PITCH = 2.6, 4.0
# The share of a cell's side that its markers fill.
FILLED = 0.84


@styled
def plot_phases(
    grid: pd.DataFrame,
    *,
    x: str | None = None,
    y: str | None = None,
    facet: str | None = None,
    true_axes: bool | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the phase diagram: a panel for each value of `facet`, a cell for each point of the grid, a marker for each run.

    Args:
      grid: from `phase_grid`. Planned runs that have not been trained yet are drawn as rings.
      x, y, facet: hyperparameters across, upwards and in panels, their values ascending and evenly spaced; the grid's own axes
        when x and y are None.
      true_axes: draw each cell where its values are on numeric axes, without numbers on the marks; None for grids of evenly spaced
        cells and points of other designs where they are.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: too many panels to read, or more markers than fit.
    """
    look, cells = Look(**settings), map_cells(grid, x, y, facet, true_axes)
    missing = missing_counts(grid)
    side = math.ceil(math.sqrt((grid["seeds"] + missing).max()))
    present = [phase for phase in PHASES if grid[f"{phase}_count"].sum()]
    legend = [phase_mark(phase, look.name(phase)) for phase in present] + [_ring(look.name("missing"))] * bool(missing.sum())
    smallest, comfortable = (side * pitch / FILLED / POINTS for pitch in (LEAST_PITCH, PITCH))
    try:
        drawn = draw_map(
            cells, look, smallest=smallest, comfortable=max(0.2, comfortable), legend=legend,
            note=grid_note(grid, look, what=cells.what),
        )  # fmt: skip
    except AnalysisError as error:
        raise AnalysisError(f"{int(grid['seeds'].max()):,} marks a cell: {error}, or draw shares") from None
    for value, panel in drawn.panels.items():
        _draw_marks(panel, cells.panel(grid.assign(missing=missing), value), side, drawn)
    return drawn.figure


def missing_counts(grid: pd.DataFrame) -> pd.Series[int]:
    """The number of planned runs of each cell that have not been trained yet."""
    missing: pd.Series[int] = grid["planned"] - grid["seeds"]
    return missing


def grid_note(grid: pd.DataFrame, look: Look, further: str = "", what: str = "cell") -> str:
    """The note below a map: number of runs, runs per cell, empty cells, a further sentence, and missing planned runs."""
    seeds = grid["seeds"][grid["seeds"] > 0]
    empty = int((grid["seeds"] == 0).sum())
    total = int(seeds.sum())
    shown = f"{counted(total, 'run')} in {counted(len(seeds), what)}, {ranged(seeds, 'run')} in each." if total else "No runs."
    bare = f"{counted(empty, what)} without a run." if empty else ""
    counted_missing = replace(look, missing=int(missing_counts(grid).sum()))
    return counted_missing.full_note(" ".join(part for part in (shown, bare, further) if part), total)


def _draw_marks(panel: Axes, cells: pd.DataFrame, side: int, drawn: Map) -> None:
    """Draws a square of markers in the middle of each cell, phase by phase, then a ring for each missing run."""
    pitch = min(drawn.cell_width, drawn.cell_height) * FILLED / side  # inches
    places = (np.arange(side) - (side - 1) / 2) * pitch
    marks: dict[str, list[tuple[float, float]]] = {name: [] for name in (*PHASES, "missing")}
    for row in cells.to_dict("records"):
        in_order = [phase for phase in PHASES for _ in range(int(row[f"{phase}_count"]))] + ["missing"] * int(row["missing"])
        for index, name in enumerate(in_order):
            line, column = divmod(index, side)
            marks[name].append((row["across"] + places[column] / drawn.cell_width, row["up"] - places[line] / drawn.cell_height))
    size = min(pitch * POINTS * 0.72, 7.0) ** 2  # points squared
    for name, points in marks.items():
        across, up = np.array(points).reshape(-1, 2).T
        if points and name == "missing":
            panel.scatter(across, up, s=size * 0.4, facecolors="none", edgecolors=GREY, linewidths=0.5)
        elif points:
            panel.scatter(across, up, s=size, c=PHASE_COLORS[name], marker=PHASE_MARKERS[name], linewidths=0)


def _ring(label: str) -> Line2D:
    return Line2D([], [], ls="", marker="o", mfc="none", mec=GREY, mew=0.5, markersize=3, label=label)
