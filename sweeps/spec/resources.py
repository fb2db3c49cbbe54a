"""The spec tables [resources], what each worker reserves in a cluster, and [tuning], how programs are compiled."""

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
    """The cluster resources that each worker reserves. They do not affect results.

    `cpus` is a number of cores and `gpus` a share of one GPU: a worker computes with one thread, or on one GPU. `gpus` None means
    one whole GPU if the cluster has GPUs that jax can use, else none. `memory` [bytes] is reserved but not enforced. `custom`
    holds amounts of the cluster's custom resources, by name.
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
        """The same resources with `gpus` resolved, given whether the cluster has GPUs that jax can use."""
        return self if self.gpus is not None else self.model_copy(update={"gpus": float(has_gpus)})

    @property
    def amounts(self) -> dict[str, float]:
        """The amounts that a worker takes, by Ray's names."""
        named = {"CPU": self.cpus, "GPU": self.gpus or 0.0, "memory": float(self.memory or 0), **self.custom}
        return {name: amount for name, amount in named.items() if amount}


class PinnedTuning(pydantic.BaseModel):
    """The tuning settings that a spec fixes; each machine measures the others once and remembers them.

    `lane_width` is the number of runs that a program trains side by side, `dot_library` the library for its matrix products. Both
    may change the low bits of a result.
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
        """The fixed settings, by name."""
        return self.model_dump(exclude_none=True)

    @property
    def complete(self) -> bool:
        """Whether every setting is fixed, so that nothing is measured."""
        return len(self.given) == len(type(self).model_fields)


def workers_that_fit(amounts: Mapping[str, float], nodes: Iterable[Mapping[str, float]]) -> int:
    """How many workers that each need `amounts` fit on nodes with these totals. A worker cannot span nodes."""
    return sum(min(int(node.get(name, 0.0) / amount + SHARE) for name, amount in amounts.items()) for node in nodes)
