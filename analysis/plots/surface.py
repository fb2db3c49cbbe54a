"""The fitted share of a phase over two hyperparameters, with the curve on which it is one half, and its band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.cells import color_scale
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, new_figure
from grokjax.analysis.plots.layout.style import DASHED, GREY, SINGLE, shades
from grokjax.analysis.plots.layout.text import POINTS, counted
from grokjax.analysis.plots.layout.ticks import AXES, scale_to_values

if TYPE_CHECKING:
    from grokjax.analysis.statistics.surface import Surface

ASPECT, TALLEST, BESIDE = 0.8, 3.6, 1.2  # height of the panel over its width; inches: its most height, labels and colour bar
FADED = 0.5  # how strong the shades of the fitted share are, so that discs and lines stand out
LARGEST, LEAST = 4.5, 1.8  # width of a disc, in points


@styled
def plot_surface(found: Surface, **settings: Unpack[Settings]) -> Figure:
    """Draws the fitted share of a phase as shades, its boundary as a line with its band, and the share at each point as a disc.

    The line is where the fitted share is one half; between the dashed lines, the pointwise band of the share contains one half.

    Args:
      found: from `surface`.
      settings: common to all figures; see below.
    """
    look = Look(**settings)
    width = look.width or SINGLE
    across = width - BESIDE
    size = (across, min(ASPECT * across, TALLEST)) if look.ax is None else axes_size(look.ax)
    figure = new_figure(width, size[1] + 0.4, look, legend=_legend(found), note=look.full_note(_note(found, look), _runs(found)))
    panel = figure.subplots() if look.ax is None else look.ax
    table = found.points.table
    for which, name, inches, scale in zip(AXES, (found.x, found.y), size, found.points.scales, strict=True):
        scale_to_values(panel, which, table[name], inches, scale)
    colors = ScalarMappable(Normalize(0, 1), shades(PHASE_COLORS[found.phase]))
    faded = ListedColormap(1 - (1 - colors.cmap(np.linspace(0, 1, 256))) * FADED)
    panel.pcolormesh(found.xs, found.ys, found.share, cmap=faded, vmin=0, vmax=1, shading="gouraud", rasterized=True, zorder=0)
    _draw_lines(panel, found)
    diameter = min(max(0.5 * (size[0] * size[1] / len(table)) ** 0.5 * POINTS, LEAST), LARGEST)
    shares = table["successes"] / table["trials"]
    panel.scatter(
        table[found.x],
        table[found.y],
        s=diameter**2,
        c=colors.cmap(shares.to_numpy(float)),
        edgecolors=GREY,
        linewidths=0.4,
        zorder=3,
        label="points",
    )
    panel.set(xlabel=look.name(found.x), ylabel=look.name(found.y))
    against = f" against {look.name(found.against)}" if found.against else ""
    color_scale(figure, [panel], colors, f"share of {look.name(found.phase)}{against}")
    return figure


def _draw_lines(panel: Axes, found: Surface) -> None:
    curves = {"low": found.contour("low"), "high": found.contour("high"), "share": found.contour("share")}
    for of, lines in curves.items():
        style, width = ("-", 1.3) if of == "share" else (DASHED, 0.7)
        for line in lines:
            panel.plot(line[found.x], line[found.y], color="black", ls=style, lw=width, label=of)


def _runs(found: Surface) -> int:
    return int(found.points.table["trials"].sum()) + found.points.left_out


def _note(found: Surface, look: Look) -> str:
    runs, points, left = int(found.points.table["trials"].sum()), len(found.points.table), found.points.left_out
    parts = [
        f"{counted(runs, 'run')} at {counted(points, 'point')}; discs: the share at each point; paler shades: the fitted share."
    ]
    if left:
        parts.append(f"{left:,} of other phases, diverged or undecided, left out.")
    if found.mixed:
        parts.append(f"Averaged over {', '.join(map(look.name, found.mixed))}, which also vary.")
    if found.seed_text:
        parts.append(found.seed_text)
    if not found.contour():
        parts.append("The fitted share is one half nowhere among these points.")
    return " ".join(parts)


def _legend(found: Surface) -> list[Line2D]:
    lines = [Line2D([], [], color="black", lw=1.3, label="half of the runs")] if found.contour() else []
    if found.contour("low") or found.contour("high"):
        lines.append(Line2D([], [], color="black", lw=0.7, ls=DASHED, label=f"{100 * found.confidence:g} % band"))
    return lines
