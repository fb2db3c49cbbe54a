"""Reads the specs that were run into a root, without importing the packages that train their runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grokjax.fields import Value
from grokjax.identity import digest
from grokjax.sweeps.store.root import Root, to_json

# Fields of a spec that affect neither which runs are trained nor how far.
HOW_RUN = ("resources", "final_states", "tuning")


@dataclass(frozen=True)
class SpecEntry:
    """A spec as a root keeps it, readable without the packages that train its runs.

    `spec` holds the fields of a `SweepSpec` as JSON. `components` holds version and source hash of the tasks, models and optimizers
    of other packages, as `registry.component_versions` gives them. `token` distinguishes entries of the same spec written by
    different calls.
    """

    spec: Mapping[str, Any]
    trajectory_version: int
    token: str = ""  # version 0.1 wrote none
    components: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # version 0.1 wrote none

    @property
    def content(self) -> bytes:
        """The entry as the content of its JSON file."""
        further = {"token": self.token, "components": self.components}
        entry = {"spec": self.spec, "trajectory_version": self.trajectory_version}
        return to_json(entry | {name: value for name, value in further.items() if value})

    @property
    def spec_id(self) -> str:
        """A hash of everything that determines which runs are trained and how far. Specs that differ only in resources share it."""
        trained = {name: value for name, value in self.spec.items() if name not in HOW_RUN}
        raised = {name: version for name, (version, _) in self.components.items() if version != 1}
        return digest(
            {"spec": trained, "trajectory_version": self.trajectory_version} | ({"component_versions": raised} if raised else {})
        )

    def replaces(self, other: SpecEntry) -> bool:
        """Whether this entry is of the same spec, entered again after a version of its components was raised.

        What the other one has left to train cannot be trained any more: the code is of the newer version.
        """
        versions = [
            (self.components.get(name, (1, ""))[0], other.components.get(name, (1, ""))[0])
            for name in self.components.keys() | other.components.keys()
        ]
        same = replace(self, components={}).spec_id == replace(other, components={}).spec_id
        return same and all(new >= old for new, old in versions) and any(new > old for new, old in versions)

    @property
    def name(self) -> str:
        """The spec's name."""
        return str(self.spec["name"])

    @property
    def run(self) -> Mapping[str, Value]:
        """The hyperparameters that all runs share, as given."""
        run: Mapping[str, Value] = self.spec["run"]
        return run

    @property
    def steps(self) -> int:
        """The number of training steps of every run."""
        return int(self.spec["run"]["steps"])

    @property
    def rule(self) -> str | None:
        """The rule that labels the runs; None if the spec names none."""
        return self.spec.get("rule")

    @property
    def stopping_rule(self) -> str | None:
        """The rule under which runs end once their label is certain; None if all are trained to their last step."""
        return self.rule if self.spec.get("stop") == "decided" else None

    @property
    def swept(self) -> dict[str, list[Value]]:
        """The hyperparameters on axes, zipped ones included, with their values."""
        axes = [self.spec.get("axes", {}), *self.spec.get("zipped", ())]
        return {name: values for axis in axes for name, values in axis.items()}

    @property
    def size(self) -> int:
        """The number of points of the axes, before `leave_out` is applied."""
        axes = [*self.spec.get("axes", {}).values(), *(next(iter(axis.values())) for axis in self.spec.get("zipped", ()))]
        return math.prod(map(len, axes))


def current_specs(root: Root) -> list[SpecEntry]:
    """The specs of a root whose runs can still be trained: those of `read_specs` that no other one replaces. Raises StoreError."""
    specs = read_specs(root)
    return [spec for spec in specs if not any(other.replaces(spec) for other in specs)]


def read_specs(root: Root) -> list[SpecEntry]:
    """The specs that were run into a root, in the order of their ids. Raises StoreError."""
    return [SpecEntry(**entry) for entry in root.read_entries("specs").values()]
