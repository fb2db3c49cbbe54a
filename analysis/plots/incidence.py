"""Cumulative incidence: the share of all runs that have grokked, generalized or diverged, by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, check_one_panel, label_sides, new_figure
from grokjax.analysis.plots.layout.panels import Panels
from grokjax.analysis.plots.layout.style import DASHED, DOUBLE, SINGLE
from grokjax.analysis.plots.layout.text import counted, group_rows, group_texts
from grokjax.analysis.plots.layout.ticks import step_axis
from grokjax.analysis.statistics.delays import Crossings, crossing_text
from grokjax.analysis.statistics.incidence import OUTCOMES

# Inches: the least width of a panel beside others, the least and the greatest height, the width of labels at the left.
PANEL_WIDTH, LOWEST, HIGHEST, BESIDE = 1.0, 0.55, 1.35, 0.5
ASPECT = 0.85  # height of a panel over its width
STYLES = dict(zip(OUTCOMES, ("-", DASHED, ":"), strict=True))


@styled
def plot_incidence(
    incidence: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    crossings: Crossings | None = None,
    delay: float | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the share of all runs of each group that have grokked, generalized or diverged by each step, with intervals.

    Outcomes that no run has are left out.

    Args:
      incidence: from `cumulative_incidence`.
      by: the hyperparameters that make panels, as given to `cumulative_incidence`.
      crossings: as given to `run_outcomes`, which the note names.
      delay: as given to `run_outcomes`, which the note names too.
      settings: common to all figures; see below.

    Raises:
      AnalysisError: more panels than fit.
    """
    look, groups = Look(**settings), group_rows(incidence, by)
    check_one_panel(ax := look.ax, len(groups), f"choose the runs of one {' x '.join(by)}")
    width = look.width or (SINGLE if len(groups) <= 3 else DOUBLE)
    placed = Panels.arranged(group_texts(incidence, by), by, look, width - BESIDE, PANEL_WIDTH)
    height = min(max(ASPECT * placed.width, LOWEST), HIGHEST)
    runs = sum(int(rows["at_risk"].max()) for rows in groups)
    present = [name for name in OUTCOMES if incidence.loc[incidence["outcome"] == name, "events"].any()]
    figure = new_figure(
        width, placed.down * (height + 0.08) + placed.titles_height + 0.5, placed.headed(look),
        note=look.full_note(_note(runs, crossings, delay), runs),
        legend=[Line2D([], [], color=PHASE_COLORS[name], ls=STYLES[name], lw=1.1, label=look.name(name)) for name in present],
    )  # fmt: skip
    axes = placed.axes(figure, look)
    end = float(incidence["step"].max()) or 1.0
    for panel, rows in zip(axes, groups, strict=True):
        for name in present:
            _draw(panel, rows[rows["outcome"] == name], name, end)
        panel.set(xlim=(0, 1.02 * end), ylim=(-0.03, 1.03))
        panel.locator_params(axis="y", nbins=4 if height > LOWEST else 2)
        step_axis(panel, inches=placed.width if ax is None else axes_size(ax)[0], label=False)
    label_sides(figure, axes, "step", "share of all runs")
    return figure


def _draw(panel: Axes, rows: pd.DataFrame, name: str, end: float) -> None:
    """Draws the steps of an outcome's incidence from step 0 to the last step of all groups, and its band."""
    step = np.concatenate([[0], rows["step"].to_numpy(float), [end]])
    share, low, high = (rows[column].to_numpy(float) for column in ("incidence", "low", "high"))
    color = PHASE_COLORS[name]
    panel.plot(step, np.concatenate([[0], share, share[-1:]]), drawstyle="steps-post", color=color, ls=STYLES[name], lw=1.1)
    if rows["events"].any():
        lower, upper = (np.concatenate([[np.nan], side, side[-1:]]) for side in (low, high))
        panel.fill_between(step, lower, upper, step="post", color=color, alpha=0.15, lw=0)


def _note(runs: int, crossings: Crossings | None, delay: float | None) -> str:
    meaning = ""
    if crossings and delay:
        train, test = crossing_text(crossings.train), crossing_text(crossings.test)
        meaning = f"generalize: test {test}; grok: at least {delay:,.0f} steps after train {train}. {crossings.kind_text}"
    return " ".join(filter(None, [f"{counted(runs, 'run')}.", meaning, "Bands: 95 % intervals."]))
