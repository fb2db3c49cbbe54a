"""Carries out a sweep, on Ray or in this process: plans what is left, follows the packs, keeps account of them."""

from __future__ import annotations

import contextlib
import logging
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from grokjax.errors import ClusterError, warn
from grokjax.sweeps.execute.events import Event, Failure, Interrupted, Limit, Receipt
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.execute.inline import train_inline
from grokjax.sweeps.execute.logs import logging_to, process_name
from grokjax.sweeps.execute.on_ray.connection import check_address
from grokjax.sweeps.execute.on_ray.executor import train_on_ray
from grokjax.sweeps.execute.plan import Plan, expand_groups, make_plan
from grokjax.sweeps.execute.tuning import check_pinned
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root

log = logging.getLogger(__name__)

# Progress is read this often, or less often where reading takes long: packs in training are many, or the store is far. Workers that
# have finished a pack wait meanwhile.
POLL_SECONDS = 0.5
MOST_POLLING = 0.05  # of the time
ANOTHER_DRIVER_SECONDS = 5.0  # workers of a driver that was killed may write for a moment longer


@dataclass(frozen=True)
class Execution:
    """Where a sweep is carried out; none of it changes a result, but for low bits on another kind of device."""

    executor: Literal["ray", "inline"] = "ray"
    address: str | None = None  # of a running Ray cluster; None starts a local one
    cpus: int | None = None  # of the local Ray; None is all of them


@dataclass(frozen=True)
class Progress:
    """How far a sweep is. Runs and run-steps committed before this call do not count.

    `run_steps` are those made and those still planned: the steps that a run did not need, because it ended early, are taken off.
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
    stopped: int  # runs that ended early because their label was decided
    saved: int  # run-steps not trained in runs that ended early


def run_sweep(
    spec: SweepSpec | str | Path | Mapping[str, Any],
    root: str | Path | Root,
    execution: Execution = Execution(),
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Trains all runs of a spec that `root` does not hold yet, and commits each pack as it is done.

    Interrupted anywhere, the same call continues with what is missing. A pack that fails too often (in this process: once) is put
    in quarantine until `release` lets it out, and the others continue; losing a node or being preempted does not count, and running
    out of memory halves the pack. Runs that were stopped early under a rule count as missing for a spec that does not stop them so.

    Afterwards the environment variables of this process and jax's configuration are as they were before.

    Args:
      spec: the sweep: a spec, or what `load_spec` takes: the name of a shipped one, the path of a TOML file, its tables as a dict.
      root: a folder or an address for its results.
      execution: where to run; on a Ray that is started on this machine by default.
      watch: called about twice a second.

    Raises:
      SpecError: the spec cannot be run or does not fit what the root holds.
      StoreError: the root cannot be used, or not any more: what is committed stays, and the same call goes on.
      ClusterError: there is no cluster at the address, or it has no room for a worker and never will.
      Interrupted: Ctrl-C; a KeyboardInterrupt that says how many packs in training were saved first.
    """
    loaded = spec if isinstance(spec, SweepSpec) else load_spec(str(spec) if isinstance(spec, Path) else spec)
    plan, opened = prepare(loaded, root, execution)
    return train(plan, opened, execution, watch)


def prepare(spec: SweepSpec, root: str | Path | Root, execution: Execution) -> tuple[Plan, Root]:
    """The plan of what is left of a spec, and the root, with the spec entered. All refusals happen here. Raises as `run_sweep`."""
    check_execution(execution)
    opened, groups = root if isinstance(root, Root) else Root(root), expand_groups(spec)
    plan = make_plan(spec, existing_runs(opened, spec), groups)
    if opened.holds_sweep():
        check_pinned(opened, {pack.group_id for pack in plan.packs}, spec.tuning)
    return plan, enter_spec(opened, spec, groups)


def check_execution(execution: Execution) -> None:
    """Raises ClusterError if there is no cluster at the address, or none is needed."""
    if execution.address is not None:
        if execution.executor == "inline":
            raise ClusterError("--executor inline trains in this process; leave out --address, or the executor")
        check_address(execution.address)


def train(plan: Plan, root: Root, execution: Execution, watch: Callable[[Progress], None]) -> Outcome:
    """Trains and commits the packs of a plan. Raises as `run_sweep`."""
    account = _Account(plan, root)
    # A run can be there twice beside others' results, and where a worker committed a pack that was taken for lost and cut.
    if root.committed_packs():
        _drop_superseded(root)  # of a sweep that was killed before it could
    root.delete_leftovers()
    if plan.packs:
        setup = _setup(plan, root)
        if execution.executor == "ray":
            executor = train_on_ray(plan, root, setup, Worker, execution.address, execution.cpus)
        else:
            executor = train_inline(plan, setup, Worker)
        with logging_to(root, f"{process_name()}-driver"), contextlib.closing(executor) as events:
            log.info("%s: %d of %d runs to train, in %d packs", plan.spec.name, plan.left, plan.runs, len(plan.packs))
            try:
                _follow(events, account, setup.driver, watch)
            except Interrupted:
                raise
            except KeyboardInterrupt as interrupt:  # outside the executor, which is to save the packs in training first
                events.throw(interrupt)
        others = root.committed_packs() - {receipt.pack_id for receipt in account.receipts}
        if others or account.cut:
            _drop_superseded(root)
    return account.outcome()


