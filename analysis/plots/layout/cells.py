"""The grid of cells that maps share: two hyperparameters across and upwards, evenly spaced, in panels by a third."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from grokjax.analysis.plots.layout.arrangement import Arrangement, arrange
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import FAINT, SMALL, ink_on
from grokjax.analysis.plots.layout.text import POINTS, text_width, value_texts
from grokjax.errors import AnalysisError

MOST_FACETS = 24


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
    scale: bool = False,
) -> CellFigure:
    """A figure of empty panels with ticks, as many side by side as there is room for.

    Args:
      cells: what is drawn.
      width: of the figure, in inches; None for one column of a paper where all panels fit in one line of it, both columns where
        they fit on those, and more where they do not.
      smallest: inches that a cell must have across and upwards to be read.
      comfortable: inches that it should have.
      title, legend, note: as in `new_figure`.
      scale: whether a scale of colours will stand at the right, by `color_scale`.

    Raises:
      AnalysisError: the cells do not fit.
    """
    columns, rows = value_texts(cells.columns), value_texts(cells.rows)
    facets = None if cells.facet is None else (cells.facet, value_texts(cells.facets))
    placed = arrange(columns, rows, facets, width=width, sides=(smallest, comfortable), scale=scale)
    if placed is None:
        asked = f"{len(cells.columns)} values of {cells.x}"
        raise AnalysisError(
            f"{asked} do not fit in {width:g} inches; make the figure wider with --width, or choose some with --where"
        )
    heading = "\n".join(part for part in (title, placed.heading) if part) or None
    figure = new_figure(placed.width, placed.height, title=heading, legend=legend, note=note, used=placed.used)
    axes = figure.subplots(placed.down, placed.across, squeeze=False, sharex=True, sharey=True).ravel()
    for index, panel in enumerate(axes):
        panel.set_visible(index < len(cells.facets))
        panel.set_in_layout(index < len(cells.facets))
        if index < len(cells.facets):
            _draw_axes(panel, cells, placed, index)
    return CellFigure(figure, dict(zip(cells.facets, axes, strict=False)), placed.cell_width, placed.cell_height)


def _draw_axes(panel: Axes, cells: Cells, placed: Arrangement, index: int) -> None:
    """Lines between the cells of a panel, and its labels where the figure ends."""
    for edge in range(len(cells.columns) + 1):
        panel.axvline(edge - 0.5, color=FAINT, lw=0.6, zorder=0)
    for edge in range(len(cells.rows) + 1):
        panel.axhline(edge - 0.5, color=FAINT, lw=0.6, zorder=0)
    panel.set(xlim=(-0.5, len(cells.columns) - 0.5), ylim=(-0.5, len(cells.rows) - 0.5))
    panel.spines[:].set_visible(False)
    lowest, first = index + placed.across >= len(cells.facets), index % placed.across == 0
    panel.set_xticks(range(len(cells.columns)), placed.columns, rotation=placed.rotation)
    panel.set_yticks(range(len(cells.rows)), placed.rows)
    panel.tick_params(length=0, labelbottom=lowest, labelleft=first)
    panel.set_xlabel(cells.x if lowest else "")
    panel.set_ylabel(cells.y if first else "")
    if placed.titles:
        panel.set_title(placed.titles[index])


def mark_empty(panel: Axes, cells: pd.DataFrame) -> None:
    """Hatches cells in which nothing is known."""
    for row in cells.to_dict("records"):
        place = (row["across"] - 0.5, row["up"] - 0.5)
        panel.add_patch(Rectangle(place, 1, 1, fc="none", ec="#C8C8C8", hatch="////", lw=0, label="empty"))


def draw_shade(panel: Axes, place: tuple[float, float], color: Sequence[float], texts: tuple[str, str], drawn: CellFigure) -> None:
    """A cell in one colour, with a number in it, and a second text below, where there is room for them."""
    across, up = place
    edge = FAINT if min(color[:3]) > 0.99 else "white"
    panel.add_patch(Rectangle((across - 0.5, up - 0.5), 1, 1, fc=tuple(color), ec=edge, lw=0.6, label="cell"))
    ink = ink_on(color)
    sizes = [min(SMALL, drawn.height * POINTS * 0.4) - less for less in (0, 0.75, 1.5)]
    size = next((size for size in sizes if drawn.width > text_width(texts[0], size) + 0.02), 0)
    second = min(sizes[-1], size)
    roomy = bool(texts[1]) and drawn.width > text_width(texts[1], second) + 0.02 and drawn.height * POINTS > 2.6 * sizes[0]
    if size:
        panel.text(across, up + 0.16 * roomy, texts[0], fontsize=size, color=ink, ha="center", va="center")
    if size and roomy:
        panel.text(across, up - 0.24, texts[1], fontsize=second, color=ink, ha="center", va="center")


def color_scale(drawn: CellFigure, colors: ScalarMappable, label: str) -> Colorbar:
    """The scale of a map's colours, at its right."""
    panels = list(drawn.panels.values())
    bar: Colorbar = drawn.figure.colorbar(colors, ax=panels, label=label, aspect=25, fraction=0.05, pad=0.02)
    bar.outline.set_linewidth(0.4)
    return bar
