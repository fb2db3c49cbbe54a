"""The grid of cells that maps share: two hyperparameters across and upwards, evenly spaced, in panels by a third."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.load import AnalysisError
from analysis.plots.page import PAD, new_figure
from analysis.plots.style import DOUBLE, FAINT, SINGLE, SMALL, TEXT
from analysis.plots.text import text_height, text_width, value_texts, wrapped

MOST_FACETS = 24
# Inches: what a label may take at the left, the gap between panels, the largest cell, a line of small text.
WIDEST_LABEL, GAP, WIDEST, TALLEST, LINE = 0.95, 0.12, 0.8, 0.55, 1.3 * SMALL / 72
MOST_HEIGHT = 8.0  # of all panels, where narrower ones can help it


@dataclass(frozen=True)
class Cells:
    """The values of a grid's hyperparameters, ascending; facets are [None] where there is one panel."""

    x: str
    y: str
    facet: str | None
    columns: list[Any]
    rows: list[Any]
    facets: list[Any]

    def of(self, grid: pd.DataFrame, facet: object) -> pd.DataFrame:
        """The rows of a panel, with their places in it as `across` and `up`."""
        part = grid if self.facet is None else grid[grid[self.facet] == facet]
        return part.assign(across=part[self.x].map(self.columns.index), up=part[self.y].map(self.rows.index))

    def title(self, value: object) -> str:
        """Above a panel."""
        return f"{self.facet} = {value_texts(self.facets)[self.facets.index(value)]}"


@dataclass(frozen=True)
class CellFigure:
    """A figure with empty panels, by facet, and the size of their cells in inches."""

    figure: Figure
    panels: dict[Any, Axes]
    width: float
    height: float


def cells_of(grid: pd.DataFrame, x: str, y: str, facet: str | None) -> Cells:
    """The cells of a grid. Raises AnalysisError if it lacks one of the names, or has more facets than a page has room for."""
    for name in (x, y, facet):
        if name is not None and name not in grid:
            raise AnalysisError(f"{name} is not in the grid; it has {', '.join(map(str, grid.columns))}")
    if grid.empty:
        raise AnalysisError("the grid has no cell; choose other runs")
    columns, rows, facets = (sorted(grid[name].unique()) if name is not None else [None] for name in (x, y, facet))
    if len(facets) > MOST_FACETS:
        raise AnalysisError(f"{facet} has {len(facets)} values, more than {MOST_FACETS} panels can show; choose some with --where")
    return Cells(x, y, facet, columns, rows, facets)


def cell_figure(
    cells: Cells,
    *,
    width: float | None,
    smallest: float,
    comfortable: float,
    title: str | None,
    legend: Sequence[Artist],
    note: str,
    right: float = 0.0,
) -> CellFigure:
    """A figure of empty panels with ticks, as many side by side as there is room for.

    Args:
      cells: what is drawn.
      width: of the figure, in inches; None for one column of a paper where all panels fit in one line of it, both columns where
        they fit on those, and more where they do not.
      smallest: inches that a cell must have across and upwards to be read.
      comfortable: inches that it should have.
      title, legend, note: as in `new_figure`.
      right: inches kept free at the right, for a scale of colours.

    Raises:
      AnalysisError: the cells do not fit.
    """
    labels = [wrapped(text, WIDEST_LABEL) for text in value_texts(cells.rows)]
    left = max(map(text_width, labels)) + 0.1 + 1.5 * TEXT / 72
    if width is None:
        width = _fitting_width(cells, left + right, smallest, comfortable)
    room = width - left - right - 2 * PAD
    across = _panels_across(cells, room, smallest, comfortable)
    if not across:
        asked = f"{len(cells.columns)} values of {cells.x}"
        raise AnalysisError(
            f"{asked} do not fit in {width:g} inches; make the figure wider with --width, or choose some with --where"
        )
    cell_width = min((room / across - GAP) / len(cells.columns), WIDEST)
    cell_height = max(min(cell_width, TALLEST), smallest, LINE)
    down = math.ceil(len(cells.facets) / across)
    ticks = _column_labels(cells, cell_width)
    below = ticks.height + 1.6 * TEXT / 72 + 0.08
    titles, heading = _titles(cells, cell_width * len(cells.columns))
    above = max((text_height(text, TEXT) + 0.08 for text in titles), default=0.0)
    line_height = len(cells.rows) * cell_height + above + 0.08
    wanted = left + right + across * (len(cells.columns) * cell_width + GAP) + 2 * PAD
    uneven = len(cells.facets) % across != 0 and down > 1  # the last line is short, so the one above it has labels too
    body = down * line_height + below * (2 if uneven else 1)
    figure = new_figure(width, body, title=_joined(title, heading), legend=legend, note=note, used=wanted)
    axes = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).ravel()
    for index, panel in enumerate(axes):
        panel.set_visible(index < len(cells.facets))
        if index >= len(cells.facets):
            panel.set_in_layout(False)
            continue
        _draw_lines(panel, cells)
        lowest = index + across >= len(cells.facets)
        panel.set_xticks(range(len(cells.columns)), ticks.texts, rotation=ticks.rotation)
        panel.set_yticks(range(len(cells.rows)), labels)
        panel.tick_params(length=0, labelbottom=lowest, labelleft=index % across == 0)
        panel.set_xlabel(cells.x if lowest else "")
        panel.set_ylabel(cells.y if index % across == 0 else "")
        if titles:
            panel.set_title(titles[index])
    return CellFigure(figure, dict(zip(cells.facets, axes, strict=False)), cell_width, cell_height)


