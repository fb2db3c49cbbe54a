"""Arguments that several commands share, each declared once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console

from grokjax.sweeps.spec.sweep_spec import Stop

Spec = Annotated[
    str, typer.Argument(metavar="SPEC", help="A shipped spec's name (see grokjax specs) or a TOML file.", show_default=False)
]
StopOption = Annotated[
    Stop | None,
    typer.Option(
        help="decided ends a run once its label can no longer change under the spec's rule; never trains every step. "
        "[default: the spec's]",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help='Fix or vary one: weight_decay=0.1, seed=0..2, hidden_size=16,64, "weight_decay=0.1..1 log 5". Repeatable.',
        show_default=False,
    ),
]
Unset = Annotated[
    list[str],
    typer.Option("--unset", metavar="NAME", help="Take a hyperparameter out of the spec. Repeatable.", show_default=False),
]
Root = Annotated[
    str, typer.Argument(metavar="ROOT", help="Where the sweep was run to: a folder, or an address.", show_default=False)
]


def table_console() -> Console:
    """Where tables go: as wide as the terminal; in a file or a pipe wide enough to keep words whole."""
    return Console(width=None if sys.stdout.isatty() else 140)
