"""grokjax figure scatter."""

from __future__ import annotations

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import classify
from grokjax.analysis.plots import SINGLE, plot_scatter
from grokjax.scripts.figures.crossings import FITTED, Test, Train, Which
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import RuleName, Thresholds, Where, chosen_runs, missing_runs


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    train: Train = FITTED,
    test: Test = FITTED,
    kind: Which = "first",
    out: Out = None,
    width: Width = None,
) -> None:
    """When each run's test metric gets to a threshold, against when its train metric does.

    Example:
        grokjax figure scatter results/x --train accuracy_95 --test accuracy_95
    """
    runs = chosen_runs(root, where)
    phases = classify(runs, choose_rule(root, runs, rule, threshold))
    figure = plot_scatter(
        runs, phases, train=train, test=test, kind=kind, title=", ".join(where) or None,
        missing=missing_runs(root, where, runs), width=inches(width) or SINGLE,
    )  # fmt: skip
    write(figure, root, "scatter", out)
