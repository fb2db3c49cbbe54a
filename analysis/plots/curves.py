"""Curves: metrics over steps, a block of panels a run, with the run's events marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.events import EVENTS
from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, GREY, LINES, SINGLE, SMALL, TEXT, darkened, styled
from grokjax.analysis.plots.layout.text import counted, told_missing
from grokjax.analysis.plots.layout.ticks import log_axis, step_axis
from grokjax.analysis.tables.load import scalar_metrics
from grokjax.errors import AnalysisError, nearest
from grokjax.metrics import Metric

# Inches: the first panel of a run, those below it, the least width of one.
FIRST, FURTHER, LEAST = 1.0, 0.66, 1.0
EVENT_MARKERS = dict(zip(EVENTS, ("v", "^", "s", "X", "P", "d", "*"), strict=True))


@dataclass(frozen=True)
class Quantity:
    """Metrics that share a panel: of one unit, on one scale."""

    label: str
    logarithmic: bool
    metrics: tuple[str, ...]


@styled
def plot_curves(
    curves: pd.DataFrame,
    panels: Mapping[str, str],
    *,
    metrics: Sequence[str],
    title: str,
    phases: Mapping[str, str],
    events: pd.DataFrame | None = None,
    missing: int = 0,
    width: float | None = None,
) -> Figure:
    """Metrics over steps, a block of panels a run: losses and norms on a log scale, all else on a linear one.

    Args:
      curves: from `load.load_curves`, with the metrics.
      panels: the runs to show, run_id -> the title of the run's panels.
      metrics: in panels one below the other, a panel for those of one unit; at most six in each.
      title: above the figure.
      phases: run_id -> phase, shown beside the run's title.
      events: from `events.events`; marked where they happen.
      missing: how many planned runs of the cell are not there.
      width: in inches; one column of a paper for one or two runs, both for more, when None.

    Raises:
      AnalysisError: no such metric, or more than can be told apart.
    """
    quantities = quantities_of(metrics, scalar_metrics(curves))
    width = width or (SINGLE if len(panels) <= 2 else DOUBLE)
    across = _across(len(panels), width)
    down = math.ceil(len(panels) / across)
    heights = [FIRST] + [FURTHER] * (len(quantities) - 1)
    lines = _lines(metrics)
    events = curves.iloc[:0].assign(event="") if events is None else events
    markers = {event: marker for event, marker in EVENT_MARKERS.items() if (events["event"] == event).any()}
    last = int(curves["step"].max()) if len(curves) else 0
    figure = new_figure(
        width, down * (sum(heights) + 0.08 * len(quantities) + 0.22) + 0.34, title=title, legend=_legend(lines, markers),
        note=f"{counted(len(panels), 'run')}, logged up to step {last:,}. {told_missing(missing, len(panels))}".strip(),
    )  # fmt: skip
    grid = figure.subplots(down * len(quantities), across, squeeze=False, sharex=True, height_ratios=heights * down)
    for panel in grid.ravel():
        panel.set_visible(False)
    limits = [_limits(curves, quantity) for quantity in quantities]
    for index, (run_id, label) in enumerate(panels.items()):
        line, column = divmod(index, across)
        block = grid[line * len(quantities) : (line + 1) * len(quantities), column]
        for panel, quantity, ends in zip(block, quantities, limits, strict=True):
            _draw_metrics(panel, curves[curves["run_id"] == run_id], quantity, ends, lines)
            panel.set_ylabel(quantity.label if column == 0 else "")
            lowest = index + across >= len(panels) and quantity == quantities[-1]
            step_axis(panel, inches=width / across - 0.4, label=lowest)
            panel.tick_params(labelbottom=lowest, labelleft=column == 0)
        _mark_events(block, events[events["run_id"] == run_id], markers)
        color = darkened(PHASE_COLORS[phases[run_id]])
        size = TEXT if across <= 3 else SMALL
        block[0].set_title(f"{label}: {phases[run_id]}", color=color, fontweight="bold", fontsize=size)
    figure.align_ylabels(grid[:, 0])
    return figure


def quantities_of(metrics: Sequence[str], known: Mapping[str, Metric]) -> list[Quantity]:
    """The metrics by what they share an axis in, in the order asked for."""
    together: dict[tuple[str, bool], list[str]] = {}
    for metric in metrics:
        if metric not in known:
            raise AnalysisError(f"there is no metric {metric} to draw; there are {', '.join(known)}{nearest(metric, known)}")
        together.setdefault((known[metric].unit, metric.endswith(("_loss", "_norm"))), []).append(metric)
    for names in together.values():
        if len({_lines(metrics)[name] for name in names}) < len(names):
            raise AnalysisError(f"{', '.join(names)} cannot be told apart in one panel; choose at most {len(LINES) - 2} of a unit")
    return [Quantity(_label(names, unit), logarithmic, tuple(names)) for (unit, logarithmic), names in together.items()]


def _label(metrics: Sequence[str], unit: str) -> str:
    """What stands at the axis: the name, or the words that all the names end in, and the unit."""
    words = [metric.split("_") for metric in metrics]
    common: list[str] = []
    for ends in zip(*(reversed(each) for each in words), strict=False):
        if len(set(ends)) > 1:
            break
        common.insert(0, ends[0])
    name = " ".join(common)
    return f"{name}\n({unit})".strip() if unit not in ("1", "") else name


def _across(count: int, width: float) -> int:
    """How many runs stand side by side: about as many as there are lines of them, if they have room."""
    fitting = max(1, int((width - 0.45) / LEAST))
    across = min(fitting, math.ceil(math.sqrt(count)))
    return math.ceil(count / math.ceil(count / across))


def _limits(curves: pd.DataFrame, quantity: Quantity) -> tuple[float, float]:
    """The least and the greatest value that has a place on the axis."""
    values = curves[list(quantity.metrics)].to_numpy(dtype=float, na_value=np.nan)
    values = values[np.isfinite(values) & ((values > 0) | (not quantity.logarithmic))]
    if not len(values):
        return (1e-1, 1.0) if quantity.logarithmic else (0.0, 1.0)
    return float(values.min()), float(values.max())


def _draw_metrics(
    panel: Axes, curve: pd.DataFrame, quantity: Quantity, limits: tuple[float, float], lines: Mapping[str, Any]
) -> None:
    panel.set_visible(True)
    step = curve["step"].to_numpy()
    for metric in quantity.metrics:
        color, style = lines[metric]
        values = curve[metric].to_numpy(dtype=float, na_value=np.nan)
        single = len(step) == 1  # a line of one point would not be seen
        panel.plot(step, values, color=color, lw=1, ls=style, label=metric, marker="o" if single else None, ms=2.5)
    if quantity.logarithmic:
        log_axis(panel, "y", *limits)
    else:
        low, high = limits
        low, high = (min(low, 0), max(high, 1)) if quantity.label.endswith("(share)") else (low, high)
        margin = 0.06 * (high - low) or 0.5
        panel.set_ylim(low - margin, high + margin)
        panel.locator_params(axis="y", nbins=4)


def _mark_events(block: np.ndarray[Any, Any], events: pd.DataFrame, markers: Mapping[str, str]) -> None:
    """A line through all panels of a run at each event, with the event's mark on top."""
    for event, step in zip(events["event"], events["step"], strict=True):
        for panel in block:
            panel.axvline(step, color=GREY, lw=0.5, ls=":", zorder=0)
        top = block[0]
        place = top.get_xaxis_transform()
        top.plot(step, 0.97, transform=place, ls="", marker=markers[event], ms=3, mew=0, color="black", label=event)


def _lines(metrics: Sequence[str]) -> dict[str, Any]:
    """Colour and style of each metric: one for all of training, one for all of testing, others for all else."""
    others = [metric for metric in metrics if not metric.startswith(("train_", "test_"))]
    begin = 0 if len(others) == len(metrics) else 2
    places = {metric: (begin + index) % len(LINES) for index, metric in enumerate(others)}
    return {metric: LINES[places.get(metric, 0 if metric.startswith("train_") else 1)] for metric in metrics}


def _legend(lines: Mapping[str, Any], markers: Mapping[str, str]) -> list[Line2D]:
    alike: dict[Any, list[str]] = {}
    for metric, line in lines.items():
        alike.setdefault(line, []).append(metric)
    drawn = [Line2D([], [], color=color, lw=1, ls=style, label=", ".join(names)) for (color, style), names in alike.items()]
    marks = [Line2D([], [], ls="", marker=marker, ms=3, mew=0, color="black", label=name) for name, marker in markers.items()]
    return [*drawn, *marks]
