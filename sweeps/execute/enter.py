"""What a root holds: the specs that were run into it, whether another may join them, and which runs are done."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.config import hyperparameter_fields
from grokjax.errors import SpecError
from grokjax.fields import Value, role_of
from grokjax.identity import TRAJECTORY_VERSION, digest
from grokjax.sweeps.execute.plan import Earlier, Held
from grokjax.sweeps.spec.group_runs import Runs, expand, groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.layout import Store, holds_sweep, limits, quarantine
from grokjax.sweeps.store.read import OnBadFile, read_parts, rows_of

# Of a committed run, what says whether it is done.
COMMITTED = pa.schema(
    {"run_id": pa.string(), "pack_id": pa.string(), "steps": pa.int64(), "diverged_step": pa.int64(), "stopped_by": pa.string()}
)


def open_root(root: str | Path, spec: SweepSpec) -> Store:
    """The store at `root`, with `spec` entered among its specs.

    Raises:
      SpecError: the root holds results that this spec's would not mix with.
      StoreError: the root cannot be used.
    """
    return _enter(root, [{"spec": spec.model_dump(mode="json"), "trajectory_version": TRAJECTORY_VERSION}])


def enter_specs(source: Store, root: str | Path) -> Store:
    """The store at `root`, with the specs of another root entered among its own. Raises as `open_root`."""
    return _enter(root, _entries(source))


def _enter(root: str | Path, entries: Sequence[dict[str, Any]]) -> Store:
    there = _entries(Store(root)) if holds_sweep(root) else []
    here, known = ([_trained(entry) for entry in each] for each in (entries, there))
    for entry in (each for each in entries if _trained(each) not in known):
        for other in (each for each in there if _trained(each) not in here):
            _check_compatible(other, entry, root)
    store = Store(root, create=True)
    new = {key: entry for entry in entries if (key := _put_entry(store, entry)) is not None}
    meanwhile = [each for each in _entries(store) if _trained(each) not in [*here, *known]]
    try:
        for entry, other in itertools.product(new.values(), meanwhile):
            _check_compatible(other, entry, root)
    except SpecError:
        for key in new:
            store.delete(key)
        raise
    return store


def _put_entry(store: Store, entry: Mapping[str, Any]) -> str | None:
    """Writes a spec's entry; returns its key if the root had none such."""
    key, content = f"specs/{digest(_trained(entry))}.json", json.dumps(entry, indent=1).encode()
    if store.create(key, content):
        return key
    store.put(key, content)  # the same runs were last asked for with other resources
    return None


