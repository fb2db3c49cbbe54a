"""The boundary of a phase on the map: where along one axis its share crosses one half, with the band of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.cells import MOST_FACETS
from grokjax.analysis.plots.layout.page import PAD, new_figure
from grokjax.analysis.plots.layout.panels import Panels
from grokjax.analysis.plots.layout.style import DOUBLE, GREY, SINGLE, TEST_COLOR, shades, styled
from grokjax.analysis.plots.layout.text import POINTS, counted, told_missing, value_texts
from grokjax.analysis.plots.layout.ticks import scale_to_values
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.boundary import Boundary

# Inches: a column of the map, a panel's height, what labels and the scale of colours take.
COLUMN, WIDEST_COLUMN, HEIGHT, BESIDE = 0.2, 0.6, 1.5, 1.1
HALF_BAR = 0.38  # of a column
STATUS_NOTES = {
    "no runs": "of no run that counts",
    "one phase": "of one phase alone",
    "one value": "at one value alone",
    "no trend": "no trend",
    "outside": "beyond the values tried",
}


@styled
def plot_boundary(
    found: Mapping[tuple[Any, ...], Boundary],
    *,
    by: Sequence[str],
    phase: str,
    against: str | None = None,
    missing: int = 0,
    title: str | None = None,
    width: float | None = None,
) -> Figure:
    """The boundary for each value of a hyperparameter across, along the axis upwards, with its band, over the shares it fits.

    A disc is a cell, its shade the share of the phase there; a line is where the fitted share is one half, the box about it the
    band. A boundary beyond the values that were tried is an arrow.

    Args:
      found: from `boundary.boundaries`.
      by: what its keys are: the hyperparameter across, or that of the panels and that across.
      phase, against: whose boundary it is, as there.
      missing: how many planned runs are not there.
      title: above the figure.
      width: in inches; one column of a paper where all panels fit in one line of it, else both, when None.

    Raises:
      AnalysisError: neither one nor two hyperparameters, or more panels or columns than the width has room for.
    """
    if not 1 <= len(by) <= 2:
        raise AnalysisError(f"a map of a boundary has one other hyperparameter, or two, got {', '.join(by) or 'none'}; draw fits")
    facets = [None] if len(by) == 1 else sorted({key[0] for key in found})
    columns = sorted({key[-1] for key in found})
    width = width or (SINGLE if len(facets) * (1.6 * COLUMN * len(columns) + 0.1) <= SINGLE - BESIDE else DOUBLE)
    fitting = int((width - BESIDE + 1e-9) / (COLUMN * len(columns) + 0.1))
    if not fitting or len(facets) > MOST_FACETS:
        raise AnalysisError(
            f"{len(facets)} panels of {len(columns)} columns do not fit in {width:g} inches; choose some with --where, or widen"
        )
    placed = Panels.arranged(facets, by[0] if len(by) == 2 else None, fitting)
    first = next(iter(found.values()))
    drawn = placed.across * min((width - BESIDE) / placed.across, WIDEST_COLUMN * len(columns) + 0.1)
    figure = new_figure(
        width, placed.down * (HEIGHT + 0.22) + 0.38, title=title, legend=_legend(found), note=boundary_note(found, missing),
        used=drawn + BESIDE + 2 * PAD,
    )  # fmt: skip
    panels = placed.axes(figure)
    scale_to_values(panels[0], "y", axis_values(found), HEIGHT, log=first.log)
    panels[0].set(xlim=(-0.6, len(columns) - 0.4), xticks=range(len(columns)), xticklabels=value_texts(columns))
    for index, place, key in placed.keys(by, columns):
        if key in found:
            _draw_column(panels[index], place, found[key], phase)
    placed.label(panels, by[-1], first.axis)
    for panel in panels:
        panel.tick_params(bottom=False)
    _draw_scale(figure, panels, phase, against)
    return figure


def axis_values(found: Mapping[tuple[Any, ...], Boundary]) -> np.ndarray[Any, Any]:
    """All values of the axis along which boundaries were looked for, ascending."""
    return np.unique(np.concatenate([each.cells["value"].to_numpy(float) for each in found.values()]))


def _draw_scale(figure: Figure, panels: list[Axes], phase: str, against: str | None) -> None:
    """The scale of the shades."""
    scale = ScalarMappable(Normalize(0, 100), shades(PHASE_COLORS[phase]))
    label = f"{phase} (% of {phase} and {against})" if against else f"{phase} (% of runs)"
    bar = figure.colorbar(scale, ax=panels, label=label, aspect=25, fraction=0.05, pad=0.02)
    bar.outline.set_linewidth(0.4)


def boundary_note(found: Mapping[tuple[Any, ...], Boundary], missing: int) -> str:
    """How many runs a figure of boundaries shows, what they gave, and what is left out."""
    fitted = sum(int(each.cells["trials"].sum()) for each in found.values())
    left_out = sum(each.left_out for each in found.values())
    states = [each.status for each in found.values()]
    counts = ", ".join([
        f"{states.count('found')} found", *(f"{states.count(name)} {told}" for name, told in STATUS_NOTES.items() if name in states)
    ])  # fmt: skip
    return " ".join(filter(None, [
        f"{counted(fitted, 'run')} in {counted(len(found), 'group')}: {counts}.",
        f"{left_out:,} of other phases, diverged or undecided, left out." if left_out else "",
        told_missing(missing, fitted + left_out),
    ]))  # fmt: skip


def _draw_column(panel: Axes, place: int, each: Boundary, phase: str) -> None:
    """The cells of a group, and its boundary where there is one."""
    low, high = panel.get_ylim()
    if each.status in ("found", "outside"):
        ends = np.clip(each.band, low, high)
        box = (place - HALF_BAR, ends[0]), 2 * HALF_BAR, ends[1] - ends[0]
        panel.add_patch(Rectangle(*box, fc=TEST_COLOR, alpha=0.25, lw=0, zorder=0.5, label="band"))
    if each.status == "found":
        panel.plot([place - HALF_BAR, place + HALF_BAR], [each.at] * 2, color=TEST_COLOR, lw=1.2, label="boundary")
    elif each.status == "outside":
        above = each.at > high
        marker, edge = ("^", 0.97) if above else ("v", 0.03)
        panel.plot(place, edge, marker, transform=panel.get_xaxis_transform(), color=TEST_COLOR, ms=4, mew=0, label="outside")
    colors, shares = shades(PHASE_COLORS[phase]), each.cells["successes"] / each.cells["trials"]
    size = (0.4 * COLUMN * POINTS) ** 2
    panel.scatter(
        np.full(len(shares), place), each.cells["value"], s=size, c=[colors(share) for share in shares], edgecolors=GREY,
        linewidths=0.4, zorder=3, clip_on=False, label="cells",
    )  # fmt: skip


def _legend(found: Mapping[tuple[Any, ...], Boundary]) -> list[Patch | Line2D]:
    any_ = next(iter(found.values()))
    states = {each.status for each in found.values()}
    handles: list[Patch | Line2D] = [
        Line2D([], [], color=TEST_COLOR, lw=1.2, label="half of the runs"),
        Patch(color=TEST_COLOR, alpha=0.25, lw=0, label=f"{100 * any_.confidence:g} % band"),
    ]
    arrow = Line2D([], [], ls="", marker="^", color=TEST_COLOR, ms=4, mew=0, label="beyond")
    return handles + [arrow] * ("outside" in states)
