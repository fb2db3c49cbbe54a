"""`grokjax importance`: prints and draws what analysis.statistics.importance finds (analysis.plots: importance)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.scripts.options import Names, RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import CellSelection, Labels, Sides, warn_of_missing


def command(
    root: RootArgument,
    /,
    *,
    names: Annotated[Names, Parameter(show_default="all that vary")] = None,
    sides: Sides = Sides(),
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    """Find how much a phase depends on each hyperparameter.

    The total effect of a hyperparameter is the part of the variance of the phase's share that is left when all others are known;
    its effect alone leaves out what it does only together with others. Both are measured on points that the model has not seen.

    Args:
      names: Hyperparameters, joined by commas. The effects of others that vary count as chance if --mix names them.

    Examples:
        grokjax importance results/parity-article

        grokjax importance results/parity-article --phase memorize --out importance.pdf
    """
    results = selection.open(root, labels)
    warn_of_missing(results)
    asked = names, sides.phase, sides.against
    found = results.importance(*asked)
    print(f"importance for {sides}, rule {describe_rule(results.rule)}")
    rows = [
        (name, f"{total:.0%}", f"{low:.0%} to {high:.0%}", f"{alone:.0%}", f"{least:.0%} to {most:.0%}")
        for name, total, low, high, alone, least, most in found.effects.itertuples(index=False)
    ]
    level = f"{100 * found.confidence:g} %"
    print_table(("hyperparameter", "total effect", level, "effect alone", level), rows)
    explained, low, high = found.explained
    print(
        f"{found.runs:,} runs at {found.points:,} points, {found.left_out:,} left out; the hyperparameters predict {explained:.0%} "
        f"({low:.0%} to {high:.0%}) of the variance of the labels at new points"
    )
    if picture.out:
        picture.write(results.plot_importance(*asked, **picture.settings), root, "importance")
