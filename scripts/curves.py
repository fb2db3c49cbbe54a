"""grokjax curves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from analysis.labels import choose_rule
from analysis.load import AnalysisError, load_curves
from analysis.phases import SEEDS, varied_hyperparameters
from analysis.plots import plot_curves, save
from analysis.rules import classify
from scripts.options import Root, pictures
from scripts.selection import RuleName, Thresholds, Where, chosen_runs

MOST_PANELS = 30


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    metrics: Annotated[
        str, typer.Option(help="What to draw, joined by commas: train_accuracy,test_accuracy; a probe's; see docs/columns.md.")
    ] = "train_loss,test_loss",
    out: Annotated[Path | None, typer.Option(help="The picture. [default: ROOT/curves.png and .svg]", show_default=False)] = None,
) -> None:
    """Draw the curves of a cell's seeds, a panel a seed, with each run's phase.

    Examples:
        grokjax curves results/modular-reverse --metrics train_accuracy,test_accuracy

        grokjax curves results/demo --where weight_decay=0.1 --where hidden_size=64 --where train_size=1250
    """
    runs = chosen_runs(root, where).sort_values("seed")
    if varied := varied_hyperparameters(runs):
        told = "; ".join(f"{name}: {', '.join(str(v) for v in sorted(runs[name].unique()))}" for name in varied)
        raise AnalysisError(f"choose one cell: add --where NAME=VALUE for {told}")
    if len(runs) > MOST_PANELS:
        raise AnalysisError(f"{len(runs)} seeds are more than {MOST_PANELS} panels can show; choose some with --where seed=0,1,2")
    phases = classify(runs, choose_rule(root, runs, rule, threshold))
    ids = runs["run_id"].tolist()
    wanted = [metric.strip() for metric in metrics.split(",")]
    figure = plot_curves(
        load_curves(root, ids, wanted),
        dict(zip(ids, _labels(runs), strict=True)),
        metrics=wanted,
        title=", ".join(where) or "all runs",
        phases=dict(zip(ids, phases, strict=True)),
    )
    written = [save(figure, path) for path in pictures(root, "curves", out)]
    typer.echo("\n".join(f"Wrote {path}" for path in written))


def _labels(runs: pd.DataFrame) -> list[str]:
    """What tells the runs of a cell apart: the seeds that vary."""
    names = [name for name in SEEDS if runs[name].nunique() > 1] or ["seed"]
    if len(names) > 1 and (runs["seed"] == runs["data_seed"]).all():
        names = ["seed"]
    return [", ".join(f"{name} {run[name]}" for name in names) for run in runs[names].to_dict("records")]
