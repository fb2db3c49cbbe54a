"""grokjax: hyperparameter sweeps for grokking research, from a short spec to a phase diagram."""

from __future__ import annotations

import importlib
import os
import sys
from importlib import metadata
from typing import Annotated

import typer
from typer.core import TyperGroup

from sweeps.errors import InputError

COMMANDS = ("run", "plan", "status", "phases", "curves", "compare", "specs")


class _Commands(TyperGroup):
    """Imports a command's module when it is asked for: each needs another slow half of the libraries."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> typer.core.TyperCommand | None:  # type: ignore[override]
        if cmd_name not in COMMANDS:
            return None
        single = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
        single.command(name=cmd_name)(importlib.import_module(f"scripts.{cmd_name}").command)
        return typer.main.get_command(single)  # type: ignore[return-value]


app = typer.Typer(
    cls=_Commands,
    help=__doc__,
    invoke_without_command=True,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _grokjax(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False) -> None:
    if version:
        typer.echo(metadata.version("grokjax"))
        raise typer.Exit


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 some packs failed, 2 bad input, 130 interrupted."""
    try:
        app()
    except InputError as error:
        sys.stderr.write(f"grokjax: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
