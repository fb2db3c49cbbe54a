"""`grokjax status`: prints how far a sweep has come (sweeps.store.progress) and what it cost (analysis.tables.costs)."""

import time
from typing import Annotated

import pandas as pd
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from grokjax.analysis.tables.costs import COLUMNS, Account, account, pack_costs
from grokjax.scripts.options import RootArgument
from grokjax.scripts.printing import print_table
from grokjax.scripts.watch import describe_groups, wait_for_sweep, watch
from grokjax.sweeps.store.duplicates import superseded
from grokjax.sweeps.store.planned import planned_groups
from grokjax.sweeps.store.progress import SETTLING_SECONDS, Watch
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.schema import COSTS


def command(
    root: RootArgument,
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
      watching: Keep refreshing until the sweep finishes, and wait for one that has not started. Exits with 0 when all runs are
        done, and with 1 if some are in quarantine.
      every: Seconds between refreshes of --watch.

    Examples:
        grokjax status results/demo

        grokjax status s3://bucket/folder --watch
    """
    if watching:
        return 0 if watch(wait_for_sweep(root), Console(), every) else 1
    opened = Root.open(root)
    looking = Watch(opened, COLUMNS, progress_reads=None)
    whole, groups = looking.look(time.time())
    if not looking.settled:  # a second look tells which packs are in training
        time.sleep(SETTLING_SECONDS)
        whole, groups = looking.look(time.time())
    training = f"{whole.running} pack{'s' if whole.running > 1 else ''} in training" if whole.running else "none in training"
    print(f"{root}: {whole.done:,} of {whole.runs:,} runs done, {training}")
    _print_quarantine(opened, looking)
    if looking.training:
        steps, of = (sum(getattr(pack, name) for pack in looking.training) for name in ("run_steps", "of"))
        print(f"in training: {steps:,} of {of:,} run-steps")
    if (runs := _costs(looking)) is not None:
        if packs:
            _print_packs(pack_costs(runs))
        _print_account(account(runs))
    if whole.done < whole.runs:
        described = describe_groups(planned_groups(opened))
        rows = [(group_id, described[group_id], group.done, group.runs) for group_id, group in groups.items()]
        print_table(("group", "what", "done", "runs"), rows, numbers=("done", "runs"))
        if not whole.running:
            print("The grokjax run command that began it continues it.")
    return 0


def _print_quarantine(opened: Root, looking: Watch) -> None:
    for pack_id, entry in opened.quarantine().items():
        if quarantined := looking.left.intersection(entry["run_ids"]):  # the others were trained in another pack since
            why = str(entry["error"]).strip().splitlines()[-1]
            print(f"in quarantine: {len(quarantined):,} runs of pack {pack_id}, since {entry['at']}: {why}")


def _costs(looking: Watch) -> pd.DataFrame | None:
    """The cost columns of the runs table; None if nothing is committed yet, or an older version did not record costs."""
    if not set(COLUMNS) <= set(looking.rows.schema.names) or not len(looking.rows):
        return None
    rows: pd.DataFrame = looking.rows.to_pandas(types_mapper=pd.ArrowDtype)
    return rows[~superseded(rows)]


def _print_account(costs: Account) -> None:
    total = costs.seconds.sum()
    rows = [(str(name).replace("_", " "), f"{spent:,.1f}", f"{spent / total:.1%}") for name, spent in costs.seconds.items()]
    print_table(("workers' time", "seconds", "share"), [*rows, ("all", f"{total:,.1f}", "")], numbers=("seconds", "share"))
    print(
        f"useful arithmetic: {costs.share_of_peak:.2f} of a matrix product's over all that time, "
        f"{costs.share_of_peak_training:.2f} over the training steps"
    )


def _print_packs(packs: pd.DataFrame) -> None:
    kinds = [name for name, _ in COSTS]
    numbers = ("runs", *(f"{name.replace('_', ' ')} s" for name in kinds), "of peak")
    rows = (
        (row["pack_id"][:8], row["worker"], row["runs"], *(f"{row[name]:.1f}" for name in kinds), f"{row['share_of_peak']:.2f}")
        for row in packs.to_dict("records")
    )
    print_table(("pack", "worker", *numbers), rows, numbers=numbers)
