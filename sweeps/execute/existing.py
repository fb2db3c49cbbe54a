"""Finds which of a spec's runs a root already holds, so that only the rest are trained; enters the spec with `store.enter`."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from grokjax.fields import COMPONENTS
from grokjax.identity import TRAJECTORY_VERSION
from grokjax.registry import component_versions
from grokjax.sweeps.execute.plan import PriorTraining, RootContents
from grokjax.sweeps.spec.group_runs import Runs, groups_of, planned_table
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.done import committed_table, is_done, is_resumable
from grokjax.sweeps.store.enter import enter
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import SpecEntry, current_specs


def enter_spec(root: str | Path | Root, spec: SweepSpec, groups: Iterable[Runs] | None = None) -> Root:
    """Enters a spec into a root and returns the root, which is created if needed.

    Args:
      root: folder or address of the root.
      spec: the spec.
      groups: its runs from `groups_of`, if they have been expanded already.

    Raises:
      SpecError: the root holds results that are incompatible with this spec.
      StoreError: the root cannot be used.
    """
    names = [(component, str(name)) for component in COMPONENTS for name in spec.swept.get(component) or [spec.run[component]]]
    components = {name: known for name, known in component_versions(names).items() if known != (1, "")}
    entry = SpecEntry(spec.as_json(), TRAJECTORY_VERSION, components=components)
    return enter(root, [(entry, lambda: planned_table(groups_of(spec) if groups is None else groups))])


def load_specs(root: Root) -> list[SweepSpec]:
    """The specs that were run into a root, to be run again, each once. Raises StoreError."""
    return [SweepSpec.model_validate_json(json.dumps(entry.spec)) for entry in current_specs(root)]


def existing_runs(root: str | Path | Root, spec: SweepSpec) -> RootContents:
    """The runs of a spec that a root already holds, and what it knows of their groups. The root need not exist.

    Raises StoreError if the root, or one of its files, cannot be read.
    """
    opened = root if isinstance(root, Root) else Root(root)
    if not opened.holds_sweep():
        return RootContents()
    rows = committed_table(opened)
    steps = int(spec.run["steps"])
    done = is_done(rows, steps, spec.stopping_rule)
    finished = frozenset(rows["run_id"].filter(pa.array(done)).to_pylist())
    left = rows.filter(pa.array(~done))
    resumable = (
        left.filter(pa.array(is_resumable(left, lambda: opened.names("states"))))
        .select(["run_id", "pack_id", "steps"])
        .sort_by("steps")
    )
    prior = {
        row["run_id"]: PriorTraining(row["pack_id"], row["steps"]) for row in resumable.to_pylist() if row["run_id"] not in finished
    }
    set_aside = frozenset(run_id for entry in opened.quarantine().values() for run_id in entry["run_ids"])
    limits = {group_id: int(entry["runs"]) for group_id, entry in opened.read_entries("limits").items()}
    return RootContents(finished, prior, set_aside, limits)
