"""grokjax verify."""

from __future__ import annotations

import typer

from grokjax.scripts.options import Root
from grokjax.sweeps.store.root import Root as SweepRoot
from grokjax.sweeps.store.verify import verify

MOST_TOLD = 20


def command(root: Root) -> None:
    """Read every file of a root to its end and compare it with what its specs ask for. Exit code 1 if anything is wrong.

    Runs that are not trained yet are counted and are not wrong: grokjax run trains them.

    Example:
        grokjax verify results/demo
    """
    verdict = verify(SweepRoot.open(root))
    typer.echo(f"{verdict.committed:,} of {verdict.planned:,} planned runs are there; {verdict.files:,} files read")
    for sentence in verdict.wrong[:MOST_TOLD]:
        typer.echo(f"wrong: {sentence}")
    if len(verdict.wrong) > MOST_TOLD:
        typer.echo(f"... and {len(verdict.wrong) - MOST_TOLD:,} more")
    if verdict.wrong:
        raise typer.Exit(1)
    missing = verdict.planned - verdict.committed
    typer.echo(f"Nothing is wrong, but {missing:,} planned runs are not there yet." if missing else "Nothing is wrong.")
