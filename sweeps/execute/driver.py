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
from grokjax.sweeps.execute.enter import held_runs, open_root
from grokjax.sweeps.execute.events import Event, Failure, Limit, Receipt, traceback_of
from grokjax.sweeps.execute.on_ray.connection import check_address
from grokjax.sweeps.execute.on_ray.executor import train_on_ray
from grokjax.sweeps.execute.plan import Pack, Plan, make_plan
from grokjax.sweeps.execute.tuning import check_pinned
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.layout import (
    Store,
    drop_leftovers,
    drop_traces,
    holds_sweep,
    put_in_quarantine,
    quarantine,
    read_progress,
    set_limit,
)

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
    plan, store = prepare(spec, root, execution)
    return train(plan, store, execution, watch)


def prepare(spec: SweepSpec, root: str | Path, execution: Execution) -> tuple[Plan, Store]:
    """What is left to do of a spec, and the store for it: all that can be refused is refused here. Raises as `run_sweep`."""
    check_execution(execution)
    plan = make_plan(spec, held_runs(root, spec))
    if holds_sweep(root):
        check_pinned(Store(root), {pack.group_id for pack in plan.packs}, spec.tuning)
    return plan, open_root(root, spec)


def check_execution(execution: Execution) -> None:
    """Raises ClusterError if there is no cluster at the address, or none is needed."""
    if execution.address is not None:
        if execution.executor == "inline":
            raise ClusterError("--executor inline trains in this process; leave out --address, or the executor")
        check_address(execution.address)


def train(plan: Plan, store: Store, execution: Execution, watch: Callable[[Progress], None]) -> Outcome:
    """Trains and commits the packs of a plan."""
    started = time.monotonic()
    failures: list[Failure] = []
    receipts: list[Receipt] = []
    # A run can be there twice beside others' results, and where a worker committed a pack that was taken for lost and cut.
    if any(True for _ in store.keys("runs")):
        _drop_superseded(store)  # of a sweep that was killed before it could
    drop_leftovers(store)
    if plan.packs:
        setup = _setup(plan, store)
        if execution.executor == "ray":
            executor = train_on_ray(plan, store, setup, Worker, execution.address, execution.cpus)
        else:
            executor = _inline(plan, setup)
        with contextlib.closing(executor) as events:
            cut = _follow(plan, store, events, receipts, failures, watch)
        others = {Path(key).stem for key in store.keys("runs")} - {receipt.pack_id for receipt in receipts}
        if others or cut:
            _drop_superseded(store)
    stopped, saved = sum(receipt.stopped for receipt in receipts), sum(receipt.saved for receipt in receipts)
    return Outcome(plan, time.monotonic() - started, tuple(failures), stopped, saved)


def _drop_superseded(store: Store) -> None:
    from grokjax.sweeps.store.duplicates import drop_superseded  # noqa: PLC0415  (loads pandas, half a second that a fresh sweep does not need)

    drop_superseded(store)


def _follow(
    plan: Plan,
    store: Store,
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
            put_in_quarantine(store, event.pack.pack_id, event.pack.runs.run_ids, event.error)
        elif isinstance(event, Limit):
            set_limit(store, event.group_id, event.runs)
            drop_traces(store, event.pack_id)
            cut = True
        elif event is not None:
            receipts.append(event)
        if time.monotonic() < due:
            continue
        looked = time.monotonic()
        watch(progress(sum(entry["run_steps"] for entry in read_progress(store).values())))
        due = time.monotonic() + max(POLL_SECONDS, (time.monotonic() - looked) / MOST_POLLING)
    watch(progress(0))
    return cut


def release(store: Store) -> int:
    """Lets all runs out of quarantine; returns how many."""
    entries = quarantine(store)
    for pack_id in entries:
        store.delete(f"quarantine/{pack_id}.json")
    return sum(len(entry["run_ids"]) for entry in entries.values())


def _inline(plan: Plan, setup: WorkerSetup) -> Generator[Event, None, None]:
    worker = Worker(setup, time.time())
    for pack in plan.packs:
        yield _tried(pack, functools.partial(worker.train, pack))


def _setup(plan: Plan, store: Store) -> WorkerSetup:
    return WorkerSetup(store.root, plan.spec.stopping_rule, plan.spec.final_states, _git_commit(), tuning=plan.spec.tuning)


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
