"""The map of a boundary: where along one hyperparameter the share of a phase crosses one half, with its confidence band."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.cells import color_scale
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import PAD, axes_size, check_one_panel, new_figure
from grokjax.analysis.plots.layout.panels import MOST_PANELS, Panels
from grokjax.analysis.plots.layout.style import DOUBLE, GREY, SINGLE, TEST_COLOR, shades
from grokjax.analysis.plots.layout.text import POINTS, counted, value_texts
from grokjax.analysis.plots.layout.ticks import scale_to_values
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.boundary import Boundaries, Boundary

# In inches: least and greatest width of a column, height of a panel, width of labels and colour bar.
COLUMN, WIDEST_COLUMN, HEIGHT, BESIDE = 0.2, 0.6, 1.5, 1.1
HALF_BAR = 0.38  # of the width of a column
# How boundaries are drawn, by their status, and the words for it in the legend.
LINE_STYLES: Any = {"found": "-", "weak": (0, (2.5, 1.2)), "misfit": (0, (0.8, 1.2))}
LINE_NAMES = {"found": "half of the runs", "weak": "weak evidence", "misfit": "poor fit"}
# The words for each status in the note, of boundaries and of groups that have none; "found" is counted first.
STATUS_NOTES = {
    "weak": "on weak evidence",
    "misfit": "with a poor fit",
    "outside": "beyond the values tried",
}
GROUP_NOTES = {
    "no crossing": "with the share on one side of one half",
    "no change": "without a change that is more than chance",
    "one phase": "with a single phase",
    "one value": "with runs at a single value",
    "no runs": "without runs of these phases",
}


@styled
def plot_boundary(
    found: Mapping[tuple[Any, ...], Boundaries],
    *,
    by: Sequence[str],
    phase: str,
    against: str | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the boundaries of a phase along one hyperparameter (upwards) for each value of another (across).

    A disc is a cell, shaded by the share of the phase in it. A line marks where the fitted share is one half, the box around it the
    confidence band; dashed lines are boundaries of status "weak", dotted ones of status "misfit". An arrow marks a boundary beyond
    the values that were tried.

    Args:
      found: from `boundaries`.
      by: the hyperparameters of its keys: the one across, or the one of the panels and the one across.
      phase, against: as given to `boundaries`.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: `by` has neither one nor two names, or more panels or columns than fit.
    """
    if not 1 <= len(by) <= 2:
        raise AnalysisError(f"a map of a boundary has one other hyperparameter, or two, got {', '.join(by) or 'none'}; draw fits")
    look, columns = Look(**settings), sorted({key[-1] for key in found})
    facets = facets_of(found, by)
    placed, width = _arranged(facets, by, len(columns), look)
    first = next(iter(found.values()))
    drawn = placed.across * min((width - BESIDE) / placed.across, WIDEST_COLUMN * len(columns) + 0.1)
    body, note = placed.down * (HEIGHT + 0.08) + placed.titles_height + 0.38, boundary_note(found, look)
    figure = new_figure(width, body, look, legend=_legend(found), note=note, used=drawn + BESIDE + 2 * PAD)
    panels = placed.axes(figure, look)
    scale_to_values(panels[0], "y", axis_values(found), HEIGHT if look.ax is None else axes_size(look.ax)[1], first.scale)
    panels[0].set(xlim=(-0.6, len(columns) - 0.4), xticks=range(len(columns)), xticklabels=value_texts(columns))
    for facet, panel in zip(facets, panels, strict=True):
        panel.tick_params(bottom=False)
        for place, value in enumerate(columns):
            if (*facet, value) in found:
                _draw_column(panel, place, found[*facet, value], phase)
    placed.label(panels, look.name(by[-1]), look.name(first.axis))
    scale = ScalarMappable(Normalize(0, 100), shades(PHASE_COLORS[phase]))
    named, of = look.name(phase), f"{look.name(phase)} and {look.name(against)}" if against else "runs"
    color_scale(figure, panels, scale, f"{named} (% of {of})")
    return figure


def _arranged(facets: Sequence[tuple[Any, ...]], by: Sequence[str], columns: int, look: Look) -> tuple[Panels, float]:
    """The arrangement of panels with `columns` columns each, and the figure's width in inches."""
    check_one_panel(look.ax, len(facets), f"choose the boundaries of one {by[0]}")
    least = COLUMN * columns + 0.1
    width = look.width or (SINGLE if len(facets) * (1.6 * COLUMN * columns + 0.1) <= SINGLE - BESIDE else DOUBLE)
    if (look.ax is None and width - BESIDE < least - 1e-9) or len(facets) > MOST_PANELS:
        raise AnalysisError(
            f"{counted(len(facets), 'panel')} of {counted(columns, 'column')} do not fit in {width:g} inches; choose some "
            f"values of {by[-1]} with where, widen, or draw the surface of two numeric hyperparameters"
        )
    return Panels.arranged(facet_texts(facets), by[:-1], look, width - BESIDE, least), width


