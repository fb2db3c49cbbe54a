"""The importance of hyperparameters for a phase: a bar for the total effect of each, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import FAINT, SINGLE, darkened
from grokjax.analysis.plots.layout.text import counted

if TYPE_CHECKING:
    from grokjax.analysis.statistics.importance import Importance

BAR, THICKNESS = 0.24, 0.62  # inches from bar to bar, and how much of that is filled


@styled
def plot_importance(found: Importance, **settings: Unpack[Settings]) -> Figure:
    """Draws the total effect of each hyperparameter on whether a run has a phase, with its interval, and its effect alone.

    Args:
      found: from `importance`.
      settings: common to all figures; see below.
    """
    look, effects = Look(**settings), found.effects
    note = look.full_note(_note(found), found.runs + found.left_out)
    color = PHASE_COLORS[found.phase]
    alone = Line2D([], [], ls="", marker="D", ms=3, color="black", mfc="white", mew=0.7, label="effect alone")
    total = Patch(fc=color, alpha=0.6, lw=0, label=f"total effect, {100 * found.confidence:g} % interval")
    figure = new_figure(look.width or SINGLE, BAR * len(effects) + 0.55, look, legend=[total, alone], note=note)
    panel = figure.subplots() if look.ax is None else look.ax
    at = np.arange(len(effects))[::-1]
    ends = np.array([effects["total"] - effects["total_low"], effects["total_high"] - effects["total"]])
    panel.barh(at, effects["total"], THICKNESS, color=color, alpha=0.6, lw=0)
    panel.errorbar(effects["total"], at, xerr=ends, ls="", elinewidth=0.9, capsize=2, capthick=0.9, color=darkened(color, 0.55))
    panel.plot(effects["alone"], at, ls="", marker="D", ms=3, color="black", mfc="white", mew=0.7, zorder=4, label="alone")
    panel.axvline(0, color="black", lw=0.6)
    panel.grid(axis="x", color=FAINT, lw=0.5)
    panel.set_axisbelow(True)
    panel.set_yticks(at, [look.name(name) for name in effects["hyperparameter"]])
    panel.tick_params(axis="y", length=0)
    against = f" against {look.name(found.against)}" if found.against else ""
    panel.set_xlabel(f"part of the variance of the share of {look.name(found.phase)}{against}")
    return figure


def _note(found: Importance) -> str:
    middle, low, high = (f"{100 * each:.0f} %" for each in found.explained)
    return (
        f"{counted(found.runs, 'run')} at {counted(found.points, 'point')}. The hyperparameters predict {middle} ({low} to {high}) "
        f"of the variance of the labels at new points. Totals may sum to more than 1 where hyperparameters interact."
        + (f" {found.left_out:,} of other phases, diverged or undecided, left out." if found.left_out else "")
    )
