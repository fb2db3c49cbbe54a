"""What a root holds: the specs that were run into it, whether another may join them, and which runs are done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.config import TRAJECTORY_VERSION, digest, hyperparameter_fields
from grokjax.fields import role_of
from sweeps.errors import SpecError
from sweeps.runs import Runs, expand, groups_of
from sweeps.store import Store, holds_sweep
from sweeps.sweep import SweepSpec


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
    for entry in entries:
        for other in there if entry not in there else []:
            _check_compatible(other, entry, root)
    store = Store(root, create=True)
    for entry in entries:
        store.create(f"specs/{digest(entry)}.json", json.dumps(entry, indent=1).encode())
    return store


def planned_runs(store: Store) -> list[Runs]:
    """Every run that any spec of the root asks for, once, by group."""
    planned: list[Runs] = []
    seen: set[str] = set()
    for entry in _entries(store):
        for runs in groups_of(_spec(entry)):
            new = runs.only(np.array([run_id not in seen for run_id in runs.run_ids], bool))
            seen.update(new.run_ids)
            planned += [new] if len(new) else []
    return planned


def committed_runs(root: str | Path, spec: SweepSpec) -> frozenset[str]:
    """The run_ids of the committed runs that need no more training for `spec`.

    A run that was stopped early is done for a spec that stops runs under the same rule, and for no other.
    """
    dataset = Store(root).dataset("runs") if holds_sweep(root) else None
    if dataset is None:
        return frozenset()
    if "stopped_by" not in dataset.schema.names:  # of a version that stopped none
        return frozenset(dataset.to_table(columns=["run_id"])["run_id"].to_pylist())
    rows = dataset.to_table(columns=["run_id", "stopped_by"]).to_pylist()
    return frozenset(row["run_id"] for row in rows if row["stopped_by"] in (None, spec.stopping_rule))


def unfinished_runs(store: Store) -> frozenset[str]:
    """The run_ids that some spec of the root asks for and that are not done for it."""
    specs = [_spec(entry) for entry in _entries(store)]
    return frozenset().union(
        *({run_id for runs in groups_of(spec) for run_id in runs.run_ids} - committed_runs(store.root, spec) for spec in specs)
    )


def specs_of(store: Store) -> list[SweepSpec]:
    """The specs that were run into the root."""
    return [_spec(entry) for entry in _entries(store)]


def _entries(store: Store) -> list[dict[str, Any]]:
    entries = (store.get_json(key) for key in sorted(store.keys("specs")))
    return [entry for entry in entries if entry is not None]


def _spec(entry: Mapping[str, Any]) -> SweepSpec:
    return SweepSpec.model_validate_json(json.dumps(entry["spec"]))


def _check_compatible(entry: Mapping[str, Any], other: Mapping[str, Any], root: str | Path) -> None:
    """Runs of another spec than that of an entry of `root` may differ along an axis of either, and in nothing else."""
    version, wanted = entry["trajectory_version"], other["trajectory_version"]
    if version != wanted:
        raise SpecError(f"{root} holds results of trajectory version {version}, these are of {wanted}; use another root")
    earlier, spec = _spec(entry), _spec(other)
    fields = hyperparameter_fields()
    first_runs = [next(expand(each)) for each in (earlier, spec)]
    there, here = (run.flat() for run in first_runs)
    following = frozenset.intersection(*(run.following for run in first_runs))
    for name in sorted(there.keys() | here.keys()):
        if name in earlier.swept or name in spec.swept or name in following or there.get(name) == here.get(name):
            continue
        was, asked = there.get(name, "absent"), here.get(name, "absent")
        raise SpecError(
            f"{root} holds results of another sweep: {name} is {was} there and {asked} in this spec; "
            f"use another root{'' if role_of(fields[name]) == 'recorded' else f' or make {name} an axis'}"
        )
