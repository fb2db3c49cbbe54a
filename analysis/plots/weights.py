"""The weights of a run during training: the trajectory of every weight, and a matrix at some of the steps."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DASHED, DIVERGING, DOUBLE, SINGLE, TEST_COLOR, TRAIN_COLOR
from grokjax.analysis.plots.layout.text import counted
from grokjax.analysis.plots.layout.ticks import log_axis, step_axis
from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError

MOST_LINES = 60  # trajectories; more are drawn as quantiles
BANDS = ((0.05, 0.95), (0.25, 0.75))  # of the weights at a step
SHOWN = 4  # heat maps
SIGNAL_COLOR, REST_COLOR = "#882255", "#707070"  # neither is the colour of a loss


@styled
def plot_weights(weights: Weights, matrix: str, curve: pd.DataFrame, *, signal: int, **settings: Unpack[Settings]) -> Figure:
    """Draws a weight matrix during training: the losses, the trajectories of its weights, and the matrix at four steps.

    More than 60 trajectories are drawn as their median with bands that hold half and 90 % of the weights at each step.

    Args:
      weights: from `load_weights`.
      matrix: the name of the matrix.
      curve: the run's rows of `load_curves`, with train_loss and test_loss.
      signal: the number of leading input columns that the label depends on; drawn in another colour.
      settings: common to all figures; see below. Heat maps are side by side at the width of two paper columns, else two by two.

    Raises:
      AnalysisError: no such matrix.
    """
    if matrix not in weights.arrays or weights.arrays[matrix].ndim != 3:
        matrices = ", ".join(sorted(name for name, array in weights.arrays.items() if array.ndim == 3))
        raise AnalysisError(f"the run has no stored matrix {matrix}; it has {matrices}")
    look = Look(**settings)
    width = look.width or DOUBLE
    values = weights.arrays[matrix]  # [K, rows, columns]
    shown = np.unique(np.linspace(0, len(values) - 1, SHOWN).round().astype(int))
    check_one_panel(look.ax, 2 + len(shown), "it has panels for losses, trajectories and steps")
    across = len(shown) if width > (SINGLE + DOUBLE) / 2 else min(2, len(shown))
    down = -(-len(shown) // across)
    lines_height, map_height = 2.7, 1.35
    many = max(values[0, :, signal:].size, values[0, :, :signal].size) > MOST_LINES
    note = f"1 run; {counted(values[0].size, 'weight')} at {counted(len(values), 'step')}, {len(shown)} of them as pictures." + (
        " Bands: half and 90 % of the weights at a step, around their median." if many else ""
    )
    figure = new_figure(width, lines_height + down * map_height, look, note=look.full_note(note, 1), legend=_legend(signal, look))
    rows = figure.add_gridspec(2, 1, height_ratios=[lines_height, down * map_height])
    lines, maps = (figure.add_subfigure(rows[index]) for index in range(2))
    above, below = lines.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
    _draw_losses(above, curve)
    _draw_trajectories(below, weights.step, values, signal)
    step_axis(below, inches=width - 0.5)
    _draw_matrices(maps, values[shown], weights.step[shown], _meaning(matrix), across)
    return figure


def _draw_losses(panel: Axes, curve: pd.DataFrame) -> None:
    losses = []
    for name, color, style in (("train_loss", TRAIN_COLOR, "-"), ("test_loss", TEST_COLOR, DASHED)):
        losses.append(curve[name].to_numpy(dtype=float, na_value=np.nan))
        panel.plot(curve["step"].to_numpy(), losses[-1], color=color, lw=1.2, ls=style, label=name)
    known = np.concatenate(losses)
    known = known[np.isfinite(known) & (known > 0)]
    log_axis(panel, "y", *((float(known.min()), float(known.max())) if len(known) else (0.1, 1.0)))
    panel.set_ylabel("loss (nats)")


def _draw_trajectories(panel: Axes, step: np.ndarray, values: np.ndarray, signal: int) -> None:
    """Draws the weights [K, H, D] over K steps: those of the first `signal` columns in front of the others."""
    for part, color in ((slice(signal, None), REST_COLOR), (slice(signal), SIGNAL_COLOR)):
        paths = values[:, :, part].reshape(len(values), -1)  # [K, weights]
        if paths.shape[1] <= MOST_LINES:
            panel.plot(step, paths, color=color, lw=0.7, alpha=0.8, rasterized=True)
            continue
        for ends in BANDS:
            panel.fill_between(step, *np.quantile(paths, ends, axis=1), color=color, alpha=0.25, lw=0, label="band")
        panel.plot(step, np.median(paths, axis=1), color=color, lw=1, label="median")
    panel.axhline(0, color="black", lw=0.4)
    panel.set_ylabel("weight")


def _legend(signal: int, look: Look) -> list[Line2D]:
    losses = [
        Line2D([], [], color=TRAIN_COLOR, lw=1.2, label=look.name("train_loss")),
        Line2D([], [], color=TEST_COLOR, lw=1.2, ls=DASHED, label=look.name("test_loss")),
    ]
    paths = [
        Line2D([], [], color=SIGNAL_COLOR, lw=0.8, label="weights on signal inputs"),
        Line2D([], [], color=REST_COLOR, lw=0.8, label="all others"),
    ]
    return losses + paths * bool(signal)


def _meaning(matrix: str) -> tuple[str, str]:
    """The meaning of the rows and of the columns of a weight matrix, from its name."""
    if matrix.startswith("hidden"):
        return "hidden unit", "input"
    return ("token", "dimension") if matrix.startswith("embedding") else ("row", "column")


def _draw_matrices(figure: SubFigure, values: np.ndarray, step: np.ndarray, axes: tuple[str, str], across: int) -> None:
    """Draws heat maps of matrices [K, rows, columns] on one scale, red below zero and blue above."""
    limit = float(np.abs(values).max()) or 1.0
    panels = figure.subplots(-(-len(values) // across), across, sharex=True, sharey=True, squeeze=False)
    for panel, matrix, at in zip(panels.ravel(), values, step, strict=False):
        image = panel.imshow(matrix, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        panel.set(title=f"step {at:,}", xlabel=axes[1])
        panel.label_outer()
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator(4, integer=True))
    for panel in panels.ravel()[len(values) :]:
        panel.set_visible(False)
    for panel in panels[:, 0]:
        panel.set_ylabel(axes[0])
    figure.colorbar(image, ax=list(panels.ravel()), shrink=0.9, aspect=25, label="weight").outline.set_linewidth(0.4)
