"""`grokjax compare`: prints what analysis.statistics.compare finds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.statistics.compare import compare, read_table
from grokjax.scripts.options import RootArgument
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Axes, Labels, Selection


def command(
    root: RootArgument,
    table: Annotated[Path, Parameter(name="TABLE", help="Published results as a .csv file, with the runs table's column names.")],
    /,
    *,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
) -> None:
    """Compare a sweep with published results, cell by cell.

    Both tables are labelled by the same rule.

    Examples:
        grokjax compare results/x published.csv
    """
    results = selection.open(root)
    rule = labels.choose(results)
    x, y, facet = axes.choose(results)
    found = compare(results.runs, read_table(table), rule, x=x, y=y, facet=facet)
    share = found.agreeing / len(found.cells)
    print(f"most frequent phase equal in {found.agreeing} of {len(found.cells)} cells ({share:.0%})")
    print(f"mean total-variation distance of the shares {found.mean_distance:.3f}")
    for count, which in ((found.only_sweep, "sweep"), (found.only_published, "table")):
        if count:
            print(f"{count} cells only in the {which}")
    if not found.differing.empty:
        print_table(found.differing, found.differing.itertuples(index=False), title="cells that differ")
