"""Carries out a sweep, on Ray or in this process: plans the remaining packs, follows their training and records the outcome."""

from __future__ import annotations

import contextlib
import logging
import secrets
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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
from grokjax.sweeps.execute.worker import Throttle, Worker, WorkerSetup
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.done import release_done
from grokjax.sweeps.store.root import Root

logger = logging.getLogger(__name__)

# Progress is read this often, or less often if reading takes long (many packs, or a distant store), because workers that have
# finished a pack wait meanwhile.
POLL_SECONDS = 0.5
MOST_POLLING = 0.05  # of the time
ANOTHER_DRIVER_SECONDS = 5.0  # workers of a driver that was killed may write for a moment longer


@dataclass(frozen=True)
class Execution:
    """Where a sweep is carried out. None of it changes a result, except for low bits on another kind of device."""

    executor: Literal["ray", "inline"] = "ray"
    address: str | None = None  # of a running Ray cluster; None starts a local one
    cpus: int | None = None  # of the local Ray; None is all of them


@dataclass(frozen=True)
class Progress:
    """The progress of a sweep. Runs and run-steps committed before this call do not count.

    `run_steps` counts steps made and steps still planned, without those that a run skipped because it ended early.
    """

    runs: int
    runs_done: int
    run_steps: int
    run_steps_done: int


@dataclass(frozen=True)
class Outcome:
    """The result of a call of `run_sweep`."""

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
    """Trains all runs of a spec that `root` does not hold yet, and commits each pack as soon as it is trained.

    After an interruption, the same call continues with what is missing. A pack that fails too often (once, when trained in this
    process) is put in quarantine until `release`, and the others continue. A lost or preempted node does not count as a failure,
    and a pack that runs out of memory is halved. Runs that were stopped early under a rule are trained again for a spec without
    that rule.

    Afterwards the environment variables of this process and jax's configuration are as they were before.

    Args:
      spec: the sweep: a spec, or what `load_spec` takes: the name of a shipped one, the path of a TOML file, its tables as a dict.
      root: a folder or an address for its results.
      execution: where to run; on a Ray that is started on this machine by default.
      watch: called about twice a second.

    Raises:
      SpecError: the spec cannot be run or does not fit what the root holds.
      StoreError: the root cannot be used, or no longer. Committed packs are kept, and the same call continues.
      ClusterError: there is no cluster at the address, or it has no room for a worker and never will.
      Interrupted: Ctrl-C; a KeyboardInterrupt that says how many packs in training were saved first.
    """
    loaded = spec if isinstance(spec, SweepSpec) else load_spec(str(spec) if isinstance(spec, Path) else spec)
    plan, opened = prepare(loaded, root, execution)
    return train(plan, opened, execution, watch)


def prepare(spec: SweepSpec, root: str | Path | Root, execution: Execution) -> tuple[Plan, Root]:
    """Enters the spec into the root; returns the plan of the remaining packs and the root. Invalid requests are refused here.

    Raises as `run_sweep`.
    """
    check_execution(execution)
    opened, groups = root if isinstance(root, Root) else Root(root), expand_groups(spec)
    plan = make_plan(spec, existing_runs(opened, spec), groups)
    if opened.holds_sweep():
        check_pinned(opened, {pack.group_id for pack in plan.packs}, spec.tuning)
    return plan, enter_spec(opened, spec, groups)


def check_execution(execution: Execution) -> None:
    """Raises ClusterError if an address is given but has no cluster, or is given with the inline executor, which uses none."""
    if execution.address is not None:
        if execution.executor == "inline":
            raise ClusterError("--executor inline trains in this process; leave out --address, or the executor")
        check_address(execution.address)


def train(plan: Plan, root: Root, execution: Execution, watch: Callable[[Progress], None]) -> Outcome:
    """Trains and commits the packs of a plan. Raises as `run_sweep`."""
    account = _Account(plan, root)
    # A run can be stored twice if another driver trained it, or if a worker committed a pack that was given up as lost and cut.
    if root.names("runs"):
        _drop_superseded(root)  # left by a sweep that was killed before it could do so
    root.delete_leftovers()
    release_done(root)
    if plan.packs:
        setup = _setup(plan, root)
        if execution.executor == "ray":
            executor = train_on_ray(plan, root, setup, Worker, execution.address, execution.cpus)
        else:
            executor = train_inline(plan, setup, Worker)
        with logging_to(root, f"{process_name()}-driver"), contextlib.closing(executor) as events:
            logger.info("%s: %d of %d runs to train, in %d packs", plan.spec.name, plan.left, plan.runs, len(plan.packs))
            try:
                _follow(events, account, setup.driver, watch)
            except Interrupted:
                raise
            except KeyboardInterrupt as interrupt:  # outside the executor, which saves the packs in training first
                events.throw(interrupt)
        others = set(root.names("runs")) - {receipt.pack_id for receipt in account.receipts}
        if others or account.cut:
            _drop_superseded(root)
        root.delete_stale()
    return account.outcome()


