"""grokjax run."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from grokjax.errors import StoreError
from grokjax.scripts.options import Settings, Spec, StopOption, Unset
from grokjax.scripts.watch import clock
from grokjax.sweeps.execute.driver import Execution, Outcome, prepare, train
from grokjax.sweeps.execute.driver import Progress as SweepProgress
from grokjax.sweeps.execute.logs import place_of_logs
from grokjax.sweeps.execute.plan import Plan
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root

LOG_SECONDS = 30
SECONDS_TO_TELL = 5.0  # of training, before the time left is told: the first packs begin one after another


def command(
    spec: Spec,
    settings: Settings = [],  # noqa: B006  (typer copies it)
    unset: Unset = [],  # noqa: B006
    stop: StopOption = None,
    tuning: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUE",
            help="Fix dot_library (default or eigen) or lane_width, which are otherwise measured once a machine. Repeatable.",
            show_default=False,
        ),
    ] = [],  # noqa: B006
    root: Annotated[
        str | None,
        typer.Option(help="Where results go: a folder, or s3://... [default: results/SPEC]", show_default=False),
    ] = None,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster; without it a local Ray is started.")] = None,
    cpus: Annotated[int | None, typer.Option(min=1, help="Cores the local Ray uses. [default: all]", show_default=False)] = None,
    executor: Annotated[Literal["ray", "inline"], typer.Option(help="inline trains in this process, for debugging.")] = "ray",
) -> None:
    """Train the runs of a spec that the root does not hold yet.

    The same command again continues where it was interrupted. Added seeds or axis values train only what is new.

    Examples:
        grokjax run parity-demo

        grokjax run parity-article --set seed=0..2 --root results/three-seeds

        grokjax run my-sweep.toml --set "weight_decay=0.01..1 log 9" --root results/fine
    """
    loaded = load_spec(spec, settings, stop, unset, tuning)
    if not carry_out(loaded, root or f"results/{loaded.name}", Execution(executor, address, cpus)):
        raise typer.Exit(1)


def carry_out(spec: SweepSpec, root: str, execution: Execution) -> bool:
    """Trains what is left of a sweep, with a progress bar; returns whether nothing is in quarantine."""
    console = Console(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # schedulers ask with SIGTERM what a user asks with Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plan, opened = prepare(spec, root, execution)
    try:
        outcome = _train_with_bar(plan, opened, execution, console)
    except KeyboardInterrupt as interrupt:
        console.print("Stopped.", style="yellow")
        lost = str(interrupt) or "What packs in training did since their last checkpoint is lost."
        _print(console, f"What is committed stays in {root}; the same command continues. {lost}")
        sys.stderr.flush()
        os._exit(130)
    except StoreError as error:
        raise StoreError(f"{error}; what is committed stays, and the same command continues") from None
    _tell(outcome, root, console)
    return not outcome.failures and not plan.quarantined


def _train_with_bar(plan: Plan, root: Root, execution: Execution, console: Console) -> Outcome:
    if not plan.packs:
        return train(plan, root, execution, lambda progress: None)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} runs", table_column=Column(no_wrap=True)),
        _Speed(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
    )
    with Progress(*columns, console=console, expand=True, refresh_per_second=4) as bar:
        task = bar.add_task(plan.spec.name, total=plan.left, run_steps=0, of=0, since=None)
        fields: dict[str, Any] = {}
        log = _Log(console)

        def watch(progress: SweepProgress) -> None:
            if progress.run_steps_done and "since" not in fields:
                fields.update(since=time.monotonic(), first=progress.run_steps_done)
            log(progress)
            bar.update(
                task,
                total=progress.runs,
                completed=progress.runs_done,
                run_steps=progress.run_steps_done,
                of=progress.run_steps,
                **fields,
            )

        return train(plan, root, execution, watch)


class _Log:
    """Where there is no terminal to draw a bar on, a line every half minute."""

    def __init__(self, console: Console) -> None:
        self._console, self._due = console, time.monotonic()

    def __call__(self, progress: SweepProgress) -> None:
        if not self._console.is_terminal and time.monotonic() >= self._due:
            self._due = time.monotonic() + LOG_SECONDS
            share = progress.run_steps_done / progress.run_steps if progress.run_steps else 1.0
            self._console.print(f"{progress.runs_done:,} of {progress.runs:,} runs, {share:.0%} of the run-steps", highlight=False)


class _Speed(ProgressColumn):
    """Run-steps a second since training began, and the time left at that pace."""

    def render(self, task: Task) -> Text:
        since, run_steps, of = task.fields["since"], task.fields["run_steps"], task.fields["of"]
        if since is None:
            return Text("starting", style="dim")
        seconds = time.monotonic() - since
        pace = (run_steps - task.fields["first"]) / seconds if seconds > 1 else 0
        if not pace:
            return Text("" if task.finished else "compiling", style="dim")
        left = f"  {clock((of - run_steps) / pace)} left" if seconds > SECONDS_TO_TELL else ""
        return Text(f"{pace:,.0f} run-steps/s{left}", style="cyan")


def _tell(outcome: Outcome, root: str, console: Console) -> None:
    plan, failed = outcome.plan, sum(len(failure.pack.runs) for failure in outcome.failures)
    trained = plan.left - failed
    if not plan.packs and not plan.quarantined:
        _print(console, f"All {plan.runs:,} runs were already in {root}; nothing to train.")
    else:
        before = f", {plan.committed:,} were there before" if plan.committed else ""
        _print(console, f"Trained {trained:,} of {plan.runs:,} runs in {outcome.seconds:,.0f} s{before}. Results: {root}")
        if outcome.stopped:
            share = outcome.saved / plan.run_steps
            rule = f"decided under the rule {plan.spec.stopping_rule!r}"
            _print(console, f"{outcome.stopped:,} runs ended early, {rule}: {share:.0%} of the run-steps were spared.")
    for failure in outcome.failures:
        ids = failure.pack.runs.run_ids
        runs = ", ".join(ids[:3]) + (" ..." if len(ids) > 3 else "")
        console.print("Failed:", style="red", end=" ")
        _print(console, f"{len(failure.pack.runs)} runs ({runs})\n{failure.error}")
    if outcome.failures:
        _print(console, f"What each worker did: {place_of_logs(Root(root))}")
    if set_aside := failed + plan.quarantined:
        _print(console, f"{set_aside:,} runs are in quarantine; once what they failed of is mended: grokjax retry {root}")
    _print(console, f"Next: grokjax phases {root}")


def _print(console: Console, text: str) -> None:
    """The text as it is: names and tracebacks are not markup, and paths are not to be broken."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
