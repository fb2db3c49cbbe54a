"""grokjax figure waves."""

from __future__ import annotations

from grokjax.analysis.plots import DOUBLE, plot_waves
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
    """What a modular network's hidden units read and write over the tokens, units of one frequency together.

    The spec must have kept weights: snapshots = 101.

    Example:
        grokjax figure waves results/modular-main --where seed=6 --step 30_000
    """
    kept = kept_units(root, where)
    write(plot_waves(kept.maps, at=kept.index(step), title=kept.title, width=inches(width) or DOUBLE), root, "waves", out)
