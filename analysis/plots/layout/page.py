"""A figure of a given width: its panels in the middle, its title above, its legend and its note beneath."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.style import GREY, SMALL, TEXT
from grokjax.analysis.plots.layout.text import text_height, text_width, wrapped

PAD = 0.05  # inches around everything
HANDLE = 0.4  # inches of a legend's handle and the gaps about it


def new_figure(
    width: float,
    body: float,
    *,
    title: str | None = None,
    legend: Sequence[Artist] = (),
    note: str = "",
    used: float | None = None,
) -> Figure:
    """An empty figure whose panels will fill `body` inches of its height.

    Args:
      width: of the figure, in inches.
      body: what the panels take with all their labels, in inches.
      title: above the figure.
      legend: handles with labels, below the panels, in as many lines as they need.
      note: at the bottom: what the figure shows and what is missing.
      used: inches of the width that the panels take; the rest is left free on both sides.
    """
    texts = [str(handle.get_label()) for handle in legend]
    columns = _legend_columns(texts, width)
    note = wrapped(note, width - 2 * PAD, breaks=" ")
    note_height = text_height(note) if note else 0.0
    legend_height = math.ceil(len(texts) / columns) * 1.6 * TEXT / 72 + PAD if texts else 0.0
    title = "\n".join(wrapped(line, width - 2 * PAD, TEXT + 0.5, " ") for line in title.split("\n")) if title else None
    title_height = text_height(title, TEXT + 0.5) + PAD if title else 0.0
    below = PAD + note_height + legend_height
    height = below + body + title_height + PAD
    figure = Figure(figsize=(width, height), layout="constrained")
    free = (width - min(used or width, width)) / 2 / width
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.02, h_pad=0.02, rect=(free, below / height, 1 - 2 * free, body / height))
    if title:
        figure.text(0.5, 1 - PAD / height, title, ha="center", va="top", fontsize=TEXT + 0.5)
    if texts:
        place = (0.5, (PAD + note_height) / height)
        figure.legend(
            handles=list(legend), loc="lower center", bbox_to_anchor=place, ncols=columns, borderpad=0.2, borderaxespad=0,
            columnspacing=1.2, handletextpad=0.4, handlelength=1.8, labelspacing=0.35,
        )  # fmt: skip
    if note:
        figure.text(PAD / width, PAD / height, note, ha="left", va="bottom", fontsize=SMALL, color=GREY, linespacing=1.15)
    return figure


def _legend_columns(texts: Sequence[str], width: float) -> int:
    """How many columns a legend may have, which is filled column by column."""
    for columns in range(len(texts), 1, -1):
        widest = [max(text_width(text, TEXT) for text in column) for column in np.array_split(list(texts), columns)]
        if sum(widest) + HANDLE * columns <= width - 2 * PAD:
            return columns
    return 1
