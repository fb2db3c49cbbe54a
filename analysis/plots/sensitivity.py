"""The map of sensitivity: how far each cell's shares move as the thresholds of a rule do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.labels.thresholds import Setting
from grokjax.analysis.plots.layout.cells import cell_figure, cells_of, color_scale, draw_shade
from grokjax.analysis.plots.layout.style import shades, styled
from grokjax.analysis.plots.layout.text import counted, told_missing, value_texts
from grokjax.analysis.statistics.agreement import most_moved


@styled
def plot_sensitivity(
    moved: pd.DataFrame,
    settings: Mapping[str, Sequence[Setting]],
    *,
    x: str,
    y: str,
    facet: str | None = None,
    runs: int,
    missing: int = 0,
    title: str | None = None,
    width: float | None = None,
) -> Figure:
    """The most that the thresholds move each cell: the share of its runs that change their phase, in percent.

    Below it, where there is room, stands how many different most frequent phases the settings give the cell, if several.

    Args:
      moved: from `agreement.sensitivity`, with the same x, y and facet.
      settings: the values of the thresholds that were tried, by name.
      x, y, facet: hyperparameters; their values are evenly spaced, ascending.
      runs, missing: how many runs there are, and how many planned ones are not.
      title: above the figure.
      width: in inches; one column of a paper, or both, as is needed, when None.

    Raises:
      AnalysisError: more panels than can be read, or more cells than the width has room for.
    """
    cells = cells_of(moved, x, y, facet)
    table = most_moved(moved, [name for name in (facet, y, x) if name is not None])
    tried = "; ".join(f"{name} {_extent(values)}" for name, values in settings.items())
    note = f"{counted(runs, 'run')} in {counted(len(table), 'cell')}. Tried: {tried}. {told_missing(missing, runs)}"
    drawn = cell_figure(
        cells, width=width, smallest=0.14, comfortable=0.26, title=title, legend=[], note=note.strip(), scale=True
    )  # fmt: skip
    colors = shades(PHASE_COLORS["undecided"])
    for value, panel in drawn.panels.items():
        for row in cells.of(table, value).to_dict("records"):
            texts = f"{100 * row['distance']:.0f}", f"{int(row['phases'])} phases" if row["phases"] > 1 else ""
            draw_shade(panel, (row["across"], row["up"]), colors(row["distance"]), texts, drawn)
    color_scale(drawn, ScalarMappable(Normalize(0, 100), colors), "runs that change phase (%)")
    return drawn.figure


def _extent(values: Sequence[Setting]) -> str:
    """From 1e-6 to 1e-4, or the words."""
    texts = value_texts(values)
    return f"{texts[0]} to {texts[-1]}" if all(isinstance(value, float) for value in values) else ", ".join(texts)
