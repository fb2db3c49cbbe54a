"""`grokjax weights`: draws the weights that a run kept (analysis.plots: weights, waves, stars, spectra)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from cyclopts import Parameter
from matplotlib.figure import Figure

from grokjax.analysis.plots import DOUBLE, plot_spectra, plot_stars, plot_waves, plot_weights
from grokjax.analysis.statistics.units import UnitMaps, unit_maps
from grokjax.analysis.tables.load import Weights, load_curves, load_weights
from grokjax.analysis.tables.selection import one_run
from grokjax.errors import AnalysisError
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.selection import Selection


def command(
    root: RootArgument,
    /,
    *,
    plot: Literal["path", "waves", "stars", "spectra"] = "path",
    matrix: Annotated[str | None, Parameter(metavar="NAME", show_default="the first hidden one")] = None,
    step: Annotated[int | None, Parameter(show_default="the last")] = None,
    before: int = 0,
    selection: Selection = Selection(),
    picture: Picture = Picture(),
) -> None:
    """Draw the weights that a run kept during training.

    The run's spec must have kept weights: snapshots = 101. Choose one run with --where. Draws ROOT/weights.png and .svg (or
    waves, stars, spectra) unless --out names other files.

    Args:
      plot: "path": how a matrix moved, beside the losses. For networks on modular arithmetic, "waves": what each hidden unit
        reads and writes over the tokens; "stars": the same on the (cos, sin) plane of its frequency; "spectra": its Fourier
        transform before and after training.
      matrix: Matrix that "path" draws.
      step: Step that "waves", "stars" and "spectra" draw, or the kept one nearest to it.
      before: Earlier step that "spectra" compares with.

    Examples:
        grokjax weights results/parity-l1 --where l1_penalty=1e-5 --where seed=0

        grokjax weights results/modular-main --where seed=6 --plot stars --step 30000
    """
    if plot != "path" and matrix is not None:
        raise AnalysisError(f"--matrix is for --plot path, got --plot {plot}; leave it out")
    runs = selection.runs(root)
    if "snapshots" in runs and not (runs["snapshots"] > 0).any():
        raise AnalysisError(f"{root} kept no weights; set snapshots in the spec's [run], and run it into another root")
    run = one_run(runs)
    weights = load_weights(root, run["run_id"])
    kept = ", ".join(f"{name} {'x'.join(map(str, array.shape[1:]))}" for name, array in weights.arrays.items())
    print(f"run {run['run_id']} kept its weights at {len(weights.step)} steps, {weights.step[0]} to {weights.step[-1]}: {kept}")
    if plot == "path":
        figure = _path(root, run, weights, matrix, selection, picture.inches or DOUBLE)
    else:
        maps = unit_maps(weights, {str(name): value for name, value in run.items()})
        title = ", ".join([f"{run['operation']} modulo {run['modulus']}", selection.title or f"seed={run['seed']}"])
        at = len(maps.step) - 1 if step is None else _nearest(maps, step)
        if plot == "spectra":
            figure = plot_spectra(maps, before=_nearest(maps, before), after=at, title=title, width=picture.inches or DOUBLE)
        else:
            figure = {"waves": plot_waves, "stars": plot_stars}[plot](maps, at=at, title=title, width=picture.inches or DOUBLE)
    picture.write(figure, root, "weights" if plot == "path" else plot)


def _path(root: str, run: pd.Series[Any], weights: Weights, matrix: str | None, selection: Selection, width: float) -> Figure:
    bits = run.get("parity_bits")
    matrix = matrix or min(weights.arrays, key=lambda name: (not name.startswith("hidden"), name))
    return plot_weights(
        weights,
        matrix,
        load_curves(root, [run["run_id"]], ["train_loss", "test_loss"]),
        signal=0 if bits is None or pd.isna(bits) or matrix != "hidden" else int(bits),
        title=", ".join([matrix, selection.title or f"seed {run['seed']}"]),
        width=width,
    )


def _nearest(maps: UnitMaps, step: int) -> int:
    """The index of the kept step nearest to `step`."""
    return int(np.argmin(np.abs(maps.step - step)))
