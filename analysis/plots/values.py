"""Maps of numbers by continuous colour: any column summarized over the seeds of each cell, and the difference of two sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.plots.layout.cells import color_scale, draw_map, draw_shade, map_cells
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.style import DIVERGING, shades
from grokjax.analysis.plots.layout.text import counted, number_text, ranged
from grokjax.analysis.statistics.aggregate import AGGREGATE_WORDS
from grokjax.errors import AnalysisError, nearest

if TYPE_CHECKING:
    from grokjax.analysis.statistics.compare import Comparison

# Values above 0 that span this factor are on a log scale.
LOG_FACTOR = 50


@styled
def plot_map(
    values: pd.DataFrame, *, x: str, y: str, facet: str | None = None, true_axes: bool | None = None, **settings: Unpack[Settings]
) -> Figure:
    """Draws a number for each cell as a shade: a column of the runs, summarized over their seeds.

    The colour bar says how: "median of min_test_loss over the seeds". A second line in a cell says how many of its runs have a
    value, if not all do. It stands alone, without a shade, where the number is unknown or most runs do not reach the step.

    Args:
      values: from `cell_values`, with the same x, y and facet.
      x, y, facet: hyperparameters across, upwards and in panels.
      true_axes: draw each cell where its values are on numeric axes, without numbers on the marks; None for grids of evenly spaced
        cells and points of other designs where they are.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: too many panels to read, or more cells than fit.
    """
    look, cells = Look(**settings), map_cells(values, x, y, facet, true_axes)
    known, total = int(values["known"].sum()), int(values["runs"].sum())
    note = (
        f"{counted(total, 'run')} in {counted(len(values), cells.what)}, {ranged(values['runs'], 'run')} in each."
        + f" {total - known:,} have no value." * (known < total)
        + " 3/5: 3 of 5 runs have one." * (known < total and cells.numbered)
    )
    drawn = draw_map(cells, look, smallest=0.16, comfortable=0.32, legend=[], note=look.full_note(note, total), scale=True)
    norm, colors = _norm(values["value"].to_numpy(float)), shades(PHASE_COLORS["grok"], begin=0.12)
    for facet_value, panel in drawn.panels.items():
        for row in cells.panel(values, facet_value).to_dict("records"):
            share = f"{row['known']}/{row['runs']}" if row["known"] < row["runs"] else ""
            place = (row["across"], row["up"])
            if np.isfinite(row["value"]):
                draw_shade(panel, place, colors(norm(row["value"])), (number_text(row["value"], 2), share), drawn)
            else:
                draw_shade(panel, place, (1, 1, 1), (share, ""), drawn)
    color_scale(drawn.figure, list(drawn.panels.values()), ScalarMappable(norm, colors), _label(values.attrs, look))
    return drawn.figure


@styled
def plot_difference(
    found: Comparison,
    *,
    x: str,
    y: str,
    facet: str | None = None,
    phase: str = "grok",
    true_axes: bool | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws how much larger the share of a phase is in the second of two tables than in the first, in percentage points.

    Cells with a smaller share are hatched, so that the sign can be seen in greyscale.

    Args:
      found: from `compare`, with the same x, y and facet.
      x, y, facet: hyperparameters across, upwards and in panels.
      true_axes: draw each cell where its values are on numeric axes, without numbers on the marks; None for grids of evenly spaced
        cells and points of other designs where they are.
      phase: whose shares to compare.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: no such phase, too many panels to read, or more cells than fit.
    """
    if phase not in PHASES:
        raise AnalysisError(f"there is no phase {phase}; there are {', '.join(PHASES)}{nearest(phase, PHASES)}")
    look, table = Look(**settings), found.cells
    cells = map_cells(table, x, y, facet, true_axes)
    runs = int(table[["seeds_first", "seeds_second"]].to_numpy().sum())
    drawn = draw_map(
        cells,
        look,
        smallest=0.16,
        comfortable=0.32,
        legend=[],
        note=look.full_note(_difference_note(found, runs), runs),
        scale=True,
    )
    norm, colors = Normalize(-100, 100), mpl.colormaps[DIVERGING]
    for value, panel in drawn.panels.items():
        for row in cells.panel(table, value).to_dict("records"):
            gain = 100 * (row[f"{phase}_share_second"] - row[f"{phase}_share_first"])
            text = f"{gain:+.0f}" if abs(gain) >= 0.5 else "0"
            place = (row["across"], row["up"])
            draw_shade(panel, place, colors(norm(gain)), (text, ""), drawn)
            if gain <= -0.5:
                corner = (place[0] - 0.5, place[1] - 0.5)
                panel.add_patch(Rectangle(corner, 1, 1, fc="none", ec="white", alpha=0.5, hatch="////", lw=0, label="less"))
    label = f"{look.name(phase)}: second minus first (percentage points)"
    color_scale(drawn.figure, list(drawn.panels.values()), ScalarMappable(norm, colors), label)
    return drawn.figure


def _norm(values: np.ndarray[Any, Any]) -> Normalize:
    """The colour scale of the finite values: logarithmic if they are positive and span a large factor."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Normalize(0, 1)
    low, high = float(finite.min()), float(finite.max())
    if low > 0 and high >= LOG_FACTOR * low:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + (abs(low) or 1.0))


def _label(about: Any, look: Look) -> str:
    """The label of the colour bar: how the column was summarized, and its unit."""
    if "column" not in about:
        return "value"
    aggregate, unit = about["aggregate"], about.get("unit", "")
    name = look.name(about["column"])
    return f"{AGGREGATE_WORDS.get(aggregate, aggregate)} of {name} over the seeds" + (f" ({unit})" if unit not in ("", "1") else "")


def _difference_note(found: Comparison, runs: int) -> str:
    alone = [
        f"{counted(count, 'cell')} only in the {which}"
        for count, which in ((found.only_first, "first"), (found.only_second, "second"))
        if count
    ]
    return " ".join(filter(None, [
        f"{counted(runs, 'run')} in {counted(len(found.cells), 'cell')} of both sweeps.",
        f"Left out: {', '.join(alone)}." if alone else "",
        f"Mean total-variation distance {found.mean_distance:.2f}; two samples of one truth: {found.expected_distance:.2f} on "
        f"average, p = {number_text(found.p, 2)}.",
        "Hatched: less in the second.",
    ]))  # fmt: skip
