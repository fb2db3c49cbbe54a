"""What a root is for: the specs that were run into it, and whether another may join them."""

from __future__ import annotations

import json
from pathlib import Path

from grokjax.config import TRAJECTORY_VERSION, RunConfig, digest
from sweeps.errors import SpecError
from sweeps.plan import expand
from sweeps.spec import SweepSpec
from sweeps.store import Store


def open_root(root: str | Path, spec: SweepSpec) -> Store:
    """The store at `root`, with `spec` entered among its specs.

    Raises:
      SpecError: the root holds results that this spec's would not mix with.
      StoreError: the root cannot be used.
    """
    if Path(root, "specs").is_dir():
        for earlier, version in _entries(Store(root)):
            _check_compatible(earlier, version, spec, root)
    store = Store(root, create=True)
    entry = {"spec": spec.model_dump(mode="json"), "trajectory_version": TRAJECTORY_VERSION}
    store.create(f"specs/{digest(entry)}.json", json.dumps(entry, indent=1).encode())
    return store


def planned_runs(store: Store) -> dict[str, RunConfig]:
    """Every run that any spec of the root asks for, by run_id."""
    return {run.run_id: run for spec, _ in _entries(store) for run in expand(spec)}


def _entries(store: Store) -> list[tuple[SweepSpec, int]]:
    entries = [store.get_json(key) for key in sorted(store.keys("specs"))]
    return [
        (SweepSpec.model_validate_json(json.dumps(entry["spec"])), int(entry["trajectory_version"])) for entry in entries if entry
    ]


def _check_compatible(earlier: SweepSpec, version: int, spec: SweepSpec, root: str | Path) -> None:
    """Runs may differ along an axis of either spec, and in nothing else."""
    if version != TRAJECTORY_VERSION:
        raise SpecError(
            f"{root} holds results of trajectory version {version}, this code makes {TRAJECTORY_VERSION}; use another --root"
        )
    there, here = (next(expand(each)).flat() for each in (earlier, spec))
    for name in sorted(there.keys() | here.keys()):
        if name in earlier.axes or name in spec.axes or there.get(name) == here.get(name):
            continue
        was, wanted = there.get(name, "absent"), here.get(name, "absent")
        raise SpecError(
            f"{root} holds results of another sweep: {name} is {was} there and {wanted} in this spec; "
            f"use another --root{'' if name in ('steps', 'log_every') else f' or make {name} an axis'}"
        )
