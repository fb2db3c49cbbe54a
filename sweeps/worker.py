"""A worker: trains packs one after another and commits them. With `tables` and `device`, all of sweeps that computes with jax."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from grokjax.config import RunConfig
from grokjax.lanes import Tuning, first_tunings, measure_tuning, program_of
from grokjax.pack import train_pack
from grokjax.peak import measure_peak
from sweeps.device import device_kind, prepare_device
from sweeps.plan import Pack
from sweeps.stopping import DECIDED, RuleName
from sweeps.store import Store, commit_runs, put_curves, write_progress
from sweeps.tables import Costs, Provenance, curves_table, runs_table

PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class Receipt:
    """What a worker returns in place of results, which are in the store."""

    pack_id: str
    runs: int
    run_steps: int


class Worker:
    """One process with one core or one GPU. It keeps the programs it has compiled, and an account of its time."""

    def __init__(self, root: str, rule: RuleName | None, commit: str | None, asked_at: float) -> None:
        """Sets up the device.

        Args:
          root: the store's folder.
          rule: what may end runs early.
          commit: the code's git commit, for the table.
          asked_at: when the sweep began, in seconds since the epoch.
        """
        prepare_device()
        self._store, self._rule, self._commit = Store(root), rule, commit
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._ahead = ThreadPoolExecutor(max_workers=1)
        measure_peak()  # compiles it
        self._startup = max(0.0, time.time() - asked_at)
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
        tuning = group_tuning(self._store, pack.runs[0], len(pack.runs))
        program_of(pack.runs[0].group_template(), tuning).compile()
        peak_flops = measure_peak()
        compiled = time.perf_counter()
        if following is not None:
            self._ahead.submit(self._compile_ahead, following)
        decided = None if self._rule is None else DECIDED[self._rule]
        result = train_pack(pack.runs, tuning, _Report(self._store, pack), decided)
        trained = time.perf_counter()
        put_curves(self._store, pack.pack_id, curves_table(result.runs))
        costs = Costs(
            startup=self._startup,
            compile=compiled - started,
            idle_lane=result.idle_seconds,
            write=time.perf_counter() - trained,
            wait=started - self._free_since,
        )
        provenance = Provenance(
            pack_id=pack.pack_id,
            tuning=tuning,
            rule=self._rule,
            costs=costs,
            peak_flops=peak_flops,
            worker=self._name,
            started_at=started_at,
            commit=self._commit,
        )
        commit_runs(self._store, pack.pack_id, runs_table(result.runs, provenance))
        self._startup, self._free_since = 0.0, time.perf_counter()
        return Receipt(pack.pack_id, len(pack.runs), pack.run_steps)

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
    """Adds up a pack's run-steps and writes them down now and then."""

    def __init__(self, store: Store, pack: Pack) -> None:
        self._store, self._pack = store, pack
        self._done, self._written = 0, 0.0

    def __call__(self, run_steps: int) -> None:
        self._done += run_steps
        if time.monotonic() - self._written >= PROGRESS_SECONDS:
            self._written = time.monotonic()
            write_progress(
                self._store, self._pack.pack_id, {"run_steps": self._done, "of": self._pack.run_steps, "at": time.time()}
            )
