"""What a run is: its task, model, optimizer, loss and seed, each hyperparameter under one name unique across all of them."""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import jax
import pydantic

from grokjax.fields import AsGiven, Part, PositiveInt, Recorded, Role, Static, Traced, Value, digest, fields_with_role
from grokjax.losses import LOSSES, Loss
from grokjax.metrics import PROBES, Probe
from grokjax.models.base import Model
from grokjax.optimizers.base import Optimizer
from grokjax.probes import PROBE_FUNCTIONS
from grokjax.registry import BASES, kinds_of
from grokjax.tasks.base import Task

# Raise when the code changes the trajectory that a config stands for: every run_id changes with it.
TRAJECTORY_VERSION = 1

PART_NAMES = ("task", "model", "optimizer")
Precision = Literal["float32", "float64"]


class RunConfig(Part):
    """One model trained once."""

    task: Task
    model: Model
    optimizer: Optimizer
    loss: Annotated[Loss, Static, pydantic.Field(description="loss that the optimizer descends")]
    batch_size: Annotated[
        int,
        pydantic.Field(
            ge=0,
            description="examples of a step, drawn without replacement within an epoch of whole batches; 0: all",
        ),
    ] = 0
    precision: Annotated[Precision, pydantic.Field(description="of all arithmetic of the run")] = "float32"
    seed: Annotated[int, Traced, pydantic.Field(ge=0, lt=2**31, description="seed of the first weights, batches and dropout")]
    data_seed: Annotated[
        int, Traced, pydantic.Field(ge=0, lt=2**31, default_factory=AsGiven("seed"), description="seed of the data and its noise")
    ]
    steps: Annotated[PositiveInt, Recorded, pydantic.Field(description="training steps")]
    log_every: Annotated[PositiveInt, Recorded, pydantic.Field(description="steps between two logged rows")]
    probes: Annotated[str, Recorded, pydantic.Field(description=f"what else is logged, joined by +: {', '.join(PROBES)}")] = ""
    snapshots: Annotated[
        int, Recorded, pydantic.Field(ge=0, description="evenly spaced logged rows at which the weights are kept; 0: none")
    ] = 0

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.steps % self.log_every:
            raise ValueError(f"log_every = {self.log_every} does not divide steps = {self.steps}")
        if self.batch_size > self.task.num_train:
            raise ValueError(
                f"batch_size = {self.batch_size} is more than the {self.task.num_train} training examples; lower it, or 0 for all"
            )
        rows = self.steps // self.log_every + 1
        if self.snapshots == 1 or self.snapshots > rows:
            raise ValueError(f"snapshots = {self.snapshots}: keep 0, or 2 (the first and the last) to {rows}, the logged rows")
        self._check_model()
        self._check_probes()
        return self

    def _check_model(self) -> None:
        if self.task.inputs not in self.model.reads:
            raise ValueError(
                f"model = {self.kind('model')!r} reads {' or '.join(sorted(self.model.reads))}, but task = {self.kind('task')!r} "
                f"gives {self.task.inputs}"
            )
        classes = self.task.num_classes
        if LOSSES[self.loss].one_logit and (classes != 2 or not self.model.one_logit):
            raise ValueError(
                f"loss = {self.loss!r} needs two classes and a model that can have one output, such as 'mlp', but task = "
                f"{self.kind('task')!r} has {classes} classes and model is {self.kind('model')!r}; use 'cross_entropy'"
            )
        if self.precision not in self.model.precisions:
            needed = " or ".join(map(repr, sorted(self.model.precisions)))
            raise ValueError(f"precision = {self.precision!r}, but model = {self.kind('model')!r} needs {needed}")
        self.model.check(self.task, self.num_outputs)

    def _check_probes(self) -> None:
        for name in self.chosen_probes:
            if name not in PROBE_FUNCTIONS:
                raise ValueError(f"probes = {self.probes!r}: {name!r} is none of {', '.join(PROBES)}")
            if wrong := PROBE_FUNCTIONS[name].fits(self.task, self.model, self.num_outputs):
                raise ValueError(f"probes = {self.probes!r}: {name} {wrong}")

    @property
    def chosen_probes(self) -> tuple[Probe, ...]:
        """What is logged beside losses, accuracies and norms; `inputs` always for sparse parity with an mlp."""
        told = self.probes.split("+") if self.probes else []
        if PROBE_FUNCTIONS["inputs"].fits(self.task, self.model, self.num_outputs) is None:
            told.append("inputs")
        return tuple(typing.cast("list[Probe]", list(dict.fromkeys(told))))  # _check_probes has looked

    @property
    def num_outputs(self) -> int:
        """The model's outputs: a class each, or one logit."""
        return LOSSES[self.loss].num_outputs(self.task.num_classes)

    @property
    def snapshot_rows(self) -> tuple[int, ...]:
        """The logged rows, counted from 0, whose weights are kept: the first, the last, and evenly spaced ones between."""
        last = self.steps // self.log_every
        return tuple(round(index * last / (self.snapshots - 1)) for index in range(self.snapshots))

    def kind(self, part: str) -> str:
        """Which task, model or optimizer it is."""
        return str(getattr(getattr(self, part), part))

    @classmethod
    def from_flat(cls, flat: Mapping[str, Value]) -> RunConfig:
        """The config whose hyperparameters are given by name, as `flat` returns them.

        Raises:
            KeyError: a part is not given.
            UnknownKind: there is no such kind of a part.
            UnknownHyperparameter: a name that none of the chosen parts has.
            pydantic.ValidationError: a missing, mistyped or impossible value.
        """
        for part in PART_NAMES:
            if flat[part] not in kinds_of(part):
                raise UnknownKind(part, flat[part])
        classes = {part: kinds_of(part)[str(flat[part])] for part in PART_NAMES}
        owners = {name: part for part, kind in classes.items() for name in kind.model_fields}
        given: dict[str, dict[str, Value]] = {part: {} for part in PART_NAMES}
        own: dict[str, Any] = {}
        for name, value in flat.items():
            if name in owners:
                given[owners[name]][name] = value
            elif name in cls.model_fields:
                own[name] = value
            else:
                raise UnknownHyperparameter(name)
        parts = {part: kind.model_validate(given[part]) for part, kind in classes.items()}
        return cls.model_validate(parts | own)

    def flat(self) -> dict[str, Value]:
        """Every hyperparameter by name, the kinds of the parts among them."""
        return {name: value for part in self._parts() for name, value in _own_fields(part)}

    @property
    def following(self) -> frozenset[str]:
        """The hyperparameters that are what another one is, as they are where they are left out."""
        return frozenset(
            name
            for part in self._parts()
            for name, info in type(part).model_fields.items()
            if isinstance(info.default_factory, AsGiven) and getattr(part, name) == getattr(part, info.default_factory.name)
        )

    def values(self, role: Role) -> dict[str, Value]:
        """The hyperparameters that have `role`, by name."""
        return {name: value for part in self._parts() for name, value in fields_with_role(part, role)}

    @property
    def run_id(self) -> str:
        """16 hex digits of a hash of all that determines the trajectory; `steps` and `log_every` do not.

        Fields at their declared default are left out of the hash, so that a field added later with the old behaviour as its default
        keeps the identity of old runs. Changing a default therefore asks for a new TRAJECTORY_VERSION.
        """
        return next(self.run_ids({"seed": [self.seed]}))

    def run_ids(self, columns: Mapping[str, Sequence[Value]]) -> Iterator[str]:
        """The run_ids of the runs that differ from this one in some traced fields, given as columns of equal length."""
        values = self.values("static") | self.values("traced")
        defaults = self._defaults()
        moving = columns.keys() | {
            name for name, default in defaults.items() if isinstance(default, AsGiven) and default.name in columns
        }
        told = {name: value for name, value in values.items() if name not in moving and _default(defaults, values, name) != value}
        for row in zip(*columns.values(), strict=True):
            values.update(zip(columns, row, strict=True))
            moved = {name: values[name] for name in moving if _default(defaults, values, name) != values[name]}
            yield digest({"trajectory_version": TRAJECTORY_VERSION, **told, **moved})

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
        """What a compiled program is made from, equal for all runs of a group that are probed alike: traced fields are zero."""
        recorded = {"steps": 1, "log_every": 1, "snapshots": 0}
        return self.bind({name: type(value)(0) for name, value in self.values("traced").items()} | recorded)

    def useful_flops(self) -> int:
        """Useful arithmetic of training the whole run; see the model's `step_flops`."""
        return self.steps * self.model.step_flops(self.task, self.num_outputs, self.batch_size or self.task.num_train)

    def num_weights(self) -> int:
        """How many numbers its weights are."""
        init = functools.partial(self.model.init, task=self.task, num_outputs=self.num_outputs)
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(lambda: init(jax.random.key(0)))))

    def _parts(self) -> Iterator[Part]:
        yield self.task
        yield self.model
        yield self.optimizer
        yield self

    def _defaults(self) -> dict[str, Value | AsGiven]:
        """The defaults of the fields that have one, by name."""
        return {
            name: info.default_factory if isinstance(info.default_factory, AsGiven) else info.default
            for part in self._parts()
            for name, info in type(part).model_fields.items()
            if name not in PART_NAMES and not info.is_required()
        }


