"""Survival curves: the share of fitted runs that have not generalized yet, by group, with the runs at risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, check_one_panel, figure_of, label_sides, new_figure
from grokjax.analysis.plots.layout.panels import Panels
from grokjax.analysis.plots.layout.style import DOUBLE, LINES, SINGLE
from grokjax.analysis.plots.layout.text import POINTS, counted, font_size, group_rows, group_texts
from grokjax.analysis.plots.layout.ticks import step_axis
from grokjax.analysis.statistics.delays import Crossings, crossing_text
from grokjax.errors import AnalysisError

if TYPE_CHECKING:
    from grokjax.analysis.statistics.logrank import LogRank

TABLE_LINE = 0.15  # inches
STROKE = 10  # points: the length of a line's sample in the table, and its distance from the first number
MOST_BANDS = 3  # bands of more groups could not be distinguished
# Inches: the least width of a panel beside others, its least height, the width of labels at the left.
PANEL_WIDTH, LOWEST, BESIDE = 1.3, 0.8, 0.6

Line = tuple[str, Any]  # colour and dashes


@styled
def plot_survival(
    curves: pd.DataFrame,
    *,
    by: Sequence[str],
    panels: Sequence[str] = (),
    runs: int,
    test: LogRank | None = None,
    crossings: Crossings | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws Kaplan-Meier curves: the share of each group's fitted runs that have not generalized, by steps since they fitted.

    Up to three groups have confidence bands. Ticks on the lines are runs that ended before they generalized (censored). With one
    panel, the table below counts the runs still at risk.

    Args:
      curves: from `survival_curves`, by `panels` and `by`.
      by: the hyperparameters that make the lines.
      panels: the hyperparameters that make panels, such as the strata of the test.
      runs: number of runs, fitted or not.
      test: from `log_rank`; its p value is in the note.
      crossings: as given to `grokking_delays`, which the axes and the note name.
      settings: common to all figures; see below. An `ax` gets no table.

    Raises:
      AnalysisError: more groups than can be distinguished, or more panels than fit.
    """
    keys = group_texts(curves, (*panels, *by))
    facets, lines = list(dict.fromkeys(key[: len(panels)] for key in keys)), _lines(keys, by)
    look = Look(**settings)
    check_one_panel(ax := look.ax, len(facets), f"choose the runs of one {' x '.join(panels)}")
    width = look.width or (SINGLE if len(facets) <= 2 else DOUBLE)
    banded, table = len(lines) <= MOST_BANDS, len(facets) == 1 and ax is None
    placed = Panels.arranged(facets, panels, look, width - BESIDE, PANEL_WIDTH)
    height = (1.7 if width < DOUBLE else 2.4) if len(facets) == 1 else min(max(1.1 * placed.width, LOWEST), 1.7)
    body = placed.down * (height + 0.08) + placed.titles_height + 0.5 + TABLE_LINE * (len(lines) + 1) * table
    note = look.full_note(_note(curves, runs, test, crossings, banded), runs)
    figure = new_figure(
        width,
        body,
        placed.headed(look),
        legend=[] if table else _legend(lines),
        legend_title=", ".join(map(look.name, by)),
        note=note,
    )
    axes = _with_table(figure, height, len(lines)) if table else placed.axes(figure, look)
    end = float(curves["delay"].max()) or 1.0
    groups = list(zip(keys, group_rows(curves, (*panels, *by)), strict=True))
    for facet, panel in zip(facets, axes, strict=False):
        for key, rows in groups:
            if key[: len(panels)] == facet:
                _draw_survival(panel, rows, lines[key[len(panels) :]], banded)
        panel.set(xlim=(0, 1.02 * end), ylim=(-0.03, 1.03))
        step_axis(panel, inches=placed.width if ax is None else axes_size(ax)[0], label=False)
    x, y = _labels(crossings)
    label_sides(figure, axes[: len(facets)], "" if table else x, y)
    if table:
        axes[0].set_title(_named(look, panels, facets[0]) if panels else "")
        axes[0].tick_params(labelbottom=False)
        axes[1].set_xlabel(x)
        _draw_at_risk(axes[1], look, curves, by, lines, [tick for tick in axes[0].get_xticks() if 0 <= tick <= end])
    return figure


def _with_table(figure: Figure, height: float, lines: int) -> list[Axes]:
    """A panel, so many inches high, with one for the table of so many lines below it."""
    return list(figure.subplots(2, 1, sharex=True, height_ratios=[height, TABLE_LINE * lines]))


