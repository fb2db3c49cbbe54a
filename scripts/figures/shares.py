"""grokjax figure shares."""

from __future__ import annotations

from typing import Annotated

import typer

from grokjax.analysis.plots import plot_shares
from grokjax.scripts.grids import labelled_grid
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Across, Panels, RuleName, Thresholds, Upwards, Where


def command(
    root: Root,
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    phase: Annotated[
        str | None, typer.Option(help="One phase, as shades with numbers. [default: bars of all]", show_default=False)
    ] = None,
    out: Out = None,
    width: Width = None,
) -> None:
    """The phase diagram as shares, however many seeds a cell has: bars of all phases, or shades of one with its intervals.

    Examples:
        grokjax figure shares results/x

        grokjax figure shares results/x --phase grok --out figures/grok.pdf --width double
    """
    labelled = labelled_grid(root, where, rule, threshold, (x, y, facet))
    figure = plot_shares(
        labelled.grid, x=labelled.x, y=labelled.y, facet=labelled.facet, phase=phase, title=labelled.title, width=inches(width)
    )
    write(figure, root, "shares", out)
