"""The kinds of each part of a run: the files of its folder, and what installed packages add."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from importlib import metadata

from grokjax.errors import InputError
from grokjax.fields import Part
from grokjax.models.base import Model
from grokjax.optimizers.base import Optimizer
from grokjax.tasks.base import Task

BASES: dict[str, type[Part]] = {"task": Task, "model": Model, "optimizer": Optimizer}
# Other packages add kinds by naming the modules that define them as entry points of this group.
ENTRY_POINTS = "grokjax.parts"


class PartError(InputError):
    """A task, model or optimizer of an installed package that cannot be used."""


@functools.cache
def kinds_of(part: str) -> dict[str, type[Part]]:
    """The classes that can stand for `part` ("task", "model" or "optimizer"), by kind, in the order of their names.

    A kind is a subclass of the part's base with a field of the part's name, whose default is the kind. It may stand in any module
    of the folder of its base, or in a module that an installed package names as an entry point of `grokjax.parts`.
    """
    _import_all()
    found = {str(cls.model_fields[part].default): cls for cls in _subclasses(BASES[part]) if part in cls.model_fields}
    return dict(sorted(found.items()))


@functools.cache
def _import_all() -> None:
    for base in BASES.values():
        package = importlib.import_module(base.__module__.rpartition(".")[0])
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        try:
            entry.load()
        except Exception as error:
            raise PartError(f"{entry.value}, which an installed package names under {ENTRY_POINTS}, fails: {error!r}") from error
    for part, base in BASES.items():
        for cls in _subclasses(base):
            if part in cls.model_fields and inspect.isabstract(cls):
                raise PartError(f"{cls.__module__}.{cls.__name__} lacks {', '.join(sorted(cls.__abstractmethods__))}")


def _subclasses(base: type[Part]) -> Iterator[type[Part]]:
    for cls in base.__subclasses__():
        yield cls
        yield from _subclasses(cls)
