"""A run's configuration: its task, model, optimizer, loss, seed and lengths, and the ids that follow from them."""

from __future__ import annotations

import copy
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeVar

import jax
import pydantic

from grokjax.entry_points import why_unknown
from grokjax.fields import (
    COMPONENTS,
    Component,
    PositiveInt,
    Recording,
    Role,
    SameAs,
    Static,
    Traced,
    Value,
    own_fields,
    role_of,
    same_as,
)
from grokjax.identity import TRAJECTORY_VERSION, digest
from grokjax.losses import LOSSES, Loss
from grokjax.metrics import PROBE_NAMES
from grokjax.models.base import Model
from grokjax.optimizers.base import Optimizer
from grokjax.registry import BASES, ENTRY_POINTS, PROBE_ENTRY_POINTS, RESERVED, available_probes, classes_of
from grokjax.tasks.base import Task

Precision = Literal["float32", "float64"]
T = TypeVar("T")


class RunConfig(Component):
    """The configuration of one training run: its task, model, optimizer, and the hyperparameters that belong to none of the three.

    Each hyperparameter has one name, unique across all four.
    """

    task: Task
    model: Model
    optimizer: Optimizer
    loss: Annotated[Loss, Static, pydantic.Field(description="loss that the optimizer minimizes")]
    batch_size: Annotated[
        int,
        pydantic.Field(
            ge=0,
            description="examples of a step, drawn without replacement within an epoch of whole batches; 0: all",
        ),
    ] = 0
    precision: Annotated[Precision, pydantic.Field(description="floating-point type of all arithmetic")] = "float32"
    seed: Annotated[int, Traced, pydantic.Field(ge=0, lt=2**31, description="seed of the first weights, batches and dropout")]
    data_seed: Annotated[
        int, Traced, pydantic.Field(ge=0, lt=2**31, default_factory=SameAs("seed"), description="seed of the data and its noise")
    ]
    steps: Annotated[PositiveInt, Recording, pydantic.Field(description="training steps")]
    log_every: Annotated[PositiveInt, Recording, pydantic.Field(description="steps between two logged rows")]
    probes: Annotated[
        str, Recording, pydantic.Field(description=f"further metrics to log, joined by +: {', '.join(PROBE_NAMES)}")
    ] = ""
    snapshots: Annotated[
        int, Recording, pydantic.Field(ge=0, description="evenly spaced logged rows at which the weights are kept; 0: none")
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
                f"model = {self.name_of('model')!r} reads {' or '.join(sorted(self.model.reads))}, but "
                f"task = {self.name_of('task')!r} gives {self.task.inputs}"
            )
        classes = self.task.num_classes
        if LOSSES[self.loss].one_logit and (classes != 2 or not self.model.one_logit):
            raise ValueError(
                f"loss = {self.loss!r} needs two classes and a model that can have one output, such as 'mlp', but task = "
                f"{self.name_of('task')!r} has {classes} classes and model is {self.name_of('model')!r}; use 'cross_entropy'"
            )
        if self.precision not in self.model.precisions:
            needed = " or ".join(map(repr, sorted(self.model.precisions)))
            raise ValueError(f"precision = {self.precision!r}, but model = {self.name_of('model')!r} needs {needed}")
        self.model.check(self.task, self.num_outputs)

    def _check_probes(self) -> None:
        known = available_probes()
        for name in self.chosen_probes:
            if name not in known:
                hint = why_unknown(name, known, PROBE_ENTRY_POINTS)
                raise ValueError(f"probes = {self.probes!r}: {name!r} is none of {', '.join(known)}{hint}")
            if reason := known[name].why_unsupported(self.task, self.model, self.num_outputs):
                raise ValueError(f"probes = {self.probes!r}: {name} {reason}")

    @property
    def chosen_probes(self) -> tuple[str, ...]:
        """Names of the probes that are logged; `inputs` is always among them for sparse parity with an mlp."""
        names = self.probes.split("+") if self.probes else []
        if available_probes()["inputs"].why_unsupported(self.task, self.model, self.num_outputs) is None:
            names.append("inputs")
        return tuple(dict.fromkeys(names))

    @property
    def num_outputs(self) -> int:
        """Number of model outputs: one per class, or a single logit."""
        return LOSSES[self.loss].num_outputs(self.task.num_classes)

    @property
    def snapshot_rows(self) -> tuple[int, ...]:
        """Indices of the logged rows at which weights are stored: the first, the last, and evenly spaced ones between them."""
        last = self.steps // self.log_every
        return tuple(round(index * last / (self.snapshots - 1)) for index in range(self.snapshots))

    def name_of(self, component: str) -> str:
        """The name of the run's "task", "model" or "optimizer", such as "adamw"."""
        return str(getattr(getattr(self, component), component))

    @classmethod
    def from_flat(cls, flat: Mapping[str, Value]) -> RunConfig:
        """The config with the given hyperparameters, by name, as `flat` returns them.

        Raises:
            KeyError: task, model or optimizer is not given.
            UnknownComponent: no installed package provides the task, model or optimizer.
            UnknownHyperparameter: a name that neither the components nor this class have.
            pydantic.ValidationError: a missing, mistyped or impossible value.
        """
        for component in COMPONENTS:
            if flat[component] not in classes_of(component):
                raise UnknownComponent(component, flat[component])
        classes = {component: classes_of(component)[str(flat[component])] for component in COMPONENTS}
        owners = {name: component for component, owner in classes.items() for name in owner.model_fields}
        given: dict[str, dict[str, Value]] = {component: {} for component in COMPONENTS}
        own: dict[str, Any] = {}
        for name, value in flat.items():
            if name in owners:
                given[owners[name]][name] = value
            elif name in cls.model_fields:
                own[name] = value
            else:
                raise UnknownHyperparameter(name)
        components = {component: owner.model_validate(given[component]) for component, owner in classes.items()}
        return cls.model_validate(components | own)

    def flat(self) -> dict[str, Value]:
        """All hyperparameters as one flat mapping, with the task, model and optimizer given by name."""
        return {name: value for name, _, value in self._fields()}

    def values(self, role: Role) -> dict[str, Value]:
        """The values of the hyperparameters with the given role, by name."""
        return {name: value for name, info, value in self._fields() if role_of(info) == role}

    @property
    def default_sources(self) -> dict[str, str]:
        """The fields that default to the value of another field, each with the name of that field."""
        return {name: other for name, info, _ in self._fields() if (other := same_as(info)) is not None}

    def defaults_of(self, columns: Mapping[str, T], given: Collection[str]) -> dict[str, T]:
        """Columns, by name, for the fields that are not in `given` and default to a field that is."""
        found: dict[str, T] = {}
        for name, other in self.default_sources.items():
            if name not in given and (other in columns or other in found):
                found[name] = columns[other] if other in columns else found[other]
        return found

    @property
    def run_id(self) -> str:
        """16 hex digits of a hash of everything that determines the trajectory; `steps` and `log_every` do not.

        Fields at their declared default are left out of the hash, so that a field added later with the old behaviour as its default
        keeps the ids of old runs. Changing a default therefore needs a new TRAJECTORY_VERSION.
        """
        return next(self.run_ids({"seed": [self.seed]}))

    def run_ids(self, columns: Mapping[str, Sequence[Value]]) -> Iterator[str]:
        """The run_ids of runs that differ from this one only in traced fields, which are given as columns of equal length."""
        values = self.values("static") | self.values("traced")
        sources = self.default_sources
        constants = {name: info.default for name, info, _ in self._fields() if name not in COMPONENTS}
        varying = columns.keys() | {name for name, other in sources.items() if other in columns}

        def not_default(names: Iterable[str]) -> dict[str, Value]:
            defaults = {name: values[sources[name]] if name in sources else constants.get(name) for name in names}
            return {name: values[name] for name, default in defaults.items() if default != values[name]}

        versions = {f"{component} version": version for component, version in self.raised_versions.items()}  # no field's name
        fixed = {"trajectory_version": TRAJECTORY_VERSION, **versions, **not_default(values.keys() - varying)}
        for row in zip(*columns.values(), strict=True):
            values.update(zip(columns, row, strict=True))
            yield digest(fixed | not_default(varying))

    @property
    def raised_versions(self) -> dict[str, int]:
        """The versions of the task, model and optimizer, where they are not 1."""
        versions = {component: getattr(self, component).version for component in COMPONENTS}
        return {component: version for component, version in versions.items() if version != 1}

    @property
    def group_id(self) -> str:
        """12 hex digits of a hash of what the compiled program is specialised to, shared by all runs of a group."""
        return digest(self.values("static"))[:12]

    def bind(self, values: Mapping[str, Any]) -> Self:
        """This config with the named fields replaced, unchecked: inside a compiled program the values are tracers."""
        own = {name: value for name, value in values.items() if name in type(self).model_fields}
        return self.model_copy(update={name: _replace(getattr(self, name), values) for name in COMPONENTS} | own)

    def group_template(self) -> Self:
        """The config that a program is compiled for, equal for all runs of a group with the same probes: traced fields are 0."""
        recording = {"steps": 1, "log_every": 1, "snapshots": 0}
        return self.bind({name: type(value)(0) for name, value in self.values("traced").items()} | recording)

    def useful_flops(self) -> int:
        """FLOPs of training the whole run, counted as in the model's `step_flops`."""
        return self.steps * self.model.step_flops(self.task, self.num_outputs, self.batch_size or self.task.num_train)

    def num_weights(self) -> int:
        """Number of trained weights."""
        init = functools.partial(self.model.init, task=self.task, num_outputs=self.num_outputs)
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(lambda: init(jax.random.key(0)))))

    def _fields(self) -> Iterator[tuple[str, pydantic.fields.FieldInfo, Value]]:
        for component in (self.task, self.model, self.optimizer, self):
            yield from own_fields(component)


