"""The hyperparameter reference, read from field declarations: which classes have each, its allowed values and its default."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pydantic

from grokjax.config import RunConfig
from grokjax.fields import COMPONENTS, Component, Role, role_of, same_as
from grokjax.registry import classes_of

BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
RUN = "run"  # the owner of hyperparameters that every run has


class Hyperparameter(NamedTuple):
    """One hyperparameter as the classes in `owners` declare it; classes with another declaration have a separate entry."""

    name: str
    component: str  # task, model, optimizer, or RUN
    owners: tuple[str, ...]  # the tasks, models or optimizers that have it
    allowed: tuple[str, ...]  # its values; or one entry, a type with its bounds
    is_choice: bool  # whether `allowed` are values
    default: str | None  # None if a spec must give it
    same_as: str | None  # the hyperparameter whose value it has if it is left out
    role: Role  # recording hyperparameters cannot be an axis
    meaning: str


def hyperparameters() -> list[Hyperparameter]:
    """Every hyperparameter of every task, model, optimizer and run, installed packages' among them."""
    found = []
    for component in COMPONENTS:
        classes = classes_of(component)
        names = tuple(classes)
        found.append(Hyperparameter(component, component, names, names, True, None, None, "static", f"name of the {component}"))
        found += _described(component, classes)
    return found + _described(RUN, {RUN: RunConfig})


def _described(component: str, classes: Mapping[str, type[Component]]) -> list[Hyperparameter]:
    owners: dict[Hyperparameter, list[str]] = {}
    for owner, cls in classes.items():
        for name, schema in cls.model_json_schema(mode="validation")["properties"].items():
            if name in cls.model_fields and name not in COMPONENTS:
                info = cls.model_fields[name]
                choices = (schema["const"],) if "const" in schema else tuple(schema.get("enum", ()))  # of one value, of several
                allowed, meaning = choices or (_range(schema),), info.description or ""
                described = Hyperparameter(name, component, (), allowed, bool(choices), *_default(info), role_of(info), meaning)
                owners.setdefault(described, []).append(owner)
    return [described._replace(owners=tuple(names)) for described, names in owners.items()]


def _range(schema: Mapping[str, Any]) -> str:
    bounds = [f"{words} {schema[key]:g}".replace("2.14748e+09", "2^31") for key, words in BOUNDS.items() if key in schema]
    return ", ".join([TYPES[schema["type"]], *bounds]).replace("number, ", "number ", 1)


def _default(info: pydantic.fields.FieldInfo) -> tuple[str | None, str | None]:
    """The default as text, and the hyperparameter that it is copied from, if any."""
    if same_as(info) is not None or info.is_required():
        return None, same_as(info)
    number = isinstance(info.default, int | float) and not isinstance(info.default, bool)
    return (f"{info.default:g}".replace("e-0", "e-") if number else str(info.default).lower()), None
