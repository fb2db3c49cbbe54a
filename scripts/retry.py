"""`grokjax retry`: empties the quarantine and trains as `grokjax run` does."""

from __future__ import annotations

from grokjax.scripts.options import Root, Workers
from grokjax.scripts.run import train_with_progress
from grokjax.sweeps.execute.driver import Execution, check_execution, release
from grokjax.sweeps.execute.enter import specs_of, unfinished_runs
from grokjax.sweeps.store.layout import Store


def command(root: Root, /, *, workers: Workers = Workers()) -> int:
    """Release the runs in quarantine and train what is missing.

    A pack that fails too often is put in quarantine, and `grokjax run` leaves it out. Mend the cause first; then this command tries
    those runs again.

    Examples:
        grokjax retry results/demo
    """
    store = Store(root)
    execution = Execution(workers.executor, workers.address, workers.cpus)
    check_execution(execution)  # and all files, before anything is released
    unfinished = unfinished_runs(store)
    released = release(store)
    if not released and not unfinished:
        print(f"Nothing is in quarantine in {root}, and all its runs are done.")
        return 0
    print(f"{released:,} runs released from quarantine")
    done = [train_with_progress(spec, root, execution) for spec in specs_of(store)]  # every spec, even after one that failed
    return 0 if all(done) else 1
