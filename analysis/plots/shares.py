"""The phase diagram as shares: a bar of all phases in each cell, or one phase's share as a shade with a number."""

from __future__ import annotations

from typing import Unpack

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.plots.layout.cells import Map, color_scale, draw_map, draw_shade, map_cells, mark_empty
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.style import PHASE_HATCHES, shades
from grokjax.analysis.plots.phases import grid_note
from grokjax.errors import AnalysisError, nearest

# The share of a cell's side that its bar fills.
FILLED = 0.86
SHARES_NOTE = "Shares in percent, with their intervals where they fit."


@styled
def plot_shares(
    grid: pd.DataFrame,
    *,
    x: str | None = None,
    y: str | None = None,
    facet: str | None = None,
    true_axes: bool | None = None,
    phase: str | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the shares of the phases in every cell, for any number of seeds.

    Args:
      grid: from `phase_grid`. Cells without a run are hatched.
      x, y, facet: hyperparameters across, upwards and in panels; the grid's own axes when x and y are None.
      true_axes: draw each cell where its values are on numeric axes, without numbers on the marks; None for grids of evenly spaced
        cells and points of other designs where they are.
      phase: draw this phase alone, as shades with its share in percent and, if there is room, its interval. When None, each cell
        is a bar of all phases in their order.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: no such phase, too many panels to read, or more cells than fit.
    """
    if phase is not None and phase not in PHASES:
        raise AnalysisError(f"there is no phase {phase}; there are {', '.join(PHASES)}{nearest(phase, PHASES)}")
    look, cells = Look(**settings), map_cells(grid, x, y, facet, true_axes)
    shown = [name for name in PHASES if grid[f"{name}_count"].sum()] if phase is None else []
    drawn = draw_map(
        cells, look, smallest=0.12, comfortable=0.2 if phase is None else 0.24, scale=phase is not None,
        note=grid_note(grid, look, SHARES_NOTE if phase and cells.numbered else "", cells.what),
        legend=[_patch(name, look.name(name)) for name in shown],
    )  # fmt: skip
    for value, panel in drawn.panels.items():
        part = cells.panel(grid, value)
        mark_empty(panel, part[part["seeds"] == 0])
        trained = part[part["seeds"] > 0]
        _draw_bars(panel, trained, shown) if phase is None else _draw_shades(panel, trained, phase, drawn)
    if phase is not None:
        colors = ScalarMappable(Normalize(0, 100), shades(PHASE_COLORS[phase]))
        color_scale(drawn.figure, list(drawn.panels.values()), colors, f"{look.name(phase)} (% of runs)")
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


def _draw_shades(panel: Axes, cells: pd.DataFrame, phase: str, drawn: Map) -> None:
    colors = shades(PHASE_COLORS[phase])
    for row in cells.to_dict("records"):
        share, low, high = (100 * row[f"{phase}_{name}"] for name in ("share", "low", "high"))
        texts = (f"{share:.0f}", f"{low:.0f} to {high:.0f}")
        draw_shade(panel, (row["across"], row["up"]), colors(share / 100), texts, drawn)


def _patch(phase: str, label: str) -> Patch:
    return Patch(facecolor=PHASE_COLORS[phase], hatch=PHASE_HATCHES[phase], edgecolor="white", lw=0, label=label)
