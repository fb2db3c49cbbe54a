"""Values of an axis: a list, or a short text such as "0..8", "750..1750 step 250" or "0.01..1 log 5"."""

from __future__ import annotations

import re

import numpy as np

from grokjax.fields import Value

GRAMMAR = '"0..8" (whole numbers), "750..1750 step 250", "0.01..1 log 5" or "0..1 linear 11"; both ends are included'

MOST_VALUES = 1_000_000

_RANGE = re.compile(r"^\s*(?P<start>\S+?)\s*\.\.\s*(?P<stop>\S+?)(?:\s+(?P<how>step|log|linear)\s+(?P<amount>\S+))?\s*$")


def axis_values(written: object) -> list[Value]:
    """The values that an axis is written as.

    Args:
      written: a list of values, or a range as in `GRAMMAR`.

    Raises:
      ValueError: neither, or a range that makes no sense.
    """
    if isinstance(written, list):
        return list(written)
    if isinstance(written, str) and (match := _RANGE.match(written)):
        return _range(written, match["start"], match["stop"], match["how"], match["amount"])
    raise ValueError(f"got {written!r}; an axis is a list of values or a range: {GRAMMAR}")


def parse_setting(text: str) -> Value | list[Value]:
    """A value given on the command line: one value, a comma-separated list, or a range."""
    if _RANGE.match(text):
        return axis_values(text)
    values = [parse_value(word) for word in text.split(",")]
    return values if len(values) > 1 else values[0]


def parse_value(word: str) -> Value:
    """true, false, a number (5e4 is a whole one), or else the word itself."""
    word = word.strip()
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if re.fullmatch(r"[+-]?\d+[eE]\+?\d{1,2}", word):
        return int(float(word))
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _range(written: str, start: str, stop: str, how: str | None, amount: str | None) -> list[Value]:
    low, high, by = parse_value(start), parse_value(stop), parse_value(amount or "1")
    if not all(isinstance(number, int | float) and np.isfinite(number) for number in (low, high, by)):
        raise ValueError(f"{written!r} has an end that is not a number; write {GRAMMAR}")
    assert not isinstance(low, str)
    assert not isinstance(high, str)
    assert not isinstance(by, str)
    if low > high:
        raise ValueError(f"{written!r} runs from {low} down to {high}; put the smaller end first")
    if how in ("log", "linear"):
        if not isinstance(by, int) or not 2 <= by <= MOST_VALUES:
            raise ValueError(f"{written!r} asks for {by} values; use a whole number from 2 to {MOST_VALUES:,}")
        if how == "log" and low <= 0:
            raise ValueError(f"{written!r} is log-spaced and starts at {low}; both ends must be above 0")
        spaced = np.geomspace(low, high, by) if how == "log" else np.linspace(low, high, by)
        whole = all(isinstance(end, int) for end in (low, high)) and how == "log" and low >= 1
        return [round(x) if whole else clean(x) for x in spaced.tolist()]
    if how is None and not all(isinstance(end, int) for end in (low, high)):
        raise ValueError(f"{written!r} has no spacing; write {GRAMMAR}")
    if by <= 0:
        raise ValueError(f"{written!r} has step {by}; use a step above 0")
    count = round((high - low) / by) + 1
    if abs(low + (count - 1) * by - high) > 1e-9 * max(abs(high), by):
        raise ValueError(f"{written!r} does not reach {high} in steps of {by}; both ends are included")
    if count > MOST_VALUES:
        raise ValueError(f"{written!r} has {count:,} values; an axis has at most {MOST_VALUES:,}")
    return [low + i * by if isinstance(low, int) and isinstance(by, int) else clean(low + i * by) for i in range(count)]


def clean(number: float) -> float:
    """The number to 12 significant digits, so that a third of a decade reads and hashes as the user would write it."""
    return float(f"{number:.12g}")
