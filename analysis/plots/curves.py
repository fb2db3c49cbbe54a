"""Curves: metrics over steps, a block of panels for each run, with the run's events marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.events import EVENTS
from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, GREY, LINES, SINGLE, darkened
from grokjax.analysis.plots.layout.text import counted, font_size, text_width
from grokjax.analysis.plots.layout.ticks import log_axis, step_axis
from grokjax.analysis.tables.load import scalar_metrics
from grokjax.errors import AnalysisError, nearest
from grokjax.metrics import Metric, is_logarithmic

# Inches: the first panel of a run, the panels below it, the least width of a panel.
FIRST, FURTHER, LEAST = 1.0, 0.66, 0.9
Block = np.ndarray[Any, Any]  # of the panels of one run
EVENT_MARKERS = dict(zip(EVENTS, ("v", "^", "s", "X", "P", "d", "*"), strict=True))


@dataclass(frozen=True)
class Quantity:
    """Metrics that share a panel because they have one unit and one scale."""

    label: str
    logarithmic: bool
    metrics: tuple[str, ...]


@styled
def plot_curves(
    curves: pd.DataFrame,
    panels: Mapping[str, str],
    *,
    metrics: Sequence[str],
    phases: Mapping[str, str],
    events: pd.DataFrame | None = None,
    **settings: Unpack[Settings],
) -> Figure:
    """Draws metrics over steps, a block of panels for each run: losses and norms on a log scale, all others on a linear one.

    Args:
      curves: from `load_curves`, with the metrics.
      panels: the runs to draw, as a mapping from run_id to the title of its panels.
      metrics: metrics of one unit share a panel, at most six in each; the panels of a run are stacked.
      phases: run_id -> phase, shown beside the run's title.
      events: from `events.events`; marked at their steps.
      settings: common to all figures; see below. An `ax` takes one run and metrics of one unit.

    Raises:
      AnalysisError: no such metric, or more than can be distinguished.
    """
    look, quantities = Look(**settings), quantities_of(metrics, scalar_metrics(curves))
    ax = look.ax
    check_one_panel(ax, len(panels) * len(quantities), "choose one run and metrics of one unit")
    width = axes_size(ax)[0] + 0.4 if ax is not None else look.width or (SINGLE if len(panels) <= 2 else DOUBLE)
    across, lines = _across(len(panels), width), line_styles(metrics)
    events = curves.iloc[:0].assign(event="") if events is None else events
    markers = {event: marker for event, marker in EVENT_MARKERS.items() if (events["event"] == event).any()}
    titles = {run_id: f"{label}: {look.name(phases[run_id])}" for run_id, label in panels.items()}
    heights, down = [FIRST] + [FURTHER] * (len(quantities) - 1), math.ceil(len(panels) / across)
    body = down * (sum(heights) + 0.08 * len(quantities) + 0.22) + 0.34
    headed = look if ax is None else replace(look, title=look.heading(*titles.values()))
    note = look.full_note(_note(curves, len(panels)), len(panels))
    figure = new_figure(width, body, headed, legend=_legend(lines, markers, look), note=note)
    grid = _grid(figure, down, across, heights) if ax is None else np.array([[ax]])
    limits = [_limits(curves, quantity) for quantity in quantities]
    size = _title_size(titles.values(), width / across - 0.4)
    for index, (run_id, block) in enumerate(zip(panels, _blocks(grid, len(quantities)), strict=False)):
        _draw_block(block, curves[curves["run_id"] == run_id], quantities, limits, lines)
        _label_block(block, quantities, width / across - 0.4, first=index % across == 0, lowest=index + across >= len(panels))
        _mark_events(block, events[events["run_id"] == run_id], markers)
        if ax is None:
            color = darkened(PHASE_COLORS[phases[run_id]])
            block[0].set_title(titles[run_id], color=color, fontweight="bold", fontsize=size)
    figure.align_ylabels(grid[:, 0])
    return figure


def _blocks(grid: Block, height: int) -> list[Block]:
    """Splits a grid of panels into blocks of `height` panels in one column, row by row."""
    return [column for rows in np.split(grid, len(grid) // height) for column in rows.T]


def _label_block(block: Block, quantities: Sequence[Quantity], inches: float, *, first: bool, lowest: bool) -> None:
    """Labels a run's panels, which are `inches` wide: steps only in the lowest blocks, quantities only in the leftmost."""
    for panel, quantity in zip(block, quantities, strict=True):
        labelled = lowest and quantity == quantities[-1]
        step_axis(panel, inches=inches, label=labelled)
        panel.tick_params(labelbottom=labelled, labelleft=first)
        panel.set_ylabel(quantity.label if first else "")


def _title_size(titles: Iterable[str], inches: float) -> float:
    """The font size of all titles: the usual one, or a smaller one if the widest is wider than a panel of so many inches."""
    size = font_size("axes.titlesize")
    bold = 1.15 * max(text_width(title, size) for title in titles)
    return max(min(size, size * inches / bold), 5.0)


def _note(curves: pd.DataFrame, runs: int) -> str:
    last = int(curves["step"].max()) if len(curves) else 0
    return f"{counted(runs, 'run')}, logged up to step {last:,}."


