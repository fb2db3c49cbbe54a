"""What a run is: its task, model, optimizer, loss and seed, each hyperparameter under one name unique across all of them."""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

import pydantic

from grokjax.fields import Part, PositiveInt, Recorded, Role, Static, Traced, fields_with_role
from grokjax.losses import Loss
from grokjax.models import Model
from grokjax.optimizers import Optimizer
from grokjax.tasks import Task

# Raise when the code changes the trajectory that a config stands for: every run_id changes with it.
TRAJECTORY_VERSION = 1

Value = bool | int | float | str
PART_NAMES = ("task", "model", "optimizer")


class RunConfig(Part):
    """One model trained once."""

    task: Task
    model: Model
    optimizer: Optimizer
    loss: Annotated[Loss, Static, pydantic.Field(description="loss that the optimizer descends")]
    seed: Annotated[int, Traced, pydantic.Field(ge=0, lt=2**31, description="seed of the data and of the first weights")]
    steps: Annotated[PositiveInt, Recorded, pydantic.Field(description="training steps")]
    log_every: Annotated[PositiveInt, Recorded, pydantic.Field(description="steps between two logged rows")]

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.steps % self.log_every:
            raise ValueError(f"log_every = {self.log_every} does not divide steps = {self.steps}")
        return self

    @classmethod
    def from_flat(cls, flat: Mapping[str, Value]) -> RunConfig:
        """The config whose hyperparameters are given by name, as `flat` returns them.

        Raises:
          UnknownHyperparameter: a name that none of the chosen parts has.
          pydantic.ValidationError: a missing, mistyped or impossible value.
        """
        kinds = {part: part_classes(part).get(str(flat.get(part))) for part in PART_NAMES}
        nested: dict[str, Any] = {part: {part: flat[part]} for part in PART_NAMES if part in flat}
        owners = {name: part for part, kind in kinds.items() if kind for name in kind.model_fields}
        for name, value in flat.items():
            if name in owners:
                nested[owners[name]][name] = value
            elif name in cls.model_fields:
                nested.setdefault(name, value)
            else:
                raise UnknownHyperparameter(name)
        return cls.model_validate(nested)

    def flat(self) -> dict[str, Value]:
        """Every hyperparameter by name, the kinds of the parts among them."""
        return {name: value for part in self._parts() for name, value in _own_fields(part)}

    def values(self, role: Role) -> dict[str, Value]:
        """The hyperparameters that have `role`, by name."""
        return {name: value for part in self._parts() for name, value in fields_with_role(part, role)}

    @property
    def run_id(self) -> str:
        """16 hex digits of a hash of all that determines the trajectory; `steps` and `log_every` do not.

        Fields at their declared default are left out of the hash, so that a field added later with the old behaviour as its default
        keeps the identity of old runs. Changing a default therefore asks for a new TRAJECTORY_VERSION.
        """
        determining = self.values("static") | self.values("traced")
        defaults = self._defaults()
        told = {name: value for name, value in determining.items() if defaults.get(name) != value}
        return digest({"trajectory_version": TRAJECTORY_VERSION, **told})

    @property
    def group_id(self) -> str:
        """12 hex digits of a hash of what the compiled program is specialised to; shared by all runs of a group."""
        return digest(self.values("static"))[:12]

    def bind(self, values: Mapping[str, Any]) -> Self:
        """This config with the named fields replaced, unchecked: inside a compiled program the values are tracers."""
        mine = {name: value for name, value in values.items() if name in type(self).model_fields}
        parts = {name: _replace(getattr(self, name), values) for name in PART_NAMES}
        return self.model_copy(update=parts | mine)

    def group_template(self) -> Self:
        """A config equal for all runs of a group (traced fields zero, one step): what a compiled program is made from."""
        return self.bind({name: type(value)(0) for name, value in self.values("traced").items()} | {"steps": 1, "log_every": 1})

    def useful_flops(self) -> int:
        """Useful arithmetic of training the whole run; see the model's `step_flops`."""
        return self.steps * self.model.step_flops(self.task.num_inputs, self.task.train_size)

    def _parts(self) -> Iterator[Part]:
        yield self.task
        yield self.model
        yield self.optimizer
        yield self

    def _defaults(self) -> dict[str, Value]:
        return {
            name: info.default
            for part in self._parts()
            for name, info in type(part).model_fields.items()
            if name not in PART_NAMES and not info.is_required()
        }


class UnknownHyperparameter(ValueError):
    """A name that is no hyperparameter of the chosen parts."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not a hyperparameter")
        self.name = name


def part_classes(part: str) -> dict[str, type[Part]]:
    """The classes that can stand for `part` ("task", "model" or "optimizer"), by kind."""
    annotation = RunConfig.model_fields[part].annotation
    classes: tuple[type[Part], ...] = typing.get_args(annotation) or (annotation,)
    return {str(cls.model_fields[part].default): cls for cls in classes}


def hyperparameter_fields() -> dict[str, pydantic.fields.FieldInfo]:
    """Every hyperparameter that any part declares, by name, in the order of a results table."""
    classes = [cls for part in PART_NAMES for cls in part_classes(part).values()] + [RunConfig]
    return {
        name: info for cls in classes for name, info in cls.model_fields.items() if not (cls is RunConfig and name in PART_NAMES)
    }


def digest(content: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 of the content as canonical JSON."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _own_fields(part: Part) -> Iterator[tuple[str, Value]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if not isinstance(value, Part):
            yield name, value


def _replace(part: Part, values: Mapping[str, Any]) -> Part:
    return part.model_copy(update={name: values[name] for name in type(part).model_fields if name in values})
