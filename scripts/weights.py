"""grokjax weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from analysis.load import AnalysisError, load_curves, load_weights
from analysis.phases import SEEDS, varied_hyperparameters
from analysis.plots import plot_weights, save
from scripts.options import Root, pictures
from scripts.selection import Where, chosen_runs


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    matrix: Annotated[
        str | None, typer.Option(help="Which of the weights. [default: the first hidden ones]", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The picture. [default: ROOT/weights.png and .svg]", show_default=False)] = None,
) -> None:
    """Draw how a run's weights moved, beside its losses. The spec's [run] must have kept them: snapshots = 101.

    Example:
        grokjax weights results/parity-l1 --where l1_penalty=1e-5 --where seed=0
    """
    runs = chosen_runs(root, where)
    if len(runs) > 1:
        varied = [*varied_hyperparameters(runs), *(name for name in SEEDS if runs[name].nunique() > 1)]
        told = "; ".join(f"{name}: {', '.join(str(v) for v in sorted(runs[name].unique()))}" for name in varied)
        raise AnalysisError(f"choose one run: add --where NAME=VALUE for {told}")
    run = runs.iloc[0]
    bits = run.get("parity_bits")
    weights = load_weights(root, run["run_id"])
    matrix = matrix or min(weights.arrays, key=lambda name: (not name.startswith("hidden"), name))
    figure = plot_weights(
        weights,
        matrix,
        load_curves(root, [run["run_id"]], ["train_loss", "test_loss"]),
        signal=0 if bits is None or pd.isna(bits) or matrix != "hidden" else int(bits),
        title=", ".join([matrix, *(where or [f"seed {run['seed']}"])]),
    )
    written = [save(figure, path) for path in pictures(root, "weights", out)]
    typer.echo("\n".join(f"Wrote {path}" for path in written))
