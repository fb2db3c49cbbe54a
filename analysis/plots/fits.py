"""The share of a phase along one hyperparameter: observed shares, and the logistic fits that boundaries are read off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.plots.boundary import axis_values, boundary_note
from grokjax.analysis.plots.layout.cells import MOST_FACETS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import FacetPanels, axes_size, check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, FAINT, LINES, MARKS, SINGLE
from grokjax.analysis.plots.layout.text import value_texts
from grokjax.analysis.plots.layout.ticks import scale_to_values
from grokjax.analysis.statistics.grid import wilson_interval
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.boundary import Boundary

PANEL, HEIGHT = 1.45, 1.5  # inches: the least width of a panel, its height
MOST_BANDS = 2  # lines in one panel whose bands can be distinguished
POINTS = 200  # of a fitted curve


@styled
def plot_fits(
    found: Mapping[tuple[Any, ...], Boundary],
    *,
    by: Sequence[str],
    phase: str,
    against: str | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the observed shares along a hyperparameter, the fitted curves, and each boundary with its band.

    Panels of one or two lines also have the Wilson intervals of the shares and the bands of the curves.

    Args:
      found: from `boundaries`.
      by: the hyperparameters of its keys: none, one for lines, or one for panels and one for lines.
      phase, against: as given to `boundaries`.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: more hyperparameters, lines or panels than can be distinguished.
    """
    look = Look(**settings)
    facets = [None] if len(by) < 2 else sorted({key[0] for key in found})
    lines = [None] if not by else sorted({key[-1] for key in found})
    _check(by, len(facets), len(lines))
    check_one_panel(look.ax, len(facets), f"choose the boundaries of one {by[0] if by else 'group'}")
    width = look.width or (SINGLE if len(facets) == 1 else DOUBLE)
    placed = FacetPanels.arranged(facets, by[0] if len(by) == 2 else None, max(1, int((width - 0.4) / PANEL)))
    banded = len(lines) <= MOST_BANDS
    note = boundary_note(found, look, f"Large marks: boundaries, with their bands.{' Bars: Wilson intervals.' * banded}")
    legend = _legend(look, by[-1], lines) if by else []
    figure = new_figure(width, placed.down * (HEIGHT + 0.22) + 0.36, look, legend=legend, note=note)
    panels, first = placed.axes(figure, look), next(iter(found.values()))
    length = width / placed.across - 0.5 if look.ax is None else axes_size(look.ax)[0]
    scale_to_values(panels[0], "x", axis_values(found), length, first.scale)
    for panel in panels:
        panel.axhline(0.5, color=FAINT, lw=0.8, zorder=0)
        panel.set_ylim(-0.04, 1.04)
    for index, place, key in placed.keys(by, lines):
        if key in found:
            _draw_fit(panels[index], found[key], place, banded=banded)
    share = f"share of {look.name(phase)}" + (f"\nagainst {look.name(against)}" if against else "")
    placed.label(panels, look.name(first.axis), share)
    return figure


def _check(by: Sequence[str], panels: int, lines: int) -> None:
    if len(by) > 2 or lines > len(LINES) or panels > MOST_FACETS:
        raise AnalysisError(
            f"{' x '.join(by)} makes {panels} panels of {lines} lines; {MOST_FACETS} of {len(LINES)} can be told apart: "
            "choose some with --where"
        )


def _legend(look: Look, name: str, values: Sequence[Any]) -> list[Line2D]:
    return [
        Line2D([], [], color=color, ls=style, lw=1, marker=marker, ms=3, mew=0, label=look.pair(name, text))
        for (color, style), marker, text in zip(LINES, MARKS, value_texts(values), strict=False)
    ]


def _draw_fit(panel: Axes, each: Boundary, place: int, *, banded: bool) -> None:
    (color, style), marker = LINES[place], MARKS[place]
    at = each.cells["value"].to_numpy(float)
    successes, trials = each.cells["successes"].to_numpy(), each.cells["trials"].to_numpy()
    share = successes / trials
    low, high = wilson_interval(successes, trials, each.confidence)
    bars = np.clip([share - low, high - share], 0, None) if banded else None
    panel.errorbar(at, share, bars, ls="", marker=marker, ms=2.8, mew=0, elinewidth=0.5, color=color, alpha=0.8)
    if each.fit is None:
        panel.plot(at, share, color=color, ls=style, lw=1)
        return
    ends = panel.get_xlim()
    start, stop = each.scale.to_scale(ends)
    curve = each.shares(each.scale.from_scale(np.linspace(start, stop, POINTS)))
    panel.plot(curve[each.axis], curve["share"], color=color, ls=style, lw=1, label="fit")
    if banded:
        panel.fill_between(curve[each.axis], curve["low"], curve["high"], color=color, alpha=0.15, lw=0)
    if each.status == "found":
        reach = np.clip(each.band, *ends)
        panel.plot(reach, [0.5, 0.5], color=color, lw=1.6, alpha=0.5, solid_capstyle="butt")
        panel.plot(each.at, 0.5, marker=marker, ms=5, mec="white", mew=0.6, color=color, label="boundary")
