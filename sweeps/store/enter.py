"""Enters specs and their planned runs into a root, after checking that they are compatible with what it holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from grokjax.errors import SpecError, warn
from grokjax.fields import Value
from grokjax.sweeps.store.planned import first_planned, planned_bytes, read_planned
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import SpecEntry, read_specs

# A spec, and a function that makes its table of planned runs (`planned.read_planned`), called if the root lacks the table.
Planning = tuple[SpecEntry, Callable[[], pa.Table]]


def enter(root: str | Path | Root, plannings: Sequence[Planning]) -> Root:
    """Enters specs and their planned runs into a root; returns the root, which is created if needed.

    Raises:
      SpecError: the root holds results that are incompatible with a spec.
      StoreError: the root cannot be used.
    """
    target = root if isinstance(root, Root) else Root(root)
    existing = read_specs(target) if target.holds_sweep() else []
    asked, known = ({spec.spec_id for spec in specs} for specs in ([spec for spec, _ in plannings], existing))
    new = [(spec, planned()) for spec, planned in plannings if spec.spec_id not in known]
    _check_all(target, new, [spec for spec in existing if spec.spec_id not in asked])
    for spec, _ in plannings:
        _warn_of_changed_source(spec, existing)
    Root.create(target).mark_format()  # before anything that an older version would misread
    for spec, planned in new:
        target.put(target.key("planned", spec.spec_id), planned_bytes(planned))
    for spec in (spec for spec in existing if not target.exists(target.key("planned", spec.spec_id))):  # of version 0.1
        target.put(target.key("planned", spec.spec_id), planned_bytes(read_planned(target, spec)))
    made = [entry for spec, _ in plannings if (entry := _write_entry(target, spec)) is not None]
    try:
        _check_all(target, new, [spec for spec in read_specs(target) if spec.spec_id not in asked | known])
    except SpecError:
        for entry in made:
            _withdraw(target, entry)
        raise
    return target


def _warn_of_changed_source(spec: SpecEntry, existing: Sequence[SpecEntry]) -> None:
    """Warns of components whose source changed, without a new version, since a spec was first run in the root."""
    for name, (version, source) in spec.components.items():
        component, own_name = name.split(" ", 1)
        known = [other.components[name] for other in existing if name in other.components]
        if any(old_version == version and old_source != source for old_version, old_source in known):
            warn(
                f"the source of {component} {own_name!r} changed since these results were made, and its version is still "
                f"{version}; raise `version` to train again, or ignore this if the change does not alter trajectories"
            )


def _write_entry(root: Root, spec: SpecEntry) -> SpecEntry | None:
    """Writes a spec's entry; returns it if it is new, else None."""
    entry = spec if spec.token else replace(spec, token=uuid4().hex)
    if root.put_if_absent(root.key("specs", spec.spec_id), entry.content):
        return entry
    first = root.get_json(root.key("specs", spec.spec_id)) or {}
    kept = {**entry.components, **first.get("components", {})}  # the sources that the first runs were trained with
    root.put(root.key("specs", spec.spec_id), replace(entry, components=kept).content)  # the same runs, with the latest resources
    return None


def _withdraw(root: Root, spec: SpecEntry) -> None:
    """Deletes the entry that this call wrote, unless another driver has entered the same spec since (the token differs then)."""
    if root.get(root.key("specs", spec.spec_id)) == spec.content:
        root.delete(root.key("specs", spec.spec_id))
        root.delete(root.key("planned", spec.spec_id))


def _check_all(root: Root, new: Sequence[tuple[SpecEntry, pa.Table]], others: Sequence[SpecEntry]) -> None:
    for other in others if new else ():
        earlier_runs = first_planned(root, other)
        for spec, runs in new:
            _check_compatible(root, other, earlier_runs, spec, runs)


def _check_compatible(root: Root, earlier: SpecEntry, earlier_runs: pa.Table, spec: SpecEntry, runs: pa.Table) -> None:
    """Raises SpecError unless a spec's runs differ from those of an earlier spec only along axes or by more steps."""
    if earlier.trajectory_version != spec.trajectory_version:
        raise SpecError(
            f"{root} holds results of trajectory version {earlier.trajectory_version}; "
            f"this grokjax trains version {spec.trajectory_version}; use another root"
        )
    stored, wanted = _first_run(earlier_runs), _first_run(runs)
    free = earlier.swept.keys() | spec.swept.keys() | (_following(earlier_runs) & _following(runs))
    different = [
        name for name in sorted(stored.keys() | wanted.keys()) if name not in free and stored.get(name) != wanted.get(name)
    ]
    if "steps" in different and spec.steps > earlier.steps:
        different.remove("steps")
    if different:
        recorded = {
            field.name for table in (earlier_runs, runs) for field in table.schema if _metadata(field, "role") == "recording"
        }
        raise SpecError(_refusal(root, different, stored, wanted, recorded))


def _first_run(runs: pa.Table) -> dict[str, Value]:
    """The hyperparameters of the first run of a table."""
    row = runs.drop_columns(["run_id", "group_id"]).slice(0, 1).to_pylist()[0]
    return {name: value for name, value in row.items() if value is not None}


def _following(runs: pa.Table) -> set[str]:
    """The hyperparameters that have the same value as the one they default to."""
    run = _first_run(runs)
    followed = {field.name: _metadata(field, "follows") for field in runs.schema}
    return {name for name, other in followed.items() if other and name in run and run[name] == run.get(other)}


def _metadata(field: pa.Field, key: str) -> str:
    return str((field.metadata or {}).get(key.encode(), b"").decode())


def _refusal(
    root: Root, different: Sequence[str], stored: Mapping[str, Value], wanted: Mapping[str, Value], recorded: set[str]
) -> str:
    """The error message that lists how a spec differs from an earlier one of the root, line by line."""
    width = max(map(len, different))
    shown = [[str(run.get(name, "absent")) or "none" for run in (stored, wanted)] for name in different]
    lines = [f"  {name:<{width}}  {old} in the root, {new} in this spec" for name, (old, new) in zip(different, shown, strict=True)]
    ways = [] if recorded & set(different) else [f"make {' and '.join(different)} an axis"]
    if different == ["steps"]:
        ways.append(f"ask for {stored['steps']} steps or more")
    return "\n".join([f"{root} holds results of another sweep:", *lines, " or ".join(["use another root", *ways])])
