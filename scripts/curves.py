"""`grokjax curves`: draws the curves of one cell (analysis.plots.curves)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.labels.rules import classify
from grokjax.analysis.tables.selection import one_cell, seed_labels
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Labels, Selection, names_of


def command(
    root: RootArgument,
    /,
    *,
    metrics: Annotated[str | None, Parameter(metavar="NAMES", show_default="train_loss,test_loss")] = None,
    sheet: bool = False,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    r"""Draw the curves of one cell, a panel for each seed.

    A cell is one combination of hyperparameters: choose it with --where. Draws ROOT/curves.png and ROOT/curves.svg unless --out
    names other files.

    Args:
      metrics: Metrics to draw, joined by commas; `grokjax columns --table curves` lists them.
      sheet: Draw an overview instead: losses, accuracies, norms and the events of training. Writes ROOT/sheet.png and .svg.

    Examples:
        grokjax curves results/modular --metrics train_accuracy,test_accuracy

        grokjax curves results/demo --where hidden_size=64 \
            --where weight_decay=0.1 --where train_size=1250 --sheet
    """
    results = selection.open(root)
    runs, names = one_cell(results.runs), None if metrics is None else names_of(metrics)
    rule = labels.choose(results)
    figure = results.plot_curves(names, rule, sheet=sheet, **picture.settings)
    print_table(("run", "seeds", "phase"), zip(runs["run_id"], seed_labels(runs), classify(runs, rule), strict=True))
    picture.write(figure, root, "sheet" if sheet else "curves")
