"""Frequencies: which frequencies the hidden units of several runs ended with, and how many units have each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, FAINT, PHASE_MARKERS, phase_mark
from grokjax.analysis.plots.layout.text import counted
from grokjax.errors import AnalysisError

ROW_HEIGHT, MOST_ROWS = 0.16, 100  # inches; runs
LARGEST = 60.0  # area of the mark of most units, in square points


@styled
def plot_frequencies(
    units: pd.DataFrame, labels: Sequence[str], phases: Sequence[str], *, highest: int, **settings: Unpack[Settings]
) -> Figure:
    """Draws the frequencies of the hidden units of several runs: a row for each run, a mark at each frequency.

    The area of a mark is the number of units with that frequency; colour and shape are the run's phase. Units without power are
    left out.

    Args:
      units: a row for each hidden unit of a run: `run`, the index of the run in `labels`, and its `frequency`, 0 without power.
      labels: of the runs, from the top.
      phases: of the runs.
      highest: frequency on the axis, modulus // 2.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: no run, or more than can be read.
    """
    if not 0 < len(labels) <= MOST_ROWS:
        raise AnalysisError(f"{len(labels)} runs; this figure shows 1 to {MOST_ROWS}, choose some with where")
    look = Look(**settings)
    counts = units[units["frequency"] > 0].groupby(["run", "frequency"]).size().reset_index(name="units")
    present = [phase for phase in PHASE_MARKERS if phase in set(phases)]
    most = int(counts["units"].max()) if len(counts) else 1
    largest = Line2D([], [], ls="", marker="o", color="black", markersize=LARGEST**0.5, label=counted(most, "unit"))
    figure = new_figure(
        look.width or DOUBLE, ROW_HEIGHT * len(labels) + 0.55, look,
        legend=[*(phase_mark(phase, look.name(phase)) for phase in present), largest],
        note=look.full_note(f"{counted(len(labels), 'run')}; the area of a mark is the number of hidden units.", len(labels)),
    )  # fmt: skip
    panel = look.ax or figure.subplots()
    for phase in present:
        part = counts[counts["run"].map(lambda run, phase=phase: phases[run] == phase)]
        panel.scatter(part["frequency"], part["run"], s=LARGEST * part["units"] / most, marker=PHASE_MARKERS[phase],
                      color=PHASE_COLORS[phase], lw=0)  # fmt: skip
    panel.set_yticks(np.arange(len(labels)), labels)
    panel.set(ylim=(len(labels) - 0.4, -0.6), xlim=(0, highest + 1), xlabel="frequency k")
    panel.grid(axis="y", color=FAINT, lw=0.5)
    panel.set_axisbelow(True)
    return figure
