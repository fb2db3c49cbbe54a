"""The map of grokking delays: the Kaplan-Meier median of each cell, with its interval."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.cells import Map, color_scale, draw_map, draw_shade, map_cells
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.style import EMPTY, SMALL, shades
from grokjax.analysis.plots.layout.text import counted, steps_text
from grokjax.analysis.plots.layout.ticks import few_ticks
from grokjax.analysis.statistics.delays import Crossings

_COLORS = shades(PHASE_COLORS["grok"], begin=0.15)  # the shortest delay is still darker than a cell without a median

NUMBERS_NOTE = (
    "Numbers: median delay (steps), with its interval where it fits; ?: unknown from so few runs; "
    "3/9: 3 of 9 fitted runs generalized, too few for a median."
)


@styled
def plot_delays(
    medians: pd.DataFrame,
    *,
    x: str,
    y: str,
    facet: str | None = None,
    true_axes: bool | None = None,
    crossings: Crossings | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the median grokking delay of each cell as shades on a log scale, with its interval if there is room.

    The median of a cell is unknown if fewer than half of its fitted runs generalized before they ended; the cell then has no
    shade and shows how many did, such as 3/9. Cells in which no run fitted its training data are crossed out, cells without a run
    left empty.

    Args:
      medians: from `median_delays`, by facet, y and x.
      x, y, facet: hyperparameters across, upwards and in panels.
      true_axes: draw each cell where its values are on numeric axes, without numbers on the marks; None for grids of evenly spaced
        cells and points of other designs where they are.
      crossings: as given to `grokking_delays`, which the note names.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: too many panels to read, or more cells than fit.
    """
    look, cells = Look(**settings), map_cells(medians, x, y, facet, true_axes)
    norm = _norm(medians["median"])
    drawn = draw_map(
        cells, look, smallest=0.16, comfortable=0.3, legend=_legend(medians), scale=True,
        note=look.full_note(_note(medians, crossings, cells.numbered), int(medians["runs"].sum())),
    )  # fmt: skip
    for value, panel in drawn.panels.items():
        _draw_delays(panel, cells.panel(medians, value), norm, drawn)
    bar = color_scale(drawn.figure, list(drawn.panels.values()), ScalarMappable(norm, _COLORS), "median delay (steps)")
    few_ticks(bar.ax.yaxis, float(norm.vmin or 1), float(norm.vmax or 1))
    return drawn.figure


def _norm(medians: pd.Series[float]) -> LogNorm:
    """The log scale of the known medians above 0, over at least a factor of ten, so that similar medians have similar shades."""
    positive = medians[np.isfinite(medians) & (medians > 0)]
    if not len(positive):
        return LogNorm(1, 10)
    widened = max(1.0, (10 * positive.min() / positive.max()) ** 0.5)
    return LogNorm(positive.min() / widened, positive.max() * widened, clip=True)


def _note(medians: pd.DataFrame, crossings: Crossings | None, numbered: bool) -> str:
    runs, fitted, seen = (int(medians[name].sum()) for name in ("runs", "fitted", "generalized"))
    return " ".join(filter(None, [
        f"{counted(runs, 'run')}, {fitted:,} fitted: {seen:,} of these generalized, {fitted - seen:,} censored at their end.",
        crossings.delay_text if crossings else "",
        NUMBERS_NOTE if numbered else "White: too few generalized for a median.",
    ]))  # fmt: skip


def _draw_delays(panel: Axes, cells: pd.DataFrame, norm: LogNorm, drawn: Map) -> None:
    for row in cells.to_dict("records"):
        place = (row["across"], row["up"])
        if np.isfinite(row["median"]):
            middle, low, high = (steps_text(row[name]) for name in ("median", "low", "high"))
            interval = "" if np.isnan(row["low"]) and np.isnan(row["high"]) else f"{low} to {high}"
            draw_shade(panel, place, _COLORS(norm(row["median"])), (middle, interval), drawn)
        elif row["fitted"]:
            draw_shade(panel, place, (1, 1, 1), (f"{row['generalized']}/{row['fitted']}", ""), drawn)
        else:
            corner = (place[0] - 0.5, place[1] - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, fc=EMPTY, ec="white", lw=0.6, label="none fitted"))
            panel.plot(*place, ls="", marker="x", ms=SMALL / 2, mew=0.6, color=PHASE_COLORS["fail"])


def _legend(medians: pd.DataFrame) -> list[Patch]:
    none = Patch(fc=EMPTY, ec=PHASE_COLORS["fail"], lw=0.4, label="no run fitted")
    return [none] * bool((medians["fitted"] == 0).any())
