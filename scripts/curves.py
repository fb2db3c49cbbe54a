"""grokjax curves."""

from __future__ import annotations

from typing import Annotated

import typer

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import classify
from grokjax.analysis.plots import plot_curves
from grokjax.analysis.tables.load import load_curves
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import (
    RuleName,
    SkipBadFiles,
    Thresholds,
    Where,
    chosen_runs,
    few,
    missing_runs,
    on_bad_file,
    one_cell,
    seed_labels,
)

MOST_PANELS = 30


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    metrics: Annotated[
        str, typer.Option(help="What to draw, joined by commas: train_accuracy,test_accuracy; a probe's; see docs/columns.md.")
    ] = "train_loss,test_loss",
    out: Out = None,
    width: Width = None,
    skip_bad_files: SkipBadFiles = False,
) -> None:
    """Draw the curves of a cell's seeds, panels a seed, with each run's phase.

    Examples:
        grokjax curves results/modular-reverse --metrics train_accuracy,test_accuracy

        grokjax curves results/demo --where weight_decay=0.1 --where hidden_size=64 --where train_size=1250
    """
    runs = few(one_cell(chosen_runs(root, where, skip_bad_files)), MOST_PANELS)
    wanted = [metric.strip() for metric in metrics.split(",")]
    curves = load_curves(root, runs["run_id"].tolist(), wanted, on_bad_file(skip_bad_files))
    runs = runs[runs["run_id"].isin(curves["run_id"])]  # all, but for those in files that were left out
    if runs.empty:
        raise AnalysisError("no curve of these runs can be read")
    phases = classify(runs, choose_rule(root, runs, rule, threshold))
    ids = runs["run_id"].tolist()
    figure = plot_curves(
        curves,
        dict(zip(ids, seed_labels(runs), strict=True)),
        metrics=wanted,
        title=", ".join(where) or "all runs",
        phases=dict(zip(ids, phases, strict=True)),
        missing=missing_runs(root, where, runs),
        width=inches(width),
    )
    write(figure, root, "curves", out)
