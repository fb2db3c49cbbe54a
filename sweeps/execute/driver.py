"""Carries out a sweep: on Ray, with a pool of workers, or in this process."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grokjax.errors import ClusterError, StoreError
from grokjax.sweeps.execute.events import Event, Failure, Limit, Receipt, traceback_of
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.execute.on_ray.connection import check_address
from grokjax.sweeps.execute.on_ray.executor import train_on_ray
from grokjax.sweeps.execute.plan import Pack, Plan, expand_groups, make_plan
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root

# Progress is looked up this often, or less often where looking takes long: packs in training are many, or the store is far. Workers
# that have ended a pack wait meanwhile.
POLL_SECONDS = 0.5
MOST_POLLING = 0.05  # of the time


@dataclass(frozen=True)
class Execution:
    """How a sweep is carried out; none of it changes a result."""

    executor: Literal["ray", "inline"] = "ray"
    address: str | None = None  # of a running Ray cluster; None starts a local one
    cpus: int | None = None  # of the local Ray; None is all of them


@dataclass(frozen=True)
class Progress:
    """How far a sweep has come. Runs and run-steps committed before this call are not in it.

    `run_steps` are those still planned or made: what runs that ended early were spared is taken off as it becomes known.
    """

    runs: int
    runs_done: int
    run_steps: int
    run_steps_done: int


@dataclass(frozen=True)
class Outcome:
    """What a call of `run_sweep` did."""

    plan: Plan
    seconds: float
    failures: tuple[Failure, ...]
    stopped: int  # runs that ended early, decided
    saved: int  # run-steps not trained in runs that ended early


def run_sweep(
    spec: SweepSpec, root: str | Path, execution: Execution, watch: Callable[[Progress], None] = lambda progress: None
) -> Outcome:
    """Trains all runs of a spec that `root` does not hold yet, and commits each pack as it is done.

    Interrupted anywhere, the same call goes on with what is missing. A pack that fails as often as it may (in this process: once)
    is put in quarantine until `release` lets it out, and the others go on; losing a node or being preempted does not count, and
    running out of memory halves the pack.

    Runs that were stopped early under a rule count as missing for a spec that does not stop them so.

    Args:
      spec: the sweep.
      root: a folder for its results.
      execution: where to run.
      watch: called about twice a second.

    Raises:
      SpecError: the spec cannot be run or does not fit what the root holds.
      StoreError: the root cannot be used, or not any more: what is committed stays, and the same call goes on.
      ClusterError: there is no cluster at the address.
    """
    plan, opened = prepare(spec, root, execution)
    return train(plan, opened, execution, watch)


def prepare(spec: SweepSpec, root: str | Path, execution: Execution) -> tuple[Plan, Root]:
    """The plan of what is left of a spec, and the root, with the spec entered. All refusals happen here. Raises as `run_sweep`."""
    check_execution(execution)
    opened = Root(root)
    held, groups = existing_runs(opened, spec), expand_groups(spec)
    return make_plan(spec, held, groups), enter_spec(opened, spec, groups)


def check_execution(execution: Execution) -> None:
    """Raises ClusterError if there is no cluster at the address, or none is needed."""
    if execution.address is not None:
        if execution.executor == "inline":
            raise ClusterError("--executor inline trains in this process; leave out --address, or the executor")
        check_address(execution.address)


def train(plan: Plan, root: Root, execution: Execution, watch: Callable[[Progress], None]) -> Outcome:
    """Trains and commits the packs of a plan."""
    started = time.monotonic()
    failures: list[Failure] = []
    receipts: list[Receipt] = []
    # A run can be there twice beside others' results, and where a worker committed a pack that was taken for lost and cut.
    if root.committed_packs():
        _drop_superseded(root)  # of a sweep that was killed before it could
    root.delete_leftovers()
    if plan.packs:
        setup = _setup(plan, root)
        if execution.executor == "ray":
            executor = train_on_ray(plan, root, setup, Worker, execution.address, execution.cpus)
        else:
            executor = _inline(plan, setup)
        with contextlib.closing(executor) as events:
            cut = _follow(plan, root, events, receipts, failures, watch)
        others = root.committed_packs() - {receipt.pack_id for receipt in receipts}
        if others or cut:
            _drop_superseded(root)
    stopped, saved = sum(receipt.stopped for receipt in receipts), sum(receipt.saved for receipt in receipts)
    return Outcome(plan, time.monotonic() - started, tuple(failures), stopped, saved)


def _drop_superseded(root: Root) -> None:
    from grokjax.sweeps.store.duplicates import drop_superseded  # noqa: PLC0415  (loads pandas, half a second that a fresh sweep does not need)

    drop_superseded(root)


def _follow(
    plan: Plan,
    root: Root,
    events: Iterator[Event],
    receipts: list[Receipt],
    failures: list[Failure],
    watch: Callable[[Progress], None],
) -> bool:
    """Keeps account of the events; returns whether any pack was cut for want of memory."""
    due, cut = 0.0, False

    def progress(under_way: int) -> Progress:
        runs, saved = sum(receipt.runs for receipt in receipts), sum(receipt.saved for receipt in receipts)
        made = sum(receipt.run_steps for receipt in receipts) - saved
        return Progress(plan.left, runs, plan.run_steps - saved, min(made + under_way, plan.run_steps - saved))

    for event in events:
        if isinstance(event, Failure):
            failures.append(event)
            root.put_in_quarantine(event.pack.pack_id, event.pack.runs.run_ids, event.error)
        elif isinstance(event, Limit):
            root.set_limit(event.group_id, event.runs)
            root.delete_traces(event.pack_id)
            cut = True
        elif event is not None:
            receipts.append(event)
        if time.monotonic() < due:
            continue
        looked = time.monotonic()
        watch(progress(sum(entry["run_steps"] for entry in root.read_progress().values())))
        due = time.monotonic() + max(POLL_SECONDS, (time.monotonic() - looked) / MOST_POLLING)
    watch(progress(0))
    return cut


def release(root: Root) -> int:
    """Lets all runs out of quarantine; returns how many."""
    entries = root.quarantine()
    for pack_id in entries:
        root.release(pack_id)
    return sum(len(entry["run_ids"]) for entry in entries.values())


def _inline(plan: Plan, setup: WorkerSetup) -> Generator[Event, None, None]:
    worker = Worker(setup, time.time())
    for pack in plan.packs:
        yield _tried(pack, functools.partial(worker.train, pack))


def _setup(plan: Plan, root: Root) -> WorkerSetup:
    return WorkerSetup(root.address, plan.spec.stopping_rule, plan.spec.final_states, _git_commit())


def _tried(pack: Pack, attempt: Callable[[], Any]) -> Event:
    try:
        receipt: Receipt = attempt()
    except StoreError:  # not the pack's fault, and the next could not be stored either
        raise
    except Exception as error:
        return Failure(pack, traceback_of(error))
    return receipt


def _git_commit() -> str | None:
    """The commit of the checkout that this code runs from, with a + where it has been changed; None outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", here, *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if git("ls-files", Path(__file__).name) == "":
            return None
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None
