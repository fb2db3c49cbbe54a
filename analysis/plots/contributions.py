"""Contributions: what the hidden units of each frequency add to the outputs, and how the network does without them."""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DASHED, DOUBLE, GREY, TEST_COLOR
from grokjax.analysis.plots.layout.text import counted
from grokjax.analysis.plots.layout.ticks import log_axis
from grokjax.analysis.statistics.contributions import Contributions

MOST_FREQUENCIES = 8
PANEL_HEIGHT, SCORES_HEIGHT = 1.15, 1.3  # inches


@styled
def plot_contributions(found: Contributions, *, step: int | None = None, **settings: Unpack[Settings]) -> Figure:
    """Draws what the units of each frequency add to the outputs, and accuracy and loss without the units of each frequency.

    Above, a panel for each frequency k, most units first: the mean contribution to the output a + b + d modulo V over all pairs,
    against d, and the wave cos(2 pi k d / V) that fits it best. Below, accuracy and loss over all pairs of the whole network, and
    after the units of one frequency have been removed. Frequencies beyond the eighth are left out.

    Args:
      found: from `contributions`.
      step: of the weights, for the note.
      settings: common to all figures; see below.
    """
    look = Look(**settings)
    width = look.width or DOUBLE
    shown = min(len(found.frequencies), MOST_FREQUENCIES)
    check_one_panel(look.ax, shown + 2, "it has a panel for each frequency")
    across = min(shown, max(1, int(width / 1.7)))
    down = math.ceil(shown / across)
    left = len(found.frequencies) - shown
    note = (
        f"1 run{'' if step is None else f', at step {step:,}'}: {counted(int(found.units[:shown].sum()), 'hidden unit')} of "
        f"{shown} frequenc{'y' if shown == 1 else 'ies'}{f'; {left} more are not shown' if left else ''}. Dashed: the cosine."
    )
    figure = new_figure(width, down * PANEL_HEIGHT + SCORES_HEIGHT, look, note=look.full_note(note, 1))
    rows = figure.add_gridspec(2, 1, height_ratios=[down * PANEL_HEIGHT, SCORES_HEIGHT])
    above, below = (figure.add_subfigure(rows[index]) for index in range(2))
    _draw_waves(above, found, shown, (down, across))
    _draw_scores(below, found, shown)
    return figure


def _draw_waves(figure: SubFigure, found: Contributions, shown: int, grid: tuple[int, int]) -> None:
    panels = figure.subplots(*grid, sharex=True, sharey=True, squeeze=False)
    tokens = found.by_offset.shape[1]
    offsets = np.arange(tokens) - tokens // 2
    for index, panel in enumerate(panels.ravel()):
        if index >= shown:
            panel.set_visible(False)
            continue
        key, values = found.frequencies[index], found.by_offset[index][offsets % tokens]
        wave = np.cos(2 * np.pi * key * offsets / tokens)
        panel.plot(offsets, values, color=PHASE_COLORS["grok"], lw=0.9)
        panel.plot(offsets, wave * (values @ wave) / (wave @ wave), color=TEST_COLOR, lw=0.7, ls=DASHED)
        panel.axhline(0, color="black", lw=0.4)
        panel.set_title(f"k = {key}: {counted(int(found.units[index]), 'unit')}")
        panel.tick_params(labelbottom=index + grid[1] >= shown)
        if index + grid[1] >= shown:
            panel.set_xlabel("output minus a + b")
        if index % grid[1] == 0:
            panel.set_ylabel("logit")


def _draw_scores(figure: SubFigure, found: Contributions, shown: int) -> None:
    accuracy, loss = figure.subplots(1, 2)
    names = ["all", *(f"not {key}" for key in found.frequencies[:shown])]
    _draw_bars(accuracy, names, np.array([found.accuracy, *found.accuracy_without[:shown]]))
    accuracy.set(ylabel="accuracy, all pairs", ylim=(0, 1.05))
    losses = np.array([found.loss, *found.loss_without[:shown]])
    _draw_bars(loss, names, losses)
    log_axis(loss, "y", float(losses.min()) / 2, float(losses.max()))
    loss.set_ylabel("loss (nats), all pairs")
    for panel in (accuracy, loss):
        panel.set_xlabel("frequencies")


def _draw_bars(panel: Axes, names: list[str], values: np.ndarray) -> None:
    colors = [GREY, *[PHASE_COLORS["grok"]] * (len(names) - 1)]
    panel.bar(range(len(names)), values, width=0.7, color=colors)
    panel.set_xticks(range(len(names)), names, rotation=30 if len(names) > 5 else 0)
