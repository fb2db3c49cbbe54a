"""grokjax agreement."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import RULES, make_rule
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.agreement import Agreement, agreement, most_moved, nearby, sensitivity
from grokjax.analysis.statistics.grid import choose_axes
from grokjax.scripts.options import Root, table_console
from grokjax.scripts.selection import Across, Panels, Upwards, Where, chosen_runs, tell_missing

CELLS = 10


def command(
    root: Root,
    rules: Annotated[
        list[str],
        typer.Option(
            "--rule",
            metavar="NAME[:THRESHOLD=VALUE,...]",
            help="A rule, with thresholds after a colon. Repeatable. [default: all of them]",
            show_default=False,
        ),
    ] = [],  # noqa: B006  (typer copies it)
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006
) -> None:
    """Label the same runs by several rules: how far they agree, and which cells move most as thresholds do.

    Examples:
        grokjax agreement results/demo

        grokjax agreement results/x --rule article --rule accuracy_delay:accuracy=0.95,delay=2000
    """
    runs = chosen_runs(root, where)
    tell_missing(root, where, runs)
    asked = [rule.partition(":") for rule in rules] or [(name, "", "") for name in RULES]
    judged = [make_rule(name, [word for word in thresholds.split(",") if word]) for name, _, thresholds in asked]
    console = table_console()
    _tell(agreement(runs, judged), console)
    x, y, facet = choose_axes(runs, x, y, facet)
    rule = judged[0] if rules else choose_rule(root, runs)
    moved = most_moved(sensitivity(runs, rule, x=x, y=y, facet=facet), [facet, y, x])
    moving = ", ".join(nearby(rule))
    typer.echo(f"shares that move most as {moving} of the rule {describe_rule(rule)} goes from a tenth to ten times its value")
    table = Table(facet, y, x, "moves by", "on average", "phases", box=None, padding=(0, 2))
    for row in moved.head(CELLS).itertuples(index=False):
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row))
    console.print(table, highlight=False)


def _tell(compared: Agreement, console: Console) -> None:
    table = Table("rule", "and rule", "agree", "95 %", "kappa", box=None, padding=(0, 2))
    for first, second, _, share, low, high, kappa in compared.table.itertuples(index=False):
        table.add_row(first, second, f"{share:.0%}", f"{low:.0%} to {high:.0%}", f"{kappa:.2f}")
    console.print(table, highlight=False)
    for first, second in compared.table[["first", "second"]].itertuples(index=False):
        counts = compared.confusion(first, second)
        counts = counts.loc[counts.sum(axis=1) > 0, counts.sum() > 0]
        if len(compared.table) == 1:
            matrix = Table(f"{first} \\ {second}", *counts.columns, box=None, padding=(0, 2))
            for phase, row in counts.iterrows():
                matrix.add_row(str(phase), *(str(count) for count in row))
            console.print(matrix, highlight=False)
