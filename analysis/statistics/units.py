"""Hidden units over tokens: what each reads and writes, from kept weights, and the frequencies of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]
# Models whose hidden units stand between tokens and outputs; an mlp with one layer alone.
MODELS = ("modular_mlp", "mlp")


@dataclass(frozen=True)
class UnitMaps:
    """What each of H units reads from each of V tokens at each of L positions, and writes to each of C outputs, at K steps.

    Both are products of the weights: E W and O U in the words of the article. Where all positions are read alike, L = 1.
    """

    step: Array  # [K]
    reads: Array  # [K, L, V, H]
    writes: Array  # [K, H, C]

    @property
    def sides(self) -> tuple[tuple[str, Array], ...]:
        """Each position's reads and the writes, by name, as waves over the tokens [K, V, H]."""
        names = ("reads a", "reads b") if self.reads.shape[1] == 2 else ("reads a and b",)
        return *((name, self.reads[:, place]) for place, name in enumerate(names)), ("writes", np.swapaxes(self.writes, 1, 2))


def unit_maps(weights: Weights, run: Mapping[str, Any]) -> UnitMaps:
    """What the hidden units of a run read and write at each step whose weights were kept, in float64.

    Args:
      weights: from `load.load_weights`.
      run: its row of the runs table.

    Raises:
      AnalysisError: the run's units do not stand between tokens and outputs over the same tokens.
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
    """A token's embedding [K, V, E] through its hidden weights [K, H, E]; the output weights [K, H, E] through the unembedding."""
    if run["embedding"] == "circle":
        arrays = {**arrays, "embedding": circle(int(run["modulus"]), str(run["circle_frequencies"]))[None]}
    reads = [_product(_of(arrays, "embedding", token), _of(arrays, "hidden", token)) for token in "ab"]
    writes = _product(_of(arrays, "unembedding") if "unembedding" in arrays else arrays["embedding"], _of(arrays, "output"))
    return np.stack(reads, axis=1), np.swapaxes(writes, 1, 2)


def _of(arrays: Mapping[str, Array], name: str, token: str = "") -> Array | None:
    return arrays.get(f"{name}_{token}", arrays.get(name))


def _product(rows: Array | None, weights: Array | None) -> Array:
    """Rows [K, V, E] through weights [K, H, E]: [K, V, H]; the rows themselves where the weights are collapsed."""
    assert rows is not None
    return rows if weights is None else rows @ np.swapaxes(weights, 1, 2)


def circle(tokens: int, frequencies: str) -> Array:
    """Cosine and sine of each frequency ("3+11"), columns of norm one: [V, 2 * frequencies]; the model's fixed embedding."""
    angles = 2 * np.pi * np.outer(np.arange(tokens), [int(k) for k in frequencies.split("+")]) / tokens
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(tokens, -1)
    normed: Array = waves / np.linalg.norm(waves, axis=0)
    return normed


@dataclass(frozen=True)
class UnitFrequencies:
    """Each unit's frequency and how much of its power is there, as the probe `fourier` stores them."""

    frequency: Array  # [H] from 1; 0 where a unit has no power
    share: Array  # [H]

    @property
    def keys(self) -> list[int]:
        """The frequencies that are some unit's, those of most units first."""
        values, counts = np.unique(self.frequency[self.frequency > 0], return_counts=True)
        return [int(value) for value, _ in sorted(zip(values, counts, strict=True), key=lambda each: (-each[1], each[0]))]


def unit_frequencies(maps: UnitMaps, at: int = -1) -> UnitFrequencies:
    """The frequency of each unit at the step with the index `at`: that of most of its power, over what it reads and writes."""
    power = unit_shares(maps, at)
    greatest = power.max(axis=0)
    return UnitFrequencies(np.where(greatest > 0, power.argmax(axis=0) + 1, 0), greatest)


def unit_shares(maps: UnitMaps, at: int) -> Array:
    """Share of each unit's power at each frequency 1 to F = V // 2, [F, H]: the mean of that in what it reads, over all positions,
    and in what it writes. The constant is left out; zeros where rounding is all there is.
    """
    return (power_shares(maps.reads[at]) + power_shares(np.swapaxes(maps.writes[at], 0, 1)[None])) / 2


def power_shares(waves: Array) -> Array:
    """Share of each unit's power at each frequency, over all of waves [L, V, H]: [F, H]."""
    power = power_spectrum(waves).sum(axis=0)
    total = power.sum(axis=0)
    there = total > np.finfo(np.float32).eps * np.sum(waves**2, axis=(0, 1))
    shares: Array = np.where(there, power / np.where(there, total, 1), 0)
    return shares


def power_spectrum(waves: Array) -> Array:
    """Power of waves [..., V, H] at each frequency 1 to F = V // 2, by cosine and sine of norm one: [..., F, H]."""
    tokens = waves.shape[-2]
    transformed = np.fft.rfft(waves, axis=-2)[..., 1:, :]
    per_norm = np.full(tokens // 2, 2 / tokens)
    if tokens % 2 == 0:
        per_norm[-1] = 1 / tokens  # its sine is zero
    power: Array = np.abs(transformed) ** 2 * per_norm[:, None]
    return power


def components(waves: Array, frequency: int) -> Array:
    """Cosine and sine parts (c, s) of waves [..., V, H] at a frequency k, [..., H, 2].

    c cos(2 pi k a / V) + s sin(2 pi k a / V) is the wave's part at k: amplitude and phase are those of the point (c, s).
    """
    tokens = waves.shape[-2]
    transformed = np.fft.rfft(waves, axis=-2)[..., frequency, :] * (1 if 2 * frequency == tokens else 2) / tokens
    return np.stack([transformed.real, -transformed.imag], axis=-1)


def token_order(tokens: int, frequency: int) -> Array:
    """Tokens a in the order of k a mod V, [V], in which a wave of frequency k comes round once."""
    order: Array = np.argsort(np.arange(tokens) * frequency % tokens, kind="stable")
    return order
