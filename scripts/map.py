"""`grokjax map`: prints and draws a column of the runs in every cell (analysis.statistics.aggregate, analysis.plots.values)."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter

from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import MapPicture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Axes, CellSelection, warn_of_missing


def command(
    root: RootArgument,
    column: Annotated[str, Parameter(help="Column of the runs table that holds numbers; `grokjax columns` lists them.")],
    /,
    *,
    aggregate: Literal["median", "mean", "min", "max", "spread"] = "median",
    selection: CellSelection = CellSelection(),
    axes: Axes = Axes(),
    picture: MapPicture = MapPicture(),
) -> None:
    """Map a number of the runs, summarized over each cell's seeds.

    Draws ROOT/map.png and ROOT/map.svg unless --out names other files. Runs without a value are left out and counted; in columns of
    steps at which something happened, they count as later than all others.

    Args:
      aggregate: How the seeds of a cell are summarized. "spread" is the distance of the quartiles; the mean of a column of true and
        false is the share of true.

    Examples:
        grokjax map results/demo final_test_accuracy

        grokjax map results/demo first_step_test_accuracy_99 --aggregate median --out map.pdf
    """
    results = selection.open(root)
    warn_of_missing(results)
    table = results.values(column, aggregate, *axes.names)
    figure = results.plot_map(column, aggregate, *axes.names, **picture.settings)
    cell = [name for name in table if name not in ("value", "known", "runs")]
    rows = [(*row[:-3], _text(row[-3]), f"{row[-2]} of {row[-1]}") for row in table.itertuples(index=False)]
    print_table((*cell, f"{aggregate} of {column}", "runs with a value"), rows)
    picture.write(figure, root, "map")


def _text(value: float) -> str:
    return "none" if np.isnan(value) else "not reached" if np.isinf(value) else f"{value:.4g}"
