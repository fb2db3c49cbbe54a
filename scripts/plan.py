"""`grokjax plan`: prints the plan of sweeps.execute.plan, with an estimate of the training time."""

import os
import time
from collections import defaultdict
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from grokjax.scripts.options import Spec, SpecChanges
from grokjax.sweeps.execute.existing import existing_runs
from grokjax.sweeps.execute.plan import Plan, make_plan
from grokjax.sweeps.spec.load import load_spec

FOOTNOTE = (
    "A group is the runs that share one compiled program; a pack is the part of a group that one worker trains and commits. "
    "Run-steps are training steps summed over all runs. The arithmetic is that of matrix products in the forward and backward pass."
)


def command(
    spec: Spec,
    /,
    *,
    changes: SpecChanges = SpecChanges(),
    root: Annotated[str | None, Parameter(help="Leave out the runs that this root already holds.")] = None,
) -> None:
    """Show what a spec would train and how long it would take.

    Starts nothing and writes nothing; the time is a rough estimate for this machine.

    Examples:
        grokjax plan parity-article

        grokjax plan parity-article --set seed=0..2 --root results/three
    """
    loaded = load_spec(spec, changes.settings, changes.stop, changes.unset, changes.tuning)
    _print(make_plan(loaded, existing_runs(root, loaded)) if root else make_plan(loaded))


def _print(plan: Plan) -> None:
    console, speed = Console(), _flops_per_second()
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, values in plan.spec.swept.items():
        shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values[:8])
        table.add_row(name, f"{shown}{', ...' if len(values) > 8 else ''}  [dim]({len(values)})[/]")
    table.add_section()
    known = [f"{count:,} {what}" for what, count in (("committed", plan.committed), ("in quarantine", plan.quarantined)) if count]
    table.add_row("runs", f"{plan.runs:,}" + (f"  [dim]({', '.join(known)}, {plan.left:,} to train)[/]" if known else ""))
    table.add_row("groups (compiled programs)", f"{plan.groups:,}")
    table.add_row("packs", f"{len(plan.packs):,}")
    most = f"  [dim](at most: runs end once decided under {plan.spec.stopping_rule!r})[/]" if plan.spec.stopping_rule else ""
    table.add_row("run-steps", f"{plan.run_steps:,}{most}")
    table.add_row("arithmetic", f"{plan.useful_flops / 1e12:,.3g} TFLOP")
    table.add_row("tables", f"{plan.rows:,} rows of curves, about {plan.table_bytes / 1e6:,.2g} MB")
    if plan.state_bytes:
        table.add_row("final states", f"about {plan.state_bytes / 1e6:,.2g} MB  [dim](final_states = false keeps none)[/]")
    if plan.weight_bytes:
        table.add_row("weights", f"{plan.weight_bytes / 1e6:,.2g} MB")
    cores = os.cpu_count() or 1
    seconds = _duration(plan.seconds(speed, cores))
    table.add_row("time here", f"about {seconds}  [dim]({cores} cores, matrix products at {speed / 1e9:.0f} GFLOP/s)[/]")
    if len(costs := _costs_by_model(plan)) > 1:
        shares = (f"{model} {cost / sum(costs.values()):.0%}" for model, cost in costs.items())
        table.add_row("by model", f"{', '.join(shares)}  [dim](of that time)[/]")
    console.print(table, highlight=False)
    console.print(FOOTNOTE, style="dim", highlight=False)


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min" if seconds > 100 else f"{seconds:.0f} s"


def _costs_by_model(plan: Plan) -> dict[str, float]:
    costs: defaultdict[str, float] = defaultdict(float)
    for pack in plan.packs:
        costs[str(pack.runs.template.flat()["model"])] += pack.cost
    return costs


def _flops_per_second(size: int = 1024) -> float:
    """The FLOP/s of float32 matrix products on all cores of this machine: the best of a few, over a quarter of a second."""
    a = np.ones((size, size), np.float32)
    best, end = 0.0, time.perf_counter() + 0.25
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ a
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best
