"""The arrangement of a map: the number of panels side by side, the size of cells, and the labels that fit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from grokjax.analysis.plots.layout.page import PAD
from grokjax.analysis.plots.layout.panels import panel_titles
from grokjax.analysis.plots.layout.style import DOUBLE, SINGLE, SMALL
from grokjax.analysis.plots.layout.text import POINTS, font_size, text_height, text_width, wrapped

# Inches: the widest label at the left, the gap between panels, the largest cell, a line of small text.
WIDEST_LABEL, GAP, WIDEST, TALLEST, LINE = 0.95, 0.12, 0.8, 0.55, 1.3 * SMALL / POINTS
SCALE_WIDTH = 0.55  # of a colour bar with its numbers
AX_SCALE_SHARE = 0.15  # of the width of a caller's Axes that a colour bar takes
MOST_HEIGHT = 8.0  # of all panels together, if narrower panels can help


@dataclass(frozen=True)
class Arrangement:
    """The panels of a map and their labels; all lengths in inches."""

    across: int
    down: int
    columns: list[str]
    rotation: int  # of the column labels, in degrees
    rows: list[str]
    titles: list[str]
    heading: str  # above all panels, if the facet's name does not fit above each
    width: float
    used: float  # width of the panels with their labels
    height: float
    cell_width: float
    cell_height: float


def arrange(
    columns: list[str],
    rows: list[str],
    facets: tuple[str, list[str]] | None,
    *,
    width: float | None,
    sides: tuple[float, float, float],
    scale: bool,
) -> Arrangement | None:
    """The arrangement of a panel for each facet in a new figure; None if the cells do not fit.

    Args:
      columns, rows: labels of the cells' columns and rows.
      facets: the hyperparameter that makes panels and its values; None for one panel.
      width: of the figure, in inches; as wide as it needs when None.
      sides: the smallest, the comfortable and the largest side of a cell, in inches.
      scale: whether there is a colour bar on the right.
    """
    size, small = font_size("font.size"), font_size("ytick.labelsize")
    lines = [wrapped(text, WIDEST_LABEL, small) for text in rows]
    beside = max(text_width(line, small) for line in lines) + 0.1 + 1.5 * size / POINTS + 2 * PAD + (SCALE_WIDTH if scale else 0)
    panels = _Panels(len(columns), len(rows), len(facets[1]) if facets else 1)
    width = width or _fitting_width(panels, beside, sides)
    across = panels.across(width - beside, sides)
    if not across:
        return None
    cell_width = min(((width - beside) / across - GAP) / len(columns), sides[2])
    cell_height = max(min(cell_width, TALLEST), sides[0], LINE)
    labels, rotation, labels_height = _column_labels(columns, cell_width)
    titles, heading = panel_titles(*facets, cell_width * len(columns)) if facets else ([], "")
    above = max((text_height(text, size) + 0.08 for text in titles), default=0.0)
    below = labels_height + 1.6 * size / POINTS + 0.08
    down = math.ceil(panels.count / across)
    uneven = panels.count % across != 0 and down > 1  # the last row is short, so the row above it has labels too
    height = down * (len(rows) * cell_height + above + 0.08) + below * (2 if uneven else 1)
    used = beside + across * (len(columns) * cell_width + GAP)
    return Arrangement(
        across, down, labels, rotation, lines, titles, heading, width, used, height, cell_width, cell_height
    )  # fmt: skip


def arrange_in_axes(
    columns: list[str],
    rows: list[str],
    facets: tuple[str, list[str]] | None,
    *,
    size: tuple[float, float],
    smallest: float,
    scale: bool,
) -> Arrangement | None:
    """The arrangement of one panel that fills an Axes of `size` inches; None if its cells would be smaller than `smallest`."""
    width, height = size[0] * (1 - AX_SCALE_SHARE if scale else 1), size[1]
    cell_width, cell_height = width / len(columns), height / len(rows)
    if min(cell_width, cell_height) < smallest:
        return None
    labels, rotation, _ = _column_labels(columns, cell_width)
    heading = f"{facets[0]} = {facets[1][0]}" if facets else ""
    lines = [wrapped(text, WIDEST_LABEL, font_size("ytick.labelsize")) for text in rows]
    return Arrangement(1, 1, labels, rotation, lines, [], heading, *size, size[1], cell_width, cell_height)


@dataclass(frozen=True)
class _Panels:
    columns: int
    rows: int
    count: int

    def across(self, room: float, sides: tuple[float, float, float]) -> int:
        """The number of panels side by side in `room` inches; 0 if not even one fits.

        As many as allow comfortably large cells, or more if the figure would be too tall; rows are about equally long.
        """
        smallest, comfortable, _ = sides

        def side(across: int) -> float:
            return (room / across - GAP) / self.columns

        fitting = [across for across in range(1, self.count + 1) if side(across) >= smallest - 1e-9]
        if not fitting:
            return 0
        best = max((across for across in fitting if side(across) >= comfortable), default=1)
        while best < fitting[-1] and math.ceil(self.count / best) * (self.rows * min(side(best), TALLEST) + 0.35) > MOST_HEIGHT:
            best += 1
        return math.ceil(self.count / math.ceil(self.count / best))


def _fitting_width(panels: _Panels, beside: float, sides: tuple[float, float, float]) -> float:
    """One column of a paper if all panels fit side by side in it, else two columns, else the width that one panel needs."""
    if panels.across(SINGLE - beside, sides) == panels.count and panels.count * panels.columns * sides[1] < SINGLE - beside:
        return SINGLE
    return DOUBLE if panels.across(DOUBLE - beside, sides) else beside + panels.columns * sides[0] + GAP


def _column_labels(texts: list[str], cell_width: float) -> tuple[list[str], int, float]:
    """Column labels with their rotation and height: upright if one is wider than a cell, every n-th if they would still touch."""
    size = font_size("xtick.labelsize")

    def widest(lines: list[str]) -> float:
        return max(text_width(line, size) for line in lines)

    def tallest(lines: list[str]) -> float:
        return max(text_height(line, size) for line in lines)

    for lines in (texts, [wrapped(text, cell_width - 0.05, size) for text in texts]):
        if widest(lines) + 0.05 <= cell_width:
            return lines, 0, tallest(lines)
    for lines in ([wrapped(text, WIDEST_LABEL, size) for text in texts], texts):
        every = math.ceil(tallest(lines) / cell_width)
        if every == 1:
            break
    shown = [line if index % every == 0 else "" for index, line in enumerate(lines)]
    return shown, 90, widest(lines) + 0.03