class UnknownKind(ValueError):
    """A task, model or optimizer that no installed package has."""

    def __init__(self, part: str, kind: Value) -> None:
        super().__init__(f"there is no {part} {kind!r} here; is the package installed that has it?")


class UnknownHyperparameter(ValueError):
    """A name that is no hyperparameter of the chosen parts."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not a hyperparameter")
        self.name = name


def hyperparameter_fields() -> dict[str, pydantic.fields.FieldInfo]:
    """Every hyperparameter that any part declares, by name, in the order of a results table."""
    found: dict[str, pydantic.fields.FieldInfo] = {}
    for part in PART_NAMES:
        classes = kinds_of(part).values()
        found |= {part: next(iter(classes)).model_fields[part]}
        shared = BASES[part].model_fields
        for after in (False, True):  # what is a kind's own first
            found |= {
                name: info
                for cls in classes
                for name, info in cls.model_fields.items()
                if (name in shared) == after and name != part
            }
    return found | {name: info for name, info in RunConfig.model_fields.items() if name not in PART_NAMES}


def _default(defaults: Mapping[str, Value | AsGiven], values: Mapping[str, Value], name: str) -> Value | None:
    """What a field is where it is left out; None for one that cannot be."""
    default = defaults.get(name)
    return values[default.name] if isinstance(default, AsGiven) else default


def _own_fields(part: Part) -> Iterator[tuple[str, Value]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if not isinstance(value, Part):
            yield name, value


def _replace(part: Part, values: Mapping[str, Any]) -> Part:
    return part.model_copy(update={name: values[name] for name in type(part).model_fields if name in values})
