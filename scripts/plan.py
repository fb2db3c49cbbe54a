"""grokjax plan."""

from __future__ import annotations

import os
import time
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from grokjax.scripts.options import Settings, Spec, StopOption, Unset
from grokjax.sweeps.execute.existing import existing_runs
from grokjax.sweeps.execute.plan import Plan, make_plan
from grokjax.sweeps.spec.load import load_spec


def command(
    spec: Spec,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    unset: Unset = [],  # noqa: B006
    stop: StopOption = None,
    root: Annotated[str | None, typer.Option(help="Leave out what this root already holds.", show_default=False)] = None,
) -> None:
    """Show what a spec would train, and about how long it would take here. Starts nothing.

    Examples:
        grokjax plan parity-article

        grokjax plan parity-article --set seed=0..2 --root results/three-seeds
    """
    loaded = load_spec(spec, settings, stop, unset)
    _show(make_plan(loaded, existing_runs(root, loaded)) if root else make_plan(loaded))


def _show(plan: Plan) -> None:
    console, speed = Console(), _flops_per_second()
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, values in plan.spec.swept.items():
        shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values[:8])
        table.add_row(name, f"{shown}{', ...' if len(values) > 8 else ''}  [dim]({len(values)})[/]")
    table.add_section()
    held = [f"{count:,} {what}" for what, count in (("committed", plan.committed), ("in quarantine", plan.quarantined)) if count]
    table.add_row("runs", f"{plan.runs:,}" + (f"  [dim]({', '.join(held)}, {plan.left:,} to train)[/]" if held else ""))
    table.add_row("groups (compiles)", f"{plan.groups:,}")
    table.add_row("packs", f"{len(plan.packs):,}")
    most = f"  [dim](at most: runs end once decided under {plan.spec.stopping_rule!r})[/]" if plan.spec.stopping_rule else ""
    table.add_row("run-steps", f"{plan.run_steps:,}{most}")
    table.add_row("useful arithmetic", f"{plan.useful_flops / 1e12:,.3g} TFLOP")
    table.add_row("tables", f"{plan.rows:,} rows of curves, about {plan.table_bytes / 1e6:,.2g} MB")
    if plan.state_bytes:
        table.add_row("final states", f"about {plan.state_bytes / 1e6:,.2g} MB  [dim](final_states = false keeps none)[/]")
    if plan.weight_bytes:
        table.add_row("weights", f"{plan.weight_bytes / 1e6:,.2g} MB")
    seconds = plan.seconds(speed, os.cpu_count() or 1)
    told = f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min" if seconds > 100 else f"{seconds:.0f} s"
    table.add_row("time here", f"about {told}  [dim]({os.cpu_count()} cores, matrix products at {speed / 1e9:.0f} GFLOP/s)[/]")
    console.print(table, highlight=False)


def _flops_per_second(size: int = 1024) -> float:
    """What float32 matrix products reach on all cores of this machine: the best of a few, a quarter of a second in all."""
    a = np.ones((size, size), np.float32)
    best, end = 0.0, time.perf_counter() + 0.25
    while time.perf_counter() < end:
        start = time.perf_counter()
        a @ a
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best