def facets_of(found: Mapping[tuple[Any, ...], Boundaries], by: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of all but the last of the hyperparameters of groups, sorted; [()] if there is no other."""
    return sorted({key[:-1] for key in found}) if by else [()]


def facet_texts(facets: Sequence[tuple[Any, ...]]) -> list[tuple[str, ...]]:
    """The values of the panels' hyperparameter as text."""
    return [(text,) for text in value_texts([value for (value,) in facets])] if facets[0] else [()]


def axis_values(found: Mapping[tuple[Any, ...], Boundaries]) -> np.ndarray[Any, Any]:
    """The distinct values, ascending, of the axis along which boundaries were fitted."""
    return np.unique(np.concatenate([each.cells["value"].to_numpy(float) for each in found.values()]))


def boundary_note(found: Mapping[tuple[Any, ...], Boundaries], look: Look, further: str = "") -> str:
    """The note below a figure of boundaries: number of runs, boundaries by status, and runs left out."""
    fitted = sum(int(group.cells["trials"].sum()) for group in found.values())
    left_out = sum(group.left_out for group in found.values())
    statuses = [each.status for group in found.values() for each in group]
    without = [group.status for group in found.values()]
    counts = [f"{statuses.count('found')} found"]
    counts += [f"{statuses.count(name)} {words}" for name, words in STATUS_NOTES.items() if name in statuses]
    reasons = [f"{counted(without.count(name), 'group')} {words}" for name, words in GROUP_NOTES.items() if name in without]
    note = " ".join(filter(None, [
        f"{counted(fitted, 'run')} in {counted(len(found), 'group')}; boundaries: {', '.join(counts)}.",
        f"None in {', '.join(reasons)}." if reasons else "",
        f"{left_out:,} of other phases, diverged or undecided, left out." if left_out else "",
        further.strip(),
    ]))  # fmt: skip
    return look.full_note(note, fitted + left_out)


def _draw_column(panel: Axes, place: int, group: Boundaries, phase: str) -> None:
    """Draws the cells of a group and its boundaries."""
    low, high = panel.get_ylim()
    for each in group:
        if each.status != "misfit":
            ends = np.clip(each.band, low, high)
            box = (place - HALF_BAR, ends[0]), 2 * HALF_BAR, ends[1] - ends[0]
            panel.add_patch(Rectangle(*box, fc=TEST_COLOR, ec="white", alpha=0.25, lw=0.8, zorder=0.5, label="band"))
        if each.status == "outside":
            marker, edge = ("^", 0.97) if _above(group, each) else ("v", 0.03)
            beside = place + 0.8 * HALF_BAR  # where no disc covers it
            panel.plot(beside, edge, marker, transform=panel.get_xaxis_transform(), color=TEST_COLOR, ms=4, mew=0, label="outside")
        else:
            across = [place - HALF_BAR, place + HALF_BAR]
            panel.plot(across, [each.at] * 2, color=TEST_COLOR, ls=LINE_STYLES[each.status], lw=1.2, label="boundary")
    colors, shares = shades(PHASE_COLORS[phase]), group.cells["successes"] / group.cells["trials"]
    size = (0.4 * COLUMN * POINTS) ** 2
    panel.scatter(
        np.full(len(shares), place), group.cells["value"], s=size, c=[colors(share) for share in shares], edgecolors=GREY,
        linewidths=0.4, zorder=3, clip_on=False, label="cells",
    )  # fmt: skip


def _above(group: Boundaries, each: Boundary) -> bool:
    """Whether a boundary outside the values that were tried lies above them."""
    return bool(each.at > group.cells["value"].max())


def _legend(found: Mapping[tuple[Any, ...], Boundaries]) -> list[Patch | Line2D]:
    """The entries of what is drawn."""
    drawn = [(group, each) for group in found.values() for each in group]
    handles: list[Patch | Line2D] = [
        Line2D([], [], color=TEST_COLOR, lw=1.2, ls=style, label=LINE_NAMES[status])
        for status, style in LINE_STYLES.items()
        if any(each.status == status for _, each in drawn)
    ]
    if any(each.status != "misfit" for _, each in drawn):
        handles.append(Patch(color=TEST_COLOR, alpha=0.25, lw=0, label=f"{100 * drawn[0][1].confidence:g} % band"))
    for above, marker, label in ((True, "^", "above these values"), (False, "v", "below these values")):
        if any(each.status == "outside" and _above(group, each) == above for group, each in drawn):
            handles.append(Line2D([], [], ls="", marker=marker, color=TEST_COLOR, ms=4, mew=0, label=label))
    return handles