def _grid(figure: Figure, down: int, across: int, heights: Sequence[float]) -> np.ndarray[Any, Any]:
    """A grid of hidden panels with `down` rows of blocks; `heights` are those of the panels in a block."""
    grid: np.ndarray[Any, Any] = figure.subplots(
        down * len(heights), across, squeeze=False, sharex=True, height_ratios=list(heights) * down
    )
    for panel in grid.ravel():
        panel.set_visible(False)  # until a run is drawn in it
    return grid


def quantities_of(metrics: Sequence[str], known: Mapping[str, Metric]) -> list[Quantity]:
    """The metrics grouped by unit and scale, in the order given. A group shares a panel. Raises AnalysisError if not in `known`."""
    together: dict[tuple[str, bool], list[str]] = {}
    for metric in metrics:
        if metric not in known:
            raise AnalysisError(f"there is no metric {metric} to draw; there are {', '.join(known)}{nearest(metric, known)}")
        together.setdefault((known[metric].unit, is_logarithmic(metric)), []).append(metric)
    for names in together.values():
        if len({line_styles(metrics)[name] for name in names}) < len(names):
            raise AnalysisError(f"{', '.join(names)} cannot be told apart in one panel; choose at most {len(LINES) - 2} of a unit")
    return [Quantity(quantity_label(names, unit), logarithmic, tuple(names)) for (unit, logarithmic), names in together.items()]


def quantity_label(metrics: Sequence[str], unit: str) -> str:
    """The y label: the metric's name, or the common ending of several names, and the unit."""
    words = [metric.split("_") for metric in metrics]
    common: list[str] = []
    for ends in zip(*(reversed(each) for each in words), strict=False):
        if len(set(ends)) > 1:
            break
        common.insert(0, ends[0])
    name = " ".join(common)
    return f"{name}\n({unit})".strip() if unit not in ("1", "") else name


def _across(count: int, width: float) -> int:
    """The number of runs side by side: about as many as there are rows, limited by the width."""
    fitting = max(1, int((width - 0.45) / LEAST))
    across = min(fitting, math.ceil(math.sqrt(count)))
    return math.ceil(count / math.ceil(count / across))


def _limits(curves: pd.DataFrame, quantity: Quantity) -> tuple[float, float]:
    """The least and the greatest value that the axis can show."""
    values = curves[list(quantity.metrics)].to_numpy(dtype=float, na_value=np.nan)
    values = values[np.isfinite(values) & ((values > 0) | (not quantity.logarithmic))]
    if not len(values):
        return (1e-1, 1.0) if quantity.logarithmic else (0.0, 1.0)
    return float(values.min()), float(values.max())


def _draw_block(
    block: Block,
    curve: pd.DataFrame,
    quantities: Sequence[Quantity],
    limits: Sequence[tuple[float, float]],
    lines: Mapping[str, Any],
) -> None:
    """Draws the metrics of one run, a panel for each quantity, on the scale that all runs share."""
    step = curve["step"].to_numpy()
    for panel, quantity, ends in zip(block, quantities, limits, strict=True):
        panel.set_visible(True)
        for metric in quantity.metrics:
            color, style = lines[metric]
            values = curve[metric].to_numpy(dtype=float, na_value=np.nan)
            single = len(step) == 1  # a line of one point would be invisible
            panel.plot(step, values, color=color, lw=1, ls=style, label=metric, marker="o" if single else None, ms=2.5)
        scale_quantity(panel, quantity, *ends)


def scale_quantity(panel: Axes, quantity: Quantity, low: float, high: float) -> None:
    """Scales a panel's y axis to values from `low` to `high`: a log scale for losses and norms, 0 to 1 for shares."""
    if quantity.logarithmic:
        log_axis(panel, "y", low, high)
        return
    low, high = (min(low, 0), max(high, 1)) if quantity.label.endswith("(share)") else (low, high)
    margin = 0.06 * (high - low) or 0.5
    panel.set_ylim(low - margin, high + margin)
    panel.locator_params(axis="y", nbins=4)


def _mark_events(block: Block, events: pd.DataFrame, markers: Mapping[str, str]) -> None:
    """Draws a vertical line through all panels of a run at each event, with the event's marker at the top."""
    for event, step in zip(events["event"], events["step"], strict=True):
        for panel in block:
            panel.axvline(step, color=GREY, lw=0.5, ls=":", zorder=0)
        top = block[0]
        place = top.get_xaxis_transform()
        top.plot(step, 0.97, transform=place, ls="", marker=markers[event], ms=3, mew=0, color="black", label=event)


def line_styles(metrics: Sequence[str]) -> dict[str, Any]:
    """Colour and dashes of each metric: one for train metrics, one for test metrics, a different one for each other metric."""
    others = [metric for metric in metrics if not metric.startswith(("train_", "test_"))]
    begin = 0 if len(others) == len(metrics) else 2
    places = {metric: (begin + index) % len(LINES) for index, metric in enumerate(others)}
    return {metric: LINES[places.get(metric, 0 if metric.startswith("train_") else 1)] for metric in metrics}


def _legend(lines: Mapping[str, Any], markers: Mapping[str, str], look: Look) -> list[Line2D]:
    alike: dict[Any, list[str]] = {}
    for metric, line in lines.items():
        alike.setdefault(line, []).append(look.name(metric))
    drawn = [Line2D([], [], color=color, lw=1, ls=style, label=", ".join(names)) for (color, style), names in alike.items()]
    marks = [
        Line2D([], [], ls="", marker=marker, ms=3, mew=0, color="black", label=look.name(name)) for name, marker in markers.items()
    ]
    return [*drawn, *marks]
