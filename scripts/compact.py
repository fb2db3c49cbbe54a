"""`grokjax compact`: prints what sweeps.store.compact did."""

from typing import Annotated

from cyclopts import Parameter

from grokjax.scripts.options import RootArgument
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.root import Root


def command(root: RootArgument, out: Annotated[str, Parameter(name="DST", help="New root: a new folder or address.")], /) -> None:
    """Copy a root of many small files into one of few large files.

    The old root is not changed; the new one can be used in its place. Run the same command again to continue an interrupted copy,
    or to add what is new in the old root.

    Examples:
        grokjax compact results/demo results/demo-compact
    """
    done = compact(Root.open(root), out)
    print(f"Copied {done.runs:,} runs from {done.packs:,} files to {out}: {done.bundles:,} files of runs and as many of curves")
    print(f"Next: grokjax verify {out}")