def _drop_superseded(root: Root) -> None:
    from grokjax.sweeps.store.duplicates import drop_superseded  # noqa: PLC0415  (loads pandas, half a second that a fresh sweep does not need)

    drop_superseded(root)


def _follow(events: Iterator[Event], account: _Account, driver: str, watch: Callable[[Progress], None]) -> None:
    """Enters the events into the account, and calls `watch` now and then."""
    another, due = _AnotherDriver(account.plan, account.root, driver), 0.0
    for event in events:
        account.add(event)
        if time.monotonic() < due:
            continue
        looked = time.monotonic()
        entries = account.root.read_progress()
        another.look(entries)
        watch(account.progress(sum(entry["run_steps"] for entry in entries.values())))
        due = time.monotonic() + max(POLL_SECONDS, (time.monotonic() - looked) / MOST_POLLING)
    watch(account.progress(0))


class _Account:
    """What has become of the packs of a plan so far."""

    def __init__(self, plan: Plan, root: Root) -> None:
        self.plan, self.root = plan, root
        self._started = time.monotonic()
        self.receipts: list[Receipt] = []
        self._failures: list[Failure] = []
        self.cut = False  # whether a pack was cut for want of memory

    def add(self, event: Event) -> None:
        """Enters an event, into the root as well where the next sweep needs to know of it."""
        if isinstance(event, Failure):
            self._failures.append(event)
            self.root.put_in_quarantine(event.pack.pack_id, event.pack.runs.run_ids, event.error)
        elif isinstance(event, Limit):
            self.root.set_limit(event.group_id, event.runs)
            self.root.delete_traces(event.pack_id)
            self.cut = True
        elif event is not None:
            self.receipts.append(event)

    def progress(self, in_training: int) -> Progress:
        """How far the sweep is, with so many run-steps made by the packs in training."""
        runs, saved = sum(receipt.runs for receipt in self.receipts), sum(receipt.saved for receipt in self.receipts)
        made = sum(receipt.run_steps for receipt in self.receipts) - saved
        left = self.plan.run_steps - saved
        return Progress(self.plan.left, runs, left, min(made + in_training, left))

    def outcome(self) -> Outcome:
        """What was done, at the end."""
        stopped, saved = sum(receipt.stopped for receipt in self.receipts), sum(receipt.saved for receipt in self.receipts)
        return Outcome(self.plan, time.monotonic() - self._started, tuple(self._failures), stopped, saved)


class _AnotherDriver:
    """Notices that another call of `run_sweep` trains packs of the same plan, and says so once."""

    def __init__(self, plan: Plan, root: Root, driver: str) -> None:
        self._packs, self._root, self._driver = frozenset(pack.pack_id for pack in plan.packs), root.address, driver
        self._seen: dict[str, tuple[float, float]] = {}  # of others' packs: the first report, and when it was read
        self._told = False

    def look(self, entries: Mapping[str, Mapping[str, Any]]) -> None:
        """Takes the progress of the packs in training, by pack_id."""
        now = time.monotonic()
        for pack_id in self._packs & entries.keys() if not self._told else ():
            entry = entries[pack_id]
            if entry.get("driver", self._driver) == self._driver:
                continue
            at, first = self._seen.setdefault(pack_id, (entry["at"], now))
            if entry["at"] != at and now - first >= ANOTHER_DRIVER_SECONDS:
                self._told = True
                warn(
                    f"another grokjax run ({entry['driver']}) trains the same runs into {self._root}; no result is spoiled, but "
                    "every run may be trained twice: stop one of the two"
                )
                return


def release(root: Root) -> int:
    """Lets all runs out of quarantine; returns how many."""
    entries = root.quarantine()
    for pack_id in entries:
        root.release(pack_id)
    return sum(len(entry["run_ids"]) for entry in entries.values())


def _setup(plan: Plan, root: Root) -> WorkerSetup:
    driver = f"{process_name()}-{secrets.token_hex(2)}"
    spec = plan.spec
    return WorkerSetup(root.address, spec.stopping_rule, spec.final_states, _git_commit(), tuning=spec.tuning, driver=driver)


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
