"""`grokjax refine`: writes the spec that analysis.statistics.refine proposes."""

from __future__ import annotations

import sys

import tomli_w
from cyclopts.types import PositiveInt

from grokjax.analysis.statistics.refine import least_known, refined_spec
from grokjax.analysis.tables.planned import load_specs
from grokjax.scripts.options import RootArgument
from grokjax.scripts.selection import Axes, Labels, Selection, labelled_grid
from grokjax.sweeps.spec.load import spec_from


def command(
    root: RootArgument,
    /,
    *,
    count: PositiveInt = 16,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
) -> None:
    """Write a spec of points where the boundary is least known.

    The points lie halfway between neighboring cells whose phases differ. Run the spec into the same root, then refine again.

    Args:
      count: Largest number of points; each is trained with all seeds.

    Examples:
        grokjax refine results/demo > finer.toml

        grokjax run finer.toml --root results/demo
    """
    labelled = labelled_grid(root, selection, labels, axes)
    selection.warn_of_missing(root, labelled.runs)
    points = least_known(labelled.grid, labelled.grid.cell, count).drop(columns="score")
    spec = refined_spec(load_specs(root), labelled.runs, points)
    spec_from(spec, "the refined spec")  # which refuses an impossible run
    sys.stdout.write(tomli_w.dumps(spec))
