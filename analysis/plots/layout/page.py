"""Page layout of a figure: title above the panels, legend and note below; also for the caller's own Axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.look import Look
from grokjax.analysis.plots.layout.style import GREY, PaperFigure
from grokjax.analysis.plots.layout.text import POINTS, font_size, text_height, text_width, value_texts, wrapped
from grokjax.errors import AnalysisError

PAD = 0.05  # inches around everything
HANDLE = 0.4  # inches of a legend handle with the gaps around it


def new_figure(
    width: float, body: float, look: Look, *, legend: Sequence[Artist] = (), note: str = "", used: float | None = None
) -> Figure:
    """A figure with room for panels; or the figure of `look.ax`, with title and legend placed above that Axes.

    Args:
      width: of the figure, in inches.
      body: height of the panels with all their labels, in inches.
      look: the title, and the Axes to draw into, for which `width`, `body` and `used` have no effect.
      legend: handles with labels, below the panels, in as many lines as they need.
      note: below the legend, complete, from `Look.full_note`. Left out in a caller's Axes.
      used: width in inches that the panels take; the rest is left free, half on each side.
    """
    title = look.heading()
    if look.ax is not None:
        return _label_axes(look.ax, title, legend)
    size, title_size = font_size("legend.fontsize"), font_size("font.size") + 0.5
    texts = [str(handle.get_label()) for handle in legend]
    columns = _legend_columns(texts, width, size)
    small = font_size("xtick.labelsize")
    note = wrapped(note, width - 2 * PAD, small, " ")
    note_height = text_height(note, small) if note else 0.0
    legend_height = math.ceil(len(texts) / columns) * 1.6 * size / POINTS + PAD if texts else 0.0
    title = "\n".join(wrapped(line, width - 2 * PAD, title_size, " ") for line in title.split("\n")) if title else ""
    title_height = text_height(title, title_size) + PAD if title else 0.0
    below = PAD + note_height + legend_height
    height = below + body + title_height + PAD
    figure = PaperFigure(figsize=(width, height), layout="constrained")
    free = (width - min(used or width, width)) / 2 / width
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.02, h_pad=0.02, rect=(free, below / height, 1 - 2 * free, body / height))
    if title:
        figure.text(0.5, 1 - PAD / height, title, ha="center", va="top", fontsize=title_size)
    if texts:
        _draw_legend(figure, legend, columns, (0.5, (PAD + note_height) / height))
    if note:
        figure.text(PAD / width, PAD / height, note, ha="left", va="bottom", fontsize=small, color=GREY, linespacing=1.15)
    return figure


def _label_axes(ax: Axes, title: str, legend: Sequence[Artist]) -> Figure:
    """Puts a legend above an Axes, where it covers nothing, and a title above the legend; returns the figure."""
    size = font_size("legend.fontsize")
    texts = [str(handle.get_label()) for handle in legend]
    columns = _legend_columns(texts, axes_size(ax)[0], size)
    if texts:
        _draw_legend(ax, legend, columns, (0.5, 1.02))
    if title:
        lines = math.ceil(len(texts) / columns)
        ax.set_title(title, pad=mpl.rcParams["axes.titlepad"] + lines * 1.6 * size)
    return figure_of(ax)


def _draw_legend(host: Figure | Axes, handles: Sequence[Artist], columns: int, place: tuple[float, float]) -> None:
    host.legend(
        handles=[handle for column in range(columns) for handle in handles[column::columns]],  # matplotlib fills columns
        loc="lower center", bbox_to_anchor=place, ncols=columns, borderpad=0.2, borderaxespad=0,
        columnspacing=1.2, handletextpad=0.4, handlelength=1.8, labelspacing=0.35, frameon=False,
    )  # fmt: skip


def _legend_columns(texts: Sequence[str], width: float, size: float) -> int:
    """The number of columns of a legend, filled line by line, for the fewest and evenest lines in `width` inches; at least one."""

    def fits(columns: int) -> bool:
        widest = [max(text_width(text, size) for text in texts[column::columns]) for column in range(columns)]
        return sum(widest) + HANDLE * columns <= width - 2 * PAD

    most = next((columns for columns in range(len(texts), 1, -1) if fits(columns)), 1)
    even = math.ceil(len(texts) / math.ceil(len(texts) / most)) if texts else 1
    return next((columns for columns in range(even, most) if fits(columns)), most)


def figure_of(ax: Axes) -> Figure:
    """The figure that an Axes belongs to, also if it is in a subfigure."""
    figure = ax.get_figure(root=True)
    if figure is None:
        raise AnalysisError("ax belongs to no figure; take it from plt.subplots() or Figure().subplots()")
    return figure


def axes_size(ax: Axes) -> tuple[float, float]:
    """Width and height of an Axes in inches."""
    extent, dpi = ax.get_window_extent(), figure_of(ax).dpi
    return extent.width / dpi, extent.height / dpi


def strip_above(ax: Axes, inches: float, gap: float = 0.05) -> Axes:
    """A new Axes above a caller's, `height` inches high, that shares its width and x axis."""
    height = axes_size(ax)[1]
    strip: Axes = ax.inset_axes((0, 1 + gap / height, 1, inches / height), sharex=ax)
    return strip


def check_one_panel(ax: Axes | None, panels: int, remedy: str) -> None:
    """Raises AnalysisError if several panels would go into one Axes; `remedy` says how to need only one."""
    if ax is not None and panels > 1:
        raise AnalysisError(f"this figure needs {panels} panels, and ax is one; {remedy}, or leave out ax")


@dataclass(frozen=True)
class FacetPanels:
    """A grid of panels that share their axes, one for each value of the hyperparameter `name`; one panel if `name` is None."""

    facets: Sequence[Any]
    name: str | None
    across: int
    down: int

    @classmethod
    def arranged(cls, facets: Sequence[Any], name: str | None, fitting: int) -> FacetPanels:
        """The arrangement in the fewest rows of at most `fitting` panels, rows about equally long."""
        rows = math.ceil(len(facets) / min(len(facets), fitting))
        across = math.ceil(len(facets) / rows)
        return cls(facets, name, across, math.ceil(len(facets) / across))

    def axes(self, figure: Figure, look: Look) -> list[Axes]:
        """The panels, one for each facet, with their titles: new ones of `figure`, or the caller's Axes alone."""
        if look.ax is not None:
            return [look.ax]
        panels = list(figure.subplots(self.down, self.across, squeeze=False, sharex=True, sharey=True).ravel())
        for panel in panels[len(self.facets) :]:
            panel.set_visible(False)
        if self.name is not None:
            for panel, text in zip(panels, value_texts(self.facets), strict=False):
                panel.set_title(look.pair(self.name, text))
        return panels[: len(self.facets)]

    def label(self, axes: Sequence[Axes], x: str, y: str) -> None:
        """Labels the x axis of the lowest panels and the y axis of the leftmost ones."""
        for index, panel in enumerate(axes):
            lowest = index + self.across >= len(self.facets)
            panel.tick_params(labelbottom=lowest)
            panel.set(xlabel=x if lowest else "", ylabel=y if index % self.across == 0 else "")

    def keys(self, by: Sequence[str], values: Sequence[Any]) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Panel index, index in `values` and key of every group. A key is (facet, value), (value) or (), depending on `by`."""
        for index, facet in enumerate(self.facets):
            for place, value in enumerate(values):
                yield index, place, (facet, value)[2 - len(by) :]
