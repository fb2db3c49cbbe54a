"""`grokjax refine`: writes the spec that analysis.statistics.refine proposes."""

from __future__ import annotations

import sys

import tomli_w
from cyclopts.types import PositiveInt

from grokjax.scripts.options import RootArgument
from grokjax.scripts.selection import Axes, CellSelection, Labels, warn_of_missing
from grokjax.sweeps.spec.load import spec_from


def command(
    root: RootArgument,
    /,
    *,
    count: PositiveInt = 16,
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
) -> None:
    """Write a spec of points where the boundary is least known.

    The points lie halfway between neighboring cells whose phases differ. Run the spec into the same root, then refine again.

    Args:
      count: Largest number of points; each is trained with all seeds, and with all values of --mix.

    Examples:
        grokjax refine results/demo > finer.toml

        grokjax run finer.toml --root results/demo
    """
    results = selection.open(root, labels)
    warn_of_missing(results)
    spec = results.refine(count, *axes.names)
    spec_from(spec, "the refined spec")  # which refuses an impossible run
    sys.stdout.write(tomli_w.dumps(spec))
