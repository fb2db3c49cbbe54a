"""grokjax status."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Column, Table

from analysis.costs import COLUMNS, Account, account, pack_costs
from analysis.load import load_runs
from grokjax.fields import Value
from scripts.options import Root
from sweeps.root import planned_runs, unfinished_runs
from sweeps.runs import Runs
from sweeps.schema import COSTS
from sweeps.store import Store, quarantine, read_progress

# A pack in training writes down its progress every second or so; older words are those of a worker that is gone.
STALE_SECONDS = 20


def command(root: Root, packs: Annotated[bool, typer.Option("--packs", help="What every pack cost, a row each.")] = False) -> None:
    """Show how far a sweep has come and where its workers' time went, from what is stored alone.

    Examples:
        grokjax status results/demo

        grokjax status results/demo --packs
    """
    store = Store(root)
    planned, unfinished = planned_runs(store), unfinished_runs(store)
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
        different = _different(planned)
        for group in planned:
            what = ", ".join(f"{name} {value}" for name, value in group.template.values("static").items() if name in different)
            have = sum(run_id not in unfinished for run_id in group.run_ids)
            table.add_row(group.template.group_id, what, str(have), str(len(group)))
        console.print(table, highlight=False)
        if not running:
            console.print("The grokjax run command that began it continues it.")


def _costs(root: str) -> pd.DataFrame | None:
    """The columns of the workers' account; None where nothing is committed yet, or by a version that kept no account."""
    dataset = Store(root).dataset("runs")
    return load_runs(root, COLUMNS) if dataset is not None and set(COLUMNS) <= set(dataset.schema.names) else None


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


def _different(groups: Sequence[Runs]) -> set[str]:
    """The static hyperparameters in which groups differ."""
    values: dict[str, set[Value]] = {}
    for group in groups:
        for name, value in group.template.values("static").items():
            values.setdefault(name, set()).add(value)
    return {name for name, found in values.items() if len(found) > 1 or (len(groups) == 1 and name in ("task", "model"))}
