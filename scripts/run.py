"""`grokjax run`: trains a spec through sweeps.execute.driver and shows its progress."""

import os
import signal
import sys
import time
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from grokjax.errors import StoreError
from grokjax.scripts.options import Spec, SpecChanges, Workers
from grokjax.scripts.printing import clock
from grokjax.sweeps.execute.driver import Execution, Outcome, prepare, train
from grokjax.sweeps.execute.driver import Progress as SweepProgress
from grokjax.sweeps.execute.logs import place_of_logs
from grokjax.sweeps.execute.plan import Plan
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root

LOG_SECONDS = 30  # between lines where there is no terminal
WARM_UP_SECONDS = 5.0  # of training before the time left is shown: the first packs start one after another


def command(
    spec: Spec,
    /,
    *,
    changes: SpecChanges = SpecChanges(),
    root: Annotated[str | None, Parameter(help="Folder or address for the results.", show_default="results/SPEC")] = None,
    workers: Workers = Workers(),
) -> int:
    """Train the runs of a spec that the root does not hold yet.

    Run the same command again to continue an interrupted sweep. If seeds or axis values are added, only the new runs are trained.

    Examples:
        grokjax run parity-demo --root results/demo

        grokjax run parity-article --set seed=0..2 --root results/three

        grokjax run my.toml --set "weight_decay=0.01..1 log 9"
    """
    loaded = load_spec(spec, changes.settings, changes.stop, changes.unset, changes.tuning)
    execution = Execution(workers.executor, workers.address, workers.cpus)
    return 0 if train_with_progress(loaded, root or f"results/{loaded.name}", execution) else 1


def train_with_progress(spec: SweepSpec, root: str, execution: Execution) -> bool:
    """Trains the remaining runs of a sweep and shows the progress; returns whether nothing is in quarantine."""
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # batch systems send SIGTERM where a user presses Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plan, opened = prepare(spec, root, execution)
    starts_ray = plan.packs and execution.executor == "ray" and execution.address is None
    if starts_ray and plan.inline_is_quicker(execution.cpus or os.cpu_count() or 1):
        _print(console, "This sweep is so small that --executor inline, without Ray, would finish earlier.")
    try:
        outcome = _train(plan, opened, execution, console)
    except KeyboardInterrupt as interrupt:
        lost = str(interrupt) or "What packs in training did since their last checkpoint is lost."
        console.print("Stopped.", style="yellow")
        _print(console, f"Committed runs are kept in {root}; the same command continues. {lost}")
        sys.stderr.flush()
        os._exit(130)
    except StoreError as error:
        raise StoreError(f"{error}; committed runs are kept, and the same command continues") from None
    _print_outcome(outcome, root, console)
    return not outcome.failures and not plan.quarantined


def _train(plan: Plan, root: Root, execution: Execution, console: Console) -> Outcome:
    if not plan.packs:
        return train(plan, root, execution, lambda progress: None)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} runs", table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[speed]}", style="cyan", table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
    )
    speed, line_due = Speed(), time.monotonic()
    with Progress(*columns, console=console, expand=True, refresh_per_second=4, disable=not console.is_terminal) as bar:
        task = bar.add_task(plan.spec.name, total=plan.left, speed="starting")

        def show(progress: SweepProgress) -> None:
            nonlocal line_due
            rate = speed.describe(progress)
            bar.update(task, total=progress.runs, completed=progress.runs_done, speed=rate)
            if not console.is_terminal and time.monotonic() >= line_due:
                line_due = time.monotonic() + LOG_SECONDS
                share = progress.run_steps_done / progress.run_steps if progress.run_steps else 1.0
                _print(console, f"{progress.runs_done:,} of {progress.runs:,} runs, {share:.0%} of the run-steps, {rate}")

        return train(plan, root, execution, show)


class Speed:
    """The speed since the first observed progress, in run-steps per second, and the remaining time at that speed."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None  # when, and run-steps done by then

    def describe(self, progress: SweepProgress) -> str:
        """The speed and the remaining time as text."""
        if not progress.run_steps_done:
            return "starting"
        now = time.monotonic()
        since, done = self._first = self._first or (now, progress.run_steps_done)
        seconds, made = now - since, progress.run_steps_done - done
        if seconds <= 1 or not made:
            return "compiling"
        rate = made / seconds
        left = f", {clock((progress.run_steps - progress.run_steps_done) / rate)} left" if seconds > WARM_UP_SECONDS else ""
        return f"{rate:,.0f} run-steps/s{left}"


def _print_outcome(outcome: Outcome, root: str, console: Console) -> None:
    plan, failed = outcome.plan, sum(len(failure.pack.runs) for failure in outcome.failures)
    trained = plan.left - failed
    if not plan.packs and not plan.quarantined:
        _print(console, f"All {plan.runs:,} runs were already in {root}; nothing to train.")
    else:
        before = f", {plan.committed:,} were trained before" if plan.committed else ""
        _print(console, f"Trained {trained:,} of {plan.runs:,} runs in {outcome.seconds:,.0f} s{before}. Results: {root}")
        if outcome.stopped:
            share = outcome.saved / plan.run_steps
            rule = f"decided under the rule {plan.spec.stopping_rule!r}"
            _print(console, f"{outcome.stopped:,} runs ended early, {rule}: {share:.0%} of the run-steps were saved.")
    for failure in outcome.failures:
        ids = failure.pack.runs.run_ids
        runs = ", ".join(ids[:3]) + (" ..." if len(ids) > 3 else "")
        console.print("Failed:", style="red", end=" ")
        _print(console, f"{len(failure.pack.runs)} runs ({runs})\n{failure.error}")
    if outcome.failures:
        _print(console, f"Worker logs: {place_of_logs(Root(root))}")
    if set_aside := failed + plan.quarantined:
        _print(console, f"{set_aside:,} runs are in quarantine; fix the cause, then: grokjax retry {root}")
    _print(console, f"Next: grokjax phases {root}")


def _print(console: Console, text: str) -> None:
    """Prints text literally: without markup, and without breaking paths across lines."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
