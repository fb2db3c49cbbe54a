"""grokjax figure: a kind of figure is a command below it."""

from __future__ import annotations

import importlib

import typer

from grokjax.errors import AnalysisError, nearest

# Where each kind's command is. Some are commands of their own as well.
KINDS = {
    "phases": "grokjax.scripts.phases",
    "shares": "grokjax.scripts.figures.shares",
    "sensitivity": "grokjax.scripts.figures.sensitivity",
    "boundary": "grokjax.scripts.figures.boundary",
    "fits": "grokjax.scripts.figures.fits",
    "delays": "grokjax.scripts.figures.delays",
    "survival": "grokjax.scripts.figures.survival",
    "scatter": "grokjax.scripts.figures.scatter",
    "curves": "grokjax.scripts.curves",
    "sheet": "grokjax.scripts.figures.sheet",
    "weights": "grokjax.scripts.weights",
    "waves": "grokjax.scripts.figures.waves",
    "stars": "grokjax.scripts.figures.stars",
    "spectra": "grokjax.scripts.figures.spectra",
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
