"""Training objectives and the metrics reported with them: means over examples, as functions of outputs and labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp

Loss = Literal["clipped_binary_cross_entropy", "cross_entropy", "mean_squared_error", "hinge", "stablemax_cross_entropy"]
Mean = Callable[[jax.Array, jax.Array], jax.Array]

# The published code keeps probabilities this far from 0 and 1; in float32 the least loss is then -log(1 - 1.19e-7) = 1.192093e-07.
CLIP = 1e-7


@jax.custom_vjp
def clipped_binary_cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over examples of -log(probability of the label), with sigmoid probabilities clipped to [1e-7, 1 - 1e-7].

    Args:
      logits: [N].
      labels: [N], 0 or 1.

    The derivative is the closed form (p - y) / N where p lies within the clip, and 0 outside. Autodiff gives the same values, but
    the closed form makes a step of a small model about a third faster.
    """
    p = jnp.clip(jax.nn.sigmoid(logits), CLIP, 1 - CLIP)
    return -jnp.mean(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))


def _clipped_forward(logits: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
    return clipped_binary_cross_entropy(logits, labels), (logits, labels)


def _clipped_backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, None]:
    logits, labels = residuals
    p = jax.nn.sigmoid(logits)
    inside = (p > CLIP) & (p < 1 - CLIP)
    return cotangent * jnp.where(inside, p - labels, 0) / logits.shape[0], None


clipped_binary_cross_entropy.defvjp(_clipped_forward, _clipped_backward)


@jax.custom_vjp
def cross_entropy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over examples of -log(softmax probability of the label), in nats. outputs: [C, N]; labels: [N] int.

    The derivative is the closed form (p - one-hot) / N, computed from the probabilities alone.
    """
    return _cross_entropy_forward(outputs, labels)[0]


def _cross_entropy_forward(outputs: jax.Array, labels: jax.Array) -> tuple[jax.Array, Any]:
    shifted = outputs - jnp.max(outputs, axis=0, keepdims=True)
    exponentials = jnp.exp(shifted)  # [C, N]
    sums = jnp.sum(exponentials, axis=0)
    loss = jnp.mean(jnp.log(sums) - of_label(shifted, labels))
    return loss, (exponentials, sums, labels)


def _cross_entropy_backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, None]:
    exponentials, sums, labels = residuals
    scale = cotangent / labels.shape[0]
    scaled = exponentials * (scale / sums)[None]
    return jnp.where(is_label(exponentials, labels), scaled - scale, scaled), None


cross_entropy.defvjp(_cross_entropy_forward, _cross_entropy_backward)


def mean_squared_error(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over examples and classes of (output - one-hot)^2. outputs: [C, N]; labels: [N] int."""
    return jnp.mean((outputs - is_label(outputs, labels).astype(outputs.dtype)) ** 2)


def hinge(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over examples of max(0, 1 - margin), where the margin is the label's output minus the greatest other output.

    outputs: [C, N]; labels: [N] int. Crammer and Singer 2001; with two classes, the usual hinge on the outputs' difference.
    """
    return jnp.mean(jnp.maximum(0, 1 - margins(outputs, labels)))


def stablemax_cross_entropy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Mean over examples of -log(StableMax probability of the label), in nats. outputs: [C, N]; labels: [N] int.

    StableMax puts s(x) = x + 1 for x >= 0 and 1 / (1 - x) below in place of exp(x): it grows too slowly to absorb the other classes
    in float arithmetic (Prieto et al. 2025).
    """
    above = outputs >= 0
    log_s = jnp.where(above, jnp.log1p(jnp.where(above, outputs, 0)), -jnp.log1p(jnp.where(above, 0, -outputs)))
    return jnp.mean(jax.nn.logsumexp(log_s, axis=0) - of_label(log_s, labels))


def margins(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """The label's output minus the greatest other output of each example [N]. outputs: [C, N]; labels: [N] int."""
    return of_label(outputs, labels) - jnp.max(jnp.where(is_label(outputs, labels), -jnp.inf, outputs), axis=0)


def of_label(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """The label's output of each example [N], by a mask, so that the gradient needs no scatter. outputs: [C, N]; labels: [N]."""
    return jnp.sum(jnp.where(is_label(outputs, labels), outputs, 0), axis=0)


def is_label(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Whether each of outputs [C, N] is the label's: [C, N] bool. labels: [N] int."""
    return labels[None] == jnp.arange(outputs.shape[0], dtype=labels.dtype)[:, None]


def binary_accuracy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Share of examples whose more probable label is the right one; a logit of exactly 0 counts as wrong. logits, labels: [N]."""
    return jnp.mean(jnp.where(labels > 0, logits > 0, logits < 0).astype(jnp.float32))


def accuracy(outputs: jax.Array, labels: jax.Array) -> jax.Array:
    """Share of examples whose label has the greatest output; a tie counts as wrong. outputs: [C, N]; labels: [N] int."""
    return jnp.mean((margins(outputs, labels) > 0).astype(jnp.float32))


@dataclass(frozen=True)
class LossFunction:
    """A training objective and the metrics reported with it.

    The optimizer minimizes `objective`. `cross_entropy` is stored as the run's loss: the objective itself if it is a cross-entropy,
    else the softmax cross-entropy of the same outputs. Both, and `accuracy`, map outputs and labels to a scalar.
    """

    objective: Mean
    cross_entropy: Mean
    accuracy: Mean = accuracy
    one_logit: bool = False  # for two classes: outputs [N], labels as floats

    def num_outputs(self, num_classes: int) -> int:
        """The number of model outputs for `num_classes` classes."""
        return 1 if self.one_logit else num_classes


LOSSES: dict[Loss, LossFunction] = {
    "clipped_binary_cross_entropy": LossFunction(
        clipped_binary_cross_entropy, clipped_binary_cross_entropy, binary_accuracy, one_logit=True
    ),
    "cross_entropy": LossFunction(cross_entropy, cross_entropy),
    "mean_squared_error": LossFunction(mean_squared_error, cross_entropy),
    "hinge": LossFunction(hinge, cross_entropy),
    "stablemax_cross_entropy": LossFunction(stablemax_cross_entropy, stablemax_cross_entropy),
}
