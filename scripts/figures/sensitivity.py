"""grokjax figure sensitivity."""

from __future__ import annotations

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.plots import plot_sensitivity
from grokjax.analysis.statistics.agreement import nearby, sensitivity
from grokjax.analysis.statistics.grid import choose_axes
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Across, Panels, RuleName, Thresholds, Upwards, Where, chosen_runs, missing_runs


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
) -> None:
    """How far each cell's shares move as the numbers in the rule go from a tenth to ten times theirs.

    Example:
        grokjax figure sensitivity results/x
    """
    runs = chosen_runs(root, where)
    judged_by = choose_rule(root, runs, rule, threshold)
    x, y, facet = choose_axes(runs, x, y, facet)
    settings = nearby(judged_by)
    moved = sensitivity(runs, judged_by, settings, x=x, y=y, facet=facet)
    figure = plot_sensitivity(
        moved, settings, x=x, y=y, facet=facet, runs=len(runs), missing=missing_runs(root, where, runs),
        title="; ".join((*where, f"rule {describe_rule(judged_by)}")), width=inches(width),
    )  # fmt: skip
    write(figure, root, "sensitivity", out)
