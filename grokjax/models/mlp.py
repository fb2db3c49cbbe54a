"""Multilayer perceptron on vectors or one-hot tokens; its inputs lie in memory both by feature and by sample."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import PositiveInt
from grokjax.models.base import ACTIVATIONS, Activation, EmbeddingModel, NeuronMaps, Params, drop, linear, normal, one_hot
from grokjax.tasks.base import Task

# Features are zero-padded to a multiple of this: full vectors make a step 1 to 10 % faster.
FEATURE_MULTIPLE = 16


class Inputs(NamedTuple):
    """The same inputs in two layouts, so that neither product of a training step has to transpose them.

    F >= D features: those beyond the task's D are zero, and no weight belongs to them.
    """

    by_feature: jax.Array  # [F, N]
    by_sample: jax.Array  # [N, F]


class Mlp(EmbeddingModel):
    """act(... act(act(x W_1) W_2) ...) W_out, without biases: the tasks' inputs have a constant one.

    Tokens are read as one-hot vectors. Initial weights are normal with variance 1 / fan-in.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"vectors", "tokens"})
    one_logit: ClassVar[bool] = True

    model: Literal["mlp"] = "mlp"
    hidden_size: Annotated[PositiveInt, pydantic.Field(description="hidden units")]
    layers: Annotated[PositiveInt, pydantic.Field(description="hidden layers, or blocks")] = 1
    activation: Activation = "relu"

    def arrange(self, task: Task, inputs: jax.Array) -> Inputs:
        if task.inputs == "tokens":
            inputs = one_hot(inputs, task.num_tokens).reshape(len(inputs), -1)
        filled = jnp.pad(inputs, ((0, 0), (0, -inputs.shape[1] % FEATURE_MULTIPLE)))
        return Inputs(by_feature=filled.T, by_sample=filled)

    def take(self, inputs: Inputs, indices: jax.Array) -> Inputs:
        by_sample = inputs.by_sample[indices]
        return Inputs(by_feature=by_sample.T, by_sample=by_sample)

    def init(self, key: jax.Array, task: Task, num_outputs: int) -> Params:
        """Fresh weights: `hidden` [H, D], `hidden_2` [H, H] and so on, and `output` [C, H]. `key` is consumed."""
        features = jnp.zeros((1, self._num_features(task)))
        module = self._module(task, num_outputs)
        params: Params = module.init(key, Inputs(features.T, features))["params"]
        return params

    def apply(self, task: Task, params: Params, inputs: Inputs, key: jax.Array | None = None) -> jax.Array:
        outputs = self._module(task, len(params["output"])).apply({"params": params}, inputs, key)
        assert isinstance(outputs, jax.Array)
        return outputs

    def step_flops(self, task: Task, num_outputs: int, num_examples: int) -> int:
        """FLOPs of a step: two products with the inputs (forward, weight gradient), and three with each of the other weights."""
        further = (self.layers - 1) * self.hidden_size**2 + self.hidden_size * num_outputs
        return 2 * num_examples * (2 * self.hidden_size * self._num_features(task) + 3 * further)

    def has_neuron_maps(self, task: Task) -> bool:
        return self.layers == 1 and task.inputs == "tokens"

    def neuron_maps(self, task: Task, params: Params) -> NeuronMaps:
        """The hidden weights for each token's one-hot entry, and the output weights."""
        by_position = params["hidden"].T.reshape(task.num_inputs, task.num_tokens, self.hidden_size)
        return NeuronMaps(by_position, params["output"].T)

    def embed(self, task: Task, params: Params, tokens: jax.Array) -> jax.Array:
        return one_hot(tokens, task.num_tokens)

    def apply_to_embedded(self, task: Task, params: Params, embedded: jax.Array) -> jax.Array:
        features = embedded.reshape(len(embedded), -1)
        return self.apply(task, params, Inputs(by_feature=features.T, by_sample=features))

    def _num_features(self, task: Task) -> int:
        return task.num_inputs * (task.num_tokens if task.inputs == "tokens" else 1)

    def _module(self, task: Task, num_outputs: int) -> _Mlp:
        return _Mlp((self._num_features(task), *[self.hidden_size] * self.layers, num_outputs), self.activation, self.dropout)


class _Mlp(nn.Module):
    sizes: tuple[int, ...]  # of inputs, hidden layers, outputs
    activation: str
    dropout: float

    @nn.compact
    def __call__(self, inputs: Inputs, key: jax.Array | None = None) -> jax.Array:
        names = ["hidden", *(f"hidden_{layer}" for layer in range(2, len(self.sizes) - 1)), "output"]
        weights = [
            self.param(name, normal, (fan_out, fan_in), 1 / fan_in)
            for name, (fan_in, fan_out) in zip(names, itertools.pairwise(self.sizes), strict=True)
        ]
        if len(weights) == 2 and self.sizes[-1] == 1 and self.activation == "relu" and self.dropout == 0:
            hidden, output = weights
            return relu_readout(hidden, output[0], inputs)
        activations = first_layer(weights[0], inputs)  # [H, N]
        for layer, weight in enumerate(weights[1:]):
            layer_key = None if key is None else jax.random.fold_in(key, layer)
            activations = linear(weight, drop(layer_key, ACTIVATIONS[self.activation](activations), self.dropout))
        return activations[0] if self.sizes[-1] == 1 else activations


@jax.custom_vjp
def first_layer(hidden: jax.Array, inputs: Inputs) -> jax.Array:
    """Hidden @ x for every example: hidden [H, D], inputs of N examples and D or more features -> [H, N].

    The gradient takes the inputs by sample, so that nothing is transposed. Inputs get a gradient only in
    `apply_to_embedded`, where the features are not padded.
    """
    return _filled(hidden, inputs) @ inputs.by_feature


def _filled(hidden: jax.Array, inputs: Inputs) -> jax.Array:
    return jnp.pad(hidden, ((0, 0), (0, inputs.by_feature.shape[0] - hidden.shape[1])))  # [H, F]


def _first_layer_forward(hidden: jax.Array, inputs: Inputs) -> tuple[jax.Array, Any]:
    return first_layer(hidden, inputs), (hidden, inputs)


def _first_layer_backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, Inputs]:
    hidden, inputs = residuals
    by_feature = _filled(hidden, inputs).T @ cotangent  # [F, N]; XLA drops it if it is not used
    gradient = (cotangent @ inputs.by_sample)[:, : hidden.shape[1]]
    return gradient, Inputs(by_feature=by_feature, by_sample=jnp.zeros_like(inputs.by_sample))


first_layer.defvjp(_first_layer_forward, _first_layer_backward)


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
    preactivations = _filled(hidden, inputs) @ inputs.by_feature  # [H, N]
    return output @ jnp.maximum(preactivations, 0), (hidden, output, inputs, preactivations)


def _backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    hidden, output, inputs, preactivations = residuals
    shared = jnp.where(preactivations > 0, cotangent[None], 0) @ inputs.by_sample  # [H, F]
    shared = shared[:, : hidden.shape[1]]  # [H, D]
    return output[:, None] * shared, jnp.sum(hidden * shared, axis=1), None


relu_readout.defvjp(_forward, _backward)
