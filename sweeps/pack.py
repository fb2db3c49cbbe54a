"""What one task does: train a pack and commit it. The only part of sweeps that computes with jax."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa

from grokjax.config import TRAJECTORY_VERSION, hyperparameter_fields
from grokjax.lanes import Tuning, measure_tuning
from grokjax.pack import RunResult, train_pack
from sweeps.plan import Pack
from sweeps.schema import METRICS, Column, curves_schema, runs_schema
from sweeps.store import Store, commit_pack, write_progress
from sweeps.summaries import summarize

XLA_FLAG = "--xla_cpu_multi_thread_eigen=false"
PROGRESS_SECONDS = 1.0


@dataclass(frozen=True)
class Receipt:
    """What a task returns in place of results, which are in the store."""

    pack_id: str
    runs: int
    run_steps: int
    seconds: float


def run_pack(pack: Pack, root: str, commit: str | None) -> Receipt:
    """Trains a pack and commits it to `root`, unless it is there already. `commit` is the code's git commit, for the table."""
    started = time.monotonic()
    prepare_device()
    store = Store(root)
    if store.exists(f"runs/{pack.pack_id}.parquet"):
        store.delete(f"progress/{pack.pack_id}.json")  # of a worker that died right after the commit
    else:
        tuning = group_tuning(store, pack)
        results = train_pack(pack.runs, tuning, _Report(store, pack))
        commit_pack(store, pack.pack_id, curves_table(results), runs_table(results, pack, tuning, commit))
    return Receipt(pack.pack_id, len(pack.runs), pack.run_steps, time.monotonic() - started)


def use_one_thread() -> None:
    """Keeps XLA's thread pools, here and in child processes, to one thread; must come before the first computation.

    One task has one core. NPROC sizes the pool of XLA's CPU client: without it, a task's products spread over cores that have tasks
    of their own, and wait for each other (two tasks at hidden_size 64 train a third slower).
    """
    os.environ["NPROC"] = "1"
    flags = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAG}".strip()


def prepare_device() -> None:
    """Gives XLA one thread and a place to keep what it compiles; must come before the first computation."""
    use_one_thread()
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        jax.config.update("jax_compilation_cache_dir", str(_compilation_cache()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def group_tuning(store: Store, pack: Pack) -> Tuning:
    """The tuning of the pack's group on this kind of device: as the root remembers it, or else measured now and entered.

    Whoever measures first decides, so that every worker and every resume trains under the same one and gets the same bits.
    """
    key = f"groups/{pack.group_id}-{_slug(device_kind())}.json"
    known = store.get_json(key)
    if known is None:
        measured = {"tuning": asdict(measure_tuning(pack.runs[0])), "static": pack.runs[0].values("static")}
        store.create(key, json.dumps(measured, indent=1).encode())
        known = store.get_json(key)
    assert known is not None, f"{key} was just created"
    return Tuning(**known["tuning"])


def device_kind() -> str:
    """The kind of device that this process trains on."""
    kind = str(jax.devices()[0].device_kind)
    return _cpu_model() if kind == "cpu" else kind


def curves_table(results: Sequence[RunResult]) -> pa.Table:
    """The curves of a pack's runs, sorted by run_id and step."""
    ordered = sorted(results, key=lambda result: result.config.run_id)
    columns: dict[str, Any] = {
        "run_id": np.repeat([result.config.run_id for result in ordered], [len(result.curve.step) for result in ordered]),
        "step": np.concatenate([result.curve.step for result in ordered]),
        **{name: np.concatenate([result.curve.metrics[name] for result in ordered]) for name, _, _ in METRICS},
    }
    schema = curves_schema()
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)


def runs_table(results: Sequence[RunResult], pack: Pack, tuning: Tuning, commit: str | None) -> pa.Table:
    """The runs table of a pack: a row a run."""
    provenance = {
        "pack_id": pack.pack_id,
        "group_id": pack.group_id,
        **asdict(tuning),
        "device": device_kind(),
        "trajectory_version": TRAJECTORY_VERSION,
        "grokjax_version": metadata.version("grokjax"),
        "commit": commit,
        "jax_version": metadata.version("jax"),
        "python_version": platform.python_version(),
        "finished_at": datetime.now(UTC),
    }
    rows = [
        {
            **result.config.flat(),
            **summarize(result.curve.step, result.curve.metrics),
            "run_id": result.config.run_id,
            "seconds": result.seconds,
            "useful_flops": result.config.useful_flops() * int(result.curve.step[-1]) / result.config.steps,
            **provenance,
        }
        for result in results
    ]
    return pa.Table.from_pylist(rows, schema=runs_schema(_hyperparameter_columns()))


def _hyperparameter_columns() -> tuple[Column, ...]:
    """Every hyperparameter of any part, so that all files of a root have the same columns; null where a run has none such."""
    types: dict[Any, pa.DataType] = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    return tuple(
        Column(name, types.get(info.annotation, pa.string()), "", info.description or f"kind of {name}", "hyperparameter")
        for name, info in hyperparameter_fields().items()
        if name != "steps"  # an outcome: the steps made
    )


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


def _compilation_cache() -> Path:
    """A folder of this user for programs compiled for this kind of processor."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "grokjax" / f"compiled-{_processor()}"


@functools.cache
def _processor() -> str:
    flags = next((line for line in _cpuinfo() if line.startswith(("flags", "Features"))), platform.processor())
    return hashlib.sha256(f"{platform.machine()} {flags}".encode()).hexdigest()[:12]


def _cpu_model() -> str:
    named = (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name"))
    return next(named, platform.machine())


@functools.cache
def _cpuinfo() -> tuple[str, ...]:
    try:
        return tuple(Path("/proc/cpuinfo").read_text("utf-8").splitlines())
    except OSError:
        return ()


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())
