"""grokjax retry."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from grokjax.scripts.options import Root
from grokjax.scripts.run import carry_out
from grokjax.sweeps.execute.driver import Execution, check_execution, release
from grokjax.sweeps.execute.existing import load_specs
from grokjax.sweeps.store.done import committed_table, unfinished_runs
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.root import Root as SweepRoot


def command(
    root: Root,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster; without it a local Ray is started.")] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="Cores the local Ray uses. [default: all]", show_default=False)] = None,
    executor: Annotated[Literal["ray", "inline"], typer.Option(help="inline trains in this process, for debugging.")] = "ray",
) -> None:
    """Take up again the runs that failed too often and were put in quarantine, and train all that is missing.

    Example:
        grokjax retry results/demo
    """
    opened = SweepRoot.open(root)
    execution = Execution(executor, address, cpus)
    check_execution(execution)  # and all files, before anything is let out
    unfinished = unfinished_runs(planned_runs(opened, ()), committed_table(opened))
    released = release(opened)
    if not released and not unfinished:
        typer.echo(f"Nothing is in quarantine in {root}, and all its runs are done.")
        return
    typer.echo(f"{released:,} runs let out of quarantine")
    done = [carry_out(spec, root, execution) for spec in load_specs(opened)]  # each, whatever becomes of the one before
    if not all(done):
        raise typer.Exit(1)
