"""grokjax figure sheet."""

from __future__ import annotations

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.events import events
from grokjax.analysis.labels.rules import classify
from grokjax.analysis.plots import plot_curves
from grokjax.analysis.tables.load import load_curves
from grokjax.scripts.curves import MOST_PANELS
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import RuleName, Thresholds, Where, chosen_runs, few, missing_runs, one_cell, seed_labels

METRICS = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_l2_norm")
# Norms that only some runs have.
FURTHER = ("signal_weight_norm", "distractor_weight_norm")


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    out: Out = None,
    width: Width = None,
) -> None:
    """All of a cell at a glance: each seed's losses, accuracies and norms, with its phase and its events.

    Example:
        grokjax figure sheet results/demo --where weight_decay=0.1 --where hidden_size=64 --where train_size=1250
    """
    runs = few(one_cell(chosen_runs(root, where)), MOST_PANELS)
    phases = classify(runs, choose_rule(root, runs, rule, threshold))
    ids = runs["run_id"].tolist()
    curves = load_curves(root, ids, [*METRICS, *FURTHER])
    figure = plot_curves(
        curves,
        dict(zip(ids, seed_labels(runs), strict=True)),
        metrics=[*METRICS, *(metric for metric in FURTHER if curves[metric].notna().any())],
        title=", ".join(where) or "all runs",
        phases=dict(zip(ids, phases, strict=True)),
        events=events(curves),
        missing=missing_runs(root, where, runs),
        width=inches(width),
    )
    write(figure, root, "sheet", out)
