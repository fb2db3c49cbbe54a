"""Maps: grids of evenly spaced cells over two hyperparameters, with panels by a third."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from grokjax.analysis.plots.layout.arrangement import AX_SCALE_SHARE, WIDEST, Arrangement, arrange, arrange_in_axes
from grokjax.analysis.plots.layout.look import Look
from grokjax.analysis.plots.layout.page import axes_size, check_one_panel, new_figure
from grokjax.analysis.plots.layout.panels import MOST_PANELS
from grokjax.analysis.plots.layout.style import FAINT, GREY, PaperFigure, ink_on
from grokjax.analysis.plots.layout.text import POINTS, font_size, text_width, value_texts, wrapped
from grokjax.analysis.plots.layout.true_axes import draw_true_axes
from grokjax.analysis.statistics.cells import distinct_values, places_of
from grokjax.analysis.statistics.grid import PhaseGrid
from grokjax.analysis.statistics.points import Points, is_scattered, scaled_points
from grokjax.errors import AnalysisError

WIDEST_POINTS = 3.2  # inches: the largest side of a panel of points
SMALLEST_SHADE = 0.06  # inches: the side of a shade without a number
MARGIN = 0.06  # inches beside the text in a cell
# Marks of points: how many fit side by side at least, and how many where n points are drawn, as a multiple of the root of n.
LEAST_SIDE, CROWDING = 8, 1.6


@dataclass(frozen=True)
class MapCells:
    """The hyperparameters of a map and their values, ascending, None last; `facets` is [None] for one panel."""

    x: str
    y: str
    facet: str | None
    columns: list[Any]
    rows: list[Any]
    facets: list[Any]

    def panel(self, table: pd.DataFrame, facet: object) -> pd.DataFrame:
        """A panel's rows of a table, with the column and row index of each cell as `across` and `up`."""
        rows = self._rows(table, facet)
        return rows.assign(across=places_of(rows[self.x], self.columns), up=places_of(rows[self.y], self.rows))

    def _rows(self, table: pd.DataFrame, facet: object) -> pd.DataFrame:
        if self.facet is None:
            return table
        return table[table[self.facet].isna() if facet is None else (table[self.facet] == facet).fillna(False)]

    @property
    def labels(self) -> tuple[list[str], list[str]]:
        """The labels of the columns and of the rows."""
        return value_texts(self.columns), value_texts(self.rows)

    @property
    def what(self) -> str:
        """What has a mark on the map."""
        return "cell"

    @property
    def numbered(self) -> bool:
        """Whether marks have numbers on them."""
        return True


@dataclass(frozen=True)
class PointCells(MapCells):
    """Points that are no grid, drawn at their true places. They have no columns and rows; `side` marks fit side by side."""

    points: Points
    side: int

    @classmethod
    def of(cls, table: pd.DataFrame, x: str, y: str, facet: str | None, facets: list[Any]) -> PointCells:
        """The points of a table, with marks about as large as the distance between neighbours."""
        places = table.drop_duplicates([name for name in (x, y, facet) if name is not None])  # a point may have several rows
        most = len(places) if facet is None else int(places[facet].value_counts(dropna=False).max())
        return cls(
            x, y, facet, [], [], facets, scaled_points(table, [x, y]), max(LEAST_SIDE, math.ceil(CROWDING * math.sqrt(most)))
        )

    def panel(self, table: pd.DataFrame, facet: object) -> pd.DataFrame:
        """A panel's rows of a table, with their places in units of a mark as `across` and `up`."""
        rows = self._rows(table, facet)
        across, up = (self.side - 1) * self.points.to_unit(rows[[self.x, self.y]].to_numpy(float)).T
        return rows.assign(across=across, up=up)

    @property
    def labels(self) -> tuple[list[str], list[str]]:
        """Labels that take the room of the ticks: none below, and the longest one at the left."""
        values = self.points.table[self.y]
        return [""] * self.side, [max(value_texts([values.min(), values.max()]), key=len), *[""] * (self.side - 1)]

    @property
    def what(self) -> str:
        """What has a mark on the map."""
        return "point"

    @property
    def numbered(self) -> bool:
        """No numbers: they would cover one another where points are close together."""
        return False


@dataclass(frozen=True)
class Map:
    """A figure with empty panels, by value of the facet, and the size of their cells in inches."""

    figure: Figure
    panels: dict[Any, Axes]
    cell_width: float
    cell_height: float
    numbered: bool


