"""`grokjax agreement`: prints and draws what analysis.statistics.agreement finds."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.labels.rules import RULES, make_rule
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.agreement import Agreement, describe_settings, most_moved, nearby
from grokjax.analysis.statistics.cells import cell_names
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import MapPicture
from grokjax.scripts.printing import print_table, value_text
from grokjax.scripts.selection import Axes, CellSelection, warn_of_missing

CELLS = 10


def command(
    root: RootArgument,
    /,
    *,
    rule: Annotated[tuple[str, ...], Parameter(metavar="NAME[:THRESHOLD=VALUE,...]", show_default="the built-in rules")] = (),
    selection: CellSelection = CellSelection(),
    axes: Axes = Axes(),
    picture: MapPicture = MapPicture(),
) -> None:
    r"""Compare the labels that several rules give to the same runs.

    The first tables show how often two rules agree. The last lists the cells whose phase shares change most when the thresholds of
    the first rule (by default the spec's) are moved, all at once: numbers from a tenth to ten times their values, accuracies and
    kinds of crossing among the others. "alone" is the threshold that by itself moves the cell most. --out draws this for all cells.

    Args:
      rule: Rule to compare, with its thresholds after a colon. Repeatable; with a single one, only its thresholds are varied.

    Examples:
        grokjax agreement results/demo

        grokjax agreement results/demo --rule article \
            --rule accuracy_delay:accuracy=0.95,delay=2000

        grokjax agreement results/demo --out sensitivity.pdf
    """
    results = selection.open(root)
    warn_of_missing(results)
    asked = [name.partition(":") for name in rule or RULES]
    rules = [make_rule(name, [word for word in thresholds.split(",") if word]) for name, _, thresholds in asked]
    if len(rules) > 1:
        _print_agreement(results.agreement(*rules))
    varied = results.with_rule(rules[0] if rule else None)
    cell = cell_names(*results.axes(*axes.names))
    tried = nearby(varied.named_rule, varied.runs)
    print(f"cells that change most when the rule {describe_rule(varied.rule)} has {describe_settings(tried)}")
    most = most_moved(varied.sensitivity(*axes.names), cell).head(CELLS)
    most = most.round({name: 2 for name in most if name not in cell})
    rows = [(*map(value_text, row[: len(cell)]), *row[len(cell) :]) for row in most.itertuples(index=False)]
    print_table((*cell, "moves by", "on average", "phases", "alone"), rows)
    if picture.out:
        picture.write(varied.plot_sensitivity(*axes.names, **picture.settings), root, "sensitivity")


def _print_agreement(found: Agreement) -> None:
    rows = found.table.itertuples(index=False)
    print_table(
        ("rule", "and rule", "agree", "95 %", "kappa"),
        [
            (one, other, f"{share:.0%}", f"{low:.0%} to {high:.0%}", f"{kappa:.2f}")
            for one, other, _, share, low, high, kappa in rows
        ],
    )
    if len(found.table) == 1:
        (first, second), *_ = found.table[["first", "second"]].itertuples(index=False)
        counts = found.confusion(first, second)
        counts = counts.loc[counts.sum(axis=1) > 0, counts.sum() > 0]
        print_table((f"{first} \\ {second}", *counts), counts.itertuples(), numbers=counts)
