"""Finds the available tasks, models, optimizers and probes: those in this package's folders and those of installed packages."""

import contextlib
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import metadata

import pydantic

from grokjax.errors import UserError, warn
from grokjax.fields import COMPONENTS, Component, role_of
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
_skipped: dict[object, str] = {}  # entry points, classes and probes that cannot be used, each with the reason


class ComponentError(UserError):
    """A task, model, optimizer or probe of an installed package that cannot be used."""


@functools.cache
def classes_of(component: str) -> dict[str, type[Component]]:
    """The classes available for a component ("task", "model" or "optimizer"), by the name used in specs, sorted.

    A class counts if it derives from the component's base class and has a field named after the component, with the class's name in
    specs as its default. It may be defined in any module of the base class's folder, or in a module that an installed package
    names as an entry point of `grokjax.components`. A class that cannot be imported, lacks a method, or gives a field's name
    another meaning is left out with a warning.
    """
    _import_all()
    return _named(component)


def why_unknown() -> str:
    """The end of a message about an unknown component or probe: what keeps those of installed packages from being used."""
    return "; ".join(["", *_skipped.values()]) if _skipped else "; is the package that provides it installed?"


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
    """Checks that a field name means the same in every class that has it: its type, its role and its description.

    Args:
      classes: each with the component that it belongs to.

    Raises:
      ComponentError: a name has two meanings, or the classes belong to different components.
    """
    known: dict[str, tuple[str, type[Component], pydantic.fields.FieldInfo]] = {}
    for component, cls in classes:
        for name, info in cls.model_fields.items():
            if name in COMPONENTS:
                continue
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
    for entry in metadata.entry_points(group=PROBE_ENTRY_POINTS):
        with _skipping(entry):
            probe = _probe(entry, found.values())
            found[probe.name] = replace(probe, metrics=tuple(replace(metric, probe=probe.name) for metric in probe.metrics))
    return found


def _probe(entry: metadata.EntryPoint, known: Iterable[Probe]) -> Probe:
    probe = _load(entry)
    if not isinstance(probe, Probe):
        raise ComponentError(f"{entry.value}, which an installed package names under {entry.group}, is not a grokjax.probes.Probe")
    taken = {f"probe {other.name}" for other in known} | {f"metric {metric.name}" for metric in METRICS}
    taken |= {f"metric {metric.name}" for other in known for metric in other.metrics}
    for defined in (f"probe {probe.name}", *(f"metric {metric.name}" for metric in probe.metrics)):
        if defined in taken:
            raise ComponentError(f"{entry.value} defines the {defined}, which exists already; give it another name")
    return probe


def metrics_of(probes: Iterable[str]) -> tuple[Metric, ...]:
    """The metrics of this package, and those that the given probes of installed packages measure."""
    known = available_probes()
    own = {probe.name for probe in PROBES}
    return METRICS + tuple(metric for name in probes if name not in own for metric in known[name].metrics)


@functools.cache
def _import_all() -> None:
    for base in BASES.values():
        package = importlib.import_module(base.__module__.rpartition(".")[0])
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    for group in ENTRY_POINTS:
        for entry in metadata.entry_points(group=group):
            with _skipping(entry):
                _load(entry)
    found = [(component, cls) for component in COMPONENTS for cls in _named(component).values()]
    known = [*RESERVED.items(), *(each for each in found if _is_ours(each[1].__module__))]
    check_names(known)
    for component, cls in found:
        if not _is_ours(cls.__module__):
            with _skipping(cls):
                if inspect.isabstract(cls):
                    raise ComponentError(f"{_label(cls)} lacks {', '.join(sorted(cls.__abstractmethods__))}")
                check_names([*known, (component, cls)])
                known.append((component, cls))


@contextlib.contextmanager
def _skipping(source: object) -> Iterator[None]:
    """A context in which a ComponentError becomes a warning: what it concerns is left out, and the rest can be used."""
    try:
        yield
    except ComponentError as error:
        _skipped[source] = str(error)
        warn(f"left out: {error}")


def _load(entry: metadata.EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:
        raise ComponentError(f"{entry.value}, which an installed package names under {entry.group}, fails: {error!r}") from error


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


def _named(component: str) -> dict[str, type[Component]]:
    classes = (cls for cls in _subclasses(BASES[component]) if component in cls.model_fields and cls not in _skipped)
    return dict(sorted((str(cls.model_fields[component].default), cls) for cls in classes))


def _subclasses(base: type[Component]) -> Iterator[type[Component]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)


def _meaning(info: pydantic.fields.FieldInfo) -> tuple[object, ...]:
    return info.annotation, role_of(info), info.description


def _label(cls: type[Component]) -> str:
    return f"{cls.__module__}.{cls.__name__}"
