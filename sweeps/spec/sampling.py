"""Random and quasi-random search: drawn points, which are one axis of several hyperparameters like any other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import qmc

from grokjax.fields import Value
from grokjax.sweeps.spec.axes import clean, parse_value

METHODS = ("random", "sobol")
GRAMMAR = '"0.01..1 log", "0..1" or "16..256 log" (whole numbers stay whole), or a list to choose from'
MOST_POINTS = 1_000_000

_RANGE = re.compile(r"^\s*(?P<low>\S+?)\s*\.\.\s*(?P<high>\S+?)(?:\s+(?P<how>log|linear))?\s*$")

Draw = Callable[[np.ndarray[Any, Any]], list[Value]]  # from numbers in [0, 1) to values


def draw(method: str, count: int, seed: int, axes: Mapping[str, object]) -> dict[str, tuple[Value, ...]]:
    """`count` points of the axes, each a column of values.

    Args:
      method: "random" draws every number by itself; "sobol" a scrambled Sobol sequence (Owen 1995), which covers the axes evenly;
        a power of two is its best count.
      count: how many points.
      seed: of the draws.
      axes: what each hyperparameter is drawn from, as in `GRAMMAR`.

    Raises:
      ValueError: any of these is not as it must be.
    """
    if method not in METHODS:
        raise ValueError(f"method = {method!r}: use {' or '.join(map(repr, METHODS))}")
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_POINTS:
        raise ValueError(f"count = {count!r}: use a whole number from 1 to {MOST_POINTS:,}")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed = {seed!r}: use a whole number, 0 or more")
    if not axes:
        raise ValueError("it draws nothing; name what to draw in [sample.axes]")
    draws = {name: _draw(name, written) for name, written in axes.items()}
    if method == "random":
        numbers = np.random.default_rng(seed).random((count, len(axes)))
    else:
        numbers = qmc.Sobol(len(axes), rng=seed).random_base2(max(0, (count - 1).bit_length()))[:count]
    return {name: tuple(values(numbers[:, column])) for column, (name, values) in enumerate(draws.items())}


def _draw(name: str, written: object) -> Draw:
    if isinstance(written, list) and written:
        choices = list(written)
        return lambda numbers: [choices[int(number * len(choices))] for number in numbers]
    match = _RANGE.match(written) if isinstance(written, str) else None
    low, high = (parse_value(match[end]) for end in ("low", "high")) if match else ("", "")
    if match is None or isinstance(low, str | bool) or isinstance(high, str | bool) or not low < high:
        raise ValueError(f"{name} = {written!r}: write {GRAMMAR}, the smaller end first")
    log, whole = match["how"] == "log", isinstance(low, int) and isinstance(high, int)
    if log and low <= 0:
        raise ValueError(f"{name} = {written!r} is log-spaced and starts at {low}; both ends must be above 0")
    # a whole number has the half below and above it, so that both ends are as likely as the others
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
