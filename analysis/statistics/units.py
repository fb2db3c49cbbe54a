"""Input and output weights of hidden units over tokens, computed from stored weights, and their frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError
from grokjax.fields import parse_int_list
from grokjax.spectra import circle, unit_shares

Array = np.ndarray[Any, Any]
# Models with hidden units between tokens and outputs; an mlp only if it has a single layer.
MODELS = ("modular_mlp", "mlp")


@dataclass(frozen=True)
class UnitMaps:
    """The weights with which H units read V tokens at L positions and write C outputs, at K steps.

    Both are products of the weights: E W and O U in the article's notation. L = 1 where all positions are read through the same
    weights.
    """

    step: Array  # [K]
    reads: Array  # [K, L, V, H]
    writes: Array  # [K, H, C]

    @property
    def sides(self) -> tuple[tuple[str, Array], ...]:
        """Reads of each position, then writes: pairs of a name and waves over the tokens, [K, V, H]."""
        names = ("reads a", "reads b") if self.reads.shape[1] == 2 else ("reads a and b",)
        return *((name, self.reads[:, place]) for place, name in enumerate(names)), ("writes", np.swapaxes(self.writes, 1, 2))


def unit_maps(weights: Weights, run: Mapping[str, Any]) -> UnitMaps:
    """The input and output weights of a run's hidden units at each stored step, in float64.

    Args:
      weights: from `load.load_weights`.
      run: its row of the runs table.

    Raises:
      AnalysisError: the run's model has no hidden units between tokens and outputs, or its outputs are not the tokens.
    """
    model, task = run["model"], run["task"]
    if task != "modular_arithmetic" or model not in MODELS or (model == "mlp" and run["layers"] != 1):
        raise AnalysisError(
            f"task = {task!r} with model = {model!r} has no hidden units between tokens and outputs; waves, stars and spectra need "
            "modular_arithmetic with a modular_mlp, or with an mlp of one layer"
        )
    arrays = {name: array.astype(np.float64) for name, array in weights.arrays.items()}
    reads, writes = _of_mlp(arrays, int(run["modulus"])) if model == "mlp" else _of_modular_mlp(arrays, run)
    if reads.shape[1] == 2 and np.array_equal(reads[:, 0], reads[:, 1]):
        reads = reads[:, :1]
    return UnitMaps(weights.step, reads, writes)


def _of_mlp(arrays: Mapping[str, Array], tokens: int) -> tuple[Array, Array]:
    hidden = arrays["hidden"]  # [K, H, L V]
    by_position = hidden.reshape(*hidden.shape[:2], -1, tokens)  # [K, H, L, V]
    return by_position.transpose(0, 2, 3, 1), np.swapaxes(arrays["output"], 1, 2)


def _of_modular_mlp(arrays: Mapping[str, Array], run: Mapping[str, Any]) -> tuple[Array, Array]:
    """Reads [K, 2, V, H], embeddings times hidden weights [K, H, E]; writes [K, H, C], output weights times unembedding."""
    if run["embedding"] == "circle":
        arrays = {**arrays, "embedding": circle(int(run["modulus"]), parse_int_list(str(run["circle_frequencies"])))[None]}
    reads = [_product(_of(arrays, "embedding", token), _of(arrays, "hidden", token)) for token in "ab"]
    writes = _product(_of(arrays, "unembedding") if "unembedding" in arrays else arrays["embedding"], _of(arrays, "output"))
    return np.stack(reads, axis=1), np.swapaxes(writes, 1, 2)


def _of(arrays: Mapping[str, Array], name: str, token: str = "") -> Array | None:
    return arrays.get(f"{name}_{token}", arrays.get(name))


def _product(rows: Array | None, weights: Array | None) -> Array:
    """Rows [K, V, E] times weights [K, H, E] transposed: [K, V, H]; the rows themselves if the model has no such weights."""
    assert rows is not None
    return rows if weights is None else rows @ np.swapaxes(weights, 1, 2)


@dataclass(frozen=True)
class UnitFrequencies:
    """The frequency of each unit and its share of the unit's power, as the probe `fourier` stores them."""

    frequency: Array  # [H] from 1; 0 for a unit without power
    share: Array  # [H]

    @property
    def keys(self) -> list[int]:
        """The different frequencies of the units, most common first."""
        values, counts = np.unique(self.frequency[self.frequency > 0], return_counts=True)
        return [int(value) for value, _ in sorted(zip(values, counts, strict=True), key=lambda each: (-each[1], each[0]))]


def unit_frequencies(maps: UnitMaps, at: int = -1) -> UnitFrequencies:
    """The frequency with most of each unit's power, over input and output weights, at the step with index `at`."""
    shares: Array = unit_shares(maps.reads[at], np.swapaxes(maps.writes[at], 0, 1))  # [F, H]
    greatest = shares.max(axis=0)
    return UnitFrequencies(np.where(greatest > 0, shares.argmax(axis=0) + 1, 0), greatest)


def components(waves: Array, frequency: int) -> Array:
    """Coefficients (c, s) of cosine and sine of waves [..., V, H] at a frequency k: [..., H, 2].

    The wave's component at k is c cos(2 pi k a / V) + s sin(2 pi k a / V); its amplitude and phase are those of the point (c, s).
    """
    tokens = waves.shape[-2]
    transformed = np.fft.rfft(waves, axis=-2)[..., frequency, :] * (1 if 2 * frequency == tokens else 2) / tokens
    return np.stack([transformed.real, -transformed.imag], axis=-1)


def token_order(tokens: int, frequency: int) -> Array:
    """The tokens a sorted by k a mod V, [V]: over tokens in this order a wave of frequency k has one period."""
    order: Array = np.argsort(np.arange(tokens) * frequency % tokens, kind="stable")
    return order
