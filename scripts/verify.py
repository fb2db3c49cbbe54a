"""`grokjax verify`: prints what sweeps.store.verify finds."""

from grokjax.scripts.options import RootArgument
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify

MOST_SHOWN = 20


def command(root: RootArgument, /) -> int:
    """Read every file of a root and check it against its specs.

    Exits with 1 if anything is wrong. Runs that are not trained yet are counted, but are not a problem: `grokjax run` trains them.

    Examples:
        grokjax verify results/demo
    """
    verdict = verify(Root.open(root))
    print(f"{verdict.committed:,} of {verdict.planned:,} planned runs are done; {verdict.files:,} files read")
    for sentence in verdict.wrong[:MOST_SHOWN]:
        print(f"wrong: {sentence}")
    if len(verdict.wrong) > MOST_SHOWN:
        print(f"... and {len(verdict.wrong) - MOST_SHOWN:,} more")
    missing = verdict.planned - verdict.committed
    if not verdict.wrong:
        print(f"Nothing is wrong, but {missing:,} planned runs are not done yet." if missing else "Nothing is wrong.")
    return 1 if verdict.wrong else 0
