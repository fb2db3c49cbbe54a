"""grokjax status."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Column, Table

from grokjax.analysis.tables.costs import COLUMNS, Account, account, pack_costs
from grokjax.analysis.tables.load import load_runs
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Root
from grokjax.scripts.watch import describe, watch
from grokjax.sweeps.execute.enter import planned_runs, unfinished_runs
from grokjax.sweeps.store.layout import Store, quarantine, read_progress
from grokjax.sweeps.store.progress import STALE_SECONDS
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
    store = Store(root)
    if watching:
        try:
            raise typer.Exit(0 if watch(store, Console(), every) else 1)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    planned, unfinished = planned_runs(store), unfinished_runs(store, "skip")
    count = sum(map(len, planned))
    running = [p for p in read_progress(store).values() if time.time() - p["at"] < STALE_SECONDS]
    done = count - len(unfinished)
    console = Console(width=None if sys.stdout.isatty() else 140)  # a table in a file or a pipe keeps its words whole
    training = f"{len(running)} pack{'s' if len(running) > 1 else ''} in training" if running else "none in training"
    typer.echo(f"{root}: {done:,} of {count:,} runs done, {training}")
    for pack_id, entry in quarantine(store).items():
        why = str(entry["error"]).strip().splitlines()[-1]
        typer.echo(f"in quarantine: {len(entry['run_ids']):,} runs of pack {pack_id}, since {entry['at']}: {why}")
    if running:
        steps, of = (sum(progress[key] for progress in running) for key in ("run_steps", "of"))
        typer.echo(f"in training: {steps:,} of {of:,} run-steps")
    if (runs := _costs(root)) is not None:
        if packs:
            _tell_packs(pack_costs(runs), console)
        _tell_costs(account(runs), console)
    if unfinished:
        table = Table("group", "what", "done", "runs", box=None, padding=(0, 2))
        described = describe([group.template for group in planned])
        for group in planned:
            have = sum(run_id not in unfinished for run_id in group.run_ids)
            table.add_row(group.template.group_id, described[group.template.group_id], str(have), str(len(group)))
        console.print(table, highlight=False)
        if not running:
            console.print("The grokjax run command that began it continues it.")


def _costs(root: str) -> pd.DataFrame | None:
    """The columns of the workers' account; None where nothing is committed yet, or by a version that kept no account."""
    with contextlib.suppress(AnalysisError):
        return load_runs(root, COLUMNS, "skip")
    return None


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
