"""Whether a root holds what its specs ask for, whole: every run once, every file readable, every curve as long as its run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from safetensors.numpy import load

from grokjax.config import RunConfig
from sweeps.errors import StoreError
from sweeps.parts import read_pack
from sweeps.root import planned_runs, specs_of
from sweeps.runs import expand
from sweeps.storage import reason
from sweeps.store import Store, get_weights

RUN_COLUMNS = ["run_id", "steps", "diverged_step", "stopped_by"]


@dataclass(frozen=True)
class Verdict:
    """What was found: runs planned and committed, files read to their end, and what is wrong, a sentence each."""

    planned: int
    committed: int
    files: int
    wrong: tuple[str, ...]


def verify(store: Store) -> Verdict:
    """Reads every file of a root to its end, checksums and all, and compares it with what the root's specs ask for.

    Runs that are not trained yet are not wrong, and neither are leftovers of packs that were not committed.
    """
    planned = {run_id: runs.template for runs in planned_runs(store) for run_id in runs.run_ids}
    asked = {next(expand(spec)).steps for spec in specs_of(store)}
    packs = [Path(key).stem for key in store.keys("runs") if key.endswith(".parquet")]
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    shorter: set[str] = set()  # than a later spec asks for
    files = 0
    for pack in packs:
        runs, curves = (_read(store, table, pack, wrong) for table in ("runs", "curves"))
        files += (runs is not None) + (curves is not None)
        if runs is None:
            continue
        seen.update(runs["run_id"].to_pylist())
        shorter.update(_shorter(runs, planned))
        if curves is not None:
            wrong += _compare(pack, runs, curves, planned, asked)
        for run_id in runs["run_id"].to_pylist():
            if run_id in planned and planned[run_id].snapshots:
                files += 1
                wrong += _check_weights(store, run_id)
    for key in store.keys("states"):
        files += 1
        wrong += _check_states(store, key)
    wrong += [f"run {run_id} is there {count} times" for run_id, count in seen.items() if count > 1]
    return Verdict(len(planned), len((seen.keys() & planned.keys()) - shorter), files, tuple(wrong))


def _read(store: Store, table: str, pack: str, wrong: list[str]) -> pa.Table | None:
    try:
        return read_pack(store, table, pack)
    except StoreError as error:
        wrong.append(str(error))
        return None


def _compare(pack: str, runs: pa.Table, curves: pa.Table, planned: dict[str, RunConfig], asked: AbstractSet[int]) -> Iterator[str]:
    missing = [name for name in RUN_COLUMNS if name not in runs.schema.names]
    if missing:
        yield f"pack {pack} lacks columns that every version writes: {', '.join(missing)}"
        return
    counts = {entry["values"]: entry["counts"] for entry in curves["run_id"].value_counts().to_pylist()}
    last = {entry["run_id"]: entry["step_max"] for entry in curves.group_by("run_id").aggregate([("step", "max")]).to_pylist()}
    for run in runs.select(RUN_COLUMNS).to_pylist():
        run_id, steps = run["run_id"], run["steps"]
        rows = counts.pop(run_id, 0)
        if run_id not in planned:
            yield f"run {run_id} in pack {pack} is in no spec of the root"
            continue
        if steps not in asked and run["diverged_step"] is None and run["stopped_by"] is None:
            yield f"run {run_id} has {steps} steps, {planned[run_id].steps} were asked for"
        if rows != steps // planned[run_id].log_every + 1 or last[run_id] != steps:
            yield f"run {run_id} has {steps} steps and a curve of another length"
    for run_id in counts:
        yield f"pack {pack} has a curve of run {run_id}, and no such run"


def _shorter(runs: pa.Table, planned: dict[str, RunConfig]) -> Iterator[str]:
    """The runs that a later spec asks more steps of."""
    if set(RUN_COLUMNS) <= set(runs.schema.names):
        for run in runs.select(RUN_COLUMNS).to_pylist():
            ended = run["diverged_step"] is not None or run["stopped_by"] is not None
            if not ended and run["run_id"] in planned and run["steps"] < planned[run["run_id"]].steps:
                yield run["run_id"]


def _check_states(store: Store, key: str) -> Iterator[str]:
    try:
        load(store.get(key) or b"")
    except Exception as error:  # of a Rust library, several kinds
        yield f"cannot read {store.root}/{key}: {reason(error)}; delete it, and more steps will start anew"


def _check_weights(store: Store, run_id: str) -> Iterator[str]:
    try:
        if get_weights(store, run_id) is None:
            yield f"run {run_id} has no weights, and its spec asks for them"
    except StoreError as error:
        yield str(error)