def _lines(keys: Sequence[tuple[str, ...]], by: Sequence[str]) -> dict[tuple[str, ...], Line]:
    """The colour and the dashes of each group."""
    groups = sorted({key[len(key) - len(by) :] for key in keys}, key=[key[len(key) - len(by) :] for key in keys].index)
    if len(groups) > len(LINES):
        raise AnalysisError(
            f"{' x '.join(by)} makes {len(groups)} groups, and {len(LINES)} can be told apart; choose some with where"
        )
    return dict(zip(groups, LINES, strict=False))


def _named(look: Look, names: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(look.pair(name, value) for name, value in zip(names, values, strict=True)) or "all runs"


def _legend(lines: Mapping[tuple[str, ...], Line]) -> list[Line2D]:
    return [
        Line2D([], [], color=color, ls=style, lw=1.1, label=", ".join(key) or "all runs") for key, (color, style) in lines.items()
    ]


def _note(curves: pd.DataFrame, runs: int, test: LogRank | None, crossings: Crossings | None, banded: bool) -> str:
    generalized, censored = int(curves["generalized"].sum()), int(curves["censored"].sum())
    return " ".join(filter(None, [
        f"{counted(runs, 'run')}, {generalized + censored:,} fitted: {generalized:,} generalized, {censored:,} censored (ticks).",
        "" if test is None else f"{test.name}: {test.p_text}.",
        "" if banded else "Intervals left out.",
        "" if crossings is None else crossings.kind_text,
    ]))  # fmt: skip


def _labels(crossings: Crossings | None) -> tuple[str, str]:
    """The labels of the axes, which say what crossed what."""
    if crossings is None:
        return "steps after the train metric crossed its threshold", "share not generalized yet"
    return f"steps after train {crossing_text(crossings.train)}", f"share without\ntest {crossing_text(crossings.test)}"


def _draw_survival(panel: Axes, group: pd.DataFrame, line: Line, banded: bool) -> None:
    """Draws a group's curve: a step function that starts at one and falls at each delay after which a run generalized."""
    color, style = line
    columns = [np.concatenate([[start], group[name].to_numpy(float)]) for name, start in (("delay", 0), ("survival", 1))]
    panel.plot(*columns, drawstyle="steps-post", color=color, ls=style, lw=1.1)
    low, high = (np.concatenate([[np.nan], group[name].to_numpy(float)]) for name in ("low", "high"))
    if banded:
        panel.fill_between(columns[0], low, high, step="post", color=color, alpha=0.15, lw=0)
    ends = group[group["censored"] > 0]
    panel.plot(ends["delay"], ends["survival"], ls="", marker="|", ms=4.5, mew=0.8, color=color)


def _draw_at_risk(
    panel: Axes, look: Look, curves: pd.DataFrame, by: Sequence[str], lines: Mapping[tuple[str, ...], Line], at: Sequence[float]
) -> None:
    """Writes how many runs of each group are at risk just before the delays `at`, beside a stroke in the group's colour."""
    clear = ScaledTranslation(-STROKE / POINTS, 0, figure_of(panel).dpi_scale_trans)  # of the first numbers
    beside = panel.get_yaxis_transform() + clear
    stroke = STROKE / POINTS / 2 / (axes_size(panel)[0] or 1)
    for line, (group, (color, style)) in enumerate(zip(group_rows(curves, by), lines.values(), strict=True)):
        panel.plot([-stroke, 0], [line, line], color=color, ls=style, lw=1.4, transform=beside, clip_on=False)
        for tick in at:
            later = group[group["delay"] >= tick]
            count = int(later["at_risk"].iloc[0]) if len(later) else 0
            panel.text(tick, line, f"{count:,}", ha="center", va="center_baseline", fontsize=font_size("xtick.labelsize"))
    panel.set_ylim(len(lines) - 0.5, -0.5)
    panel.set_yticks(range(len(lines)), [", ".join(key) or "runs" for key in lines])
    heading = f"runs at risk{', by ' + ' and '.join(map(look.name, by)) if by else ''}"
    panel.set_title(heading, fontsize=font_size("xtick.labelsize"), loc="left", pad=2)
    panel.spines[:].set_visible(False)
    panel.tick_params(left=False, bottom=False)
    panel.tick_params(axis="y", pad=2.2 * STROKE)
