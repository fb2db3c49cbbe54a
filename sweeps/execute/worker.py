"""A worker: trains packs one after another and commits them. With `tables` and `device`, all of sweeps that computes with jax."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from grokjax.analysis.labels.early_stop import DECIDERS, RuleName
from grokjax.config import TRAJECTORY_VERSION, RunConfig
from grokjax.engine.lane_run import Begun, RunResult, Snapshots
from grokjax.engine.pack import train_pack
from grokjax.engine.peak import measure_peak
from grokjax.engine.program import Tuning, first_tunings, measure_tuning, program_of
from grokjax.errors import StoreError
from grokjax.sweeps.execute.checkpoints import read_states, states_file
from grokjax.sweeps.execute.device import device_kind, prepare_device
from grokjax.sweeps.execute.events import Receipt
from grokjax.sweeps.execute.plan import Pack
from grokjax.sweeps.execute.tables import Costs, Provenance, curves_table, runs_table, with_costs
from grokjax.sweeps.store.read import read_file
from grokjax.sweeps.store.root import Root

PROGRESS_SECONDS = 1.0  # how often a pack in training tells how far it is, or less often where telling takes more than ...
MOST_REPORTING = 0.01  # ... of the time
PEAK_SECONDS = 30.0  # how long what was measured of the device holds; measuring takes a twentieth of a second
# A pack in training is saved this often, or less often where saving would take more than this share of the time.
CHECKPOINT_SECONDS = 120.0
MOST_CHECKPOINTING = 0.05


@dataclass(frozen=True)
class WorkerSetup:
    """What every worker of a sweep is told."""

    root: str
    rule: RuleName | None  # what may end runs early
    final_states: bool  # whether to keep the state that every run ends in
    commit: str | None  # of the code, for the table
    gpus: float | None = None  # its share of a GPU; None: what is there


class Worker:
    """One process with one core or one GPU. It keeps the programs it has compiled, and an account of its time."""

    def __init__(self, setup: WorkerSetup, asked_at: float) -> None:
        """Sets up the device. `asked_at` is when this worker was asked for, in seconds since the epoch."""
        prepare_device(setup.gpus)
        self._setup, self._root = setup, Root.open(setup.root)
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._ahead = ThreadPoolExecutor(max_workers=1)
        self._compiling_ahead: Future[None] | None = None
        self._peak_flops, self._peak_at = measure_peak(), time.monotonic()
        self._startup = max(0.0, time.time() - asked_at)
        self._commit_seconds = 0.0  # of the pack before: the table it wrote could not hold them
        self._free_since = time.perf_counter()

    def ready(self) -> tuple[str, str]:
        """The worker's name and the kind of its device, once it is set up."""
        return self._name, device_kind()

    def train(self, pack: Pack, following: RunConfig | None = None) -> Receipt:
        """Trains a pack and commits it, unless it is committed already.

        Args:
          pack: the runs.
          following: a run of the group that this worker will probably be given next, compiled meanwhile.
        """
        started, started_at = time.perf_counter(), datetime.now(UTC)
        if self._is_committed(pack):
            self._root.delete_traces(pack.pack_id)  # of a worker that died right after the commit
            return Receipt(pack.pack_id, len(pack.runs), pack.run_steps)
        tuning = self._prepare(pack)
        peak_flops = self._peak()
        compiled = time.perf_counter()
        made_by = _made_by(pack, tuning)
        begun = self._begun(pack, made_by)
        steps_made = sum((run.rows - 1) * pack.runs.template.log_every for run in begun.values())
        report = _Report(self._root, pack, max(0, steps_made - pack.steps_made), lambda: self._start_ahead(following))
        decider = None if self._setup.rule is None else DECIDERS[self._setup.rule]
        checkpoint = Checkpoints(self._root, pack.pack_id, made_by)
        result = train_pack(pack.runs, tuning, report, decider, self._keep, begun, checkpoint)
        trained = time.perf_counter()
        provenance = Provenance(
            pack_id=pack.pack_id,
            tuning=tuning,
            rule=self._setup.rule,
            peak_flops=peak_flops,
            worker=self._name,
            started_at=started_at,
            commit=self._setup.commit,
        )
        runs = runs_table(result.runs, provenance)
        if self._setup.final_states:
            self._root.put_states("states", pack.pack_id, states_file(_ends(result.runs), made_by))
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
        self._free_since = time.perf_counter()
        self._startup, self._commit_seconds = 0.0, self._free_since - written
        made = sum(int(run.curve.step[-1]) for run in result.runs) - pack.steps_made
        stopped = sum(run.decided for run in result.runs)
        return Receipt(pack.pack_id, len(pack.runs), pack.run_steps, stopped, pack.run_steps - made)

    def _is_committed(self, pack: Pack) -> bool:
        """Whether the pack is committed with all its runs. One whose runs were trained further elsewhere is deleted."""
        if not self._root.is_committed(pack.pack_id):
            return False
        if set(pack.runs.run_ids) <= set(read_file(self._root, "runs", pack.pack_id)["run_id"].to_pylist()):
            return True
        self._root.discard_pack(pack.pack_id)
        return False

    def _peak(self) -> float:
        """What the device can do at best, as measured lately: it changes by the minute, and measuring is long for a short pack."""
        if time.monotonic() - self._peak_at >= PEAK_SECONDS:
            self._peak_flops, self._peak_at = measure_peak(), time.monotonic()
        return self._peak_flops

    def _keep(self, run: RunConfig, snapshots: Snapshots) -> None:
        self._root.put_weights(run.run_id, snapshots.step, snapshots.weights)

    def _begun(self, pack: Pack, made_by: Mapping[str, Any]) -> dict[str, Begun]:
        """How far the pack's runs have come before: in a pack that ended earlier, and in this one when it was interrupted."""
        begun: dict[str, Begun] = {}
        for pack_id in sorted({earlier.pack_id for earlier in pack.earlier.values()}):
            content = self._root.get_states("states", pack_id)
            ends = read_states(content, made_by) if content is not None else {}
            begun |= {
                run_id: end for run_id, end in ends.items() if run_id in pack.earlier and pack.earlier[run_id].pack_id == pack_id
            }
        if pack.runs.template.snapshots:
            begun = {run_id: self._with_snapshots(run_id, run, pack.runs.template.log_every) for run_id, run in begun.items()}
        content = self._root.get_states("checkpoints", pack.pack_id)
        return begun | (read_states(content, made_by) if content is not None else {})

    def _with_snapshots(self, run_id: str, begun: Begun, log_every: int) -> Begun:
        step, weights = self._root.get_weights(run_id) or ((), {})
        copies = {int(at) // log_every: {name: each[index] for name, each in weights.items()} for index, at in enumerate(step)}
        return replace(begun, snapshots=copies)

    def _prepare(self, pack: Pack) -> Tuning:
        """The tuning of the pack's group, its program compiled; waits for what is being compiled ahead, which may be just that."""
        if self._compiling_ahead is not None:
            self._compiling_ahead.result()
        tuning = group_tuning(self._root, pack.runs[0], pack.group_runs)
        if (most := self._root.limit_of(pack.group_id)) is not None:  # memory grows with the lanes
            tuning = replace(tuning, lane_width=min(tuning.lane_width, most))
        program_of(pack.runs[0].group_template(), tuning).compile()
        return tuning

    def _start_ahead(self, following: RunConfig | None) -> None:
        if following is not None:
            self._compiling_ahead = self._ahead.submit(self._compile_ahead, following)

    def _compile_ahead(self, config: RunConfig) -> None:
        known = _known_tuning(self._root, config)
        with contextlib.suppress(Exception):  # what is wrong with it will be told when it is its turn
            for tuning in first_tunings() if known is None else (known,):
                program_of(config.group_template(), tuning).compile()


def group_tuning(root: Root, config: RunConfig, runs: int) -> Tuning:
    """The tuning of a group on this kind of device: as the root remembers it, or else measured for so many runs and entered.

    Whoever measures first decides, so that every worker and every resume trains under the same one and gets the same bits.
    """
    known = _known_tuning(root, config)
    if known is None:
        measured = {"tuning": asdict(measure_tuning(config, runs)), "static": config.values("static")}
        root.put_if_absent(_tuning_key(root, config), json.dumps(measured, indent=1).encode())
        known = _known_tuning(root, config)
    assert known is not None, f"{_tuning_key(root, config)} was just created"
    return known


def _known_tuning(root: Root, config: RunConfig) -> Tuning | None:
    entry = root.get_json(_tuning_key(root, config))
    return None if entry is None else Tuning(**entry["tuning"])


def _tuning_key(root: Root, config: RunConfig) -> str:
    return root.tuning_key(config.group_id, device_kind())


def _made_by(pack: Pack, tuning: Tuning) -> dict[str, Any]:
    """What a pack's low bits depend on, and what is looked at: training goes on only from states made by the same."""
    run = pack.runs.template
    return {
        "group_id": pack.group_id,
        "tuning": asdict(tuning),
        "device": device_kind(),
        "trajectory_version": TRAJECTORY_VERSION,
        "jax": metadata.version("jax"),
        "optax": metadata.version("optax"),
        "log_every": run.log_every,
        "probes": list(run.chosen_probes),
    }


def _ends(results: Sequence[RunResult]) -> dict[str, Begun]:
    return {
        run.config.run_id: Begun(run.curve.metrics, run.state, run.train_seconds, run.measure_seconds, {})
        for run in results
        if run.state is not None
    }


class Checkpoints:
    """Saves a pack in training now and then, for another worker to go on from."""

    def __init__(self, root: Root, pack_id: str, made_by: Mapping[str, Any]) -> None:
        self._root, self._pack_id, self._made_by = root, pack_id, made_by
        self._began = self._saved = time.monotonic()
        self._last, self._spent = 0.0, 0.0

    def __call__(self, begun: Callable[[], dict[str, Begun]]) -> None:
        """At the end of a segment: saves how far all runs have come, if it is time to."""
        now = time.monotonic()
        if now - self._saved < CHECKPOINT_SECONDS or self._spent + self._last > MOST_CHECKPOINTING * (now - self._began):
            return
        self._root.put_states("checkpoints", self._pack_id, states_file(begun(), self._made_by))
        self._saved = time.monotonic()
        self._last = self._saved - now
        self._spent += self._last


class _Report:
    """Adds up a pack's run-steps and writes them down now and then; `after_first` is called once, when training is under way."""

    def __init__(self, root: Root, pack: Pack, done: int, after_first: Callable[[], None]) -> None:
        self._root, self._pack, self._done, self._after_first = root, pack, done, after_first
        self._first, self._written, self._pause = True, 0.0, PROGRESS_SECONDS

    def __call__(self, run_steps: int) -> None:
        if self._first:
            self._first = False
            self._after_first()
        self._done += run_steps
        if time.monotonic() - self._written >= self._pause:
            self._written = time.monotonic()
            told = {"group_id": self._pack.group_id, "run_steps": self._done, "of": self._pack.run_steps, "at": time.time()}
            with contextlib.suppress(StoreError):  # nothing hangs on it
                self._root.write_progress(self._pack.pack_id, told)
            self._pause = max(PROGRESS_SECONDS, (time.monotonic() - self._written) / MOST_REPORTING)