RESERVED["run"] = RunConfig


class UnknownComponent(ValueError):
    """No installed package provides a task, model or optimizer of this name."""

    def __init__(self, component: str, name: Value) -> None:
        super().__init__(f"there is no {component} {name!r}{why_unknown(str(name), classes_of(component), *ENTRY_POINTS)}")


class UnknownHyperparameter(ValueError):
    """A name that is not a hyperparameter of the chosen task, model and optimizer."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not a hyperparameter")
        self.name = name


def hyperparameter_fields() -> dict[str, pydantic.fields.FieldInfo]:
    """Every hyperparameter that any component class declares, by name, in the column order of a results table.

    Classes that declare the same hyperparameter agree on everything but its default. A `SameAs` default is kept only if all of
    them have it.
    """
    found: dict[str, list[pydantic.fields.FieldInfo]] = {}
    for component in COMPONENTS:
        classes, shared = classes_of(component).values(), BASES[component].model_fields
        declared = [(name, info) for cls in classes for name, info in cls.model_fields.items()]
        for name, info in sorted(declared, key=lambda field: (field[0] != component, field[0] in shared)):
            found.setdefault(name, []).append(info)
    fields = {name: _merged(declared) for name, declared in found.items()}
    return fields | {name: info for name, info in RunConfig.model_fields.items() if name not in COMPONENTS}


def _merged(declared: Sequence[pydantic.fields.FieldInfo]) -> pydantic.fields.FieldInfo:
    """One field from the declarations of several classes; it keeps a `SameAs` default only if all of them have it."""
    merged = copy.copy(declared[-1])
    if len({same_as(info) for info in declared}) > 1:
        merged.default_factory = None
    return merged


def _replace(component: Component, values: Mapping[str, Any]) -> Component:
    return component.model_copy(update={name: values[name] for name in type(component).model_fields if name in values})