def map_cells(table: pd.DataFrame, x: str | None, y: str | None, facet: str | None, true_axes: bool | None = None) -> MapCells:
    """The cells of a table with one row per cell; without x and y, on the axes of its `phase_grid`.

    They are `PointCells`, drawn at their true places, if `true_axes` says so, or if it is None and the table is no grid (see
    `is_scattered`).

    Raises:
      AnalysisError: the table lacks one of the names or is empty, there would be more panels than fit on a page, or an axis of
        `true_axes` does not have numbers alone.
    """
    if x is None and y is None and isinstance(table, PhaseGrid):
        x, y, facet = table.x, table.y, table.facet
    if x is None or y is None:
        raise AnalysisError("a map needs x and y; name two hyperparameters of the table")
    for name in (x, y, facet):
        if name is not None and name not in table:
            raise AnalysisError(f"{name} is not in the grid; it has {', '.join(map(str, table.columns))}")
    if table.empty:
        raise AnalysisError("the grid has no cell; choose other runs")
    columns, rows, facets = (distinct_values(table[name]) if name is not None else [None] for name in (x, y, facet))
    if len(facets) > MOST_PANELS:
        raise AnalysisError(f"{facet} has {len(facets)} values, more than {MOST_PANELS} panels can show; choose some with where")
    if is_scattered(table, x, y) if true_axes is None else true_axes:
        return PointCells.of(table, x, y, facet, facets)
    return MapCells(x, y, facet, columns, rows, facets)


def draw_map(
    cells: MapCells,
    look: Look,
    *,
    smallest: float,
    comfortable: float,
    legend: Sequence[Artist],
    note: str,
    scale: bool = False,
) -> Map:
    """Draws empty panels with ticks and lines between cells: in a new figure, as many side by side as fit, or in `look.ax`.

    Without a width the figure is as wide as one column of a paper if all panels fit side by side in it, else as two columns if they
    fit there, else as they need.

    Args:
      cells: of the map.
      look: the common settings.
      smallest: side of the smallest cell that can be read, in inches.
      comfortable: side that a cell should have, in inches.
      legend, note: as in `new_figure`.
      scale: whether `color_scale` will draw a colour bar on the right.

    Raises:
      AnalysisError: the cells do not fit, or `look.ax` is given for several panels.
    """
    ax, width = look.ax, look.width
    check_one_panel(ax, len(cells.facets), f"choose the runs of one {cells.facet}")
    columns, rows = cells.labels
    facets = None if cells.facet is None else (look.name(cells.facet), value_texts(cells.facets))
    if ax is None:
        largest = WIDEST if cells.numbered else WIDEST_POINTS / len(columns)
        smallest = min(smallest, SMALLEST_SHADE) if scale and not cells.numbered else smallest  # shades without numbers
        placed = arrange(columns, rows, facets, width=width, sides=(smallest, comfortable, largest), scale=scale)
    else:
        width = axes_size(ax)[0]
        placed = arrange_in_axes(columns, rows, facets, size=axes_size(ax), smallest=smallest, scale=scale)
    if placed is None:
        what = f"{len(columns)} values of {cells.x}" + (f" and {len(rows)} of {cells.y}" if ax is not None else "")
        what = f"{len(cells.points.table)} points" if isinstance(cells, PointCells) else what
        wider = "make ax larger" if ax is not None else "make the figure wider"
        raise AnalysisError(f"{what} do not fit in {width:.3g} inches; {wider}, or choose some with where")
    headed = replace(look, title=look.heading(placed.heading))
    figure = new_figure(placed.width, placed.height, headed, legend=legend, note=note, used=placed.used)
    panels = (
        [ax] if ax is not None else figure.subplots(placed.down, placed.across, squeeze=False, sharex=True, sharey=True).ravel()
    )
    for panel in panels[len(cells.facets) :]:
        panel.set_visible(False)
        panel.set_in_layout(False)
    drawn = [_draw_axes(panel, cells, placed, index, look) for index, panel in enumerate(panels[: len(cells.facets)])]
    return Map(figure, dict(zip(cells.facets, drawn, strict=True)), placed.cell_width, placed.cell_height, cells.numbered)