@dataclass(frozen=True)
class _Labels:
    texts: list[str]
    rotation: int
    height: float  # inches


def _column_labels(cells: Cells, cell_width: float) -> _Labels:
    """Labels of the columns: upright where one is wider than a cell, every n-th where even those would touch."""
    texts = value_texts(cells.columns)
    if max(map(text_width, texts)) + 0.05 <= cell_width:
        return _Labels(texts, 0, LINE)
    lines = [wrapped(text, cell_width - 0.05) for text in texts]
    if max(map(text_width, lines)) + 0.05 <= cell_width:
        return _Labels(lines, 0, max(map(text_height, lines)))
    lines = [wrapped(text, WIDEST_LABEL) for text in texts]
    every = math.ceil(max(map(text_height, lines)) / cell_width)
    shown = [line if index % every == 0 else "" for index, line in enumerate(lines)]
    return _Labels(shown, 90, max(map(text_width, lines)) + 0.03)


def _titles(cells: Cells, panel_width: float) -> tuple[list[str], str]:
    """Titles of the panels, and what is said above them all where the name of the facet has no room on each."""
    if cells.facet is None:
        return [], ""
    whole = [cells.title(value) for value in cells.facets]
    if max(text_width(text, TEXT) for text in whole) <= panel_width:
        return whole, ""
    return [wrapped(text, panel_width + GAP, TEXT) for text in value_texts(cells.facets)], f"panels: {cells.facet}"


def _joined(title: str | None, heading: str) -> str | None:
    return "\n".join(part for part in (title, heading) if part) or None


def _fitting_width(cells: Cells, beside: float, smallest: float, comfortable: float) -> float:
    for width in (SINGLE, DOUBLE):
        across = _panels_across(cells, width - beside - 2 * PAD, smallest, comfortable)
        if across == len(cells.facets) or (width == DOUBLE and across):
            return width
    return beside + 2 * PAD + len(cells.columns) * smallest + GAP


def _panels_across(cells: Cells, room: float, smallest: float, comfortable: float) -> int:
    """How many panels stand side by side: as many as leave cells a comfortable size, or more where the figure would be too tall.

    The lines are of about equal length. 0 if not even one panel fits.
    """
    count = len(cells.facets)

    def side(across: int) -> float:
        return (room / across - GAP) / len(cells.columns)

    fitting = [across for across in range(1, count + 1) if side(across) >= smallest - 1e-9]
    if not fitting:
        return 0
    best = max((across for across in fitting if side(across) >= comfortable), default=1)
    while best < fitting[-1] and math.ceil(count / best) * (len(cells.rows) * min(side(best), TALLEST) + 0.35) > MOST_HEIGHT:
        best += 1
    return math.ceil(count / math.ceil(count / best))


def _draw_lines(panel: Axes, cells: Cells) -> None:
    for edge in range(len(cells.columns) + 1):
        panel.axvline(edge - 0.5, color=FAINT, lw=0.6, zorder=0)
    for edge in range(len(cells.rows) + 1):
        panel.axhline(edge - 0.5, color=FAINT, lw=0.6, zorder=0)
    panel.set(xlim=(-0.5, len(cells.columns) - 0.5), ylim=(-0.5, len(cells.rows) - 0.5))
    panel.spines[:].set_visible(False)


def mark_empty(panel: Axes, cells: pd.DataFrame) -> None:
    """Hatches cells in which nothing is known."""
    for row in cells.to_dict("records"):
        place = (row["across"] - 0.5, row["up"] - 0.5)
        panel.add_patch(Rectangle(place, 1, 1, fc="none", ec="#C8C8C8", hatch="////", lw=0, label="empty"))
