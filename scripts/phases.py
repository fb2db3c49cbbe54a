"""grokjax phases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from analysis.labels import choose_rule
from analysis.phases import choose_axes, phase_grid
from analysis.plots import plot_phases, save
from analysis.rules import PHASES, ArticleRule, classify
from analysis.thresholds import told
from scripts.options import Root, pictures
from scripts.selection import Across, Panels, RuleName, Thresholds, Upwards, Where, chosen_runs, planned_cells


def command(
    root: Root,
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    out: Annotated[
        Path | None, typer.Option(help="The picture, .png, .svg or .pdf. [default: ROOT/phases.png and .svg]", show_default=False)
    ] = None,
) -> None:
    """Label every run and draw the phase diagram.

    Examples:
        grokjax phases results/demo

        grokjax phases results/x --threshold ratio_threshold=1e4 --out figures/map.pdf

        grokjax phases results/x --rule accuracy_delay --threshold delay=2000

        grokjax phases results/x --x learning_rate --where train_size=1250 --y hidden_size
    """
    runs = chosen_runs(root, where)
    judged_by = choose_rule(root, runs, rule, threshold)
    phases = classify(runs, judged_by)
    x, y, facet = choose_axes(runs, x, y, facet)
    planned = None if where else planned_cells(root, (facet, y, x))
    grid = phase_grid(runs, phases, x=x, y=y, facet=facet, planned=planned)
    missing = int((grid["planned"] - grid["seeds"]).sum())
    partial = f"partial: {missing:,} of {missing + len(runs):,} runs are still missing" if missing else ""
    asked = f"rule {told(judged_by)}" if judged_by != ArticleRule() else ""
    title = "; ".join(part for part in (partial, *where, asked) if part) or None
    figure = plot_phases(grid, x=x, y=y, facet=facet, title=title)
    written = [save(figure, path) for path in pictures(root, "phases", out)]
    typer.echo("; ".join(part for part in (f"rule {told(judged_by)}", partial) if part))
    _tell(runs.assign(phase=phases), facet)
    if stopped := int(((phases == "undecided") & runs["stopped_by"].notna()).sum()):
        typer.echo(f"{stopped:,} undecided runs were stopped by another rule; grokjax run with --stop never trains them to the end")
    typer.echo("\n".join(f"Wrote {path}" for path in written))


def _tell(labelled: pd.DataFrame, facet: str) -> None:
    counts = pd.crosstab(labelled[facet], labelled["phase"].astype(str))
    present = [phase for phase in PHASES if phase in counts]
    table = Table(facet, *present, box=None, padding=(0, 2))
    for value, row in counts[present].iterrows():
        table.add_row(f"{value:g}" if isinstance(value, float) else str(value), *(str(count) for count in row))
    table.add_row("all", *(str(total) for total in counts[present].sum()), style="bold")
    Console().print(table, highlight=False)
