"""`grokjax compare`: prints what analysis.statistics.compare finds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
from cyclopts import Parameter

from grokjax.analysis.results import Results
from grokjax.analysis.statistics.compare import Comparison, read_table
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import MapPicture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Axes, CellSelection, Labels, warn_of_missing

EXCHANGED = {
    "pairs": "the runs of each pair exchanged at random",
    "seeds": "whole seeds dealt out anew",
    "runs": "the runs of each cell dealt out anew",
}


def command(
    root: RootArgument,
    other: Annotated[
        str,
        Parameter(name="OTHER", help="A second root, or a table as a .csv or .parquet file with the runs table's column names."),
    ],
    /,
    *,
    unpaired: bool = False,
    phase: str = "grok",
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
    picture: MapPicture = MapPicture(),
) -> None:
    """Compare a sweep with another one or with a published table.

    Cells are compared one by one, and both tables are labelled by the same rule. The p-value says how
    often two samples of one truth would be as far apart.

    Args:
      unpaired: Equal seeds of two roots do not mean the same data and first weights. Runs of a table without run_ids are never
        paired.
      phase: Phase whose shares the picture of --out compares: OTHER minus ROOT, in each cell.

    Examples:
        grokjax compare results/parity-article published.csv

        grokjax compare results/adamw results/muon --where train_size=1250 --out difference.pdf
    """
    results = selection.open(root, labels)
    warn_of_missing(results)
    second: Results | pd.DataFrame
    if other.endswith((".csv", ".parquet")):
        second = read_table(Path(other))
    else:
        second = selection.open(other)
        warn_of_missing(second)
    paired = False if unpaired else None
    _print(results.compare(second, *axes.names, paired=paired))
    if picture.out:
        drawn = results.plot_difference(second, phase, *axes.names, paired=paired, **picture.settings)
        picture.write(drawn, root, "difference")


def _print(found: Comparison) -> None:
    share = found.agreeing / len(found.cells)
    print(f"most frequent phase equal in {found.agreeing} of {len(found.cells)} cells ({share:.0%})")
    print(f"mean total-variation distance of the shares {found.mean_distance:.3f}")
    low, high = found.null_interval
    print(
        f"two samples of one truth: {found.expected_distance:.3f} on average, {low:.3f} to {high:.3f} in 95 % of them, "
        f"p = {found.p:.2g} ({len(found.null_distances):,} times, {EXCHANGED[found.unit]})"
    )
    for count, which in ((found.only_first, "first"), (found.only_second, "second")):
        if count:
            print(f"{count} cells only in the {which}")
    for name, first, second in found.matched.itertuples(index=False):
        print(f"{name} {first:g} and {second:g} count as one value")
    for name, first, second in found.differing_settings.itertuples(index=False):
        print(f"{name} is {first} in all runs of the first, {second} in all runs of the second")
    if not found.pairs.empty:
        rows = [(*row[:-1], f"{row[-1]:.2g}") for row in found.pairs.itertuples(index=False)]
        print_table(found.pairs, rows, title="pairs of runs with the same seed")
    if not found.differing.empty:
        print_table(found.differing, found.differing.itertuples(index=False), title="cells that differ")
