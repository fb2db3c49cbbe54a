"""Spectra: the discrete Fourier transform of the hidden units' input and output weights, before and after training."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, SINGLE, TEST_COLOR, shades
from grokjax.analysis.plots.layout.text import counted
from grokjax.analysis.statistics.units import Array, UnitMaps, unit_frequencies
from grokjax.spectra import power_shares, power_spectrum

UNIT_HEIGHT, LEAST_MAP, MOST_MAP, BARS = 0.055, 0.7, 1.8, 0.5  # inches


@styled
def plot_spectra(maps: UnitMaps, *, before: int = 0, after: int = -1, **settings: Unpack[Settings]) -> Figure:
    """Draws the power spectra of the hidden units' input weights (reads) and output weights (writes), at two steps.

    The bars are the power at each frequency 1 to V // 2, summed over units and positions, each panel on its own scale; the cosine
    and sine vectors have norm one, and the constant is left out. Below them, each row of the heat map is the share of one unit's
    power at each frequency, with the units sorted by their frequency at the later step.

    Args:
      maps: from `unit_maps`.
      before, after: indices of the two steps among the kept snapshots.
      settings: common to all figures; see below. The writes are beside the reads at the width of two paper columns, else below.
    """
    look, later = Look(**settings), unit_frequencies(maps, after)
    width = look.width or DOUBLE
    check_one_panel(look.ax, 8, "it has a panel for each step, of input and output weights")
    order = np.lexsort((-later.share, later.frequency))
    units = len(order)
    sides = (("reads", maps.reads, PHASE_COLORS["grok"]), ("writes", np.swapaxes(maps.writes, 1, 2)[:, None], TEST_COLOR))
    beside = width > (SINGLE + DOUBLE) / 2
    height = float(np.clip(UNIT_HEIGHT * units, LEAST_MAP, MOST_MAP))
    lines = 1 if beside else 2
    listed = ", ".join(str(key) for key in sorted(later.keys)[:12]) + (", ..." if len(later.keys) > 12 else "")
    keys = f"{len(later.keys)} frequenc{'y' if len(later.keys) == 1 else 'ies'}: {listed}" if later.keys else "no frequency"
    note = look.full_note(f"1 run, {counted(units, 'hidden unit')}, at step {int(maps.step[after]):,} of {keys}.", 1)
    figure = new_figure(width, lines * (height + BARS + 0.62), look, note=note)
    panels = figure.subplots(2 * lines, 2 * (3 - lines), sharex=True, squeeze=False, height_ratios=[BARS, height] * lines)
    images = []
    for index, (name, waves, color) in enumerate(sides):
        bars, below = (panels[:2, 2 * index : 2 * index + 2] if beside else panels[2 * index : 2 * index + 2]).tolist()
        for bar_panel, map_panel, at in zip(bars, below, (before, after), strict=True):
            _draw_power(bar_panel, power_spectrum(waves[at]).sum(axis=(0, 2)), color)
            images.append(_draw_shares(map_panel, power_shares(waves[at])[:, order]))
            bar_panel.set_title(f"{name}, step {int(maps.step[at]):,}")
        bars[0].set_ylabel("power")
        below[0].set_ylabel("hidden unit")
    for panel in panels[-1]:
        panel.set_xlabel("frequency k")
    figure.align_ylabels(panels[:, 0])
    figure.colorbar(images[0], ax=list(panels[1::2].ravel()), label="share of its power", aspect=20, fraction=0.03, pad=0.01)
    return figure


def _draw_power(panel: Axes, power: Array, color: str) -> None:
    """Draws the power [F] at the frequencies 1, 2, ... as bars."""
    panel.bar(np.arange(1, len(power) + 1), power, width=0.8, color=color)
    panel.set(ylim=(0, 1.08 * float(power.max()) or 1))
    panel.locator_params(axis="y", nbins=3)


def _draw_shares(panel: Axes, shares: Array) -> AxesImage:
    """Draws shares [F, H] as shades, a row for each unit."""
    frequencies, units = shares.shape
    image = panel.imshow(
        shares.T, cmap=shades("#767676"), vmin=0, vmax=1, aspect="auto", interpolation="nearest",
        extent=(0.5, frequencies + 0.5, units + 0.5, 0.5),
    )  # fmt: skip
    panel.spines[:].set_visible(False)
    panel.set_yticks([])
    return image