def _drop_superseded(root: Root) -> None:
    from grokjax.sweeps.store.duplicates import drop_superseded  # noqa: PLC0415  (loads pandas, half a second that a fresh sweep does not need)

    drop_superseded(root)


def _follow(events: Iterator[Event], account: _Account, driver: str, watch: Callable[[Progress], None]) -> None:
    """Records the events, and calls `watch` at intervals."""
    another, looks = _AnotherDriver(account.plan, account.root, driver), Throttle(POLL_SECONDS, MOST_POLLING)
    for event in events:
        account.add(event)
        if not looks.is_due():
            continue
        entries = account.root.read_entries("progress").values()
        another.look(entries)
        watch(account.progress(sum(entry["run_steps"] for entry in entries if entry.get("driver", driver) == driver)))
        looks.done()
    watch(account.progress(0))


class _Account:
    """The outcomes of a plan's packs so far."""

    def __init__(self, plan: Plan, root: Root) -> None:
        self.plan, self.root = plan, root
        self._started = time.monotonic()
        self.receipts: list[Receipt] = []
        self._failures: list[Failure] = []
        self.cut = False  # whether a pack was cut because it ran out of memory

    def add(self, event: Event) -> None:
        """Records an event, in the root as well if later sweeps need to know of it."""
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
        """The progress of the sweep, including the run-steps made by packs in training."""
        runs, saved = sum(receipt.runs for receipt in self.receipts), sum(receipt.saved for receipt in self.receipts)
        made = sum(receipt.run_steps for receipt in self.receipts) - saved
        left = self.plan.run_steps - saved
        return Progress(self.plan.left, runs, left, min(made + in_training, left))

    def outcome(self) -> Outcome:
        """The outcome, once all packs are accounted for."""
        stopped, saved = sum(receipt.stopped for receipt in self.receipts), sum(receipt.saved for receipt in self.receipts)
        return Outcome(self.plan, time.monotonic() - self._started, tuple(self._failures), stopped, saved)


class _AnotherDriver:
    """Notices that another call of `run_sweep` trains runs of the same groups, and says so once."""

    def __init__(self, plan: Plan, root: Root, driver: str) -> None:
        self._groups, self._root, self._driver = frozenset(pack.group_id for pack in plan.packs), root.address, driver
        self._seen: dict[str, tuple[float, float]] = {}  # for each other driver, its first report, and when it was read
        self._warned = False

    def look(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Checks the progress of the packs in training."""
        now = time.monotonic()
        for entry in entries if not self._warned else ():
            other = entry.get("driver", self._driver)
            if other == self._driver or entry.get("group_id") not in self._groups:
                continue
            at, first = self._seen.setdefault(other, (entry["at"], now))
            if entry["at"] != at and now - first >= ANOTHER_DRIVER_SECONDS:
                self._warned = True
                warn(
                    f"another grokjax run ({other}) is at work on the same groups in {self._root}; no result is damaged, but runs "
                    "that both ask for may be trained twice: stop one of the two"
                )
                return


def release(root: Root) -> int:
    """Releases all runs from quarantine; returns how many."""
    entries = root.quarantine()
    for pack_id in entries:
        root.delete(root.key("quarantine", pack_id))
    return sum(len(entry["run_ids"]) for entry in entries.values())


def _setup(plan: Plan, root: Root) -> WorkerSetup:
    driver = f"{process_name()}-{secrets.token_hex(2)}"
    spec = plan.spec
    return WorkerSetup(root.address, spec.stopping_rule, spec.final_states, _git_commit(), tuning=spec.tuning, driver=driver)


def _git_commit() -> str | None:
    """The git commit of the checkout that this code runs from, followed by + if it has local changes; None outside a checkout."""
    folder = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if git("ls-files", Path(__file__).name) == "":
            return None
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None
