"""grokjax figure spectra."""

from __future__ import annotations

from typing import Annotated

import typer

from grokjax.analysis.plots import DOUBLE, plot_spectra
from grokjax.scripts.figures.kept import kept_units
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Where


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    before: Annotated[int, typer.Option(help="The earlier step, or the kept one nearest to it.")] = 0,
    after: Annotated[
        int | None, typer.Option(help="The later step, or the kept one nearest to it. [default: the last]", show_default=False)
    ] = None,
    out: Out = None,
    width: Width = None,
) -> None:
    """The Fourier transform of what a modular network's hidden units read and write, before and after training.

    The spec must have kept weights: snapshots = 101.

    Example:
        grokjax figure spectra results/modular-main --where seed=6
    """
    kept = kept_units(root, where)
    figure = plot_spectra(
        kept.maps, before=kept.index(before), after=kept.index(after), title=kept.title, width=inches(width) or DOUBLE
    )
    write(figure, root, "spectra", out)
