"""`grokjax curves`: draws the curves of one cell (analysis.plots.curves)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.labels.events import events
from grokjax.analysis.labels.rules import classify
from grokjax.analysis.plots import plot_curves
from grokjax.analysis.tables.selection import one_cell, seed_labels
from grokjax.errors import AnalysisError
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Labels, Selection, names_of

MOST_PANELS = 30
SHEET = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_l2_norm")
SHEET_IF_LOGGED = ("signal_weight_norm", "distractor_weight_norm")


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
    if sheet and metrics is not None:
        raise AnalysisError("--sheet draws its own metrics; leave out --metrics, or --sheet")
    results = selection.open(root)
    runs = one_cell(results.runs)
    if len(runs) > MOST_PANELS:
        raise AnalysisError(f"{len(runs)} seeds are more than {MOST_PANELS} panels can show; choose some with --where seed=0,1,2")
    names = [*SHEET, *SHEET_IF_LOGGED] if sheet else names_of(metrics or "train_loss,test_loss")
    curves = results.curves(runs["run_id"].tolist(), names)
    runs = runs[runs["run_id"].isin(curves["run_id"])]  # all of them, unless a bad file was left out
    if runs.empty:
        raise AnalysisError("no curve of these runs can be read")
    phases, seeds, ids = classify(runs, labels.choose(results)), seed_labels(runs), runs["run_id"].tolist()
    figure = plot_curves(
        curves,
        dict(zip(ids, seeds, strict=True)),
        metrics=[name for name in names if name not in SHEET_IF_LOGGED or curves[name].notna().any()],
        title=selection.title or "all runs",
        phases=dict(zip(ids, phases, strict=True)),
        events=events(curves) if sheet else None,
        missing=results.untrained,
        width=picture.inches,
    )
    print_table(("run", "seeds", "phase"), list(zip(ids, seeds, phases, strict=True)))
    picture.write(figure, root, "sheet" if sheet else "curves")
