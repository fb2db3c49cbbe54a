"""grokjax refine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
import tomli_w
import typer

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import classify
from grokjax.analysis.statistics.grid import choose_axes, phase_grid
from grokjax.analysis.statistics.refine import least_known
from grokjax.analysis.tables.hyperparameters import SEEDS
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Root
from grokjax.scripts.selection import Across, Panels, RuleName, Thresholds, Upwards, Where, chosen_runs, planned_cells, tell_missing
from grokjax.sweeps.store.root import Root as SweepRoot
from grokjax.sweeps.store.specs import SpecEntry, read_specs


def command(
    root: Root,
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    count: Annotated[int, typer.Option(min=1, help="How many points at most, each with all seeds.")] = 16,
) -> None:
    """Write a spec of points where the boundary between phases is least known: halfway between neighbouring cells that differ.

    It runs into the same root, and again into what that gives.

    Example:
        grokjax refine results/demo > finer.toml && grokjax run finer.toml --root results/demo
    """
    runs = chosen_runs(root, where)
    x, y, facet = choose_axes(runs, x, y, facet)
    tell_missing(root, where, runs)
    phases = classify(runs, choose_rule(root, runs, rule, threshold))
    grid = phase_grid(runs, phases, x=x, y=y, facet=facet, planned=planned_cells(root, (facet, y, x), where))
    points = least_known(grid, grid.cell, count).drop(columns="score")
    typer.echo(tomli_w.dumps(_spec(_largest(root, grid.cell), runs, points)), nl=False)


def _spec(spec: SpecEntry, runs: pd.DataFrame, points: pd.DataFrame) -> dict[str, Any]:
    """A spec, as TOML tables: some points with the seeds of `spec`, and for all else what the runs have."""
    varied = [name for name in points if points[name].nunique() > 1] or list(points)[:1]
    seeds = {name: list(spec.swept[name]) for name in SEEDS if name in spec.swept}
    given = dict.fromkeys([*spec.run, *spec.swept, *points])
    alike = {name: _plain((points if name in points else runs)[name].iloc[0]) for name in given if name in runs}
    run = {name: alike.get(name, spec.run.get(name)) for name in given if name not in (*varied, *seeds)}
    written: dict[str, Any] = {
        "name": f"{spec.name.removesuffix('-refined')}-refined"[:64],
        "description": f"{len(points)} points where the boundary is least known",
        "rule": spec.rule,
        "final_states": spec.spec["final_states"],
        "leave_out": list(spec.spec["leave_out"]),
        "run": {name: value for name, value in run.items() if value is not None},
        "axes": seeds,
        "zipped": [{name: [_plain(value) for value in points[name]] for name in varied}],
    }
    return {key: value for key, value in written.items() if value or value is False}


def _largest(root: str, cell: Sequence[str]) -> SpecEntry:
    """Of the root's specs the one with most runs that knows all hyperparameters of a cell."""
    specs = [spec for spec in read_specs(SweepRoot.open(root)) if all(name in spec.run or name in spec.swept for name in cell)]
    if not specs:
        raise AnalysisError(f"no spec in {root} gives all of {', '.join(cell)}; choose hyperparameters that one gives")
    return max(specs, key=lambda spec: spec.size)


def _plain(value: Any) -> Any:
    """A value of a table as TOML holds it; None where there is none."""
    return None if pd.isna(value) else value.item() if hasattr(value, "item") else value
