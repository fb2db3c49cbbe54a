"""Checks whether a spec may share a root with an earlier one, so that the runs of a root differ only along axes or in length."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from grokjax.errors import SpecError
from grokjax.fields import COMPONENTS, Value
from grokjax.sweeps.store.planned import planned_schema, read_planned
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import SpecEntry


class _Setting(NamedTuple):
    """What the runs of one task, model and optimizer have of one hyperparameter."""

    values: frozenset[Value]  # empty if they do not have it
    follows: bool  # whether it equals, in all these runs, the hyperparameter that it defaults to

    def __str__(self) -> str:
        return ", ".join(str(value) or "none" for value in sorted(self.values, key=str)) or "absent"


_ABSENT = _Setting(frozenset(), False)
# By the names of task, model and optimizer, and then by hyperparameter.
_Settings = Mapping[tuple[Value, ...], Mapping[str, _Setting]]


def check_compatible(root: Root, earlier: SpecEntry, spec: SpecEntry, runs: pa.Table) -> None:
    """Raises SpecError unless a spec's planned runs belong to one sweep with those of an earlier spec of the root.

    They do if every hyperparameter that either spec gives, and neither has on an axis, has the same value wherever both specs train
    the same task, model and optimizer. A hyperparameter that no such combination has is compared over all runs. The new spec may
    ask for more steps. Hyperparameters that neither spec gives have the same defaults in both.
    """
    if earlier.trajectory_version != spec.trajectory_version:
        raise SpecError(
            f"{root} holds results of trajectory version {earlier.trajectory_version}; "
            f"this grokjax trains version {spec.trajectory_version}; use another root"
        )
    fields = [*planned_schema(root, earlier), *runs.schema]
    names = sorted((earlier.run.keys() | spec.run.keys()) - earlier.swept.keys() - spec.swept.keys())
    follows = {field.name: other for field in fields if (other := _metadata(field, "follows")) and field.name in names}
    stored = _settings(read_planned(root, earlier, {*COMPONENTS, *names, *follows.values()}), names, follows)
    wanted = _settings(runs, names, follows)
    different = {name: pair for name in names if (pair := _difference(name, stored, wanted)) is not None}
    if spec.steps > earlier.steps:
        different.pop("steps", None)
    if different:
        raise SpecError(_refusal(root, different, {field.name for field in fields if _metadata(field, "role") == "recording"}))


def _settings(runs: pa.Table, names: Iterable[str], follows: Mapping[str, str]) -> _Settings:
    known = set(runs.column_names)
    names = [name for name in names if name in known]
    following = {f"{name} follows": (name, other) for name, other in follows.items() if {name, other} <= known}
    for column, pair in following.items():
        runs = runs.append_column(column, pc.equal(*(runs[name] for name in pair)).fill_null(False))
    summaries = [*((name, "distinct") for name in names), *((column, "all") for column in following)]
    rows = runs.group_by(list(COMPONENTS)).aggregate(summaries).to_pylist()
    return {
        tuple(row[component] for component in COMPONENTS): {
            name: _Setting(frozenset(row[f"{name}_distinct"]) - {None}, row.get(f"{name} follows_all", False)) for name in names
        }
        for row in rows
    }


def _difference(name: str, stored: _Settings, wanted: _Settings) -> tuple[_Setting, _Setting] | None:
    """A hyperparameter in the earlier and in the new spec; None if it does not set them apart."""
    shared = [(stored[kind].get(name, _ABSENT), wanted[kind].get(name, _ABSENT)) for kind in stored if kind in wanted]
    if any(setting.values for pair in shared for setting in pair):
        return next((pair for pair in shared if _differ(*pair)), None)
    before, now = _anywhere(name, stored), _anywhere(name, wanted)
    return (before, now) if before.values and now.values and _differ(before, now) else None


def _differ(before: _Setting, now: _Setting) -> bool:
    return before.values != now.values and not (before.follows and now.follows)


def _anywhere(name: str, settings: _Settings) -> _Setting:
    found = [each[name] for each in settings.values() if name in each and each[name].values]
    return _Setting(frozenset().union(*(each.values for each in found)), all(each.follows for each in found))


def _metadata(field: pa.Field, key: str) -> str:
    return str((field.metadata or {}).get(key.encode(), b"").decode())


def _refusal(root: Root, different: Mapping[str, Sequence[_Setting]], recording: Collection[str]) -> str:
    """The message that lists how a spec differs from an earlier one of the root, line by line."""
    width = max(map(len, different))
    lines = [f"  {name:<{width}}  {old} in the root, {new} in this spec" for name, (old, new) in different.items()]
    ways = [] if different.keys() & set(recording) else [f"make {' and '.join(different)} an axis"]
    if list(different) == ["steps"]:
        ways.append(f"ask for {different['steps'][0]} steps or more")
    return "\n".join([f"{root} holds results of another sweep:", *lines, " or ".join(["use another root", *ways])])
