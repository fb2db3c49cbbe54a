"""Verifies a root: every run is present once, every file is readable, and every curve is as long as its run."""

import itertools
from collections import Counter
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from safetensors.numpy import load

from grokjax.errors import StoreError, reason
from grokjax.sweeps.store.done import COMMITTED, tally
from grokjax.sweeps.store.planned import planned_runs, planned_schema, read_planned
from grokjax.sweeps.store.read import concat_rows, joined, naming_bad_file, read_file
from grokjax.sweeps.store.root import Root, Table
from grokjax.sweeps.store.schema import SCALARS, curves_schema, runs_schema
from grokjax.sweeps.store.specs import SpecEntry, current_specs, read_specs

# The columns that every version has written.
RUN_COLUMNS = ["run_id", "steps", "diverged_step", "stopped_by"]


NO_CURVE = "run {} has no curve"


class RunPlan(NamedTuple):
    """What the specs of a root ask of one run."""

    steps: int  # the most that any spec asks for
    log_every: int
    snapshots: int


@dataclass(frozen=True)
class Verdict:
    """The result of `verify`: the numbers of runs planned and done and of files read, and a sentence for each problem."""

    planned: int
    committed: int
    files: int
    wrong: tuple[str, ...]


def verify(root: Root) -> Verdict:
    """Reads every file of a root in full, with checksums, and compares it with what the root's specs ask for.

    Untrained runs, runs with fewer steps than asked for, and leftovers of uncommitted packs are not problems. Temporary files of
    killed writers are, since other tools may read them.
    """
    wrong = [f"{name} was left by a writer that was killed; grokjax run deletes it" for name in root.stale()]
    entered = read_specs(root)
    hyperparameters = {spec.spec_id: schema for spec in entered if (schema := _read_planned(root, spec, wrong)) is not None}
    specs = [spec for spec in entered if spec.spec_id in hyperparameters]
    plans = planned_runs(root, ["log_every", "snapshots"], specs)
    columns = plans.runs.select(["run_id", "steps", "log_every", "snapshots"] if specs else []).to_pydict().values()
    planned = {run_id: RunPlan(*plan) for run_id, *plan in zip(*columns, strict=True)}
    asked = {spec.steps for spec in specs}
    schemas: dict[Table, pa.Schema] = {"runs": joined([runs_schema(()), *hyperparameters.values()]), "curves": curves_schema()}
    committed: list[pa.Table] = []
    files = 0
    for pack in root.names("runs"):
        runs, curves = (_read(root, table, pack, schema, wrong) for table, schema in schemas.items())
        files += (runs is not None) + (curves is not None)
        if runs is None:
            continue
        committed.append(runs.select([name for name in COMMITTED.names if name in runs.schema.names]))
        if curves is not None:
            wrong += _compare(pack, runs, curves, planned, asked, every_spec_is_read=len(specs) == len(entered))
        for run_id in runs["run_id"].to_pylist():
            if run_id in planned and planned[run_id].snapshots:
                files += 1
                wrong += _check_weights(root, run_id)
    for key in (key for table in schemas for key in root.keys(table) if not key.endswith(".parquet")):
        wrong.append(f"{root}/{key} is not a file of a sweep; move it out of the root")
    for folder, check in (("states", _check_states), *((name, _check_json) for name in ("groups", "limits", "quarantine"))):
        for key in root.keys(folder):
            files += 1
            wrong += check(root, key)
    rows = concat_rows(committed, COMMITTED)
    repeated = {run_id: count for run_id, count in Counter(rows["run_id"].to_pylist()).items() if count > 1}
    half_dropped = {NO_CURVE.format(run_id) for run_id in repeated}  # by a driver that was killed; the other row has a curve
    wrong = [sentence for sentence in wrong if sentence not in half_dropped]
    wrong += [f"run {run_id} is stored {count} times" for run_id, count in repeated.items()]
    current = planned_runs(root, (), [spec for spec in current_specs(root) if spec.spec_id in hyperparameters])
    return Verdict(len(current.runs), int(tally(current, rows).done.sum()), files, tuple(wrong))


