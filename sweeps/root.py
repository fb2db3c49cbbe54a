"""What a root is for: the specs that were run into it, and whether another may join them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grokjax.config import TRAJECTORY_VERSION, RunConfig, digest
from sweeps.errors import SpecError
from sweeps.plan import expand
from sweeps.spec import SweepSpec
from sweeps.store import Store, holds_sweep


def open_root(root: str | Path, spec: SweepSpec) -> Store:
    """The store at `root`, with `spec` entered among its specs.

    Raises:
      SpecError: the root holds results that this spec's would not mix with.
      StoreError: the root cannot be used.
    """
    if holds_sweep(root):
        for entry in _entries(Store(root)):
            _check_compatible(entry, spec, root)
    store = Store(root, create=True)
    entry = {"spec": spec.model_dump(mode="json"), "trajectory_version": TRAJECTORY_VERSION}
    store.create(f"specs/{digest(entry)}.json", json.dumps(entry, indent=1).encode())
    return store


def planned_runs(store: Store) -> dict[str, RunConfig]:
    """Every run that any spec of the root asks for, by run_id."""
    return {run.run_id: run for entry in _entries(store) for run in expand(_spec(entry))}


def _entries(store: Store) -> list[dict[str, Any]]:
    entries = (store.get_json(key) for key in sorted(store.keys("specs")))
    return [entry for entry in entries if entry is not None]


def _spec(entry: Mapping[str, Any]) -> SweepSpec:
    return SweepSpec.model_validate_json(json.dumps(entry["spec"]))


def _check_compatible(entry: Mapping[str, Any], spec: SweepSpec, root: str | Path) -> None:
    """Runs may differ along an axis of either spec, and in nothing else."""
    version = entry["trajectory_version"]
    if version != TRAJECTORY_VERSION:
        raise SpecError(
            f"{root} holds results of trajectory version {version}, this code makes {TRAJECTORY_VERSION}; use another --root"
        )
    earlier = _spec(entry)
    there, here = (next(expand(each)).flat() for each in (earlier, spec))
    for name in sorted(there.keys() | here.keys()):
        if name in earlier.axes or name in spec.axes or there.get(name) == here.get(name):
            continue
        was, wanted = there.get(name, "absent"), here.get(name, "absent")
        raise SpecError(
            f"{root} holds results of another sweep: {name} is {was} there and {wanted} in this spec; "
            f"use another --root{'' if name in ('steps', 'log_every') else f' or make {name} an axis'}"
        )
