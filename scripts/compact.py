"""grokjax compact."""

from __future__ import annotations

from typing import Annotated

import typer

from grokjax.scripts.options import Root
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.root import Root as SweepRoot


def command(
    root: Root,
    out: Annotated[
        str, typer.Argument(metavar="DST", help="The new root: a new folder or address, or one begun so.", show_default=False)
    ],
) -> None:
    """Copy a root of many small files to another, in few large ones. The old one stays; the new one can be used in its place.

    The same command again continues where it was interrupted, and adds what the old root has gained since.

    Example:
        grokjax compact results/x results/x-compact
    """
    done = compact(SweepRoot.open(root), out)
    typer.echo(f"Copied {done.runs:,} runs of {done.packs:,} files to {out}, in {done.bundles:,} of runs and as many of curves")
    typer.echo(f"Next: grokjax verify {out}")
