"""Declares a rule's thresholds as dataclass fields with a default, allowed values and a meaning. `rules` uses them."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from grokjax.errors import AnalysisError, nearest

Setting = float | str


@dataclass(frozen=True)
class Threshold:
    """The allowed values of a rule's field: one of `options`, or, without options, a number from `low` to `high` inclusive.

    With `log` the number belongs on a log scale: sliders move it by factors.
    """

    meaning: str
    unit: str = ""
    low: float = 0
    high: float = 0
    log: bool = False
    options: tuple[Setting, ...] = ()

    @property
    def allowed(self) -> str:
        """The allowed values as text, to end a sentence."""
        return ", ".join(map(_text, self.options)) if self.options else f"a number from {self.low:g} to {self.high:g}"

    def allows(self, value: object) -> bool:
        """Whether `value` is one of the allowed values."""
        if self.options:
            return value in self.options and not isinstance(value, bool)
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


class WithThresholds:
    """A base class whose fields are thresholds: checked when an instance is made, shown as a table in notebooks."""

    name: ClassVar[str]
    source: ClassVar[str]

    def __post_init__(self) -> None:
        """Raises AnalysisError for the first field whose value is not allowed."""
        for name, threshold in thresholds_of(self).items():
            value = _plain(getattr(self, name))
            if not threshold.allows(value):
                raise AnalysisError(f"{name} = {value} is out of range; use {threshold.allowed}")
            object.__setattr__(self, name, value)  # rules are frozen

    def _repr_html_(self) -> str:
        from grokjax.analysis.labels.notebook import rule_html  # noqa: PLC0415  (which imports this module)

        return rule_html(self)


def _plain(value: Any) -> Any:
    """A NumPy number as the Python number with the same digits; any other value unchanged."""
    if isinstance(value, numbers.Real) and not isinstance(value, int | float):
        return int(value) if isinstance(value, numbers.Integral) else float(str(value))
    return value


def number(default: float, low: float, high: float, meaning: str, unit: str = "", *, log: bool = True) -> Any:
    """A field of a rule that is a number from `low` to `high`."""
    return dataclasses.field(default=default, metadata={"threshold": Threshold(meaning, unit, low, high, log)})


def option(default: Setting, options: tuple[Setting, ...], meaning: str, unit: str = "") -> Any:
    """A field of a rule that is one of the given numbers or names."""
    return dataclasses.field(default=default, metadata={"threshold": Threshold(meaning, unit, options=options)})


def thresholds_of(rule: Any) -> dict[str, Threshold]:
    """The threshold of each field of a rule or a class of rules, by name; `dataclasses.fields` has the defaults."""
    return {field.name: field.metadata["threshold"] for field in dataclasses.fields(rule)}


def parse_thresholds(rule: Any, settings: list[str]) -> dict[str, Setting]:
    """Parses thresholds written as NAME=VALUE. Raises AnalysisError for a name that the rule does not have."""
    known, parsed = thresholds_of(rule), dict[str, Setting]()
    for written in settings:
        name, equals, text = (part.strip() for part in written.partition("="))
        if not equals or not text:
            raise AnalysisError(f"threshold {written}: write NAME=VALUE; the rule {rule.name} has {', '.join(known)}")
        _require(name, known, rule)
        parsed[name] = _setting(text)
    return parsed


def check_names(rule: Any, settings: Mapping[str, object]) -> None:
    """Raises AnalysisError if a name is not a threshold of the rule."""
    for name in settings:
        _require(name, thresholds_of(rule), rule)


def describe_rule(rule: Any) -> str:
    """A short description of a rule: its name, and the thresholds that differ from their defaults."""
    changed = [
        f"{field.name} {_text(getattr(rule, field.name))}"
        for field in dataclasses.fields(rule)
        if getattr(rule, field.name) != field.default
    ]
    return ", ".join([rule.name, *changed])


def _require(name: str, known: Mapping[str, Threshold], rule: Any) -> None:
    if name not in known:
        raise AnalysisError(f"the rule {rule.name} has no threshold {name}; it has {', '.join(known)}{nearest(name, known)}")


def _setting(text: str) -> Setting:
    try:
        return float(text)
    except ValueError:
        return text


def _text(value: Setting) -> str:
    return value if isinstance(value, str) else f"{value:g}"
