"""`grokjax specs`: lists and prints the specs in sweeps/specs."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from grokjax.errors import SpecError
from grokjax.registry import COMPONENTS
from grokjax.scripts.printing import print_table
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec, shipped_specs
from grokjax.sweeps.spec.sweep_spec import SweepSpec


def command(name: Annotated[str | None, Parameter(help="Print this spec.")] = None, /) -> None:
    """List the shipped specs, or print one to start from.

    Examples:
        grokjax specs

        grokjax specs parity-demo > my-sweep.toml
    """
    shipped = shipped_specs()
    if name is None:
        specs = [load_spec(each) for each in shipped]
        print_table(("spec", "runs", "description"), [(spec.name, f"{_runs(spec):,}", spec.description) for spec in specs])
    elif name in shipped:
        sys.stdout.write(shipped[name])
    else:
        raise SpecError(f"there is no shipped spec {name}; there are {', '.join(shipped)}")


def _runs(spec: SweepSpec) -> int:
    """The number of runs of a spec. If some are left out or equal, the sweep is expanded to count them."""
    alike = spec.leave_out or any(part in spec.swept for part in COMPONENTS)
    return sum(map(len, groups_of(spec))) if alike else spec.size
