"""`grokjax weights`: draws stored weights (analysis.plots: weights, pruning, waves, stars, spectra, contributions, frequencies)."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from grokjax.analysis.tables.selection import one_run
from grokjax.errors import AnalysisError
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.selection import Selection

Plot = Literal["path", "pruning", "waves", "stars", "spectra", "contributions", "frequencies"]


def command(
    root: RootArgument,
    /,
    *,
    plot: Plot = "path",
    matrix: Annotated[str | None, Parameter(metavar="NAME", show_default="the first hidden one")] = None,
    step: Annotated[int | None, Parameter(show_default="the last")] = None,
    before: int = 0,
    selection: Selection = Selection(),
    picture: Picture = Picture(),
) -> None:
    """Draw the weights that were stored during a run.

    The spec must ask for stored weights, such as snapshots = 101. Choose one run with --where. Draws ROOT/weights.png and .svg (or
    pruning, waves, ...) unless --out names other files.

    Args:
      plot: "path": the trajectory of a matrix, beside the losses. "pruning": how a network on sparse parity loses the weights on
        its distracting inputs. For networks on modular arithmetic, "waves": what each hidden unit reads and writes over the
        tokens; "stars": the same on the (cos, sin) plane of its frequency; "spectra": its Fourier transform before and after
        training; "contributions": what the units of each frequency add to the outputs, and accuracy without them; "frequencies":
        those of all seeds of a cell, from the probe fourier, which needs no stored weights.
      matrix: Matrix that "path" draws.
      step: Step that "waves", "stars", "spectra" and "contributions" draw; the nearest stored step is used.
      before: Earlier step that "spectra" compares with.

    Examples:
        grokjax weights results/parity-l1 --where l1_penalty=1e-5 --where seed=0

        grokjax weights results/modular-main --where seed=6 --plot stars --step 30000
    """
    if plot != "path" and matrix is not None:
        raise AnalysisError(f"--matrix is for --plot path, got --plot {plot}; leave it out")
    results = selection.open(root)
    if plot == "frequencies":
        picture.write(results.plot_frequencies(**picture.settings), root, plot)
        return
    if "snapshots" in results.runs and not (results.runs["snapshots"] > 0).any():
        raise AnalysisError(f"{root} has no stored weights; set snapshots in the spec's [run], and run it into another root")
    run = one_run(results.runs)
    weights = results.weights()
    kept = ", ".join(f"{name} {'x'.join(map(str, array.shape[1:]))}" for name, array in weights.arrays.items())
    print(f"run {run['run_id']} has stored weights at {len(weights.step)} steps, {weights.step[0]} to {weights.step[-1]}: {kept}")
    draw = {
        "path": lambda: results.plot_weights(matrix, **picture.settings),
        "pruning": lambda: results.plot_pruning(**picture.settings),
        "waves": lambda: results.plot_waves(step, **picture.settings),
        "stars": lambda: results.plot_stars(step, **picture.settings),
        "spectra": lambda: results.plot_spectra(before, step, **picture.settings),
        "contributions": lambda: results.plot_contributions(step, **picture.settings),
    }
    picture.write(draw[plot](), root, "weights" if plot == "path" else plot)
