"""Waves: the input and output weights of hidden units over the tokens, grouped by frequency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DIVERGING, DOUBLE, SINGLE
from grokjax.analysis.plots.layout.text import counted
from grokjax.analysis.statistics.units import Array, UnitFrequencies, UnitMaps, components, token_order, unit_frequencies
from grokjax.errors import AnalysisError

MOST_FREQUENCIES = 8
# Inches: the row of a unit in a heat map, the least and the greatest height of a row of panels.
UNIT_HEIGHT, LEAST_HEIGHT, MOST_HEIGHT = 0.085, 0.66, 1.2
MANY = 12  # this many units or more are drawn as lines without dots
# A cyclic colormap for phases; the lines can be distinguished without it.
CYCLE = LinearSegmentedColormap.from_list("cycle", ["#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#0072B2"])
# A unit with at least this share of its power in one frequency counts as a wave.
WAVE_SHARE = 0.5


@styled
def plot_waves(maps: UnitMaps, *, at: int = -1, **settings: Unpack[Settings]) -> Figure:
    """Draws the input and output weights of the units of each frequency: as heat maps over the tokens, and as waves.

    Each row of panels is a frequency k, the most common first, with its units sorted by the phase of their input weights. Heat maps
    have the tokens a in their natural order. The waves are drawn over k a mod V, in which a wave of frequency k has one period:
    dots are weights, lines their mean and component at k. Frequencies with many units have lines only.

    Args:
      maps: from `unit_maps`.
      at: index of the step among the kept snapshots.
      settings: common to all figures; see below. Heat maps are left out at less than the width of two columns of a paper.

    Raises:
      AnalysisError: no unit has a frequency.
    """
    look, found = Look(**settings), unit_frequencies(maps, at)
    width, keys = look.width or DOUBLE, wave_frequencies(found)
    groups = [np.flatnonzero((found.frequency == key) & (found.share >= WAVE_SHARE)) for key in keys[:MOST_FREQUENCIES]]
    both = width > (SINGLE + DOUBLE) / 2
    heights = [
        float(np.clip(UNIT_HEIGHT * len(group) + 0.1, LEAST_HEIGHT, MOST_HEIGHT)) if both else LEAST_HEIGHT for group in groups
    ]
    left_out = len(found.frequency) - sum(map(len, groups))
    sides = maps.sides
    check_one_panel(look.ax, len(groups) * len(sides), "it has a panel for each frequency")
    limits = [float(np.abs(side[at]).max()) or 1.0 for _, side in sides]
    figure = new_figure(
        width, sum(heights) + 0.09 * len(groups) + 0.5, look,
        note=look.full_note(" ".join([waves_note(maps, at, groups, left_out)] + [_legend_note(limits)] * both), 1),
    )  # fmt: skip
    panels = figure.subplots(len(groups), len(sides) * (2 if both else 1), squeeze=False, height_ratios=heights, sharex="col")
    for line, (row, key, group) in enumerate(zip(panels, keys, groups, strict=False)):
        order = group[np.argsort(phases_of(sides[0][1][at], key)[group])]
        for place, (name, side) in enumerate(sides):
            waves = side[at][:, order]  # [V, units of this frequency]
            if both:
                _draw_map(row[place], waves, limits[place])
            _draw_lines(row[-len(sides) + place], waves, key, limits[place])
            if line == 0:
                for panel in row[[place, -len(sides) + place]]:
                    panel.set_title(name)
        row[0].set_ylabel(f"k = {key}\n{counted(len(group), 'unit')}")
        if both:
            row[-len(sides)].set_ylabel("weight")
    for place in range(len(sides)):
        token = "c" if sides[place][0] == "writes" else "a"
        panels[-1][place].set_xlabel("output c" if token == "c" else "token a")
        panels[-1][-len(sides) + place].set_xlabel(f"k {token} mod p")
    figure.align_ylabels(panels[:, -len(sides)])
    return figure


def wave_frequencies(found: UnitFrequencies) -> list[int]:
    """The frequencies at which any unit has at least half of its power. Raises AnalysisError if there are none."""
    pure = UnitFrequencies(np.where(found.share >= WAVE_SHARE, found.frequency, 0), found.share)
    if not pure.keys:
        most = float(found.share.max())
        raise AnalysisError(
            f"no hidden unit has half of its power in one frequency (most: {most:.2f}), so there are no waves to draw; "
            "choose a later step, or a run that generalized"
        )
    return pure.keys


def phases_of(waves: Array, frequency: int) -> Array:
    """Phases [H], from 0 to 2 pi, of the component of waves [V, H] at a frequency."""
    cosine, sine = components(waves, frequency).T
    angles: Array = np.arctan2(sine, cosine) % (2 * np.pi)
    return angles


def waves_note(maps: UnitMaps, at: int, groups: list[Array], left_out: int) -> str:
    """The note below a figure of units: how many of the run's units it shows, and at which step."""
    shown = f"1 run, at step {int(maps.step[at]):,}: {sum(map(len, groups))} of its {maps.reads.shape[-1]} hidden units"
    alone = sum(len(group) == 1 for group in groups)
    single = f", {alone} of {len(groups)} frequencies with a single unit" if alone else ""
    rest = f"; {left_out} without half of their power in one of these frequencies" if left_out else ""
    return f"{shown}{single}{rest}."


def _legend_note(limits: Sequence[float]) -> str:
    darkest = " and ".join(f"{limit:.2g}" for limit in dict.fromkeys(limits))
    return f"Maps: red below zero, blue above, darkest at {darkest}; one row per unit."


def _draw_map(panel: Axes, waves: Array, limit: float) -> None:
    panel.imshow(waves.T, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    panel.set_yticks([])
    panel.spines[:].set_visible(False)


def _draw_lines(panel: Axes, waves: Array, frequency: int, limit: float) -> None:
    tokens = len(waves)
    order = token_order(tokens, frequency)
    along = order * frequency % tokens
    parts = components(waves, frequency)  # [units, 2]
    turn = np.linspace(0, tokens, 200)
    angle = 2 * np.pi * turn / tokens
    beyond = float((np.abs(waves.mean(axis=0)) + np.linalg.norm(parts, axis=1)).max())
    for index, (wave, (cosine, sine)) in enumerate(zip(waves.T, parts, strict=True)):
        color = CYCLE(index / waves.shape[1])
        many = waves.shape[1] >= MANY
        panel.plot(turn, wave.mean() + cosine * np.cos(angle) + sine * np.sin(angle), lw=0.4 if many else 0.7, color=color)
        if not many:
            panel.plot(along, wave[order], ls="", marker="o", ms=1.1, mew=0, color=color)
    panel.axhline(0, color="black", lw=0.4)
    reach = 1.08 * max(limit, beyond)
    panel.set(xlim=(0, tokens), ylim=(-reach, reach))
    panel.locator_params(axis="y", nbins=4)
