"""True axes for points that are no grid: a panel with the scales of its hyperparameters, and over it one to draw marks into."""

from __future__ import annotations

from matplotlib.axes import Axes

from grokjax.analysis.plots.layout.style import FAINT
from grokjax.analysis.plots.layout.ticks import AXES, scale_to_values
from grokjax.analysis.statistics.points import Points

MARGIN = 0.75  # sides of a mark around the points


def draw_true_axes(panel: Axes, points: Points, side: int, size: tuple[float, float]) -> Axes:
    """Scales a panel to points over two hyperparameters, and returns an Axes over it, in which they are drawn.

    Its unit is the side of a mark: the points lie between 0 and `side` - 1 on both axes, and their marks do not cover the axes.

    Args:
      panel: to scale, with ticks.
      points: over x and y.
      side: number of marks that have room side by side.
      size: width and height of the panel in inches.
    """
    for which, name, inches, scale, (low, high) in zip(
        AXES, points.names, size, points.scales, points.ends, strict=True
    ):  # fmt: skip
        scale_to_values(panel, which, points.table[name], inches, scale)
        margin = MARGIN * (high - low) / (side - 1)
        (panel.set_xlim if which == "x" else panel.set_ylim)(*scale.from_scale([low - margin, high + margin]))
    panel.grid(color=FAINT, lw=0.5)
    panel.set_axisbelow(True)
    marks: Axes = panel.inset_axes((0, 0, 1, 1))
    ends = (-MARGIN, side - 1 + MARGIN)
    marks.set(xlim=ends, ylim=ends)
    marks.set_axis_off()
    marks.set_in_layout(False)
    return marks
