"""Page layout of a figure: title above the panels, legend and note below; also for the caller's own Axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.look import Look
from grokjax.analysis.plots.layout.style import GREY, PaperFigure
from grokjax.analysis.plots.layout.text import POINTS, font_size, text_height, text_width, wrapped
from grokjax.errors import AnalysisError

PAD = 0.05  # inches around everything
BETWEEN = 0.04  # half of the inches between the labels of neighbouring panels
HANDLE = 0.4  # inches of a legend handle with the gaps around it


def new_figure(
    width: float,
    body: float,
    look: Look,
    *,
    legend: Sequence[Artist] = (),
    legend_title: str = "",
    note: str = "",
    used: float | None = None,
) -> Figure:
    """A figure with room for panels; or the figure of `look.ax`, with title and legend placed above that Axes.

    Args:
      width: of the figure, in inches.
      body: height of the panels with all their labels, in inches.
      look: the title, and the Axes to draw into, for which `width`, `body` and `used` have no effect.
      legend: handles with labels, below the panels, in as many lines as they need.
      legend_title: a line above them, such as the hyperparameter whose values they are.
      note: below the legend, complete, from `Look.full_note`. Left out in a caller's Axes.
      used: width in inches that the panels take; the rest is left free, half on each side.
    """
    title = look.heading()
    if look.ax is not None:
        return _label_axes(look.ax, title, legend, legend_title)
    size, title_size = font_size("legend.fontsize"), font_size("font.size") + 0.5
    texts = [str(handle.get_label()) for handle in legend]
    columns = _legend_columns(texts, width, size)
    small = font_size("xtick.labelsize")
    note = wrapped(note, width - 2 * PAD, small, " ")
    note_height = text_height(note, small) if note else 0.0
    lines = math.ceil(len(texts) / columns) + bool(legend_title)
    legend_height = lines * 1.6 * size / POINTS + PAD if texts else 0.0
    title = "\n".join(wrapped(line, width - 2 * PAD, title_size, " ") for line in title.split("\n")) if title else ""
    title_height = text_height(title, title_size) + PAD if title else 0.0
    below = PAD + note_height + legend_height
    height = below + body + title_height + PAD
    figure = PaperFigure(figsize=(width, height), layout="constrained")
    free = (width - min(used or width, width)) / 2 / width
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=BETWEEN, h_pad=0.02, rect=(free, below / height, 1 - 2 * free, body / height))
    if title:
        figure.text(0.5, 1 - PAD / height, title, ha="center", va="top", fontsize=title_size)
    if texts:
        _draw_legend(figure, legend, legend_title, columns, (0.5, (PAD + note_height) / height))
    if note:
        figure.text(PAD / width, PAD / height, note, ha="left", va="bottom", fontsize=small, color=GREY, linespacing=1.15)
    return figure


def _label_axes(ax: Axes, title: str, legend: Sequence[Artist], legend_title: str) -> Figure:
    """Puts a legend above an Axes, where it covers nothing, and a title above the legend; returns the figure."""
    size = font_size("legend.fontsize")
    texts = [str(handle.get_label()) for handle in legend]
    columns = _legend_columns(texts, axes_size(ax)[0], size)
    if texts:
        _draw_legend(ax, legend, legend_title, columns, (0.5, 1.02))
    if title:
        lines = math.ceil(len(texts) / columns) + bool(legend_title)
        ax.set_title(title, pad=mpl.rcParams["axes.titlepad"] + lines * 1.6 * size)
    return figure_of(ax)


def _draw_legend(host: Figure | Axes, handles: Sequence[Artist], title: str, columns: int, place: tuple[float, float]) -> None:
    host.legend(
        handles=[handle for column in range(columns) for handle in handles[column::columns]],  # matplotlib fills columns
        title=title or None, title_fontsize=font_size("legend.fontsize"),
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


def label_sides(figure: Figure, axes: Sequence[Axes], x: str, y: str) -> None:
    """Labels one panel, or all panels of a new figure together, below them and at their left."""
    if len(axes) == 1:
        axes[0].set(xlabel=x, ylabel=y)
        return
    engine: Any = figure.get_layout_engine()
    left, bottom, width, height = engine.get()["rect"]
    size = font_size("axes.labelsize")
    across, up = (text_height(text, size) + PAD for text in (y, x))
    across, up = across / figure.get_figwidth(), up / figure.get_figheight()
    engine.set(rect=(left + across, bottom + up, width - across, height - up))
    figure.text(left + across + (width - across) / 2, bottom, x, ha="center", va="bottom", fontsize=size)
    figure.text(
        left + PAD / 2 / figure.get_figwidth(),
        bottom + up + (height - up) / 2,
        y,
        ha="left",
        va="center",
        rotation=90,
        fontsize=size,
    )


def check_one_panel(ax: Axes | None, panels: int, remedy: str) -> None:
    """Raises AnalysisError if several panels would go into one Axes; `remedy` says how to need only one."""
    if ax is not None and panels > 1:
        raise AnalysisError(f"this figure needs {panels} panels, and ax is one; {remedy}, or leave out ax")