def _trained(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What of a spec's entry says which runs are trained, and how far."""
    return {
        **entry,
        "spec": {name: value for name, value in entry["spec"].items() if name not in ("resources", "final_states", "tuning")},
    }


def planned_runs(store: Store) -> list[Runs]:
    """Every run that any spec of the root asks for, once, by group; with the most steps that any asks for."""
    planned: list[Runs] = []
    seen: set[str] = set()
    for spec in sorted(specs_of(store), key=_steps, reverse=True):
        for runs in groups_of(spec):
            new = runs.only(np.array([run_id not in seen for run_id in runs.run_ids], bool))
            seen.update(new.run_ids)
            planned += [new] if len(new) else []
    return planned


def held_runs(root: str | Path, spec: SweepSpec) -> Held:
    """What the root holds already of the runs of a spec, and what it learnt of their groups.

    A run is done once it has made the steps that `spec` asks for, or diverged. One that was stopped early is done for a spec that
    stops runs under the same rule, and for no other.
    """
    if not holds_sweep(root):
        return Held()
    store = Store(root)
    done, shorter = _committed(_committed_rows(store, "raise"), spec)
    set_aside = frozenset(run_id for entry in quarantine(store).values() for run_id in entry["run_ids"])
    return Held(done, shorter, set_aside, limits(store))


def unfinished_runs(store: Store, on_bad_file: OnBadFile = "raise") -> frozenset[str]:
    """The run_ids that some spec of the root asks for and that are not done for it. Bad files as in `read_parts`."""
    return unfinished_beside(store, _committed_rows(store, on_bad_file))


def unfinished_beside(store: Store, rows: pa.Table) -> frozenset[str]:
    """The same, where `rows` are what is committed, with the columns COMMITTED."""
    return frozenset().union(
        *({run_id for runs in groups_of(spec) for run_id in runs.run_ids} - _committed(rows, spec)[0] for spec in specs_of(store))
    )


def _committed_rows(store: Store, on_bad_file: OnBadFile) -> pa.Table:
    return rows_of(read_parts(store, "runs", COMMITTED.names, on_bad_file=on_bad_file), COMMITTED)


def _committed(rows: pa.Table, spec: SweepSpec) -> tuple[frozenset[str], dict[str, Earlier]]:
    """Of the committed rows the runs that need no more training for `spec`, and those that were trained less far."""
    whole = pc.or_(pc.fill_null(pc.greater_equal(rows["steps"], _steps(spec)), True), pc.is_valid(rows["diverged_step"]))
    done = pc.or_(whole, pc.fill_null(pc.equal(rows["stopped_by"].cast(pa.string()), spec.stopping_rule or ""), False))
    less = rows.filter(pc.invert(done)).select(["run_id", "pack_id", "steps"]).to_pylist()
    finished = frozenset(rows["run_id"].filter(done).to_pylist())
    shorter = {row["run_id"]: Earlier(row["pack_id"], row["steps"]) for row in less if row["run_id"] not in finished}
    return finished, shorter


def _steps(spec: SweepSpec) -> int:
    return next(expand(spec)).steps


def specs_of(store: Store) -> list[SweepSpec]:
    """The specs that were run into the root."""
    return [_spec(entry) for entry in _entries(store)]


def _entries(store: Store) -> list[dict[str, Any]]:
    entries = (store.get_json(key) for key in sorted(store.keys("specs")))
    return [entry for entry in entries if entry is not None]


def _spec(entry: Mapping[str, Any]) -> SweepSpec:
    return SweepSpec.model_validate_json(json.dumps(entry["spec"]))


def _check_compatible(entry: Mapping[str, Any], other: Mapping[str, Any], root: str | Path) -> None:
    """Runs of another spec than that of an entry of `root` may differ along an axis of either, be trained further, and no more."""
    version, wanted = entry["trajectory_version"], other["trajectory_version"]
    if version != wanted:
        raise SpecError(f"{root} holds results of trajectory version {version}, these are of {wanted}; use another root")
    earlier, spec = _spec(entry), _spec(other)
    first_runs = [next(expand(each)) for each in (earlier, spec)]
    there, here = (run.flat() for run in first_runs)
    following = frozenset.intersection(*(run.following for run in first_runs))
    free = earlier.swept.keys() | spec.swept.keys() | following
    different = [name for name in sorted(there.keys() | here.keys()) if name not in free and there.get(name) != here.get(name)]
    if "steps" in different and first_runs[1].steps > first_runs[0].steps:
        different.remove("steps")
    if different:
        raise SpecError(_refusal(root, different, there, here))


def _shown(values: Mapping[str, Value], name: str) -> str:
    return str(values.get(name, "absent")) or "none"


def _refusal(root: str | Path, different: Sequence[str], there: Mapping[str, Value], here: Mapping[str, Value]) -> str:
    """Says in what a spec differs from an earlier one of the root, line by line."""
    width = max(map(len, different))
    lines = [f"  {name:<{width}}  {_shown(there, name)} there, {_shown(here, name)} in this spec" for name in different]
    fields = hyperparameter_fields()
    axes = [name for name in different if role_of(fields[name]) != "recording"]
    ways = [f"make {' and '.join(axes)} an axis"] if axes == different else []
    if different == ["steps"]:
        ways.append(f"ask for {there['steps']} steps or more")
    return "\n".join([f"{root} holds results of another sweep:", *lines, " or ".join(["use another root", *ways])])
