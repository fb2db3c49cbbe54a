"""grokjax status."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Column, Table

from grokjax.analysis.tables.costs import COLUMNS, Account, account, pack_costs
from grokjax.scripts.options import Root
from grokjax.scripts.watch import describe, watch
from grokjax.sweeps.store.duplicates import superseded
from grokjax.sweeps.store.planned import planned_groups
from grokjax.sweeps.store.progress import SETTLING_SECONDS, Watch
from grokjax.sweeps.store.root import Root as SweepRoot
from grokjax.sweeps.store.schema import COSTS


def command(
    root: Root,
    packs: Annotated[bool, typer.Option("--packs", help="What every pack cost, a row each.")] = False,
    watching: Annotated[bool, typer.Option("--watch", help="Go on showing it until all is done.")] = False,
    every: Annotated[
        float | None,
        typer.Option(min=0.1, help="With --watch: seconds between looks. [default: 2, to a file 30]", show_default=False),
    ] = None,
) -> None:
    """Show how far a sweep has come and where its workers' time went, from what is stored alone.

    With --watch any machine that reaches the root shows it as it goes: runs done, packs in training, quarantine, run-steps/s, time
    left. It ends when all is done (exit code 0), or with what is in quarantine left over (1); Ctrl-C ends it before (130). Files
    of runs that cannot be read are named and left out.

    Examples:
        grokjax status results/demo

        grokjax status results/demo --packs

        grokjax status s3://bucket/folder --watch
    """
    opened = SweepRoot.open(root)
    if watching:
        try:
            raise typer.Exit(0 if watch(opened, Console(), every) else 1)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    looking = Watch(opened, COLUMNS)
    whole, groups = looking.look(time.time())
    if not looking.settled:  # a second look tells which packs are in training
        time.sleep(SETTLING_SECONDS)
        whole, groups = looking.look(time.time())
    console = Console(width=None if sys.stdout.isatty() else 140)  # a table in a file or a pipe keeps its words whole
    training = f"{whole.running} pack{'s' if whole.running > 1 else ''} in training" if whole.running else "none in training"
    typer.echo(f"{root}: {whole.done:,} of {whole.runs:,} runs done, {training}")
    for pack_id, entry in opened.quarantine().items():
        why = str(entry["error"]).strip().splitlines()[-1]
        typer.echo(f"in quarantine: {len(entry['run_ids']):,} runs of pack {pack_id}, since {entry['at']}: {why}")
    if looking.training:
        steps, of = (sum(getattr(pack, name) for pack in looking.training) for name in ("run_steps", "of"))
        typer.echo(f"in training: {steps:,} of {of:,} run-steps")
    if (runs := _costs(looking)) is not None:
        if packs:
            _tell_packs(pack_costs(runs), console)
        _tell_costs(account(runs), console)
    if whole.done < whole.runs:
        table = Table("group", "what", "done", "runs", box=None, padding=(0, 2))
        described = describe(planned_groups(opened))
        for group_id, group in groups.items():
            table.add_row(group_id, described[group_id], str(group.done), str(group.runs))
        console.print(table, highlight=False)
        if not whole.running:
            console.print("The grokjax run command that began it continues it.")


def _costs(watch: Watch) -> pd.DataFrame | None:
    """The columns of the workers' account; None where nothing is committed yet, or by a version that kept no account."""
    if not set(COLUMNS) <= set(watch.rows.schema.names) or not len(watch.rows):
        return None
    rows: pd.DataFrame = watch.rows.to_pandas(types_mapper=pd.ArrowDtype)
    return rows[~superseded(rows)]


def _tell_costs(costs: Account, console: Console) -> None:
    total = costs.seconds.sum()
    table = Table("workers' time", Column("seconds", justify="right"), Column("share", justify="right"), box=None, padding=(0, 2))
    for name, seconds in costs.seconds.items():
        table.add_row(str(name).replace("_", " "), f"{seconds:,.1f}", f"{seconds / total:.1%}")
    table.add_row("all", f"{total:,.1f}", "")
    console.print(table, highlight=False)
    typer.echo(
        f"useful arithmetic: {costs.share_of_peak:.2f} of a matrix product's over all that time, "
        f"{costs.share_of_peak_training:.2f} over the training steps"
    )


def _tell_packs(packs: pd.DataFrame, console: Console) -> None:
    kinds = [name for name, _ in COSTS]
    costs = (Column(f"{name.replace('_', ' ')} s", justify="right") for name in kinds)
    table = Table("pack", "worker", "runs", *costs, Column("of peak", justify="right"), box=None, padding=(0, 1))
    for row in packs.to_dict("records"):
        seconds = (f"{row[name]:.1f}" for name in kinds)
        table.add_row(row["pack_id"][:8], row["worker"], str(row["runs"]), *seconds, f"{row['share_of_peak']:.2f}")
    console.print(table, highlight=False)
