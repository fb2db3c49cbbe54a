"""Panels of a facet each, in lines of equal length, that share their axes: labels stand at the edges alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.text import value_texts


@dataclass(frozen=True)
class Panels:
    """Panels in lines; `facets` are the values of the hyperparameter `name`, or None alone where there is none."""

    facets: Sequence[Any]
    name: str | None
    across: int
    down: int

    @classmethod
    def arranged(cls, facets: Sequence[Any], name: str | None, fitting: int) -> Panels:
        """As few lines as panels need of which `fitting` stand in one, and those evenly filled."""
        lines = math.ceil(len(facets) / min(len(facets), fitting))
        across = math.ceil(len(facets) / lines)
        return cls(facets, name, across, math.ceil(len(facets) / across))

    def axes(self, figure: Figure) -> list[Axes]:
        """The figure's panels, one a facet, titled."""
        panels = list(figure.subplots(self.down, self.across, squeeze=False, sharex=True, sharey=True).ravel())
        for panel in panels[len(self.facets) :]:
            panel.set_visible(False)
        if self.name is not None:
            for panel, text in zip(panels, value_texts(self.facets), strict=False):
                panel.set_title(f"{self.name} = {text}")
        return panels[: len(self.facets)]

    def label(self, axes: Sequence[Axes], x: str, y: str) -> None:
        """Writes what stands across below the lowest panels, and what stands upwards left of the first ones."""
        for index, panel in enumerate(axes):
            lowest = index + self.across >= len(self.facets)
            panel.tick_params(labelbottom=lowest)
            panel.set(xlabel=x if lowest else "", ylabel=y if index % self.across == 0 else "")

    def keys(self, by: Sequence[str], values: Sequence[Any]) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """Each facet and value by place, with the key of the two that leaves out what `by` has not."""
        for index, facet in enumerate(self.facets):
            for place, value in enumerate(values):
                yield index, place, (facet, value)[2 - len(by) :]
