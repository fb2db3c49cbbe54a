"""How a spec's runs are carried out: the tables [resources], what a worker takes of a cluster, and [tuning]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Self

import pydantic

from grokjax.engine.program import DOT_LIBRARIES
from grokjax.engine.tuning import MOST_LANES

# The smallest share of a resource that Ray distinguishes.
SHARE = 1e-4
# Ray's names of resources, and the keys of [resources] that stand for them.
RAYS_NAMES = {"CPU": "cpus", "GPU": "gpus", "memory": "memory", "object_store_memory": "memory"}

Amount = Annotated[float, pydantic.Field(ge=SHARE, allow_inf_nan=False)]


class Resources(pydantic.BaseModel):
    """What each worker takes of the cluster. It does not change a result.

    `cpus` are cores and `gpus` a share of one GPU: a worker computes with one thread, or on one GPU. `gpus` None is a whole GPU
    where the cluster has some that jax can use, and none elsewhere. `memory` [bytes] is set aside, not enforced. `custom` are
    amounts of the cluster's custom resources, by name.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    cpus: Amount = 1.0
    gpus: float | None = pydantic.Field(None, ge=0, le=1)
    memory: pydantic.ByteSize | None = None
    custom: dict[str, Amount] = {}

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.memory == 0:
            raise ValueError("memory = 0: leave it out, or give the bytes of a worker, such as 4GB")
        if self.gpus and self.gpus < SHARE:
            raise ValueError(f"gpus = {self.gpus}: a share is 0, or at least {SHARE}")
        for name in self.custom:
            if name in RAYS_NAMES:
                raise ValueError(f"custom = {name!r} is no custom resource; give {RAYS_NAMES[name]} in [resources]")
        return self

    def settled(self, has_gpus: bool) -> Resources:
        """The same resources with `gpus` decided, by whether the cluster has GPUs that jax can use."""
        return self if self.gpus is not None else self.model_copy(update={"gpus": float(has_gpus)})

    @property
    def amounts(self) -> dict[str, float]:
        """The amounts that a worker takes, by Ray's names."""
        named = {"CPU": self.cpus, "GPU": self.gpus or 0.0, "memory": float(self.memory or 0), **self.custom}
        return {name: amount for name, amount in named.items() if amount}


class PinnedTuning(pydantic.BaseModel):
    """What a spec fixes of how its programs are compiled; what it leaves out is measured once a machine and remembered.

    `lane_width` is how many runs a program trains side by side, `dot_library` what computes its matrix products. Both may change
    the low bits of a result.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    lane_width: Annotated[int, pydantic.Field(ge=1, le=MOST_LANES)] | None = None
    dot_library: str | None = None

    @pydantic.field_validator("dot_library")
    @classmethod
    def _check_library(cls, library: str | None) -> str | None:
        if library is not None and library not in DOT_LIBRARIES:
            raise ValueError(f"got {library!r}; use {' or '.join(map(repr, DOT_LIBRARIES))}")
        return library

    @property
    def given(self) -> dict[str, Any]:
        """What is fixed, by name."""
        return self.model_dump(exclude_none=True)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be measured."""
        return len(self.given) == len(type(self).model_fields)


def workers_that_fit(amounts: Mapping[str, float], nodes: Iterable[Mapping[str, float]]) -> int:
    """How many workers that take `amounts` fit on nodes with these totals, each worker on one node."""
    return sum(min(int(node.get(name, 0.0) / amount + SHARE) for name, amount in amounts.items()) for node in nodes)
