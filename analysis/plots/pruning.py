"""Pruning: how the last distracting weights of a network on sparse parity disappear as its test accuracy rises."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DASHED, GREY, SINGLE, TEST_COLOR, TRAIN_COLOR
from grokjax.analysis.plots.layout.text import counted
from grokjax.analysis.plots.layout.ticks import log_axis, step_axis
from grokjax.analysis.plots.weights import REST_COLOR, SIGNAL_COLOR
from grokjax.analysis.statistics.pruning import Pruning


@styled
def plot_pruning(found: Pruning, curve: pd.DataFrame, **settings: Unpack[Settings]) -> Figure:
    """Draws accuracies, the greatest contributions of signal and distracting inputs, and the number of units that use the latter.

    A vertical line marks the step from which no distracting contribution is at or above the threshold, if there is one.

    Args:
      found: from `pruning`.
      curve: the run's rows of `load_curves`, with train_accuracy and test_accuracy.
      settings: common to all figures; see below.
    """
    look = Look(**settings)
    width = look.width or SINGLE
    check_one_panel(look.ax, 3, "it has panels for accuracies, contributions and units")
    end = "is not pruned" if found.pruned is None else f"is pruned at step {found.pruned:,}"
    note = f"1 run. The last distracting weight {end}; {counted(found.units_left, 'hidden unit')} left at the end."
    legend = [
        Line2D([], [], color=TRAIN_COLOR, lw=1.2, label=look.name("train_accuracy")),
        Line2D([], [], color=TEST_COLOR, lw=1.2, ls=DASHED, label=look.name("test_accuracy")),
        Line2D([], [], color=SIGNAL_COLOR, lw=1, label="signal inputs"),
        Line2D([], [], color=REST_COLOR, lw=1, label="distracting inputs"),
        Line2D([], [], color=GREY, lw=0.7, ls=DASHED, label="threshold"),
    ]
    figure = new_figure(width, 3.3, look, note=look.full_note(note, 1), legend=legend)
    accuracy, sizes, units = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1.3, 0.8])
    for name, color, style in (("train_accuracy", TRAIN_COLOR, "-"), ("test_accuracy", TEST_COLOR, DASHED)):
        accuracy.plot(curve["step"].to_numpy(), curve[name].to_numpy(dtype=float, na_value=np.nan), color=color, lw=1.2, ls=style)
    accuracy.set_ylabel("accuracy")
    greatest = [parts.max(axis=(1, 2)) for parts in (found.signal, found.distracting)]
    for values, color in zip(greatest, (SIGNAL_COLOR, REST_COLOR), strict=True):
        sizes.plot(found.step, values, color=color, lw=1)
    positive = np.concatenate(greatest)[np.concatenate(greatest) > 0]
    log_axis(sizes, "y", *((float(positive.min()), float(positive.max())) if len(positive) else (0.1, 1.0)))
    sizes.axhline(found.threshold, color=GREY, lw=0.7, ls=DASHED)
    sizes.set_ylabel("greatest weight")
    units.plot(
        found.step, (found.distracting >= found.threshold).any(axis=2).sum(axis=1), color=REST_COLOR, lw=1, drawstyle="steps-post"
    )
    units.set_ylabel("units using\nthem")
    units.set_ylim(bottom=0)
    if found.pruned is not None:
        for panel in (accuracy, sizes, units):
            panel.axvline(found.pruned, color="black", lw=0.5)
    step_axis(units, inches=width - 0.5)
    figure.align_ylabels([accuracy, sizes, units])
    return figure
