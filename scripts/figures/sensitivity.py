"""grokjax figure sensitivity."""

from __future__ import annotations

from analysis.agreement import nearby, sensitivity
from analysis.labels import choose_rule
from analysis.phases import choose_axes
from analysis.plots import plot_sensitivity
from analysis.thresholds import told
from scripts.options import Root
from scripts.pictures import Out, Width, inches, write
from scripts.selection import Across, Panels, RuleName, Thresholds, Upwards, Where, chosen_runs, missing_runs


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
        title="; ".join((*where, f"rule {told(judged_by)}")), width=inches(width),
    )  # fmt: skip
    write(figure, root, "sensitivity", out)
