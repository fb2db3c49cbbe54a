"""Fourier spectra of hidden units' input and output weights over tokens, for NumPy and JAX arrays. Imports no jax.

V tokens have the frequencies k = 1 to K = V // 2; a wave of frequency k over the tokens a is a mix of cos and sin of 2 pi k a / V.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any  # of NumPy or JAX; results are of the same
# Power within the rounding error of float32, in which weights are trained, counts as zero by default.
ROUNDING = float(np.finfo(np.float32).eps)


def fourier_basis(num_tokens: int) -> np.ndarray:
    """Cosine and sine at each frequency, each of norm one (the last sine is zero for even V): [K, 2, V], float64."""
    angles = 2 * np.pi * np.outer(np.arange(1, num_tokens // 2 + 1), np.arange(num_tokens)) / num_tokens
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    norms = np.linalg.norm(waves, axis=2, keepdims=True)
    return np.where(norms > 1e-6, waves / np.maximum(norms, 1e-6), 0)


def power_spectrum(waves: Array) -> Array:
    """Power of waves [..., V, H] at each frequency: [..., K, H]."""
    xp = waves.__array_namespace__()
    basis = xp.asarray(fourier_basis(waves.shape[-2]), dtype=waves.dtype)
    return xp.sum(xp.einsum("ksv,...vh->...ksh", basis, waves, optimize=True) ** 2, axis=-2)


def power_shares(waves: Array, rounding: float = ROUNDING) -> Array:
    """Share of each unit's power at each frequency, over all of waves [L, V, H]: [K, H].

    The constant component is left out. A share is zero where the power is at most `rounding` times the unit's sum of squares.
    """
    xp = waves.__array_namespace__()
    power = xp.sum(power_spectrum(waves), axis=0)  # [K, H]
    total = xp.sum(power, axis=0, keepdims=True)
    nonzero = total > rounding * xp.sum(waves**2, axis=(0, 1))[None]
    return xp.where(nonzero, power / xp.where(nonzero, total, 1), 0)


def unit_shares(reads: Array, writes: Array, rounding: float = ROUNDING) -> Array:
    """Share of each unit's power at each frequency: [K, H].

    The mean of the shares in its input weights [L, V, H], over all positions, and in its output weights [V, H]: a unit that reads
    one frequency and writes another has a share of one half at each.
    """
    return (power_shares(reads, rounding) + power_shares(writes[None], rounding)) / 2


def circle(num_tokens: int, frequencies: Sequence[int]) -> np.ndarray:
    """Cosine and sine of each frequency, columns of norm one, in float64: [V, 2 * frequencies]."""
    angles = 2 * np.pi * np.outer(np.arange(num_tokens), frequencies) / num_tokens
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(num_tokens, -1)
    normed: np.ndarray = waves / np.linalg.norm(waves, axis=0)
    return normed
