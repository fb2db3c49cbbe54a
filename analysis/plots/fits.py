"""The share of a phase along one hyperparameter: observed shares, and the logistic fits that boundaries are read off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from grokjax.analysis.plots.boundary import axis_values, boundary_note, facet_texts, facets_of
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, check_one_panel, new_figure
from grokjax.analysis.plots.layout.panels import MOST_PANELS, Panels
from grokjax.analysis.plots.layout.style import DOUBLE, FAINT, LINES, MARKS, SINGLE
from grokjax.analysis.plots.layout.text import POINTS, counted, value_texts
from grokjax.analysis.plots.layout.ticks import scale_to_values
from grokjax.analysis.statistics.grid import wilson_interval
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.boundary import Boundaries, Boundary

PANEL, HEIGHT, BESIDE = 1.3, 1.5, 0.5  # inches: the least width of a panel, its height, the width of labels at the left
MOST_BANDS = 2  # lines in one panel whose bands can be distinguished
CURVE = 200  # points of a fitted curve
APART = 1.6  # points between lines of the same share


@styled
def plot_fits(
    found: Mapping[tuple[Any, ...], Boundaries],
    *,
    by: Sequence[str],
    phase: str,
    against: str | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the observed shares along a hyperparameter, the fitted curves, and each boundary with its band.

    Panels of one or two lines also have the Wilson intervals of the shares and the bands of the curves. Where a group has no
    boundary, a thin line joins its shares. A dotted curve fits poorly (status "misfit"). Lines are set apart by a point or two, so
    that those at 0 and 1 do not cover one another.

    Args:
      found: from `boundaries`.
      by: the hyperparameters of its keys: none, one for lines, or one for panels and one for lines.
      phase, against: as given to `boundaries`.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: more hyperparameters, lines or panels than can be distinguished.
    """
    look = Look(**settings)
    facets = facets_of(found, by)
    lines = [None] if not by else sorted({key[-1] for key in found})
    _check(by, len(facets), len(lines))
    check_one_panel(look.ax, len(facets), f"choose the boundaries of one {by[0] if by else 'group'}")
    width = look.width or (SINGLE if len(facets) == 1 else DOUBLE)
    placed = Panels.arranged(facet_texts(facets), by[:-1], look, width - BESIDE, PANEL)
    banded = len(lines) <= MOST_BANDS
    drawn = [each.status for group in found.values() for each in group]
    located = [status for status in drawn if status in ("found", "weak")]
    marks = "Large marks: boundaries, with their bands" + (", hollow on weak evidence." if "weak" in located else ".")
    poor, bars = " Thin dotted curves fit poorly." * ("misfit" in drawn), " Bars: Wilson intervals." * banded
    note = boundary_note(found, look, marks * bool(located) + poor + bars)
    legend = _legend(lines) if by else []
    body = placed.down * (HEIGHT + 0.08) + placed.titles_height + 0.36
    figure = new_figure(width, body, look, legend=legend, legend_title=look.name(by[-1]) if by else "", note=note)
    panels, first = placed.axes(figure, look), next(iter(found.values()))
    length = placed.width if look.ax is None else axes_size(look.ax)[0]
    scale_to_values(panels[0], "x", axis_values(found), length, first.scale)
    for facet, panel in zip(facets, panels, strict=True):
        panel.axhline(0.5, color=FAINT, lw=0.8, zorder=0)
        panel.set_ylim(-0.07, 1.07)
        for place, value in enumerate(lines):
            if (key := (*facet, value) if by else ()) in found:
                _draw_group(panel, found[key], place, len(lines), banded=banded)
    share = f"share of {look.name(phase)}" + (f"\nagainst {look.name(against)}" if against else "")
    placed.label(panels, look.name(first.axis), share)
    return figure


def _check(by: Sequence[str], panels: int, lines: int) -> None:
    if len(by) > 2 or lines > len(LINES) or panels > MOST_PANELS:
        raise AnalysisError(
            f"{' x '.join(by)} makes {counted(panels, 'panel')} of {counted(lines, 'line')}; {MOST_PANELS} panels of "
            f"{len(LINES)} lines can be told apart: choose some values with where"
        )


def _legend(values: Sequence[Any]) -> list[Line2D]:
    return [
        Line2D([], [], color=color, ls=style, lw=1, marker=marker, ms=3, mew=0, label=text)
        for (color, style), marker, text in zip(LINES, MARKS, value_texts(values), strict=False)
    ]


def _draw_group(panel: Axes, group: Boundaries, place: int, lines: int, *, banded: bool) -> None:
    """Draws the shares of a group, and its fits or a line that joins the shares."""
    (color, style), marker = LINES[place], MARKS[place]
    apart = ScaledTranslation(0, (place - (lines - 1) / 2) * APART / POINTS, panel.figure.dpi_scale_trans)
    look: dict[str, Any] = {"color": color, "transform": panel.transData + apart}
    at = group.cells["value"].to_numpy(float)
    successes, trials = group.cells["successes"].to_numpy(), group.cells["trials"].to_numpy()
    share = successes / trials
    low, high = wilson_interval(successes, trials, group.confidence)
    bars = np.clip([share - low, high - share], 0, None) if banded else None
    panel.errorbar(at, share, bars, ls="", marker=marker, ms=2.8, mew=0, elinewidth=0.5, alpha=0.8, **look)
    if not len(group):
        panel.plot(at, share, ls=style, lw=0.6, **look)
        return
    for each, start, stop in _stretches(group, panel.get_xlim()):
        _draw_fit(panel, each, group.scale.from_scale(np.linspace(start, stop, CURVE)), style, marker, look, banded=banded)


def _stretches(group: Boundaries, ends: tuple[float, float]) -> Iterator[tuple[Boundary, float, float]]:
    """Each boundary with the places between which its curve is drawn: to halfway between its cells and those of the next."""
    windows = [group.scale.to_scale(each.cells["value"].to_numpy()[[0, -1]]) for each in group]
    first, last = group.scale.to_scale(ends)
    middles = [float(before[1] + after[0]) / 2 for before, after in pairwise(windows)]
    for each, start, stop in zip(group, [first, *middles], [*middles, last], strict=True):
        yield each, float(start), float(stop)


def _draw_fit(
    panel: Axes, each: Boundary, at: np.ndarray[Any, Any], style: Any, marker: str, look: Mapping[str, Any], *, banded: bool
) -> None:
    """Draws a fitted curve with its band, and its boundary."""
    curve, misfit = each.shares(at), each.status == "misfit"
    panel.plot(curve[each.axis], curve["share"], ls=":" if misfit else style, lw=0.6 if misfit else 1, label="fit", **look)
    if banded and not misfit:
        panel.fill_between(curve[each.axis], curve["low"], curve["high"], alpha=0.15, lw=0, **look)
    if each.status in ("found", "weak"):
        filled = each.status == "found"
        reach = np.clip(each.band, at[0], at[-1])
        panel.plot(reach, [0.5, 0.5], lw=1.6, alpha=0.5, solid_capstyle="butt", **look)
        edges: dict[str, Any] = {"mec": "white", "mew": 0.6} if filled else {"mfc": "white", "mew": 0.8}
        panel.plot(each.at, 0.5, marker=marker, ms=5, label="boundary", **edges, **look)
