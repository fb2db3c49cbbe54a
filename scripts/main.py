"""grokjax: hyperparameter sweeps for grokking research, from a short spec to a phase diagram."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from importlib import metadata
from typing import Annotated, TextIO

import typer

from grokjax.errors import BadFileWarning, InputError
from grokjax.registry import ComponentError

COMMANDS = (
    *("run", "retry", "plan", "status", "verify", "compact"),
    *("phases", "curves", "weights", "figure", "report", "compare", "agreement", "delays", "boundary", "refine"),
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


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """What was left out is for the user, in a line; where in the code a warning comes from is for developers."""
    plain = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(f"grokjax: {message}\n" if issubclass(category, BadFileWarning) else plain)


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 some packs failed, 2 bad input, 130 interrupted."""
    asked = [name for name in COMMANDS if name in sys.argv[1:2]]
    warnings.showwarning = _show_warning
    try:
        for name in asked or COMMANDS:  # each imports another slow half of the libraries, so only the one asked for
            module = importlib.import_module(f"grokjax.scripts.{name}")
            if name == "figure":
                app.add_typer(module.kinds(sys.argv[2:] if asked else []), name=name)
            else:
                app.command(name)(module.command)
        app()
    except (InputError, ComponentError) as error:
        sys.stderr.write(f"grokjax: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
