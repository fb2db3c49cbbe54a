"""`grokjax curves`: draws the curves of one cell (analysis.plots.curves)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.results import OVERVIEW, Results
from grokjax.analysis.tables.selection import one_cell, seed_labels
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Names, RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import CellSelection, Labels, warn_of_missing


def command(
    root: RootArgument,
    /,
    *,
    metrics: Annotated[Names, Parameter(show_default="train_loss,test_loss")] = None,
    sheet: bool = False,
    by: Annotated[str | None, Parameter(metavar="NAME")] = None,
    log_steps: bool = False,
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    r"""Draw the curves of one cell, a panel for each seed.

    A cell is one combination of hyperparameters: choose it with --where. With --by there is one for each value of a hyperparameter:
    the line is the median over its seeds, the band around it has their quartiles. Draws ROOT/curves.png and ROOT/curves.svg, or
    bands, unless --out names other files.

    Args:
      metrics: Metrics to draw, joined by commas; `grokjax columns --table curves` lists them.
      sheet: Draw an overview instead: losses, accuracies, norms and the events of training. Writes ROOT/sheet.png and .svg.
      by: Hyperparameter with a line for each of its values.
      log_steps: Draw the steps of --by on a log scale.

    Examples:
        grokjax curves results/modular-main --where seed=6 --metrics train_accuracy,test_accuracy

        grokjax curves results/demo --where hidden_size=64 \
            --where weight_decay=0.1 --where train_size=1250 --sheet

        grokjax curves results/demo --by weight_decay --log-steps \
            --where hidden_size=64 --where train_size=1250
    """
    results = selection.open(root)
    if by is not None:
        _draw_bands(results, root, by, metrics, picture, sheet=sheet, log_steps=log_steps)
        return
    if log_steps or selection.mix:
        raise AnalysisError("--log-steps and --mix are for curves by a hyperparameter; add --by NAME, or leave them out")
    runs = one_cell(results.runs)
    results = labels.of(results)
    figure = results.plot_curves(metrics, sheet=sheet, **picture.settings)
    phases = results.label()[runs.index]
    print_table(("run", "seeds", "phase"), zip(runs["run_id"], seed_labels(runs), phases, strict=True))
    picture.write(figure, root, "sheet" if sheet else "curves")


def _draw_bands(results: Results, root: str, by: str, metrics: Names, picture: Picture, *, sheet: bool, log_steps: bool) -> None:
    """Prints the median and quartiles at the last step that half of the runs have, and draws them at all steps."""
    if sheet:
        raise AnalysisError("--sheet draws the curves of one cell; leave out --by, or --sheet")
    warn_of_missing(results)
    names = metrics or OVERVIEW[:2]
    last = results.bands(by, names).groupby([by, "metric"], sort=True, observed=True).tail(1)
    rows = [
        (
            getattr(row, by),
            row.metric,
            f"{row.known} of {row.runs}",
            f"{row.step:,}",
            f"{row.median:.3g}",
            f"{row.low:.3g} to {row.high:.3g}",
        )
        for row in last.itertuples(index=False)
    ]
    print_table((by, "metric", "runs", "step", "median", "quartiles"), rows)
    picture.write(results.plot_bands(by, names, log_steps=log_steps, **picture.settings), root, "bands")
