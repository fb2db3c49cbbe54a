"""A worker: trains packs, saves them at intervals during training, and commits them to the root."""

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from grokjax.analysis.labels.early_stop import RuleName
from grokjax.analysis.labels.rules import deciders
from grokjax.config import RunConfig
from grokjax.engine.lane_run import RunCheckpoint, RunResult, Snapshots
from grokjax.engine.pack import PackCallbacks, PackResult, train_pack
from grokjax.engine.program import Tuning, program_of
from grokjax.engine.tuning import first_tunings, measure_peak
from grokjax.errors import StoreError
from grokjax.identity import TRAJECTORY_VERSION
from grokjax.sweeps.execute.checkpoints import read_states, states_file
from grokjax.sweeps.execute.device import compiler_versions, device_kind, prepare_device
from grokjax.sweeps.execute.events import Receipt
from grokjax.sweeps.execute.logs import log_from_now_on, process_name
from grokjax.sweeps.execute.plan import Pack
from grokjax.sweeps.execute.tables import Costs, Provenance, curves_table, runs_table, with_costs
from grokjax.sweeps.execute.tuning import group_tuning, recorded_tuning
from grokjax.sweeps.spec.resources import PinnedTuning
from grokjax.sweeps.store.read import read_file
from grokjax.sweeps.store.root import Root

logger = logging.getLogger(__name__)

# A pack's progress is written this often, or less often if writing would take more than this share of the time.
PROGRESS_SECONDS = 1.0
MOST_REPORTING = 0.01
PEAK_SECONDS = 30.0  # how long a measurement of the device's peak is used; it takes a twentieth of a second
# A pack in training is saved this often, or less often if saving would take more than this share of the time.
CHECKPOINT_SECONDS = 120.0
MOST_CHECKPOINTING = 0.05


@dataclass(frozen=True)
class WorkerSetup:
    """The settings that all workers of a sweep share."""

    root: str
    rule: RuleName | None  # under which runs may end early
    final_states: bool  # whether to store the final state of every run
    commit: str | None  # of the code, for the table
    gpus: float | None = None  # its share of a GPU; None: whatever device there is
    tuning: PinnedTuning = field(default_factory=PinnedTuning)
    driver: str = ""  # identifies the call of `run_sweep`, so that another one that trains the same packs is noticed
    keeps_log: bool = False  # whether the worker has its own process, and therefore its own log


class _Stopped(Exception):
    """The pack in training was saved because `Worker.stop` was called."""


