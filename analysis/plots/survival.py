"""Survival curves: the share of fitted runs that have not grokked yet, group by group, with the runs at risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, LINES, SINGLE, SMALL, styled
from grokjax.analysis.plots.layout.text import counted, number_text, told_missing, value_texts
from grokjax.analysis.plots.layout.ticks import step_axis
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.delays import LogRank

TABLE_LINE = 0.15  # inches
MOST_BANDS = 3  # of more, none could be told from another


@styled
def plot_survival(
    curves: pd.DataFrame,
    *,
    by: Sequence[str],
    runs: int,
    test: LogRank | None = None,
    missing: int = 0,
    title: str | None = None,
    width: float = SINGLE,
) -> Figure:
    """The Kaplan-Meier estimate of each group: the share of its fitted runs that have not grokked so long after they fitted.

    Bands are the intervals, of three groups at most; ticks on the lines are runs that ended before they grokked; below stand the
    runs still at risk.

    Args:
      curves: from `delays.survival_curves`.
      by: the hyperparameters that make the groups, as there.
      runs: how many runs there are, fitted or not.
      test: from `delays.log_rank`, told in the note.
      missing: how many planned runs are not there.
      title: above the figure.
      width: in inches.

    Raises:
      AnalysisError: more groups than can be told apart.
    """
    groups = _groups(curves, by)
    if len(groups) > len(LINES):
        raise AnalysisError(
            f"{' x '.join(by)} makes {len(groups)} groups, and {len(LINES)} can be told apart; choose some with --where"
        )
    names = [", ".join(f"{name} = {value}" for name, value in zip(by, key, strict=True)) or "all runs" for key, _ in groups]
    grokked, censored = int(curves["grokked"].sum()), int(curves["censored"].sum())
    banded = len(groups) <= MOST_BANDS
    told = "" if test is None else f" Log-rank test of equal delays: p = {number_text(test.p, 2)}."
    told += "" if banded else " Intervals left out."
    note = (
        f"{counted(runs, 'run')}, {grokked + censored:,} fitted: {grokked:,} grokked, {censored:,} censored (ticks).{told} "
        f"{told_missing(missing, runs)}"
    )
    handles = [
        Line2D([], [], color=color, ls=style, lw=1.1, label=name) for (color, style), name in zip(LINES, names, strict=False)
    ]
    table = TABLE_LINE * len(groups)
    height = 1.7 if width < DOUBLE else 2.4
    figure = new_figure(width, height + table + 0.6, title=title, legend=handles, note=note.strip())
    panel, below = figure.subplots(2, 1, sharex=True, height_ratios=[height, table])
    for (_, group), (color, style) in zip(groups, LINES, strict=False):
        _draw_survival(panel, group, color, style, banded)
    end = float(curves["delay"].max()) or 1.0
    panel.set(xlim=(0, 1.02 * end), ylim=(-0.03, 1.03), ylabel="share not grokked yet")
    step_axis(panel, inches=width - 1, label=False)
    _draw_at_risk(below, groups, [tick for tick in panel.get_xticks() if 0 <= tick <= end])
    below.set_xlabel("steps since the train metric got there")
    return figure


def _groups(curves: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """The values of each group, as they read, and its rows."""
    if not by:
        return [((), curves)]
    texts = {name: dict(zip(values := sorted(curves[name].unique()), value_texts(values), strict=True)) for name in by}
    found = curves.groupby(list(by), observed=True, sort=True)
    return [(tuple(texts[name][value] for name, value in zip(by, key, strict=True)), group) for key, group in found]


def _draw_survival(panel: Axes, group: pd.DataFrame, color: str, style: Any, banded: bool) -> None:
    """A line down from one at delay zero, flat between the delays at which a run grokked."""
    columns = [np.concatenate([[start], group[name].to_numpy(float)]) for name, start in (("delay", 0), ("survival", 1))]
    panel.plot(*columns, drawstyle="steps-post", color=color, ls=style, lw=1.1)
    low, high = (np.concatenate([[1], group[name].to_numpy(float)]) for name in ("low", "high"))
    if banded:
        panel.fill_between(columns[0], low, high, step="post", color=color, alpha=0.15, lw=0)
    ends = group[group["censored"] > 0]
    panel.plot(ends["delay"], ends["survival"], ls="", marker="|", ms=4.5, mew=0.8, color=color)


def _draw_at_risk(panel: Axes, groups: Sequence[tuple[tuple[str, ...], pd.DataFrame]], at: Sequence[float]) -> None:
    """How many runs of each group are at risk just before each of some delays."""
    for line, (_, group) in enumerate(groups):
        for tick in at:
            later = group[group["delay"] >= tick]
            count = int(later["at_risk"].iloc[0]) if len(later) else 0
            panel.text(tick, line, f"{count:,}", ha="center", va="center_baseline", fontsize=SMALL)
    panel.set_ylim(len(groups) - 0.5, -0.5)
    panel.set_yticks(range(len(groups)), [", ".join(key) or "runs" for key, _ in groups])
    panel.set_title("runs at risk", fontsize=SMALL, loc="left", pad=2)
    panel.spines[:].set_visible(False)
    panel.tick_params(left=False, bottom=False, pad=9)  # clear of the first numbers