def _draw_axes(panel: Axes, cells: MapCells, placed: Arrangement, index: int, look: Look) -> Axes:
    """Prepares a panel, and labels its axes if it is at the edge of the figure; returns the Axes to draw cells into."""
    marks = panel
    if isinstance(cells, PointCells):
        size = placed.cell_width * cells.side, placed.cell_height * cells.side
        marks = draw_true_axes(panel, cells.points, cells.side, size)
    else:
        _draw_lines(panel, cells, placed)
    lowest, first = index + placed.across >= len(cells.facets), index % placed.across == 0
    panel.tick_params(labelbottom=lowest, labelleft=first)
    panel.set_xlabel(look.name(cells.x) if lowest else "")
    panel.set_ylabel(look.name(cells.y) if first else "")
    if placed.titles:
        panel.set_title(placed.titles[index])
    return marks


def _draw_lines(panel: Axes, cells: MapCells, placed: Arrangement) -> None:
    """Draws lines between the cells of a panel, and labels its columns and rows."""
    for edge in range(len(cells.columns) + 1):
        panel.axvline(edge - 0.5, color=FAINT, lw=0.6, zorder=0)
    for edge in range(len(cells.rows) + 1):
        panel.axhline(edge - 0.5, color=FAINT, lw=0.6, zorder=0)
    panel.set(xlim=(-0.5, len(cells.columns) - 0.5), ylim=(-0.5, len(cells.rows) - 0.5))
    panel.spines[:].set_visible(False)
    panel.set_xticks(range(len(cells.columns)), placed.columns, rotation=placed.rotation)
    panel.set_yticks(range(len(cells.rows)), placed.rows)
    panel.tick_params(length=0)


def mark_empty(panel: Axes, cells: pd.DataFrame) -> None:
    """Hatches cells without a run."""
    for row in cells.to_dict("records"):
        corner = (row["across"] - 0.5, row["up"] - 0.5)
        panel.add_patch(Rectangle(corner, 1, 1, fc="none", ec="#C8C8C8", hatch="////", lw=0, label="empty"))


def draw_shade(panel: Axes, place: tuple[float, float], color: Sequence[float], texts: tuple[str, str], drawn: Map) -> None:
    """Fills a cell with a colour and, on a map with numbers, writes up to two lines of text into it, if there is room."""
    across, up = place
    edge = (FAINT if min(color[:3]) > 0.99 else "white") if drawn.numbered else GREY  # pale points must be seen
    panel.add_patch(
        Rectangle((across - 0.5, up - 0.5), 1, 1, fc=tuple(color), ec=edge, lw=0.6 if drawn.numbered else 0.4, label="cell")
    )
    if not drawn.numbered:
        return
    ink, largest = ink_on(color), font_size("xtick.labelsize")
    sizes = [min(largest, drawn.cell_height * POINTS * 0.4) * share for share in (1, 0.885, 0.77)]
    size = next((size for size in sizes if drawn.cell_width > text_width(texts[0], size) + MARGIN), 0)
    second = min(sizes[-1], size)
    roomy = bool(texts[1]) and drawn.cell_width > text_width(texts[1], second) + MARGIN
    roomy = roomy and drawn.cell_height * POINTS > 2.6 * sizes[0]
    rise = min(0.16, sizes[0] / POINTS / drawn.cell_height) * roomy
    if size:
        panel.text(across, up + rise, texts[0], fontsize=size, color=ink, ha="center", va="center")
    if size and roomy:
        panel.text(across, up - 1.5 * rise, texts[1], fontsize=second, color=ink, ha="center", va="center")


def color_scale(figure: Figure, panels: Sequence[Axes], colors: ScalarMappable, label: str) -> Colorbar:
    """Draws the colour bar of a map to the right of its panels."""
    engine: Any = figure.get_layout_engine()
    fraction = AX_SCALE_SHARE if engine is None else 0.05  # without an engine, the numbers and the label need room too
    if isinstance(figure, PaperFigure):
        height = engine.get()["rect"][3] * figure.get_figheight() - 0.5  # less the labels below the panels
        label = wrapped(label, max(height, 1.0), font_size("font.size"), " ")
    hosts = {child: panel for panel in figure.axes for child in panel.child_axes}  # of marks over true axes
    beside = [hosts.get(panel, panel) for panel in panels]
    bar: Colorbar = figure.colorbar(colors, ax=beside, label=label, aspect=25, fraction=fraction, pad=0.02)
    bar.outline.set_linewidth(0.4)
    return bar
