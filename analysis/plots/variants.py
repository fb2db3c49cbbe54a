"""Variants: a bar of the shares of the phases for each combination of some hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, PHASE_HATCHES
from grokjax.analysis.plots.layout.text import counted, ranged, value_texts
from grokjax.errors import AnalysisError

BAR, MOST_BARS = 0.2, 100  # inches from bar to bar


@styled
def plot_variants(table: pd.DataFrame, *, by: Sequence[str], **settings: Unpack[Settings]) -> Figure:
    """Draws a bar for each combination of hyperparameters: the shares of the phases, stacked, in the order of the table.

    Args:
      table: from `variant_shares`.
      by: the hyperparameters that it was made with.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: the table is empty or has more bars than can be read.
    """
    if not 0 < len(table) <= MOST_BARS:
        raise AnalysisError(
            f"{len(table)} combinations of {', '.join(by)}; this figure shows 1 to {MOST_BARS}, choose some with where"
        )
    look = Look(**settings)
    shown = [phase for phase in PHASES if (table[f"{phase}_share"] > 0).any()]
    legend = [
        Patch(fc=PHASE_COLORS[phase], hatch=PHASE_HATCHES[phase], ec="white", lw=0, label=look.name(phase)) for phase in shown
    ]
    note = f"{counted(int(table['runs'].sum()), 'run')}, {ranged(table['runs'], 'run')} a bar."
    figure = new_figure(
        look.width or DOUBLE, BAR * len(table) + 0.6, look, legend=legend, note=look.full_note(note, int(table["runs"].sum()))
    )
    panel = look.ax or figure.subplots()
    place, left = np.arange(len(table)), np.zeros(len(table))
    for phase in shown:
        share = table[f"{phase}_share"].to_numpy(dtype=float)
        panel.barh(place, share, 0.8, left=left, color=PHASE_COLORS[phase], hatch=PHASE_HATCHES[phase], ec="white", lw=0)
        left += share
    texts = [value_texts(table[name].tolist()) for name in by]
    panel.set_yticks(place, [" / ".join(row) for row in zip(*texts, strict=True)])
    panel.tick_params(axis="y", length=0)
    panel.set(xlim=(0, 1), ylim=(len(table) - 0.5, -0.5), xlabel="share of runs", ylabel=" / ".join(look.name(name) for name in by))
    return figure
