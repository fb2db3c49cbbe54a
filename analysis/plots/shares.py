"""The phase diagram as shares: bars of all phases in every cell, or one phase as shades with numbers."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.plots.layout.cells import CellFigure, cell_figure, cells_of, color_scale, draw_shade, mark_empty
from grokjax.analysis.plots.layout.style import PHASE_HATCHES, shades, styled
from grokjax.analysis.plots.phases import grid_note, missing_counts
from grokjax.errors import AnalysisError, nearest

# Of a cell's side, what its bar fills.
FILLED = 0.86


@styled
def plot_shares(
    grid: pd.DataFrame,
    *,
    x: str,
    y: str,
    facet: str | None = None,
    phase: str | None = None,
    title: str | None = None,
    width: float | None = None,
) -> Figure:
    """The shares of the phases in every cell, however many seeds it has.

    Args:
      grid: from `phases.phase_grid` with the same x, y and facet.
      x, y, facet: hyperparameters; their values are evenly spaced, ascending. Cells without a run are hatched.
      phase: one phase, drawn as shades, with its share in percent and, where there is room, its interval. All when None: each
        cell is a bar, cut up in the order of the phases.
      title: above the figure.
      width: in inches; one column of a paper, or both, as is needed, when None.

    Raises:
      AnalysisError: no such phase, more panels than can be read, or more cells than the width has room for.
    """
    if phase is not None and phase not in PHASES:
        raise AnalysisError(f"there is no phase {phase}; there are {', '.join(PHASES)}{nearest(phase, PHASES)}")
    cells = cells_of(grid, x, y, facet)
    shown = [name for name in PHASES if grid[f"{name}_count"].sum()] if phase is None else []
    note = grid_note(grid, missing_counts(grid))
    drawn = cell_figure(
        cells, width=width, smallest=0.12, comfortable=0.2 if phase is None else 0.24, title=title,
        note=note if phase is None else f"{note} Shares in percent, with their intervals where there is room.",
        legend=[_patch(name) for name in shown], scale=phase is not None,
    )  # fmt: skip
    for value, panel in drawn.panels.items():
        part = cells.of(grid, value)
        mark_empty(panel, part[part["seeds"] == 0])
        there = part[part["seeds"] > 0]
        _draw_bars(panel, there, shown) if phase is None else _draw_shades(panel, there, phase, drawn)
    if phase is not None:
        color_scale(drawn, ScalarMappable(Normalize(0, 100), shades(PHASE_COLORS[phase])), f"{phase} (% of runs)")
    return drawn.figure


def _draw_bars(panel: Axes, cells: pd.DataFrame, phases: list[str]) -> None:
    for row in cells.to_dict("records"):
        left, bottom = row["across"] - FILLED / 2, row["up"] - FILLED / 2
        for name in phases:
            share = row[f"{name}_share"]
            if share > 0:
                color, hatch = PHASE_COLORS[name], PHASE_HATCHES[name]
                bar = Rectangle((left, bottom), FILLED * share, FILLED, fc=color, hatch=hatch, ec="white", lw=0, label=name)
                panel.add_patch(bar)
                left += FILLED * share


def _draw_shades(panel: Axes, cells: pd.DataFrame, phase: str, drawn: CellFigure) -> None:
    colors = shades(PHASE_COLORS[phase])
    for row in cells.to_dict("records"):
        share, low, high = (100 * row[f"{phase}_{name}"] for name in ("share", "low", "high"))
        texts = (f"{share:.0f}", f"{low:.0f} to {high:.0f}")
        draw_shade(panel, (row["across"], row["up"]), colors(share / 100), texts, drawn)


def _patch(phase: str) -> Patch:
    return Patch(facecolor=PHASE_COLORS[phase], hatch=PHASE_HATCHES[phase], edgecolor="white", lw=0, label=phase)
