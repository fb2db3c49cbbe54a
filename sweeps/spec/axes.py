"""Parses axes: lists, ranges such as "0..8", "750..1750 step 250" or "0.01..1 log 5", zipped values, sampled points."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grokjax.errors import SpecError, nearest
from grokjax.fields import Value

GRAMMAR = '"0..8" (whole numbers), "750..1750 step 250", "0.01..1 log 5" or "0..1 linear 11"; both ends are included'

DRAWN_GRAMMAR = '"0.01..1 log", "0..1" or "16..256 log" (whole numbers stay whole), or a list to choose from'
METHODS = ("random", "sobol")
MOST_VALUES = 1_000_000

Draw = Callable[[np.ndarray[Any, Any]], list[Value]]  # from numbers in [0, 1) to values

_RANGE = re.compile(r"\s*(?P<low>\S+?)\s*\.\.\s*(?P<high>\S+?)(?:\s+(?P<how>step|log|linear)(?:\s+(?P<amount>\S+))?)?\s*")


def axis_values(written: object) -> list[Value]:
    """Parses the values of an axis.

    Args:
      written: a list (or tuple, or range) of values, or a text as in `GRAMMAR`.

    Raises ValueError if `written` is neither, or is an invalid range.
    """
    if isinstance(written, list | tuple | range):
        return list(written)
    match = _RANGE.fullmatch(written) if isinstance(written, str) else None
    if match and (match["amount"] or not match["how"]):
        return _between(match)
    raise ValueError(f"got {written!r}; an axis is a list of values or a range: {GRAMMAR}")


def parse_setting(text: str) -> Value | list[Value]:
    """A value given on the command line: one value, a comma-separated list, or a range.

    Raises ValueError for an invalid range, or a text that looks like a mistyped list or range; the message says what to write.
    """
    match = _RANGE.fullmatch(text)
    if match and match["how"] and not match["amount"]:
        number = "0.1" if match["how"] == "step" else 5
        raise ValueError(f"{text!r} lacks a number after {match['how']}, such as {text.strip()} {number}")
    if match:
        return axis_values(text)
    if brackets := re.fullmatch(r"\s*[\[(](.*)[\])]\s*", text):
        raise ValueError(f"several values are written without brackets: {brackets[1].replace(' ', '')}")
    if whole := re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", text):
        raise ValueError(f"a range is written with two dots: {whole[1]}..{whole[2]}")
    if ".." in text:
        raise ValueError(f"{text!r} is not a range; write {GRAMMAR}")
    values = [parse_value(word) for word in text.split(",")]
    return values if len(values) > 1 else values[0]


def parse_value(word: str) -> Value:
    """Parses true, false or a number (5e4 is an integer); any other text is returned unchanged."""
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


def _numbers(*words: str) -> list[int | float] | None:
    """The numbers that the words are; None if one of them is not a finite number."""
    values = [parse_value(word) for word in words]
    numbers = [value for value in values if not isinstance(value, str | bool) and np.isfinite(value)]
    return numbers if len(numbers) == len(values) else None


def _between(match: re.Match[str]) -> list[Value]:
    written, how, numbers = match[0], match["how"], _numbers(match["low"], match["high"], match["amount"] or "1")
    if numbers is None:
        raise ValueError(f"{written!r} has an end that is not a number; write {GRAMMAR}")
    low, high, by = numbers
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
    """The number rounded to 12 significant digits, so that log-range values are shown and hashed as a user would write them."""
    return float(f"{number:.12g}")


def zipped_axes(where: str, written: Sequence[Mapping[str, object]]) -> list[dict[str, tuple[Value, ...]]]:
    """Parses the [[zipped]] tables; each becomes one axis over several hyperparameters. Raises SpecError."""
    axes = []
    for table in written:
        axis = {name: axis_of(where, name, values, repeats=True) for name, values in table.items()}
        lengths = {name: len(values) for name, values in axis.items()}
        if len(set(lengths.values())) != 1:
            got = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "nothing"
            raise SpecError(
                f"{where}: [[zipped]] values are paired one by one, so all hyperparameters need equally many; got {got}"
            )
        if len(set(zip(*axis.values(), strict=True))) < next(iter(lengths.values())):
            raise SpecError(f"{where}: [[zipped]] {', '.join(axis)} has the same combination of values twice; give each once")
        axes.append(axis)
    return axes


def sampled_axis(where: str, written: Mapping[str, Any]) -> dict[str, tuple[Value, ...]]:
    """The points sampled for a [sample] table, as one axis over several hyperparameters. Raises SpecError."""
    known = ("method", "count", "seed", "axes")
    for key in written:
        if key not in known:
            raise SpecError(
                f"{where}: [sample] {key} is none of {', '.join(known)}{nearest(key, known)}; hyperparameters go in [sample.axes]"
            )
    for key in ("method", "count", "axes"):
        if key not in written:
            raise SpecError(f"{where}: [sample] {key} is missing; it has method, count, axes, and may have a seed")
    try:
        if not isinstance(written["axes"], dict):
            raise SpecError(f"{where}: axes is a table of hyperparameters ([axes]), got {written['axes']!r}")
        drawn = draw(written["method"], written["count"], written.get("seed", 0), written["axes"])
    except ValueError as error:
        raise SpecError(f"{where}: [sample] {error}") from None
    once = dict.fromkeys(zip(*drawn.values(), strict=True))  # rounding to integers may give duplicates
    return dict(zip(drawn, zip(*once, strict=True), strict=True))


def axis_of(where: str, name: str, written: object, *, repeats: bool = False) -> tuple[Value, ...]:
    """The checked values of an axis, without duplicates unless `repeats`. Raises SpecError; `where` names the spec in messages."""
    try:
        values = axis_values(written)
    except ValueError as error:
        raise SpecError(f"{where}: axis {name}: {error}") from None
    if not values:
        raise SpecError(f"{where}: axis {name} is empty; give at least one value or take it out")
    seen: set[Value] = set()
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise SpecError(f"{where}: axis {name} holds {value!r}; a value is a number, a string, true or false")
        if value in seen and not repeats:
            raise SpecError(f"{where}: axis {name} has {value!r} twice; give each value once")
        seen.add(value)
    return tuple(values)


def draw(method: str, count: int, seed: int, axes: Mapping[str, object]) -> dict[str, tuple[Value, ...]]:
    """`count` points of the axes, each a column of values.

    Args:
      method: "random" draws every number by itself; "sobol" a scrambled Sobol sequence (Owen 1995), which covers the axes evenly,
      best with a power of two as `count`.
      count: how many points.
      seed: of the draws.
      axes: the distribution of each hyperparameter, written as in `DRAWN_GRAMMAR`.

    Raises ValueError if any of the arguments is invalid.
    """
    if method not in METHODS:
        raise ValueError(f"method = {method!r}: use {' or '.join(map(repr, METHODS))}")
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_VALUES:
        raise ValueError(f"count = {count!r}: use a whole number from 1 to {MOST_VALUES:,}")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed = {seed!r}: use a whole number, 0 or more")
    if not axes:
        raise ValueError("[sample.axes] is empty; give the hyperparameters to sample")
    draws = {name: _draw(name, written) for name, written in axes.items()}
    if method == "random":
        numbers = np.random.default_rng(seed).random((count, len(axes)))
    else:
        from scipy.stats import qmc  # noqa: PLC0415  (takes longer to import than all the rest of this package)

        numbers = qmc.Sobol(len(axes), rng=seed).random_base2(max(0, (count - 1).bit_length()))[:count]
    return {name: tuple(values(numbers[:, column])) for column, (name, values) in enumerate(draws.items())}


def _draw(name: str, written: object) -> Draw:
    if isinstance(written, list) and written:
        choices = list(written)
        return lambda numbers: [choices[int(number * len(choices))] for number in numbers]
    match = _RANGE.fullmatch(written) if isinstance(written, str) else None
    numbers = _numbers(match["low"], match["high"]) if match and match["how"] != "step" and not match["amount"] else None
    if match is None or numbers is None or not numbers[0] < numbers[1]:
        raise ValueError(f"{name} = {written!r}: write {DRAWN_GRAMMAR}, the smaller end first")
    low, high = numbers
    log, whole = match["how"] == "log", isinstance(low, int) and isinstance(high, int)
    if log and low <= 0:
        raise ValueError(f"{name} = {written!r} is log-spaced and starts at {low}; both ends must be above 0")
    # each integer covers half a unit on both sides, so that the ends are as likely as the others
    ends = np.array([low - 0.5, high + 0.5] if whole else [low, high], float)
    if log and whole:
        ends = np.maximum(ends, 0.5)

    def values(numbers: np.ndarray[Any, Any]) -> list[Value]:
        start, stop = np.log(ends) if log else ends
        spread = start + numbers * (stop - start)
        spread = np.exp(spread) if log else spread
        if whole:
            return [int(value) for value in np.clip(np.rint(spread), low, high).tolist()]
        return [clean(value) for value in np.clip(spread, low, high).tolist()]

    return values
