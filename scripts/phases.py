"""grokjax phases."""

from __future__ import annotations

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.plots import plot_phases
from grokjax.scripts.grids import labelled_grid
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Across, Panels, RuleName, SkipBadFiles, Thresholds, Upwards, Where


def command(
    root: Root,
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    out: Out = None,
    width: Width = None,
    skip_bad_files: SkipBadFiles = False,
) -> None:
    """Label every run and draw the phase diagram.

    Examples:
        grokjax phases results/demo

        grokjax phases results/x --threshold ratio_threshold=1e4 --out figures/map.pdf

        grokjax phases results/x --rule accuracy_delay --threshold delay=2000

        grokjax phases results/x --x learning_rate --where train_size=1250 --y hidden_size
    """
    labelled = labelled_grid(root, where, rule, threshold, (x, y, facet), skip_bad_files)
    figure = plot_phases(labelled.grid, x=labelled.x, y=labelled.y, facet=labelled.facet, title=labelled.title, width=inches(width))
    runs, phases, grid = labelled.runs, labelled.phases, labelled.grid
    missing = int((grid["planned"] - grid["seeds"]).sum())
    partial = f"partial: {missing:,} of {missing + len(runs):,} runs are still missing" if missing else ""
    typer.echo("; ".join(part for part in (f"rule {describe_rule(labelled.rule)}", partial) if part))
    varied = [name for name in (labelled.facet, labelled.x, labelled.y) if runs[name].nunique() > 1]
    _tell(runs.assign(phase=phases), varied[0] if varied else labelled.facet)
    if stopped := int(((phases == "undecided") & runs["stopped_by"].notna()).sum()):
        typer.echo(f"{stopped:,} undecided runs were stopped by another rule; grokjax run with --stop never trains them to the end")
    write(figure, root, "phases", out)


def _tell(labelled: pd.DataFrame, name: str) -> None:
    """Counts by phase, a row a value of a hyperparameter."""
    counts = pd.crosstab(labelled[name], labelled["phase"].astype(str))
    present = [phase for phase in PHASES if phase in counts]
    table = Table(name, *present, box=None, padding=(0, 2))
    for value, row in counts[present].iterrows():
        table.add_row(f"{value:g}" if isinstance(value, float) else str(value), *(str(count) for count in row))
    table.add_row("all", *(str(total) for total in counts[present].sum()), style="bold")
    Console().print(table, highlight=False)
