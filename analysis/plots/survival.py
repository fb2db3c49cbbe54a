"""Survival curves: the share of fitted runs that have not grokked yet, by group, with the runs at risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, LINES, SINGLE
from grokjax.analysis.plots.layout.text import counted, font_size, number_text, value_texts
from grokjax.analysis.plots.layout.ticks import step_axis
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.delays import LogRank

TABLE_LINE = 0.15  # inches
MOST_BANDS = 3  # bands of more groups could not be distinguished

Group = tuple[tuple[str, ...], pd.DataFrame]


@styled
def plot_survival(
    curves: pd.DataFrame,
    *,
    by: Sequence[str],
    runs: int,
    test: LogRank | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws Kaplan-Meier curves: the share of each group's fitted runs that have not grokked, by steps since they fitted.

    Up to three groups have confidence bands. Ticks on the lines are runs that ended before they grokked (censored). The table below
    counts the runs still at risk.

    Args:
      curves: from `survival_curves`.
      by: the hyperparameters that make the groups, as given to `survival_curves`.
      runs: number of runs, fitted or not.
      test: from `log_rank`; its p value is in the note.
      settings: common to all figures; see below. An `ax` gets no table.

    Raises:
      AnalysisError: more groups than can be distinguished.
    """
    groups = _groups(curves, by)
    if len(groups) > len(LINES):
        raise AnalysisError(
            f"{' x '.join(by)} makes {len(groups)} groups, and {len(LINES)} can be told apart; choose some with --where"
        )
    look, banded = Look(**settings), len(groups) <= MOST_BANDS
    width, ax = look.width or SINGLE, look.ax
    height, table = (1.7 if width < DOUBLE else 2.4), TABLE_LINE * len(groups)
    note = look.full_note(_note(curves, runs, test, banded), runs)
    figure = new_figure(width, height + table + 0.6, look, legend=_legend(look, by, groups), note=note)
    panel, below = (ax, None) if ax is not None else figure.subplots(2, 1, sharex=True, height_ratios=[height, table])
    for (_, group), (color, style) in zip(groups, LINES, strict=False):
        _draw_survival(panel, group, color, style, banded)
    end = float(curves["delay"].max()) or 1.0
    panel.set(xlim=(0, 1.02 * end), ylim=(-0.03, 1.03), ylabel="share not grokked yet")
    step_axis(panel, inches=width - 1 if ax is None else axes_size(ax)[0], label=False)
    if below is not None:
        _draw_at_risk(below, groups, [tick for tick in panel.get_xticks() if 0 <= tick <= end])
    (below or panel).set_xlabel("steps after the train metric crossed its threshold")
    return figure


def _legend(look: Look, by: Sequence[str], groups: Sequence[Group]) -> list[Line2D]:
    names = [", ".join(look.pair(name, value) for name, value in zip(by, key, strict=True)) or "all runs" for key, _ in groups]
    return [Line2D([], [], color=color, ls=style, lw=1.1, label=name) for (color, style), name in zip(LINES, names, strict=False)]


def _note(curves: pd.DataFrame, runs: int, test: LogRank | None, banded: bool) -> str:
    grokked, censored = int(curves["grokked"].sum()), int(curves["censored"].sum())
    return " ".join(filter(None, [
        f"{counted(runs, 'run')}, {grokked + censored:,} fitted: {grokked:,} grokked, {censored:,} censored (ticks).",
        "" if test is None else f"Log-rank test of equal delays: p = {number_text(test.p, 2)}.",
        "" if banded else "Intervals left out.",
    ]))  # fmt: skip


def _groups(curves: pd.DataFrame, by: Sequence[str]) -> list[Group]:
    """The values that define each group, as text, with the group's rows."""
    if not by:
        return [((), curves)]
    texts = {name: dict(zip(values := sorted(curves[name].unique()), value_texts(values), strict=True)) for name in by}
    found = curves.groupby(list(by), observed=True, sort=True)
    return [(tuple(texts[name][value] for name, value in zip(by, key, strict=True)), group) for key, group in found]


def _draw_survival(panel: Axes, group: pd.DataFrame, color: str, style: Any, banded: bool) -> None:
    """Draws a group's curve: a step function that starts at one and falls at each delay after which a run grokked."""
    columns = [np.concatenate([[start], group[name].to_numpy(float)]) for name, start in (("delay", 0), ("survival", 1))]
    panel.plot(*columns, drawstyle="steps-post", color=color, ls=style, lw=1.1)
    low, high = (np.concatenate([[1], group[name].to_numpy(float)]) for name in ("low", "high"))
    if banded:
        panel.fill_between(columns[0], low, high, step="post", color=color, alpha=0.15, lw=0)
    ends = group[group["censored"] > 0]
    panel.plot(ends["delay"], ends["survival"], ls="", marker="|", ms=4.5, mew=0.8, color=color)


def _draw_at_risk(panel: Axes, groups: Sequence[Group], at: Sequence[float]) -> None:
    """Writes how many runs of each group are at risk just before the delays `at`."""
    for line, (_, group) in enumerate(groups):
        for tick in at:
            later = group[group["delay"] >= tick]
            count = int(later["at_risk"].iloc[0]) if len(later) else 0
            panel.text(tick, line, f"{count:,}", ha="center", va="center_baseline", fontsize=font_size("xtick.labelsize"))
    panel.set_ylim(len(groups) - 0.5, -0.5)
    panel.set_yticks(range(len(groups)), [", ".join(key) or "runs" for key, _ in groups])
    panel.set_title("runs at risk", fontsize=font_size("xtick.labelsize"), loc="left", pad=2)
    panel.spines[:].set_visible(False)
    panel.tick_params(left=False, bottom=False, pad=9)  # clear of the first numbers
