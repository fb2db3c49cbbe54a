"""Where a command's picture goes, and how wide it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer
from matplotlib.figure import Figure

from grokjax.analysis.plots import DOUBLE, SINGLE, figure_kind, save
from grokjax.errors import InputError
from grokjax.sweeps.store.objects import is_address

NARROWEST, WIDEST = 2.0, 40.0  # inches


def _check_kinds(paths: list[Path] | None) -> list[Path] | None:
    """Refuses what cannot be drawn before anything is read."""
    for path in paths or []:
        figure_kind(path)
    return paths


Out = Annotated[
    list[Path] | None,
    typer.Option(
        help="The picture, .png, .svg or .pdf. Repeatable. [default: a .png and an .svg in ROOT]",
        callback=_check_kinds,
        show_default=False,
    ),
]
Width = Annotated[
    str | None,
    typer.Option(
        help=f"Of the picture: single or double, the columns of a paper ({SINGLE:g} and {DOUBLE:g} inches), or inches. "
        "[default: what it needs]",
        show_default=False,
    ),
]


def inches(width: str | None) -> float | None:
    """The width that was asked for; None if none was. Raises InputError if it is no width."""
    if width is None:
        return None
    named = {"single": SINGLE, "double": DOUBLE}
    try:
        asked = named[width] if width in named else float(width)
    except ValueError:
        asked = math.nan
    if not NARROWEST <= asked <= WIDEST:
        raise InputError(f"--width {width}: use single, double, or inches from {NARROWEST:g} to {WIDEST:g}")
    return asked


def write(figure: Figure, root: str, kind: str, out: list[Path] | None) -> None:
    """Writes a picture to `out`, or to KIND.png and KIND.svg in the root, or here if the root is an address; says where."""
    folder = Path() if is_address(root) else Path(root)
    paths = out or [folder / f"{kind}.png", folder / f"{kind}.svg"]
    typer.echo("\n".join(f"Wrote {save(figure, path)}" for path in paths))
