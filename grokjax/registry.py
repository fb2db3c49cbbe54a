"""Finds the available tasks, models, optimizers and probes: those in this package's folders and those of installed packages."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

import pydantic

from grokjax.entry_points import entry_points_of, leave_out
from grokjax.errors import ComponentError
from grokjax.fields import COMPONENTS, Component, Value, role_of
from grokjax.identity import digest
from grokjax.metrics import METRICS, Metric
from grokjax.models.base import Model
from grokjax.optimizers.base import Optimizer
from grokjax.probes import PROBES, Probe
from grokjax.tasks.base import Task

BASES: dict[str, type[Component]] = dict(zip(COMPONENTS, (Task, Model, Optimizer), strict=True))
# Other packages add components by naming the modules that define them as entry points of either group.
ENTRY_POINTS = ("grokjax.components", "grokjax.parts")
# ... and a probe by naming the object that defines it.
PROBE_ENTRY_POINTS = "grokjax.probes"
# Further classes whose field names no component may give another meaning, by owner.
RESERVED: dict[str, type[Component]] = {}


def classes_of(component: str) -> Mapping[str, type[Component]]:
    """The classes available for a component ("task", "model" or "optimizer"), by the name used in specs, sorted.

    A class counts if it derives from the component's base class and has a field named after the component, with the class's name in
    specs as its default. It may be defined in any module of the base class's folder, or in a module that an installed package
    names as an entry point of `grokjax.components`. A class that cannot be imported, lacks a method, has a name that is taken, or
    gives a field's name another meaning is left out with a warning.
    """
    return _classes()[component]


def component_versions(names: Iterable[tuple[str, str]]) -> dict[str, tuple[int, str]]:
    """Version and `source_digest` of components given as pairs such as ("task", "gcd"), by keys such as "task gcd"."""
    classes = {f"{component} {name}": classes_of(component)[name] for component, name in names}
    return {label: (cls.version, source_digest(cls)) for label, cls in sorted(classes.items())}


def source_digest(cls: type[Component]) -> str:
    """A hash of the source of the module that defines a class; empty for classes of this package, or without a source file."""
    module = inspect.getmodule(cls)
    if module is None or _is_ours(cls.__module__):
        return ""
    try:
        return digest({"source": inspect.getsource(module)})
    except (OSError, TypeError):  # a class defined at an interactive prompt
        return ""


def check_names(classes: Iterable[tuple[str, type[Component]]]) -> None:
    """Checks that each field has a type that a table can hold, and that its name means the same in every class that has it.

    Args:
      classes: each with the component that it belongs to.

    Raises:
      ComponentError: a field has another type, a name has two meanings, or the classes with it belong to different components.
    """
    known: dict[str, tuple[str, type[Component], pydantic.fields.FieldInfo]] = {}
    for component, cls in classes:
        for name, info in cls.model_fields.items():
            if name in COMPONENTS:
                continue
            if not _is_value(info.annotation):
                raise ComponentError(
                    f"{_label(cls)} declares {name} as {inspect.formatannotation(info.annotation)}; a hyperparameter is a bool, "
                    "int, float, str or a Literal of texts; let a value such as 0 stand for none"
                )
            first, other, before = known.setdefault(name, (component, cls, info))
            if first != component or _meaning(before) != _meaning(info):
                raise ComponentError(
                    f"{_label(cls)} declares {name} as {info.description or 'a field'!r}, but {_label(other)} as "
                    f"{before.description or 'a field'!r}; use a new name, or the same type, role and description"
                )


@functools.cache
def available_probes() -> dict[str, Probe]:
    """The probes by name: those of this package, then those of installed packages.

    One that cannot be imported, is not a `Probe`, or defines a probe or metric that exists already is left out with a warning.
    """
    found = {probe.name: probe for probe in PROBES}
    for probe in entry_points_of(PROBE_ENTRY_POINTS, lambda probe: _problem_with(probe, found.values())):
        found[probe.name] = replace(probe, metrics=tuple(replace(metric, probe=probe.name) for metric in probe.metrics))
    return found


def _problem_with(probe: object, known: Iterable[Probe]) -> str | None:
    if not isinstance(probe, Probe):
        return "is not a grokjax.probes.Probe"
    taken = {f"probe {other.name}" for other in known} | {f"metric {metric.name}" for metric in METRICS}
    taken |= {f"metric {metric.name}" for other in known for metric in other.metrics}
    for defined in (f"probe {probe.name}", *(f"metric {metric.name}" for metric in probe.metrics)):
        if defined in taken:
            return f"defines the {defined}, which exists already; give it another name"
    return None


def metrics_of(probes: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics of this package, and those that the given probes of installed packages measure."""
    known = available_probes()
    own = {probe.name for probe in PROBES}
    return METRICS + tuple(metric for name in probes if name not in own for metric in known[name].metrics)


@functools.cache
def _classes() -> dict[str, dict[str, type[Component]]]:
    """The classes of every component, by component and name. No class of another package replaces one of this package."""
    for base in BASES.values():
        package = importlib.import_module(base.__module__.rpartition(".")[0])
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    for group in ENTRY_POINTS:
        for _ in entry_points_of(group, lambda module: None):
            pass  # importing the module defined its classes
    defined = [(component, cls) for component, base in BASES.items() for cls in _subclasses(base) if component in cls.model_fields]
    ours = [each for each in defined if _is_ours(each[1].__module__)]
    known = [*RESERVED.items(), *ours]
    check_names(known)
    found = {component: {_name_of(cls, component): cls for owner, cls in ours if owner == component} for component in BASES}
    for component, cls in (each for each in defined if each not in ours):
        try:
            _check_class(component, cls, found[component], known)
        except ComponentError as error:
            leave_out(ENTRY_POINTS[0], str(error))
        else:
            found[component][_name_of(cls, component)] = cls
            known.append((component, cls))
    return {component: dict(sorted(classes.items())) for component, classes in found.items()}


def _check_class(
    component: str, cls: type[Component], named: Mapping[str, type[Component]], known: Iterable[tuple[str, type[Component]]]
) -> None:
    """Raises ComponentError if a class of another package cannot be used beside those in `named` and `known`."""
    if inspect.isabstract(cls):
        raise ComponentError(f"{_label(cls)} lacks {', '.join(sorted(cls.__abstractmethods__))}")
    name = _name_of(cls, component)
    if not isinstance(name, str):
        raise ComponentError(f'{_label(cls)} has no name; declare {component}: Literal["NAME"] = "NAME"')
    if name in named:
        raise ComponentError(
            f"{_label(cls)} has the name {name}, which {_label(named[name])} has; "
            f'declare {component}: Literal["NAME"] = "NAME" with another name'
        )
    check_names([*known, (component, cls)])


def _name_of(cls: type[Component], component: str) -> Any:
    return cls.model_fields[component].default


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


def _subclasses(base: type[Component]) -> Iterator[type[Component]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


def _is_value(annotation: Any) -> bool:
    """Whether a column of a table can hold the values of a type."""
    texts = get_origin(annotation) is Literal and all(isinstance(each, str) for each in get_args(annotation))
    return texts or annotation in get_args(Value)


def _meaning(info: pydantic.fields.FieldInfo) -> tuple[object, ...]:
    return info.annotation, role_of(info), info.description


def _label(cls: type[Component]) -> str:
    return f"{cls.__module__}.{cls.__name__}"
