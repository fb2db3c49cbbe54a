"""Enters specs and their planned runs into a root, after checking that they are compatible with what it holds."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from grokjax.errors import SpecError, warn
from grokjax.sweeps.store.compatible import check_compatible
from grokjax.sweeps.store.planned import planned_bytes, read_planned
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
    asked, known = {spec.spec_id for spec, _ in plannings}, {spec.spec_id for spec in existing}
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
    for other in others:
        for spec, runs in new:
            check_compatible(root, other, spec, runs)
