"""The base class of a run's components, and the marks that give each field its role.

A field has one role, declared on the field itself:

* *static*: shapes, names of components, dtype. Runs that agree in all static fields form a group and share one compiled program.
* *traced*: numbers that the compiled program takes as arguments, so that they may differ within a group.
* *recording*: how long a run is trained and what is recorded of it. These fields do not enter the run_id.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import pydantic

Role = Literal["static", "traced", "recording"]
Value = bool | int | float | str

# The components of a run. Each is chosen by name, with a hyperparameter of this name, and has hyperparameters of its own.
COMPONENTS = ("task", "model", "optimizer")


class Static:
    """Marks a field that the compiled program is specialised to. Unmarked fields are static too."""

    role: Role = "static"


class Traced:
    """Marks a field that the compiled program takes as an argument."""

    role: Role = "traced"


class Recording:
    """Marks a field that does not affect the trajectory: it sets how much of it is computed, or what is recorded."""

    role: Role = "recording"


PositiveInt = Annotated[int, pydantic.Field(ge=1)]
TracedFloat = Annotated[float, Traced, pydantic.Field(allow_inf_nan=False)]


class Component(pydantic.BaseModel):
    """A frozen set of fields, strictly typed, that refuses unknown names: the base of tasks, models, optimizers and RunConfig.

    Raise `version` in a task, model or optimizer whose code changes what it trains to: a version other than 1 enters every run_id.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)
    version: ClassVar[int] = 1


@dataclass(frozen=True)
class SameAs:
    """A default that copies the value of the field `name`, which must be declared earlier."""

    name: str

    def __call__(self, validated: dict[str, Any]) -> Any:
        """The other field's value; None if that field failed validation, since its own error is the one reported."""
        return validated.get(self.name)


def same_as(info: pydantic.fields.FieldInfo) -> str | None:
    """The name of the field that this one defaults to; None if it has no such default."""
    return info.default_factory.name if isinstance(info.default_factory, SameAs) else None


def role_of(info: pydantic.fields.FieldInfo) -> Role:
    """The role of a field; static if it carries no mark."""
    return next((mark.role for mark in info.metadata if mark in (Static, Traced, Recording)), "static")


def own_fields(component: Component) -> Iterator[tuple[str, pydantic.fields.FieldInfo, Value]]:
    """Name, declaration and value of each field of `component`, without fields that are components themselves."""
    for name, info in type(component).model_fields.items():
        value = getattr(component, name)
        if not isinstance(value, Component):
            yield name, info, value


def _canonical_int_list(value: object) -> object:
    """The value as a string of distinct integers joined by +; a single number may be given as an int."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    words = text.split("+") if isinstance(text, str) else []
    if not all(re.fullmatch(r"[1-9]\d*", word) for word in words) or len(set(words)) < max(1, len(words)):
        raise ValueError(f"got {value!r}; write distinct whole numbers above 0 joined by +, such as 3 or 3+11")
    return text


# Several integers in one value, such as "3+11".
IntList = Annotated[str, pydantic.BeforeValidator(_canonical_int_list)]


def parse_int_list(text: str) -> tuple[int, ...]:
    """The numbers of an `IntList`: (3, 11) for "3+11"."""
    return tuple(int(number) for number in text.split("+"))
