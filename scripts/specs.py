"""`grokjax specs`: lists and prints the specs in sweeps/specs."""

import sys
from typing import Annotated

from cyclopts import Parameter

from grokjax.errors import SpecError
from grokjax.scripts.printing import print_table
from grokjax.sweeps.spec.group_runs import count_runs
from grokjax.sweeps.spec.load import load_spec, shipped_specs


def command(name: Annotated[str | None, Parameter(help="Print this spec.")] = None, /) -> None:
    """List the shipped specs, or print one to start from.

    Examples:
        grokjax specs

        grokjax specs parity-demo > my-sweep.toml
    """
    shipped = shipped_specs()
    if name is None:
        specs = [load_spec(each) for each in shipped]
        print_table(("spec", "runs", "description"), [(spec.name, f"{count_runs(spec):,}", spec.description) for spec in specs])
    elif name in shipped:
        sys.stdout.write(shipped[name])
    else:
        raise SpecError(f"there is no shipped spec {name}; there are {', '.join(shipped)}")
