"""The map of sensitivity: the share of each cell's runs that change phase when the thresholds of a rule are moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack

import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.labels.thresholds import Setting
from grokjax.analysis.plots.layout.cells import color_scale, draw_map, draw_shade, map_cells
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.style import shades
from grokjax.analysis.plots.layout.text import counted
from grokjax.analysis.statistics.agreement import describe_settings, most_moved
from grokjax.analysis.statistics.cells import cell_names


@styled
def plot_sensitivity(
    moved: pd.DataFrame,
    settings: Mapping[str, Sequence[Setting]],
    *,
    x: str,
    y: str,
    facet: str | None = None,
    true_axes: bool | None = None,
    runs: int,
    **common: Unpack[Settings],
) -> Figure:
    """Draws, for each cell, the largest share of its runs that change phase under any of the tried thresholds, in percent.

    If a cell's most frequent phase changes too, the number of different ones is shown, if there is room.

    Args:
      moved: from `sensitivity`, with the same x, y and facet.
      settings: the values of the thresholds that were tried, by name.
      x, y, facet: hyperparameters across, upwards and in panels.
      true_axes: draw each cell where its values are on numeric axes, without numbers on the marks; None for grids of evenly spaced
        cells and points of other designs where they are.
      runs: number of runs.
      common: settings of all figures; see below.

    Raises:
      AnalysisError: too many panels to read, or more cells than fit.
    """
    look, cells = Look(**common), map_cells(moved, x, y, facet, true_axes)
    table = most_moved(moved, cell_names(x, y, facet))
    tried = describe_settings(settings)
    note = look.full_note(f"{counted(runs, 'run')} in {counted(len(table), 'cell')}. Tried: {tried}.", runs)
    drawn = draw_map(cells, look, smallest=0.14, comfortable=0.26, legend=[], note=note, scale=True)
    colors = shades(PHASE_COLORS["undecided"])
    for value, panel in drawn.panels.items():
        for row in cells.panel(table, value).to_dict("records"):
            texts = f"{100 * row['distance']:.0f}", f"{int(row['phases'])} phases" if row["phases"] > 1 else ""
            draw_shade(panel, (row["across"], row["up"]), colors(row["distance"]), texts, drawn)
    scale = ScalarMappable(Normalize(0, 100), colors)
    color_scale(drawn.figure, list(drawn.panels.values()), scale, "runs that change phase (%)")
    return drawn.figure
