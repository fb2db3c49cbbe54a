"""Losses: what the optimizer descends, as functions of a model's outputs and the labels; mean per example, in nats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

# The published probabilities stay this far from 0 and 1; in float32 it makes the least loss -log(1 - 1.19e-7) = 1.192093e-07.
CLIP = 1e-7

Loss = Literal["clipped_binary_cross_entropy"]


@jax.custom_vjp
def clipped_binary_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over examples of -log(probability of the label), with sigmoid probabilities clipped to [1e-7, 1 - 1e-7].

    Args:
      logits: [N].
      labels: [N], 0 or 1.

    The derivative is the closed form: (p - y) / N where p lies inside the clip, 0 outside it, which is what differentiating through
    the clip and the logarithm gives, at about two thirds of the time of a small model's step.
    """
    p = jnp.clip(jax.nn.sigmoid(logits), CLIP, 1 - CLIP)
    return -jnp.mean(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))


def _forward(logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
    return clipped_binary_cross_entropy(logits, labels), (logits, labels)


def _backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, None]:
    logits, labels = residuals
    p = jax.nn.sigmoid(logits)
    inside = (p > CLIP) & (p < 1 - CLIP)
    return cotangent * jnp.where(inside, p - labels, 0) / logits.shape[0], None


clipped_binary_cross_entropy.defvjp(_forward, _backward)


def binary_accuracy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Share of examples whose more probable label is the right one; a logit of exactly 0 counts as wrong. logits, labels: [N]."""
    return jnp.mean(jnp.where(labels > 0, logits > 0, logits < 0).astype(jnp.float32))


LOSSES: dict[Loss, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "clipped_binary_cross_entropy": clipped_binary_cross_entropy,
}
