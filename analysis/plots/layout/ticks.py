"""Scales and ticks of axes: ticks at the values of a hyperparameter, steps as 5k, decimal numbers on short log axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from grokjax.analysis.plots.layout.text import POINTS, font_size, text_width, value_texts
from grokjax.analysis.statistics.scale import AxisScale

Which = Literal["x", "y"]
# A log axis of at least this many decades has ticks at powers of ten.
DECADES = 2


AXES: tuple[Which, Which] = ("x", "y")


def scale_to_values(panel: Axes, which: Which, values: Iterable[float], inches: float, scale: AxisScale) -> None:
    """Scales an axis of length `inches` to the values of a hyperparameter, with ticks at values that have room for a label."""
    distinct = np.unique(np.asarray(list(values), float))
    _set_scale(panel, which, scale)
    at = scale.to_scale(distinct)
    room = (at[-1] - at[0]) or 1.0
    margin = 0.04 * room if len(distinct) > 1 else 0.5
    ends = scale.from_scale([at[0] - margin, at[-1] + margin])
    (panel.set_xlim if which == "x" else panel.set_ylim)(*ends)
    axis = _axis(panel, which)
    if len(distinct) > 12 and not scale.zero:
        decimal_ticks(axis, float(distinct[0]), float(distinct[-1])) if scale.log else axis.set_major_locator(MaxNLocator(5))
        return
    texts = value_texts(distinct.tolist())
    size = font_size("xtick.labelsize" if which == "x" else "ytick.labelsize")
    sizes = [text_width(text, size) + 0.06 if which == "x" else 1.3 * size / POINTS for text in texts]
    kept = _with_room((at - at[0]) / room * inches, sizes)
    axis.set_major_locator(FixedLocator(distinct[kept].tolist()))
    axis.set_major_formatter(FuncFormatter(lambda value, _: texts[int(np.argmin(np.abs(distinct - value)))]))
    axis.set_minor_locator(FixedLocator(np.delete(distinct, kept).tolist()))
    axis.set_minor_formatter(NullFormatter())


def _with_room(at: np.ndarray, sizes: Sequence[float]) -> list[int]:
    """Indices of the labels to keep so that none touch: the first, the last, and those that fit between."""
    kept = [0]
    last = len(at) - 1
    for index in range(1, len(at)):
        clear = at[index] - at[kept[-1]] >= (sizes[index] + sizes[kept[-1]]) / 2
        before_last = index == last or at[last] - at[index] >= (sizes[index] + sizes[last]) / 2
        if clear and before_last:
            kept.append(index)
    return kept


def decimal_ticks(axis: Axis, low: float, high: float) -> None:
    """Sets the ticks of a log axis from `low` to `high`: decimal numbers below two decades, else powers of ten."""
    if low <= 0 or high / low >= 10**DECADES:
        axis.set_major_locator(LogLocator(numticks=7))
        axis.set_minor_locator(LogLocator(subs=(2, 3, 4, 5, 6, 7, 8, 9), numticks=40) if high / low < 1e5 else NullLocator())
        axis.set_minor_formatter(NullFormatter())
        return
    axis.set_major_locator(_few_per_decade(low, high))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.set_minor_locator(NullLocator())


def _few_per_decade(low: float, high: float) -> LogLocator:
    ratio = high / low
    subs = (1, 1.5, 2, 3, 4, 5, 6, 8) if ratio < 4 else (1, 2, 3, 5) if ratio < 20 else (1, 2, 5)
    return LogLocator(subs=subs, numticks=20)


def log_axis(panel: Axes, which: Which, low: float, high: float) -> None:
    """Makes an axis logarithmic, from `low` to `high` with a margin."""
    _set_scale(panel, which, AxisScale(log=True))
    margin = (high / low) ** 0.04 if high > low else 1.3
    (panel.set_xlim if which == "x" else panel.set_ylim)(low / margin, high * margin)
    decimal_ticks(_axis(panel, which), low / margin, high * margin)


def step_axis(panel: Axes, which: Which = "x", *, inches: float, label: bool = True) -> None:
    """Sets the ticks (0, 5k, 10k) and the label of an axis of training steps, which is `inches` long."""
    axis = _axis(panel, which)
    if axis.get_scale() == "linear":
        axis.set_major_locator(MaxNLocator(int(np.clip(2.2 * inches, 2, 8)), steps=[1, 2, 2.5, 5, 10]))
    else:
        few_ticks(axis, *axis.get_view_interval())
    axis.set_major_formatter(EngFormatter(sep=""))
    axis.set_label_text("step" if label else "")


def few_ticks(axis: Axis, low: float, high: float) -> None:
    """Sets the ticks of a log axis of steps: at 1, 2, 5 times powers of ten below three decades, else at powers of ten."""
    if high / low < 10**3:
        axis.set_major_locator(_few_per_decade(low, high))
    axis.set_major_formatter(EngFormatter(sep=""))
    axis.set_minor_formatter(NullFormatter())


def _axis(panel: Axes, which: Which) -> Axis:
    return panel.xaxis if which == "x" else panel.yaxis


def _set_scale(panel: Axes, which: Which, scale: AxisScale) -> None:
    functions = {"functions": (scale.to_scale, scale.from_scale)} if scale.zero else {}
    name = "function" if scale.zero else "log" if scale.log else "linear"
    (panel.set_xscale if which == "x" else panel.set_yscale)(name, **functions)
