"""A worker: trains packs one after another and commits them. With `tables` and `device`, all of sweeps that computes with jax."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from grokjax.config import RunConfig
from grokjax.lanes import Tuning, first_tunings, measure_tuning, program_of
from grokjax.pack import Snapshots, train_pack
from grokjax.peak import measure_peak
from sweeps.device import device_kind, prepare_device
from sweeps.events import Receipt
from sweeps.plan import Pack
from sweeps.stopping import DECIDERS, RuleName
from sweeps.store import Store, commit_runs, put_curves, put_weights, write_progress
from sweeps.tables import Costs, Provenance, curves_table, runs_table, with_costs

PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class WorkerSetup:
    """What every worker of a sweep is told."""

    root: str
    rule: RuleName | None  # what may end runs early
    commit: str | None  # of the code, for the table


class Worker:
    """One process with one core or one GPU. It keeps the programs it has compiled, and an account of its time."""

    def __init__(self, setup: WorkerSetup, asked_at: float) -> None:
        """Sets up the device. `asked_at` is when this worker was asked for, in seconds since the epoch."""
        prepare_device()
        self._setup, self._store = setup, Store(setup.root)
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._ahead = ThreadPoolExecutor(max_workers=1)
        self._compiling_ahead: Future[None] | None = None
        measure_peak()  # compiles it
        self._startup = max(0.0, time.time() - asked_at)
        self._commit_seconds = 0.0  # of the pack before: the table it wrote could not hold them
        self._free_since = time.perf_counter()

    def ready(self) -> str:
        """The worker's name, once it is set up."""
        return self._name

    def train(self, pack: Pack, following: RunConfig | None = None) -> Receipt:
        """Trains a pack and commits it, unless it is committed already.

        Args:
          pack: the runs.
          following: a run of the group that this worker will probably be given next, compiled meanwhile.
        """
        started, started_at = time.perf_counter(), datetime.now(UTC)
        if self._store.exists(f"runs/{pack.pack_id}.parquet"):
            self._store.delete(f"progress/{pack.pack_id}.json")  # of a worker that died right after the commit
            return Receipt(pack.pack_id, len(pack.runs), pack.run_steps)
        tuning = self._prepare(pack)
        peak_flops = measure_peak()
        compiled = time.perf_counter()
        report = _Report(self._store, pack, lambda: self._start_ahead(following))
        decider = None if self._setup.rule is None else DECIDERS[self._setup.rule]
        result = train_pack(pack.runs, tuning, report, decider, self._keep)
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
        put_curves(self._store, pack.pack_id, curves_table(result.runs))
        written = time.perf_counter()
        costs = Costs(
            startup=self._startup,
            compile=compiled - started,
            idle_lane=result.idle_seconds,
            write=written - trained + self._commit_seconds,
            wait=started - self._free_since,
        )
        commit_runs(self._store, pack.pack_id, with_costs(runs, costs))
        self._free_since = time.perf_counter()
        self._startup, self._commit_seconds = 0.0, self._free_since - written
        made = sum(int(run.curve.step[-1]) for run in result.runs)
        stopped = sum(run.decided for run in result.runs)
        return Receipt(pack.pack_id, len(pack.runs), pack.run_steps, stopped, pack.run_steps - made)

    def _keep(self, run: RunConfig, snapshots: Snapshots) -> None:
        put_weights(self._store, run.run_id, snapshots.step, snapshots.weights)

    def _prepare(self, pack: Pack) -> Tuning:
        """The tuning of the pack's group, its program compiled; waits for what is being compiled ahead, which may be just that."""
        if self._compiling_ahead is not None:
            self._compiling_ahead.result()
        tuning = group_tuning(self._store, pack.runs[0], pack.group_runs)
        program_of(pack.runs[0].group_template(), tuning).compile()
        return tuning

    def _start_ahead(self, following: RunConfig | None) -> None:
        if following is not None:
            self._compiling_ahead = self._ahead.submit(self._compile_ahead, following)

    def _compile_ahead(self, config: RunConfig) -> None:
        known = _known_tuning(self._store, config)
        with contextlib.suppress(Exception):  # what is wrong with it will be told when it is its turn
            for tuning in first_tunings() if known is None else (known,):
                program_of(config.group_template(), tuning).compile()


def group_tuning(store: Store, config: RunConfig, runs: int) -> Tuning:
    """The tuning of a group on this kind of device: as the root remembers it, or else measured for so many runs and entered.

    Whoever measures first decides, so that every worker and every resume trains under the same one and gets the same bits.
    """
    known = _known_tuning(store, config)
    if known is None:
        measured = {"tuning": asdict(measure_tuning(config, runs)), "static": config.values("static")}
        store.create(_tuning_key(config), json.dumps(measured, indent=1).encode())
        known = _known_tuning(store, config)
    assert known is not None, f"{_tuning_key(config)} was just created"
    return known


def _known_tuning(store: Store, config: RunConfig) -> Tuning | None:
    entry = store.get_json(_tuning_key(config))
    return None if entry is None else Tuning(**entry["tuning"])


def _tuning_key(config: RunConfig) -> str:
    kind = "".join(letter if letter.isalnum() else "-" for letter in device_kind().lower())
    return f"groups/{config.group_id}-{kind}.json"


class _Report:
    """Adds up a pack's run-steps and writes them down now and then; `after_first` is called once, when training is under way."""

    def __init__(self, store: Store, pack: Pack, after_first: Callable[[], None]) -> None:
        self._store, self._pack, self._after_first = store, pack, after_first
        self._done, self._written = 0, 0.0

    def __call__(self, run_steps: int) -> None:
        if not self._done:
            self._after_first()
        self._done += run_steps
        if time.monotonic() - self._written >= PROGRESS_SECONDS:
            self._written = time.monotonic()
            write_progress(
                self._store, self._pack.pack_id, {"run_steps": self._done, "of": self._pack.run_steps, "at": time.time()}
            )
