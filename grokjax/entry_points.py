"""Loads what installed packages add to grokjax, and leaves out what cannot be used. Imports no jax: rules are read without it."""

from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from typing import Any

from grokjax.errors import nearest, warn

_left_out: dict[str, list[str]] = {}  # by group of entry points, why objects cannot be used


def entry_points_of(group: str, problem_with: Callable[[Any], str | None]) -> Iterator[Any]:
    """The objects that installed packages name as entry points of a group. Those that cannot be used are left out with a warning.

    Args:
      group: such as "grokjax.rules".
      problem_with: why an object cannot be used, as the end of a sentence ("is not a rule"); None if it can. It is called after
        the caller has received the objects before, so that it can refuse a name that one of them has.
    """
    for entry in metadata.entry_points(group=group):
        try:
            loaded = entry.load()
            problem = problem_with(loaded)
        except Exception as error:
            problem = f"fails: {error!r}"
        if problem is None:
            yield loaded
        else:
            leave_out(group, f"{entry.value}, which an installed package names under {group}, {problem}")


def leave_out(group: str, reason: str) -> None:
    """Warns that something of an installed package is not used, once, and keeps the reason for `why_unknown`."""
    reasons = _left_out.setdefault(group, [])
    if reason not in reasons:
        reasons.append(reason)
        warn(f"left out: {reason}")


def why_unknown(name: str, known: Iterable[str], *groups: str) -> str:
    """The end of a message about an unknown name: the known name closest to it, and what was left out of these groups, and why."""
    return nearest(name, known) + why_left_out(*groups) or "; is the package that provides it installed?"


def why_left_out(*groups: str) -> str:
    """The end of a message: why objects of these groups of entry points were left out; empty if none were."""
    return "".join(f"; {reason}" for group in groups for reason in _left_out.get(group, ()))
