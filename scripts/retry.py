"""`grokjax retry`: empties the quarantine and trains as `grokjax run` does."""

from grokjax.scripts.options import RootArgument, Workers
from grokjax.scripts.run import train_with_progress
from grokjax.sweeps.execute.driver import Execution, check_execution, release
from grokjax.sweeps.execute.existing import load_specs
from grokjax.sweeps.store.done import committed_table, unfinished_runs
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.root import Root


def command(root: RootArgument, /, *, workers: Workers = Workers()) -> int:
    """Release the runs in quarantine and train what is missing.

    A pack that fails too often is put in quarantine, and `grokjax run` leaves it out. Fix the cause first; then this command trains
    those runs again.

    Examples:
        grokjax retry results/demo
    """
    opened = Root.open(root)
    execution = Execution(workers.executor, workers.address, workers.cpus)
    check_execution(execution)  # and all files, before anything is released
    unfinished = unfinished_runs(planned_runs(opened, ()), committed_table(opened))
    released = release(opened)
    if not released and not unfinished:
        print(f"Nothing is in quarantine in {root}, and all its runs are done.")
        return 0
    print(f"{released:,} runs released from quarantine")
    done = [train_with_progress(spec, root, execution) for spec in load_specs(opened)]  # every spec, even after one that failed
    return 0 if all(done) else 1