class Worker:
    """Trains packs on one core or one GPU. Keeps its compiled programs, and records where its time goes."""

    def __init__(self, setup: WorkerSetup, asked_at: float) -> None:
        """Sets up the device. `asked_at` is when this worker was requested, in seconds since the epoch."""
        prepare_device(setup.gpus)
        self._setup, self._root = setup, Root.open(setup.root)
        self._name = process_name()
        if setup.keeps_log:
            log_from_now_on(self._root, self._name)
        self._ahead = ThreadPoolExecutor(max_workers=1)
        self._compiling_ahead: Future[None] | None = None
        self._peak_flops, self._peak_at = measure_peak(), time.monotonic()
        self._startup = max(0.0, time.time() - asked_at)
        self._commit_seconds = 0.0  # of the previous pack, which could not be in its own table
        self._free_since = time.perf_counter()
        self._training = self.stopping = False
        logger.info("worker %s is ready on %s", self._name, device_kind())

    def ready(self) -> tuple[str, str]:
        """Waits until the worker is set up; returns its name and kind of device."""
        return self._name, device_kind()

    def stop(self) -> bool:
        """Asks for the pack in training to be saved and given up after the current segment; returns whether there is one.

        May be called from another thread, or from a signal handler.
        """
        asked_before, self.stopping = self.stopping, True
        return self._training and not asked_before

    def train(self, pack: Pack, following: RunConfig | None = None) -> Receipt | None:
        """Trains a pack and commits it, unless it is committed already. Returns None if `stop` interrupted it.

        Args:
          pack: the runs.
          following: a run of the group that this worker will probably train next; its program is compiled meanwhile.
        """
        started, started_at = time.perf_counter(), datetime.now(UTC)
        if self._root.is_committed(pack.pack_id):
            if self._holds_all(pack):
                self._root.delete_traces(pack.pack_id)  # left by a worker that died right after the commit
                return Receipt(pack.pack_id, len(pack.runs), pack.run_steps)
            self._root.discard_pack(pack.pack_id)  # its runs were removed, because they were trained further in another pack
        tuning = self._prepare(pack)
        peak_flops = self._peak()
        compiled = time.perf_counter()
        made_by = _made_by(pack, tuning)
        provenance = Provenance(pack.pack_id, tuning, self._setup.rule, peak_flops, self._name, started_at, self._setup.commit)
        try:
            self._training = True
            result = self._train(pack, tuning, made_by, following)
            trained = time.perf_counter()
            runs = runs_table(result.runs, provenance)
            if self._setup.final_states:
                self._root.put(self._root.key("states", pack.pack_id), states_file(_ends(result.runs), made_by))
            self._root.put_curves(pack.pack_id, curves_table(result.runs))
            written = time.perf_counter()
            costs = Costs(
                startup=self._startup,
                compile=compiled - started,
                idle_lane=result.idle_seconds,
                write=written - trained + self._commit_seconds,
                wait=started - self._free_since,
            )
            self._root.commit_runs(pack.pack_id, with_costs(runs, costs))
        except _Stopped:
            return None
        finally:
            self._training = False
        self._free_since = time.perf_counter()
        self._startup, self._commit_seconds = 0.0, self._free_since - written
        made = sum(int(run.curve.step[-1]) for run in result.runs) - pack.steps_made
        stopped = sum(run.decided for run in result.runs)
        return Receipt(pack.pack_id, len(pack.runs), pack.run_steps, stopped, pack.run_steps - made)

    def _train(self, pack: Pack, tuning: Tuning, made_by: Mapping[str, Any], following: RunConfig | None) -> PackResult:
        """Trains a pack, resuming saved runs. Raises _Stopped."""
        saved = self._saved_runs(pack, made_by)
        steps_made = sum((run.rows - 1) * pack.runs.template.log_every for run in saved.values())
        if saved:
            logger.info("pack %s resumes %d of %d runs, %d steps made", pack.pack_id, len(saved), len(pack.runs), steps_made)
        report = _Report(self._root, self._setup.driver, pack, max(0, steps_made - pack.steps_made))
        decider = None if self._setup.rule is None else deciders()[self._setup.rule]
        checkpoints = Checkpoints(self._root, pack.pack_id, made_by)

        def on_progress(run_steps: int) -> None:
            if report.first:
                self._start_ahead(following)
            report(run_steps)

        def save(runs: Mapping[str, RunCheckpoint]) -> None:
            checkpoints.save(runs)
            if self.stopping:
                raise _Stopped

        callbacks = PackCallbacks(on_progress, self._keep, lambda: checkpoints.is_due() or self.stopping, save, decider)
        return train_pack(pack.runs, tuning, callbacks, saved)

    def _holds_all(self, pack: Pack) -> bool:
        return set(pack.runs.run_ids) <= set(read_file(self._root, "runs", pack.pack_id)["run_id"].to_pylist())

    def _peak(self) -> float:
        """The device's peak FLOP/s. It varies, so it is measured again at intervals; not for every pack, which would take long."""
        if time.monotonic() - self._peak_at >= PEAK_SECONDS:
            self._peak_flops, self._peak_at = measure_peak(), time.monotonic()
        return self._peak_flops

    def _keep(self, run: RunConfig, snapshots: Snapshots) -> None:
        self._root.put_weights(run.run_id, snapshots.step, snapshots.weights)

    def _saved_runs(self, pack: Pack, made_by: Mapping[str, Any]) -> dict[str, RunCheckpoint]:
        """The saved runs of the pack, by run_id: from its own interrupted training, or from the end of a pack with fewer steps."""
        saved: dict[str, RunCheckpoint] = {}
        pack_of = {run_id: prior.pack_id for run_id, prior in pack.prior.items()}
        for pack_id in sorted(set(pack_of.values())):
            content = self._root.get(self._root.key("states", pack_id))
            ends = read_states(content, made_by) if content is not None else {}
            saved |= {run_id: end for run_id, end in ends.items() if pack_of.get(run_id) == pack_id}
        if pack.runs.template.snapshots:
            saved = {run_id: self._with_snapshots(run_id, run, pack.runs.template.log_every) for run_id, run in saved.items()}
        content = self._root.get(self._root.key("checkpoints", pack.pack_id))
        return saved | (read_states(content, made_by) if content is not None else {})

    def _with_snapshots(self, run_id: str, saved: RunCheckpoint, log_every: int) -> RunCheckpoint:
        step, weights = self._root.get_weights(run_id) or ((), {})
        copies = {int(at) // log_every: {name: each[index] for name, each in weights.items()} for index, at in enumerate(step)}
        return replace(saved, snapshots=copies)

    def _prepare(self, pack: Pack) -> Tuning:
        """The tuning of the pack's group. Also compiles its program, unless that was started ahead of time."""
        if self._compiling_ahead is not None:
            self._compiling_ahead.result()
        tuning = group_tuning(self._root, pack.runs[0], pack.group_runs, self._setup.tuning)
        if (most := self._root.limit_of(pack.group_id)) is not None:  # memory grows with the lanes
            tuning = replace(tuning, lane_width=min(tuning.lane_width, most))
        program_of(pack.runs[0].group_template(), tuning).compile()
        return tuning

    def _start_ahead(self, following: RunConfig | None) -> None:
        if following is not None:
            self._compiling_ahead = self._ahead.submit(self._compile_ahead, following)

    def _compile_ahead(self, config: RunConfig) -> None:
        known = recorded_tuning(self._root, config)
        with contextlib.suppress(Exception):  # an error occurs again, and is reported, when it is this group's turn
            for tuning in first_tunings(self._setup.tuning.given) if known is None else (known,):
                program_of(config.group_template(), tuning).compile()


def _made_by(pack: Pack, tuning: Tuning) -> dict[str, Any]:
    """Everything that a pack's low bits and logged rows depend on. Training resumes only from states for which it all matches."""
    run = pack.runs.template
    return {
        "group_id": pack.group_id,
        "tuning": asdict(tuning),
        "device": device_kind(),
        "trajectory_version": TRAJECTORY_VERSION,
        **compiler_versions(),
        "optax": metadata.version("optax"),
        "log_every": run.log_every,
        "probes": list(run.chosen_probes),
    }


def _ends(results: Sequence[RunResult]) -> dict[str, RunCheckpoint]:
    """The final states of the runs that made all their steps, so that they can be trained further."""
    return {run.config.run_id: run.checkpoint() for run in results if run.state is not None}


class Throttle:
    """Limits how often an action is repeated: every `seconds`, or less often if it would take more than `share` of the time."""

    def __init__(self, seconds: float, share: float, first: float = 0.0) -> None:
        self._seconds, self._share = seconds, share
        self._asked = time.monotonic()
        self._due = self._asked + first

    def is_due(self) -> bool:
        """Whether the action is due."""
        self._asked = time.monotonic()
        return self._asked >= self._due

    def done(self) -> None:
        """Sets when the action is due again; it took the time since `is_due` was called."""
        now = time.monotonic()
        self.took = now - self._asked
        self._due = now + max(self._seconds, self.took / self._share)


class Checkpoints(Throttle):
    """Saves a pack in training at intervals, so that another worker can resume it."""

    def __init__(self, root: Root, pack_id: str, made_by: Mapping[str, Any]) -> None:
        super().__init__(CHECKPOINT_SECONDS, MOST_CHECKPOINTING, first=CHECKPOINT_SECONDS)
        self._root, self._key, self._made_by = root, root.key("checkpoints", pack_id), made_by

    def save(self, checkpoints: Mapping[str, RunCheckpoint]) -> None:
        """Saves the checkpoints of all runs that have started, by run_id."""
        self._root.put(self._key, states_file(checkpoints, self._made_by))
        self.done()


class _Report(Throttle):
    """Counts a pack's run-steps and writes its progress at intervals. `first` is true until the first segment is trained."""

    def __init__(self, root: Root, driver: str, pack: Pack, made: int) -> None:
        super().__init__(PROGRESS_SECONDS, MOST_REPORTING)
        self._root, self._driver, self._pack, self._made, self.first = root, driver, pack, made, True

    def __call__(self, run_steps: int) -> None:
        self.first = False
        self._made += run_steps
        if self.is_due():
            progress = {"group_id": self._pack.group_id, "run_steps": self._made, "of": self._pack.run_steps, "at": time.time()}
            with contextlib.suppress(StoreError):  # missing progress does not affect results
                self._root.write_progress(self._pack.pack_id, progress | {"driver": self._driver})
            self.done()
