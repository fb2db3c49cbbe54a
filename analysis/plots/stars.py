"""Stars: the hidden units of one frequency as points in its cosine-sine plane, joined into a polygon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, FAINT, TEST_COLOR
from grokjax.analysis.plots.layout.text import font_size
from grokjax.analysis.plots.waves import MOST_FREQUENCIES, WAVE_SHARE, phases_of, wave_frequencies, waves_note
from grokjax.analysis.statistics.units import Array, UnitMaps, components, unit_frequencies

WIDEST_PANEL = 1.75  # inches
MOST_NUMBERS = 12  # more numbers would cover one another


@styled
def plot_stars(maps: UnitMaps, *, at: int = -1, **settings: Unpack[Settings]) -> Figure:
    """Draws each unit at the amplitude and phase of its input and output weights, in the (cos, sin) plane of its frequency k.

    A unit's input weights peak at the token a for which k a mod V equals its phase. Joined in the order of their phases, the units
    form a polygon; the same order joins their output weights. Modular addition needs output weights at twice the phase: the polygon
    then winds around twice, and an odd number of units forms a star.

    Args:
      maps: from `unit_maps`.
      at: index of the step among the kept snapshots.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: no unit has a frequency.
    """
    look, found = Look(**settings), unit_frequencies(maps, at)
    width = look.width or DOUBLE
    keys = wave_frequencies(found)
    groups = [np.flatnonzero((found.frequency == key) & (found.share >= WAVE_SHARE)) for key in keys[:MOST_FREQUENCIES]]
    sides = maps.sides
    fitting = max(1, int((width - 0.3) / 1.05))
    across = math.ceil(len(groups) / math.ceil(len(groups) / fitting))
    down = math.ceil(len(groups) / across) * len(sides)
    side = min((width - 0.6) / across - 0.08, WIDEST_PANEL)
    left_out = len(found.frequency) - sum(map(len, groups))
    check_one_panel(look.ax, len(groups) * len(sides), "it has a panel for each frequency")
    note = f"{waves_note(maps, at, groups, left_out)} Units are joined in the order of the phase of their input weights."
    figure = new_figure(width, down * (side + 0.22) + 0.35, look, note=look.full_note(note, 1), used=across * (side + 0.08) + 0.65)
    panels = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for panel in panels.ravel()[len(groups) * len(sides) :]:
        panel.set_visible(False)
    reach = _reach(maps, at, keys, groups)
    for index, (key, group) in enumerate(zip(keys, groups, strict=False)):
        order = group[np.argsort(phases_of(sides[0][1][at], key)[group])]
        line, column = divmod(index, across)
        for place, (name, waves) in enumerate(sides):
            panel = panels[line * len(sides) + place, column]
            panel.set_visible(True)
            color = TEST_COLOR if name == "writes" else PHASE_COLORS["grok"]
            _draw_star(panel, components(waves[at][:, order], key), color, reach)
            panel.set_title(f"k = {key}" if place == 0 else "")
            lowest = place == len(sides) - 1 and index + across >= len(groups)
            panel.set_xlabel("weight along cos" if lowest else "")
            panel.set_ylabel(f"{name}\nalong sin" if column == 0 else "")
            panel.tick_params(labelbottom=lowest)
    return figure


def _reach(maps: UnitMaps, at: int, keys: Sequence[int], groups: Sequence[Array]) -> float:
    """Half the side of every panel in data units: one scale for all panels, with room for the numbers."""
    amplitudes = [
        np.linalg.norm(components(waves[at][:, group], key), axis=1).max()
        for _, waves in maps.sides
        for key, group in zip(keys, groups, strict=False)
    ]
    return 1.3 * float(max(amplitudes))


def _draw_star(panel: Axes, points: Array, color: str, reach: float) -> None:
    """Draws points [units, 2] around the origin, joined in their order and, if they are few, numbered."""
    panel.axhline(0, color=FAINT, lw=0.6, zorder=0)
    panel.axvline(0, color=FAINT, lw=0.6, zorder=0)
    closed = np.concatenate([points, points[:1]])
    panel.plot(*closed.T, lw=0.7, color=color, marker="o", ms=2.6, mew=0)
    for number, place in enumerate(_places(points, reach) if len(points) <= MOST_NUMBERS else [], start=1):
        panel.text(place[0], place[1], str(number), ha="center", va="center", fontsize=font_size("xtick.labelsize") - 1)
    panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    panel.locator_params(nbins=3)


def _places(points: Array, reach: float) -> list[Array]:
    """Places for the numbers of points [units, 2]: farther out than the points, none on top of an earlier one."""
    step, places = 0.13 * reach, list[Array]()
    for point in points:
        outwards = point / (np.linalg.norm(point) or 1.0)
        place = point + step * outwards
        while any(np.linalg.norm(place - other) < 0.85 * step for other in places):
            place = place + 0.3 * step * outwards
        places.append(place)
    return places
