"""grokjax specs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from grokjax.errors import SpecError
from grokjax.registry import COMPONENTS
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec, shipped_specs
from grokjax.sweeps.spec.sweep_spec import SweepSpec


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print this spec.", show_default=False)] = None,
) -> None:
    """List the shipped specs, or print one, to start a spec of your own from.

    Examples:
        grokjax specs

        grokjax specs parity-demo > my-sweep.toml
    """
    shipped = shipped_specs()
    if name is None:
        table = Table("spec", "runs", "what", box=None, padding=(0, 2))
        for each in shipped:
            spec = load_spec(each)
            table.add_row(each, f"{_runs(spec):,}", spec.description)
        Console().print(table, highlight=False)
    elif name in shipped:
        typer.echo(shipped[name], nl=False)
    else:
        raise SpecError(f"there is no shipped spec {name}; there are {', '.join(shipped)}")


def _runs(spec: SweepSpec) -> int:
    """How many runs a spec has; where some are left out or the same, they have to be made to be counted."""
    alike = spec.leave_out or any(part in spec.swept for part in COMPONENTS)
    return sum(map(len, groups_of(spec))) if alike else spec.size
