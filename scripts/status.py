"""grokjax status."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import Annotated

import pandas as pd
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Column, Table

from grokjax.analysis.tables.costs import COLUMNS, Account, account, pack_costs
from grokjax.analysis.tables.load import load_runs
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Root
from grokjax.scripts.watch import describe, wait_for_sweep, watch
from grokjax.sweeps.execute.enter import planned_runs, unfinished_runs
from grokjax.sweeps.store.layout import Store, quarantine, read_progress
from grokjax.sweeps.store.progress import STALE_SECONDS
from grokjax.sweeps.store.schema import COSTS


def command(
    root: Root,
    /,
    *,
    packs: bool = False,
    watching: Annotated[bool, Parameter("--watch")] = False,
    every: Annotated[float | None, Parameter(validator=Number(gte=0.1), show_default="2, and 30 when not on a terminal")] = None,
) -> int:
    """Show how far a sweep has come and where its workers' time went.

    Works on any machine that can read the root. Files of runs that cannot be read are named and left out.

    Args:
      packs: Also print what each pack cost.
      watching: Keep refreshing until the sweep finishes, and wait for one that has not begun. Exits with 0 when all runs are done,
        and with 1 if some are in quarantine.
      every: Seconds between refreshes of --watch.

    Examples:
        grokjax status results/demo

        grokjax status s3://bucket/folder --watch
    """
    if watching:
        wait_for_sweep(root)
        return 0 if watch(Store(root), Console(), every) else 1
    store = Store(root)
    planned, unfinished = planned_runs(store), unfinished_runs(store, "skip")
    count = sum(map(len, planned))
    running = [p for p in read_progress(store).values() if time.time() - p["at"] < STALE_SECONDS]
    done = count - len(unfinished)
    console = Console(width=None if sys.stdout.isatty() else 140)  # a table in a file or a pipe keeps its words whole
    training = f"{len(running)} pack{'s' if len(running) > 1 else ''} in training" if running else "none in training"
    print(f"{root}: {done:,} of {count:,} runs done, {training}")
    for pack_id, entry in quarantine(store).items():
        why = str(entry["error"]).strip().splitlines()[-1]
        print(f"in quarantine: {len(entry['run_ids']):,} runs of pack {pack_id}, since {entry['at']}: {why}")
    if running:
        steps, of = (sum(progress[key] for progress in running) for key in ("run_steps", "of"))
        print(f"in training: {steps:,} of {of:,} run-steps")
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
    return 0


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
    print(
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
