"""grokjax: hyperparameter sweeps for grokking research, from a short spec to a phase diagram."""

from __future__ import annotations

import os
import sys

import typer

from scripts import compare, curves, phases, plan, run, specs, status

app = typer.Typer(
    help=__doc__, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
for command in (run, plan, status, phases, curves, compare, specs):
    app.command(name=command.__name__.rpartition(".")[2])(command.command)


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 some packs failed, 2 bad input, 130 interrupted."""
    from analysis.load import AnalysisError  # noqa: PLC0415  (pandas takes a second that --help does not need)
    from sweeps.spec import SpecError  # noqa: PLC0415
    from sweeps.store import StoreError  # noqa: PLC0415

    try:
        app()
    except (AnalysisError, SpecError, StoreError) as error:
        sys.stderr.write(f"grokjax: {error}\n")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
