"""Models, as flax modules over inputs that lie in memory both by feature and by sample."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import Part, PositiveInt

Params = dict[str, Any]


# Features are filled up with zeros to a multiple of this: whole vectors make a step 1 to 10 % faster.
FEATURE_MULTIPLE = 16


class Inputs(NamedTuple):
    """The same inputs in two layouts, so that neither product of a training step has to transpose them.

    F >= D features: those beyond the task's D are zero, and no weight belongs to them.
    """

    by_feature: jax.Array  # [F, N]
    by_sample: jax.Array  # [N, F]


class Mlp(Part):
    """relu(x W_in) w_out: one hidden layer, one output, lecun-normal weights; the bias is an input that is always one."""

    model: Literal["mlp"] = "mlp"
    hidden_size: Annotated[PositiveInt, pydantic.Field(description="hidden units")]

    def arrange(self, inputs: jax.Array) -> Inputs:
        """Lays out inputs [N, D] for `apply`."""
        filled = jnp.pad(inputs, ((0, 0), (0, -inputs.shape[1] % FEATURE_MULTIPLE)))
        return Inputs(by_feature=filled.T, by_sample=filled)

    def init(self, key: jax.Array, num_inputs: int) -> Params:
        """Fresh weights for D = `num_inputs`: `hidden` [H, D] and `output` [1, H]. `key` is consumed."""
        module = _OneHiddenLayer(self.hidden_size, num_inputs)
        params: Params = module.init(key, self.arrange(jnp.zeros((1, num_inputs))))["params"]
        return params

    def apply(self, params: Params, inputs: Inputs) -> jax.Array:
        """The logits [N]."""
        module = _OneHiddenLayer(*params["hidden"].shape)
        logits = module.apply({"params": params}, inputs)
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


class _OneHiddenLayer(nn.Module):
    hidden_size: int
    num_inputs: int

    @nn.compact
    def __call__(self, inputs: Inputs) -> jax.Array:
        # Variance 1 / fan-in from a whole normal: lecun_normal cuts the tails off, which shifts the published phases.
        normal = nn.initializers.variance_scaling(1.0, "fan_in", "normal", in_axis=-1, out_axis=-2)
        hidden = self.param("hidden", normal, (self.hidden_size, self.num_inputs))
        output = self.param("output", normal, (1, self.hidden_size))
        return relu_readout(hidden, output[0], inputs)


@jax.custom_vjp
def relu_readout(hidden: jax.Array, output: jax.Array, inputs: Inputs) -> jax.Array:
    """Output @ relu(hidden @ x) for every example: hidden [H, D], output [H], inputs of N examples and D or more features -> [N].

    Both weight gradients come from one product. With dz [N] the logits' cotangent, let G = ([hidden x > 0] dz) x^T, [H, D]. Then
    d hidden = output * G, and because relu(u) = [u > 0] u, d output = rowsum(hidden * G), with no second pass over the activations.
    The inputs are data: they get no gradient.
    """
    logits, _ = _forward(hidden, output, inputs)
    return logits


def _forward(hidden: jax.Array, output: jax.Array, inputs: Inputs) -> tuple[jax.Array, Any]:
    filled = jnp.pad(hidden, ((0, 0), (0, inputs.by_feature.shape[0] - hidden.shape[1])))  # [H, F]
    preactivations = filled @ inputs.by_feature  # [H, N]
    return output @ jnp.maximum(preactivations, 0), (hidden, output, inputs, preactivations)


def _backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    hidden, output, inputs, preactivations = residuals
    shared = jnp.where(preactivations > 0, cotangent, 0) @ inputs.by_sample  # [H, F]
    shared = shared[:, : hidden.shape[1]]  # [H, D]
    return output[:, None] * shared, jnp.sum(hidden * shared, axis=1), None


relu_readout.defvjp(_forward, _backward)

Model = Mlp
