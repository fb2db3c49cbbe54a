"""grokjax figure stars."""

from __future__ import annotations

from grokjax.analysis.plots import DOUBLE, plot_stars
from grokjax.scripts.figures.kept import AtStep, kept_units
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Where


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    step: AtStep = None,
    out: Out = None,
    width: Width = None,
) -> None:
    """A modular network's hidden units on the (cos, sin) plane of their frequency, joined in polygon order.

    The spec must have kept weights: snapshots = 101.

    Example:
        grokjax figure stars results/modular-main --where seed=6 --step 30_000
    """
    kept = kept_units(root, where)
    write(plot_stars(kept.maps, at=kept.index(step), title=kept.title, width=inches(width) or DOUBLE), root, "stars", out)
