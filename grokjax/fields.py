"""How the parts of a run declare their fields: what each means, and what part it plays in compiling.

Every field of every part has one role, declared once, on the field:

* *static*: shapes, kinds, dtype. Runs that share all static fields are a group and share one compiled program.
* *traced*: numbers the compiled program takes as arguments, so they vary inside a group.
* *recorded*: how far a run is trained and what is looked at. Not part of the run's identity.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pydantic

Role = Literal["static", "traced", "recorded"]
Value = bool | int | float | str


class Static:
    """Marks a field that the compiled program is specialised to (the default for an unmarked field)."""

    role: Role = "static"


class Traced:
    """Marks a field that the compiled program takes as an argument."""

    role: Role = "traced"


class Recorded:
    """Marks a field that does not change the trajectory, only how much of it is computed or kept."""

    role: Role = "recorded"


PositiveInt = Annotated[int, pydantic.Field(ge=1)]
TracedFloat = Annotated[float, Traced, pydantic.Field(allow_inf_nan=False)]


class Part(pydantic.BaseModel):
    """Frozen, strict, and closed to unknown fields: the base of a run's config and of each of its parts."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True)
class AsGiven:
    """The default of a field that, left out, is what the earlier field `name` is."""

    name: str

    def __call__(self, given: dict[str, Any]) -> Any:
        """The value, of those validated before; none where that field was refused itself: its error is the one told."""
        return given.get(self.name)


def role_of(info: pydantic.fields.FieldInfo) -> Role:
    """The role a field was declared with; static when it says nothing."""
    for mark in info.metadata:
        if mark in (Static, Traced, Recorded):
            role: Role = mark.role
            return role
    return "static"


def fields_with_role(part: Part, role: Role) -> Iterator[tuple[str, Any]]:
    """Names and values of the fields of `part` itself (not of the parts it holds) that have `role`."""
    for name, info in type(part).model_fields.items():
        value = getattr(part, name)
        if not isinstance(value, Part) and role_of(info) == role:
            yield name, value


def _joined(value: object) -> object:
    """One whole number stands for itself; several are joined by +, each once."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    words = text.split("+") if isinstance(text, str) else []
    if not all(re.fullmatch(r"[1-9]\d*", word) for word in words) or len(set(words)) < max(1, len(words)):
        raise ValueError(f"got {value!r}; write different whole numbers above 0, joined by +, such as 3 or 3+11")
    return text


# Several whole numbers in one value.
Numbers = Annotated[str, pydantic.BeforeValidator(_joined)]


def numbers(text: str) -> tuple[int, ...]:
    """The whole numbers of a field that holds several in one value: "3+11" is (3, 11)."""
    return tuple(int(number) for number in text.split("+"))


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 of the content as canonical JSON."""
    return hashlib.sha256(_CANONICAL.encode(content).encode()).hexdigest()[:16]
