"""Panels that share their axes, one for each group of runs: side by side in rows, or as a table of two hyperparameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.look import Look
from grokjax.analysis.plots.layout.page import BETWEEN
from grokjax.analysis.plots.layout.text import font_size, text_height, text_width, wrapped
from grokjax.errors import AnalysisError

MOST_PANELS = 24
NARROWEST = 0.5  # inches: a panel in a table of panels
GAP = 0.08  # above a title
FULL = 2 / 3  # of a table's panels that exist


@dataclass(frozen=True)
class Panels:
    """The arrangement of panels in a new figure, with their titles.

    `places` are the panels' indices in the grid of `down` rows and `across` columns, row by row. `titles` stand above them, and
    `rows` above the first panel of each row; all lengths are in inches.
    """

    places: tuple[int, ...]
    titles: tuple[str, ...]
    rows: tuple[str, ...]
    heading: str  # above all panels, if titles are values of a hyperparameter alone
    across: int
    down: int
    width: float  # of one panel

    @classmethod
    def arranged(cls, keys: Sequence[tuple[str, ...]], names: Sequence[str], look: Look, room: float, least: float) -> Panels:
        """The panels of groups in `room` inches, each at least `least` wide if there is a choice.

        Args:
          keys: the values of the hyperparameters in each group, as text.
          names: the hyperparameters. Of several, one makes columns if nearly all combinations exist and its columns fit.
          look: the names as they are drawn.
          room: width of all panels together.
          least: width of a panel that is not in a table.

        Raises:
          AnalysisError: more panels than fit on a page.
        """
        if len(keys) > MOST_PANELS:
            raise AnalysisError(
                f"{' x '.join(names)} makes {len(keys)} panels, more than {MOST_PANELS}; choose some with where, "
                "or pool runs with mix"
            )
        return cls._table(keys, names, look, room) or cls._in_rows(keys, names, look, room, least)

    @classmethod
    def _table(cls, keys: Sequence[tuple[str, ...]], names: Sequence[str], look: Look, room: float) -> Panels | None:
        """A column for each value of the hyperparameter that has most of them, a row for each combination of the others."""
        values = [list(dict.fromkeys(key[place] for key in keys)) for place in range(len(names))]
        fitting = [place for place in range(len(names)) if room / len(values[place]) >= NARROWEST]
        if len(names) < 2 or not fitting:
            return None
        across = max(reversed(fitting), key=lambda place: len(values[place]))
        above = [key[:across] + key[across + 1 :] for key in keys]
        rows, columns = list(dict.fromkeys(above)), values[across]
        if len(keys) < FULL * len(rows) * len(columns):
            return None
        width, size = room / len(columns) - 2 * BETWEEN, font_size("axes.titlesize")
        titles, heading = panel_titles(look.name(names[across]), columns, width)
        others = [*names[:across], *names[across + 1 :]]
        pairs = [list(map(look.pair, others, row)) for row in rows]
        wide = max(text_width(", ".join(each), size) for each in pairs) > 1.9 * width
        named = [(",\n" if wide else ", ").join(each) for each in pairs]
        places = [rows.index(row) * len(columns) + columns.index(key[across]) for row, key in zip(above, keys, strict=True)]
        headed = [titles[place] if place < len(columns) else "" for place in places]
        return cls(tuple(places), tuple(headed), tuple(named), heading, len(columns), len(rows), width)

    @classmethod
    def _in_rows(cls, keys: Sequence[tuple[str, ...]], names: Sequence[str], look: Look, room: float, least: float) -> Panels:
        """As few rows as possible, about equally long."""
        down = math.ceil(len(keys) / min(len(keys), max(1, int(room / least))))
        across = math.ceil(len(keys) / down)
        width, size = room / across - 2 * BETWEEN, font_size("axes.titlesize")
        titles = ["\n".join(wrapped(look.pair(*each), width, size) for each in zip(names, key, strict=True)) for key in keys]
        return cls(tuple(range(len(keys))), tuple(titles), (), "", across, math.ceil(len(keys) / across), width)

    def headed(self, look: Look) -> Look:
        """The settings, with the heading of these panels below the title."""
        return replace(look, title=look.heading(self.heading)) if self.heading else look

    @property
    def titles_height(self) -> float:
        """The height of all titles together."""
        size = font_size("axes.titlesize")
        heights = ([text_height(title, size) + GAP for title in each if title] for each in (self.titles, self.rows))
        columns, rows = (max(each, default=0.0) for each in heights)
        return columns + self.down * rows if rows else self.down * columns

    def axes(self, figure: Figure, look: Look) -> list[Axes]:
        """The panels in their order, with titles and tick labels at the edges of the figure; or the caller's Axes alone."""
        if look.ax is not None:
            return [look.ax]
        every = list(figure.subplots(self.down, self.across, squeeze=False, sharex=True, sharey=True).ravel())
        for place, panel in enumerate(every):
            panel.set_visible(place in self.places)
            panel.tick_params(labelbottom=place + self.across not in self.places, labelleft=place % self.across == 0)
        for place, title in zip(self.places, self.titles, strict=True):
            every[place].set_title(title)
        above = "\n" * (1 + max(title.count("\n") for title in self.titles))  # of the first row, over the titles of its columns
        for row, title in enumerate(self.rows):
            first = min(place for place in self.places if place // self.across == row)
            every[first].set_title(title if row else title + above, loc="left")
        return [every[place] for place in self.places]

    def label(self, axes: Sequence[Axes], x: str, y: str) -> None:
        """Labels the x axis of the lowest panels and the y axis of the leftmost ones."""
        for place, panel in zip(self.places, axes, strict=True):
            lowest = place + self.across not in self.places
            panel.set(xlabel=x if lowest else "", ylabel=y if place % self.across == 0 else "")


def panel_titles(name: str, values: Sequence[str], width: float) -> tuple[list[str], str]:
    """Titles of panels that are `width` inches wide, and a heading with the hyperparameter's name if that does not fit in them."""
    size = font_size("axes.titlesize")
    whole = [f"{name} = {value}" for value in values]
    if max(text_width(text, size) for text in whole) <= width:
        return whole, ""
    return [wrapped(value, width, size) for value in values], f"panels: {name}"
