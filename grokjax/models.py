"""Models, as flax modules over inputs that lie in memory both by feature and by sample."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import Part, PositiveInt

Params = dict[str, Any]


class Inputs(NamedTuple):
    """The same inputs in two layouts, so that neither product of a training step has to transpose them."""

    by_feature: jax.Array  # [D, N]
    by_sample: jax.Array  # [N, D]


class Mlp(Part):
    """relu(x W_in) w_out: one hidden layer, one output, lecun-normal weights; the bias is an input that is always one."""

    model: Literal["mlp"] = "mlp"
    hidden_size: Annotated[PositiveInt, pydantic.Field(description="hidden units")]

    def arrange(self, inputs: jax.Array) -> Inputs:
        """Lays out inputs [N, D] for `apply`."""
        return Inputs(by_feature=inputs.T, by_sample=inputs)

    def init(self, key: jax.Array, inputs: Inputs) -> Params:
        """Fresh weights: `hidden` [H, D] and `output` [1, H]. `key` is consumed."""
        params: Params = self._module.init(key, inputs)["params"]
        return params

    def apply(self, params: Params, inputs: Inputs) -> jax.Array:
        """The logits [N]."""
        logits = self._module.apply({"params": params}, inputs)
        assert isinstance(logits, jax.Array)
        return logits

    def input_weights(self, params: Params) -> jax.Array:
        """The weights [H, D] that read the inputs."""
        weights: jax.Array = params["hidden"]
        return weights

    def step_flops(self, num_inputs: int, num_examples: int) -> int:
        """Useful arithmetic of one training step: 2 m n k for each matrix product of the forward and the backward pass.

        Two products with the inputs (forward, weight gradient) and three with the output weights; none for what an implementation
        recomputes, for element-wise work, or for the optimizer.
        """
        return 2 * num_examples * self.hidden_size * (2 * num_inputs + 3)

    @property
    def _module(self) -> _OneHiddenLayer:
        return _OneHiddenLayer(self.hidden_size)


class _OneHiddenLayer(nn.Module):
    hidden_size: int

    @nn.compact
    def __call__(self, inputs: Inputs) -> jax.Array:
        num_inputs = inputs.by_feature.shape[0]
        # Variance 1 / fan-in from a whole normal: lecun_normal cuts the tails off, which shifts the published phases.
        normal = nn.initializers.variance_scaling(1.0, "fan_in", "normal", in_axis=-1, out_axis=-2)
        hidden = self.param("hidden", normal, (self.hidden_size, num_inputs))
        output = self.param("output", normal, (1, self.hidden_size))
        return relu_readout(hidden, output[0], inputs)


@jax.custom_vjp
def relu_readout(hidden: jax.Array, output: jax.Array, inputs: Inputs) -> jax.Array:
    """Output @ relu(hidden @ x) for every example: hidden [H, D], output [H], inputs of N examples -> [N].

    Both weight gradients come from one product. With dz [N] the logits' cotangent, let G = ([hidden x > 0] dz) x^T, [H, D]. Then
    d hidden = output * G, and because relu(u) = [u > 0] u, d output = rowsum(hidden * G), with no second pass over the activations.
    The inputs are data: they get no gradient.
    """
    return output @ jnp.maximum(hidden @ inputs.by_feature, 0)


def _forward(hidden: jax.Array, output: jax.Array, inputs: Inputs) -> tuple[jax.Array, Any]:
    preactivations = hidden @ inputs.by_feature  # [H, N]
    return output @ jnp.maximum(preactivations, 0), (hidden, output, inputs, preactivations)


def _backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    hidden, output, inputs, preactivations = residuals
    shared = jnp.where(preactivations > 0, cotangent, 0) @ inputs.by_sample  # [H, D]
    return output[:, None] * shared, jnp.sum(hidden * shared, axis=1), None


relu_readout.defvjp(_forward, _backward)

Model = Mlp
