"""Whether a root holds what its specs ask for, whole: every run once, every file readable, every curve as long as its run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import load

from grokjax.config import RunConfig
from grokjax.errors import StoreError, reason
from grokjax.sweeps.execute.enter import COMMITTED, planned_runs, specs_of, unfinished_beside
from grokjax.sweeps.execute.tables import hyperparameter_columns
from grokjax.sweeps.spec.group_runs import expand
from grokjax.sweeps.store.layout import Store, get_weights, joined, unreadable
from grokjax.sweeps.store.read import Part, read_pack, rows_of
from grokjax.sweeps.store.schema import SCALARS, curves_schema, runs_schema

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

    Runs that are not trained yet, or not as far as asked, are not wrong, and neither are leftovers of uncommitted packs.
    """
    planned = {run_id: runs.template for runs in planned_runs(store) for run_id in runs.run_ids}
    asked = {next(expand(spec)).steps for spec in specs_of(store)}
    schemas = {"runs": runs_schema(hyperparameter_columns()), "curves": curves_schema()}
    wrong: list[str] = []
    whole: list[Part] = []  # of the runs table
    files = 0
    for pack in (Path(key).stem for key in store.files("runs")):
        runs, curves = (_read(store, table, pack, schema, wrong) for table, schema in schemas.items())
        files += (runs is not None) + (curves is not None)
        if runs is None:
            continue
        whole.append(Part(pack, runs.select([name for name in COMMITTED.names if name in runs.schema.names]), runs.schema))
        if curves is not None:
            wrong += _compare(pack, runs, curves, planned, asked)
        for run_id in runs["run_id"].to_pylist():
            if run_id in planned and planned[run_id].snapshots:
                files += 1
                wrong += _check_weights(store, run_id)
    for key in (key for table in schemas for key in store.keys(table) if not key.endswith(".parquet")):
        wrong.append(f"{store.root}/{key} is no file of a sweep; move it out of the root")
    for key in store.keys("states"):
        files += 1
        wrong += _check_states(store, key)
    for key in (key for folder in ("groups", "limits", "quarantine") for key in store.keys(folder)):
        files += 1
        wrong += _check_json(store, key)
    rows = rows_of(whole, COMMITTED)
    seen = Counter(rows["run_id"].to_pylist())
    wrong += [f"run {run_id} is there {count} times" for run_id, count in seen.items() if count > 1]
    return Verdict(len(planned), len(planned) - len(unfinished_beside(store, rows)), files, tuple(wrong))


def _read(store: Store, table: str, pack: str, schema: pa.Schema, wrong: list[str]) -> pa.Table | None:
    try:
        rows = read_pack(store, table, pack)
        joined([schema, rows.schema])
    except StoreError as error:
        wrong.append(str(error))
    except pa.ArrowException as error:
        wrong.append(str(unreadable(store, f"{table}/{pack}.parquet", error)))
    else:
        return rows
    return None


def _compare(pack: str, runs: pa.Table, curves: pa.Table, planned: dict[str, RunConfig], asked: AbstractSet[int]) -> Iterator[str]:
    if missing := [name for name in RUN_COLUMNS if name not in runs.schema.names]:
        yield f"pack {pack} lacks columns that every version writes: {', '.join(missing)}"
        return
    finals = [each.name for each in SCALARS if each.name in curves.schema.names and f"final_{each.name}" in runs.schema.names]
    by_run = _by_run(curves.select(["run_id", "step", *finals]))
    for run in runs.select([*RUN_COLUMNS, *(f"final_{name}" for name in finals)]).to_pylist():
        run_id, steps = run["run_id"], run["steps"]
        curve = by_run.pop(run_id, {"step": np.zeros(0)})
        if run_id not in planned:
            yield f"run {run_id} in pack {pack} is in no spec of the root"
            continue
        if steps not in asked and run["diverged_step"] is None and run["stopped_by"] is None:
            yield f"run {run_id} has {steps} steps, {planned[run_id].steps} were asked for"
        if not np.array_equal(curve["step"], np.arange(0, steps + 1, planned[run_id].log_every)):
            yield f"run {run_id} has {steps} steps and a curve of other steps"
            continue
        for name in finals:
            told, last = np.float64(np.nan if run[f"final_{name}"] is None else run[f"final_{name}"]), curve[name][-1]
            if not np.array_equal(told, last, equal_nan=True):
                yield f"run {run_id} ends with {name} {told:g}, and its curve with {last:g}: they are of two tries"
                break
    for run_id in by_run:
        yield f"pack {pack} has a curve of run {run_id}, and no such run"


def _by_run(curves: pa.Table) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """The curves of each run by step, each column [T] as numbers; NaN where a cell is null."""
    rows = curves.sort_by([("run_id", "ascending"), ("step", "ascending")])
    columns = {name: rows[name].cast(pa.float64()).to_numpy() for name in rows.schema.names if name != "run_id"}
    ids = rows["run_id"].to_numpy()
    cuts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)] if len(ids) else []
    return {
        str(ids[start]): {name: values[start:end] for name, values in columns.items()} for start, end in itertools.pairwise(cuts)
    }


def _check_json(store: Store, key: str) -> Iterator[str]:
    try:
        store.get_json(key)
    except StoreError as error:
        yield str(error)


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
