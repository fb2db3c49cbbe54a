"""Curves summarized over the seeds: a median line and a band of the quartiles for each value of a hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.plots.curves import Quantity, quantity_label, scale_quantity
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, check_one_panel, new_figure
from grokjax.analysis.plots.layout.style import DOUBLE, LINES, SINGLE
from grokjax.analysis.plots.layout.text import counted, ranged, value_texts
from grokjax.analysis.plots.layout.ticks import log_axis, step_axis
from grokjax.errors import AnalysisError
from grokjax.metrics import is_logarithmic
from grokjax.sweeps.store.schema import SCALARS

# The most lines of numbers, whose colours are in order; of words, six.
MOST_LINES = 9
PANEL, LEAST = 1.5, 2.2  # inches: the height of a panel, its least width


@styled
def plot_bands(bands: pd.DataFrame, *, by: str | None, log_steps: bool = False, **settings: Unpack[Settings]) -> Figure:
    """Draws metrics over steps, a panel for each: the median over the seeds as a line for each value, the quartiles as a band.

    Numbers have colours from dark to light in their order, which also works in greyscale; words have the colours of categories.
    Panels of one unit have the same scale.

    Args:
      bands: from `curve_bands`.
      by: the hyperparameter of the lines, as given to `curve_bands`; None for one line.
      log_steps: whether steps are on a log scale, which begins at the first step above 0.
      settings: common to all figures; see below. An `ax` takes one metric.

    Raises:
      AnalysisError: more lines than can be told apart, or no step to draw.
    """
    look, metrics = Look(**settings), list(dict.fromkeys(bands["metric"]))
    quantities = _quantities(bands, metrics)
    shown = bands[bands["step"] > 0] if log_steps else bands
    if shown.empty:
        raise AnalysisError("there is no step at which half of the runs of a group have a value; choose other runs or metrics")
    check_one_panel(look.ax, len(metrics), "choose one metric")
    width = look.width or (SINGLE if len(metrics) == 1 else DOUBLE)
    across = min(len(metrics), max(1, int(width / LEAST)))
    down = math.ceil(len(metrics) / across)
    values = [None] if by is None else sorted(shown[by].unique())
    styles = _styles(values, by)
    legend = [Line2D([], [], color=color, ls=dashes, lw=1.2, label=text)
              for text, (color, dashes) in zip(value_texts(values), styles, strict=True)] if by is not None else []  # fmt: skip
    note = look.full_note(_note(bands, by), _runs(bands, by))
    figure = new_figure(width, down * (PANEL + 0.1) + 0.4, look, legend=legend, legend_title=look.name(by or ""), note=note)
    panels = [look.ax] if look.ax is not None else list(figure.subplots(down, across, squeeze=False, sharex=True).ravel())
    for panel in panels[len(metrics) :]:
        panel.set_visible(False)
    for panel, metric in zip(panels, metrics, strict=False):
        _draw_metric(panel, shown, metric, quantities[metric], list(zip(values, styles, strict=True)), by)
        panel.set_ylabel(look.names.get(metric, quantities[metric].label))
    inches = width / across - 0.5 if look.ax is None else axes_size(look.ax)[0]
    for index, panel in enumerate(panels[: len(metrics)]):
        if log_steps:
            log_axis(panel, "x", float(shown["step"].min()), float(shown["step"].max()))
        lowest = index + across >= len(metrics)
        step_axis(panel, inches=inches, label=lowest)
        panel.tick_params(labelbottom=lowest)
    return figure


def _styles(values: Sequence[Any], by: str | None) -> list[tuple[Any, Any]]:
    """Colour and dashes of the line of each value: from dark to light for numbers, those of categories for words."""
    numbers = all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values)
    most = MOST_LINES if numbers else len(LINES)
    if len(values) > most:
        raise AnalysisError(f"{by} has {len(values)} values, and {most} lines can be told apart; choose some with where")
    if not numbers or len(values) == 1:
        return list(LINES[: len(values)])
    return [(color, "-") for color in mpl.colormaps["viridis"](np.linspace(0, 0.88, len(values)))]


def _quantities(bands: pd.DataFrame, metrics: Sequence[str]) -> dict[str, Quantity]:
    """Each metric with all those of its unit and scale, as one quantity."""
    units = {metric.name: metric.unit for metric in SCALARS} | bands.attrs.get("units", {})
    kinds = {metric: (units.get(metric, ""), is_logarithmic(metric)) for metric in metrics}
    return {
        metric: Quantity(
            quantity_label([metric], unit), logarithmic, tuple(name for name in metrics if kinds[name] == kinds[metric])
        )
        for metric, (unit, logarithmic) in kinds.items()
    }


def _draw_metric(
    panel: Axes, bands: pd.DataFrame, metric: str, quantity: Quantity, lines: Sequence[tuple[Any, Any]], by: str | None
) -> None:
    """Draws a metric's lines, each a value and its style, on the scale of all metrics of its unit."""
    part = bands[bands["metric"] == metric]
    for value, style in lines:
        _draw_band(panel, part if by is None else part[part[by] == value], style)
    together = bands[bands["metric"].isin(quantity.metrics)]
    scale_quantity(panel, quantity, *_limits(together, logarithmic=quantity.logarithmic))


def _draw_band(panel: Axes, part: pd.DataFrame, style: tuple[Any, Any]) -> None:
    color, dashes = style
    step = part["step"].to_numpy()
    panel.fill_between(step, part["low"], part["high"], color=color, alpha=0.2, lw=0, label="quartiles")
    panel.plot(step, part["median"], color=color, ls=dashes, lw=1.1, label="median")


def _limits(bands: pd.DataFrame, *, logarithmic: bool) -> tuple[float, float]:
    values = bands[["low", "high"]].to_numpy(float)
    values = values[values > 0] if logarithmic else values
    return (float(values.min()), float(values.max())) if values.size else (0.1, 1.0)


def _groups(bands: pd.DataFrame, by: str | None) -> pd.Series[int]:
    sizes: pd.Series[int] = bands["runs"].iloc[:1] if by is None else bands.groupby(by, observed=True)["runs"].first()
    return sizes


def _runs(bands: pd.DataFrame, by: str | None) -> int:
    return int(_groups(bands, by).sum())


def _note(bands: pd.DataFrame, by: str | None) -> str:
    fewer = bool((bands["known"] < bands["runs"]).any())
    return " ".join(filter(None, [
        f"Median and quartiles of {ranged(_groups(bands, by), 'seed')} a line, {counted(_runs(bands, by), 'run')} in all.",
        "Where some runs of a line have ended or diverged, of the others, as long as they are half." if fewer else "",
    ]))  # fmt: skip
