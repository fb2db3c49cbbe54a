"""grokjax figure: a kind of figure is a command below it."""

from __future__ import annotations

import importlib

import typer

from analysis.load import AnalysisError
from sweeps.errors import nearest

# Where each kind's command is. Some are commands of their own as well.
KINDS = {
    "phases": "scripts.phases",
    "shares": "scripts.figures.shares",
    "sensitivity": "scripts.figures.sensitivity",
    "boundary": "scripts.figures.boundary",
    "fits": "scripts.figures.fits",
    "delays": "scripts.figures.delays",
    "survival": "scripts.figures.survival",
    "scatter": "scripts.figures.scatter",
    "curves": "scripts.curves",
    "sheet": "scripts.figures.sheet",
    "weights": "scripts.weights",
    "waves": "scripts.figures.waves",
    "stars": "scripts.figures.stars",
    "spectra": "scripts.figures.spectra",
}


def kinds(arguments: list[str]) -> typer.Typer:
    """The commands of the kinds; of the one asked for alone, where one is, since each imports much.

    Raises:
      AnalysisError: there is no such kind.
    """
    kind = next(iter(arguments), "--help")
    if not kind.startswith("-") and kind not in KINDS:
        raise AnalysisError(f"there is no figure {kind}; there are {', '.join(KINDS)}{nearest(kind, KINDS)}")
    app = typer.Typer(
        help="Draw a figure of a sweep, finished or not.\n\nExample:\n    grokjax figure shares results/demo --out shares.pdf",
        no_args_is_help=True,
    )
    for name in [kind] if kind in KINDS else KINDS:
        app.command(name)(importlib.import_module(KINDS[name]).command)
    return app