def _read_planned(root: Root, spec: SpecEntry, wrong: list[str]) -> pa.Schema | None:
    """The columns that a spec gives the runs table; None if its planned runs cannot be read to their end."""
    try:
        read_planned(root, spec)
        return planned_schema(root, spec).remove(0)  # without run_id, the first column of the runs table
    except StoreError as error:
        wrong.append(str(error))
    return None


def _read(root: Root, table: Table, pack: str, schema: pa.Schema, wrong: list[str]) -> pa.Table | None:
    try:
        rows = read_file(root, table, pack)
        with naming_bad_file(root, root.key(table, pack)):
            joined([schema, rows.schema])
    except StoreError as error:
        wrong.append(str(error))
        return None
    return rows


def _compare(
    pack: str, runs: pa.Table, curves: pa.Table, planned: dict[str, RunPlan], asked: AbstractSet[int], *, every_spec_is_read: bool
) -> Iterator[str]:
    if missing := [name for name in RUN_COLUMNS if name not in runs.schema.names]:
        yield f"pack {pack} lacks columns that every version writes: {', '.join(missing)}"
        return
    finals = [each.name for each in SCALARS if each.name in curves.schema.names and f"final_{each.name}" in runs.schema.names]
    by_run = _by_run(curves.select(["run_id", "step", *finals]))
    for run in runs.select([*RUN_COLUMNS, *(f"final_{name}" for name in finals)]).to_pylist():
        run_id, steps = run["run_id"], run["steps"]
        curve = by_run.pop(run_id, None)
        if run_id not in planned:
            if every_spec_is_read:
                yield f"run {run_id} in pack {pack} is in no spec of the root"
            continue
        if every_spec_is_read and steps not in asked and run["diverged_step"] is None and run["stopped_by"] is None:
            yield f"run {run_id} has {steps} steps, {planned[run_id].steps} were asked for"
        if curve is None:
            yield NO_CURVE.format(run_id)
            continue
        if not np.array_equal(curve["step"], np.arange(0, steps + 1, planned[run_id].log_every)):
            yield f"run {run_id} has {steps} steps, but a curve with other steps"
            continue
        for name in finals:
            final, last = np.float64(np.nan if run[f"final_{name}"] is None else run[f"final_{name}"]), curve[name][-1]
            if not np.array_equal(final, last, equal_nan=True):
                yield f"run {run_id} ends with {name} {final:g}, but its curve with {last:g}: they come from two attempts"
                break
    for run_id in by_run:
        yield f"pack {pack} has a curve of run {run_id}, but no such run"


def _by_run(curves: pa.Table) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """The curves of each run, sorted by step: columns [T] as floats, NaN for null."""
    rows = curves.sort_by([("run_id", "ascending"), ("step", "ascending")])
    columns = {name: rows[name].cast(pa.float64()).to_numpy() for name in rows.schema.names if name != "run_id"}
    ids = rows["run_id"].to_numpy()
    cuts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist(), len(ids)] if len(ids) else []
    return {
        str(ids[start]): {name: values[start:end] for name, values in columns.items()} for start, end in itertools.pairwise(cuts)
    }


def _check_json(root: Root, key: str) -> Iterator[str]:
    try:
        root.get_json(key)
    except StoreError as error:
        yield str(error)


def _check_states(root: Root, key: str) -> Iterator[str]:
    try:
        load(root.get(key) or b"")
    except Exception as error:  # of a Rust library, several kinds
        yield f"cannot read {root}/{key}: {reason(error)}; delete it; its runs then start again if more steps are asked for"


def _check_weights(root: Root, run_id: str) -> Iterator[str]:
    try:
        if root.get_weights(run_id) is None:
            yield f"run {run_id} has no weights, but its spec asks for them"
    except StoreError as error:
        yield str(error)
