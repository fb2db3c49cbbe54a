"""grokjax figure fits."""

from __future__ import annotations

from grokjax.analysis.plots import plot_fits
from grokjax.scripts.figures.along import Against, Axis, Phase, found_boundaries
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import RuleName, Thresholds, Where


def command(
    root: Root,
    axis: Axis,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    phase: Phase = "grok",
    against: Against = None,
    out: Out = None,
    width: Width = None,
) -> None:
    """The share of a phase along AXIS, a line a group, with the logistic fits that the boundary is read off.

    Example:
        grokjax figure fits results/x train_size --phase grok --against memorize
    """
    found = found_boundaries(root, axis, where, rule, threshold, phase, against)
    figure = plot_fits(
        found.boundaries, by=found.by, phase=phase, against=against, missing=found.missing, title=found.title,
        width=inches(width),
    )  # fmt: skip
    write(figure, root, "fits", out)
