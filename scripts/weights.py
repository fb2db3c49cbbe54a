"""grokjax weights."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import typer

from grokjax.analysis.plots import DOUBLE, plot_weights
from grokjax.analysis.tables.load import load_curves, load_weights
from grokjax.scripts.options import Root
from grokjax.scripts.pictures import Out, Width, inches, write
from grokjax.scripts.selection import Where, run_with_weights


def command(
    root: Root,
    where: Where = [],  # noqa: B006  (typer copies it)
    matrix: Annotated[
        str | None, typer.Option(help="Which of the weights. [default: the first hidden ones]", show_default=False)
    ] = None,
    out: Out = None,
    width: Width = None,
) -> None:
    """Draw how a run's weights moved, beside its losses. The spec must have kept them: snapshots = 101.

    Example:
        grokjax weights results/parity-l1 --where l1_penalty=1e-5 --where seed=0
    """
    run = run_with_weights(root, where)
    bits = run.get("parity_bits")
    weights = load_weights(root, run["run_id"])
    matrix = matrix or min(weights.arrays, key=lambda name: (not name.startswith("hidden"), name))
    figure = plot_weights(
        weights,
        matrix,
        load_curves(root, [run["run_id"]], ["train_loss", "test_loss"]),
        signal=0 if bits is None or pd.isna(bits) or matrix != "hidden" else int(bits),
        title=", ".join([matrix, *(where or [f"seed {run['seed']}"])]),
        width=inches(width) or DOUBLE,
    )
    write(figure, root, "weights", out)
