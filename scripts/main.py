"""grokjax: hyperparameter sweeps for grokking research, from a short spec to a phase diagram."""

from __future__ import annotations

import importlib
import os
import sys
from importlib import metadata
from typing import Annotated

import typer

from grokjax.kinds import PartError
from sweeps.errors import InputError

COMMANDS = (
    *("run", "retry", "plan", "status", "verify", "compact"),
    *("phases", "curves", "weights", "compare", "agreement", "delays", "boundary", "refine"),
    *("query", "columns", "export", "specs"),
)


app = typer.Typer(
    help=__doc__, invoke_without_command=True, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback()
def _grokjax(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False) -> None:
    if version:
        typer.echo(metadata.version("grokjax"))
        raise typer.Exit


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 some packs failed, 2 bad input, 130 interrupted."""
    asked = [name for name in COMMANDS if name in sys.argv[1:2]]
    for name in asked or COMMANDS:  # each imports another slow half of the libraries, so only the one asked for
        app.command(name)(importlib.import_module(f"scripts.{name}").command)
    try:
        app()
    except (InputError, PartError) as error:
        sys.stderr.write(f"grokjax: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
