"""The map of grokking delays: the median of each cell, and what is not known of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.cells import CellFigure, cell_figure, cells_of, color_scale, draw_shade, mark_empty
from grokjax.analysis.plots.layout.style import EMPTY, SMALL, shades, styled
from grokjax.analysis.plots.layout.text import counted, steps_text, told_missing
from grokjax.analysis.plots.layout.ticks import few_ticks

_COLORS = shades(PHASE_COLORS["grok"], begin=0.15)  # no median is as white as a cell without one


@styled
def plot_delays(
    medians: pd.DataFrame,
    *,
    x: str,
    y: str,
    facet: str | None = None,
    missing: int = 0,
    title: str | None = None,
    width: float | None = None,
) -> Figure:
    """The Kaplan-Meier median of the delay in each cell, as shades on a logarithmic scale, with its interval where there is room.

    Where fewer than half of the fitted runs grokked before they ended, the median lies beyond: such a cell has no shade, and says
    how many did. A cell in which no run fitted says so.

    Args:
      medians: from `delays.median_delays`, by facet, y and x.
      x, y, facet: hyperparameters; their values are evenly spaced, ascending. Cells without a run are hatched.
      missing: how many planned runs are not there.
      title: above the figure.
      width: in inches; one column of a paper, or both, as is needed, when None.

    Raises:
      AnalysisError: more panels than can be read, or more cells than the width has room for.
    """
    cells = cells_of(medians, x, y, facet)
    known = medians["median"][np.isfinite(medians["median"])]
    positive = known[known > 0]
    norm = LogNorm(positive.min(), max(positive.max(), 1.01 * positive.min()), clip=True) if len(positive) else LogNorm(1, 10)
    runs, fitted, grokked = (int(medians[name].sum()) for name in ("runs", "fitted", "grokked"))
    note = (
        f"{counted(runs, 'run')}, {fitted:,} fitted: {grokked:,} of these grokked, {fitted - grokked:,} censored at their end. "
        f"Median delay (steps), and its interval where there is room; 3/9: of 9 fitted runs 3 grokked, too few for a median. "
        f"{told_missing(missing, runs)}"
    )
    drawn = cell_figure(
        cells, width=width, smallest=0.16, comfortable=0.3, title=title, note=note.strip(), scale=True, legend=_legend(medians)
    )  # fmt: skip
    for value, panel in drawn.panels.items():
        part = cells.of(medians, value)
        places = {(row.across, row.up) for row in part.itertuples()}
        every = pd.DataFrame([(a, u) for a in range(len(cells.columns)) for u in range(len(cells.rows))], columns=["across", "up"])
        mark_empty(panel, every[[place not in places for place in every.itertuples(index=False, name=None)]])
        _draw_delays(panel, part, norm, drawn)
    bar = color_scale(drawn, ScalarMappable(norm, _COLORS), "median delay (steps)")
    few_ticks(bar.ax.yaxis, float(norm.vmin or 1), float(norm.vmax or 1))
    return drawn.figure


def _draw_delays(panel: Axes, cells: pd.DataFrame, norm: LogNorm, drawn: CellFigure) -> None:
    for row in cells.to_dict("records"):
        place = (row["across"], row["up"])
        if np.isfinite(row["median"]):
            middle, low, high = (steps_text(row[name]) for name in ("median", "low", "high"))
            draw_shade(panel, place, _COLORS(norm(row["median"])), (middle, f"{low} to {high}"), drawn)
        elif row["fitted"]:
            draw_shade(panel, place, (1, 1, 1), (f"{row['grokked']}/{row['fitted']}", ""), drawn)
        else:
            corner = (place[0] - 0.5, place[1] - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, fc=EMPTY, ec="white", lw=0.6, label="none fitted"))
            panel.plot(*place, ls="", marker="x", ms=SMALL / 2, mew=0.6, color=PHASE_COLORS["fail"])


def _legend(medians: pd.DataFrame) -> list[Patch]:
    none = Patch(fc=EMPTY, ec=PHASE_COLORS["fail"], lw=0.4, label="no run fitted")
    return [none] * bool((medians["fitted"] == 0).any())
