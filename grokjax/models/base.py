"""The base class of models: initial weights, outputs, the cost of a step, and the quantities that probes read."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import Component, TracedFloat
from grokjax.tasks.base import Task

Params = dict[str, Any]
Inputs = Any  # inputs of N examples in the model's own layout

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "quadratic": jnp.square,
    "tanh": jnp.tanh,
    "gelu": jax.nn.gelu,  # with the tanh approximation
}
Activation = Annotated[
    Literal["relu", "quadratic", "tanh", "gelu"], pydantic.Field(description="activation function of the hidden units")
]


class NeuronMaps(NamedTuple):
    """The input weights of H hidden units for V tokens at L positions, and their output weights for C outputs."""

    inputs: jax.Array  # [L, V, H]
    outputs: jax.Array  # [H, C]


class Model(Component):
    """A map from inputs to C outputs, or to one logit. All arrays belong to a single run and have no axis for lanes.

    Outputs are [C, N], classes first, so that the values of one class or hidden unit for all examples are contiguous. This is the
    fastest layout for vector units and matrix products when there are few classes and many examples.

    Weights whose name begins with "embedding" or "unembedding" follow the optimizer's settings for embeddings.
    """

    reads: ClassVar[frozenset[str]]  # "vectors", "tokens"
    one_logit: ClassVar[bool] = False  # whether the model can have a single output, [N], for two classes
    precisions: ClassVar[frozenset[str]] = frozenset({"float32", "float64"})

    init_scale: Annotated[TracedFloat, pydantic.Field(gt=0, description="factor on all first weights")] = 1.0
    dropout: Annotated[
        float, pydantic.Field(ge=0, lt=1, description="share of hidden activations set to zero in a step, the others scaled up")
    ] = 0.0

    def check(self, task: Task, num_outputs: int) -> None:
        """Raises ValueError, naming field and value, if the model does not fit the task although it can read its inputs."""

    def arrange(self, task: Task, inputs: jax.Array) -> Inputs:
        """Lays out inputs [N, D] or [N, L] once, before training."""
        return inputs

    def take(self, inputs: Inputs, indices: jax.Array) -> Inputs:
        """The arranged inputs of the examples `indices` [n]."""
        return jax.tree.map(lambda leaf: leaf[indices], inputs)

    @abstractmethod
    def init(self, key: jax.Array, task: Task, num_outputs: int) -> Params:
        """Fresh weights, before `init_scale`. `key` is consumed."""

    @abstractmethod
    def apply(self, task: Task, params: Params, inputs: Inputs, key: jax.Array | None = None) -> jax.Array:
        """The outputs, [C, N], or [N] for a single logit. `key` is for dropout; without it nothing is dropped."""

    @abstractmethod
    def step_flops(self, task: Task, num_outputs: int, num_examples: int) -> int:
        """FLOPs of one training step: 2 m n k for each matrix product of the forward and the backward pass.

        Recomputed products, element-wise operations and the optimizer are not counted.
        """

    def has_neuron_maps(self, task: Task) -> bool:
        """Whether the model has a single hidden layer between tokens and outputs, which `neuron_maps` requires."""
        return False

    def neuron_maps(self, task: Task, params: Params) -> NeuronMaps:
        """The input and output weights of the hidden units over tokens. Only called if `has_neuron_maps` returns True."""
        raise AssertionError(f"{type(self).__name__} has no neuron maps")


class EmbeddingModel(Model):
    """A model that embeds its tokens, so that outputs can be differentiated by the embeddings."""

    @abstractmethod
    def embed(self, task: Task, params: Params, tokens: jax.Array) -> jax.Array:
        """The embedding of each token: [N, L] -> [N, L, E]."""

    @abstractmethod
    def apply_to_embedded(self, task: Task, params: Params, embedded: jax.Array) -> jax.Array:
        """The outputs [C, N] from embeddings [N, L, E]."""


@jax.custom_vjp
def linear(weights: jax.Array, activations: jax.Array) -> jax.Array:
    """The product of weights [M, H] and activations [H, N]: [M, N].

    The derivative with respect to the activations is a single product too. Plain autodiff gives it as [N, H] and then transposes.
    """
    return weights @ activations


def _linear_forward(weights: jax.Array, activations: jax.Array) -> tuple[jax.Array, Any]:
    return weights @ activations, (weights, activations)


def _linear_backward(residuals: Any, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
    weights, activations = residuals
    return cotangent @ activations.T, weights.T @ cotangent


linear.defvjp(_linear_forward, _linear_backward)


def drop(key: jax.Array | None, activations: jax.Array, share: float) -> jax.Array:
    """Activations of any shape with a random `share` of them zero and the others scaled up to the same mean."""
    if key is None or share == 0:
        return activations
    kept = jax.random.bernoulli(key, jnp.float32(1 - share), activations.shape)
    return jnp.where(kept, activations / (1 - share), 0)


def one_hot(tokens: jax.Array, num_tokens: int) -> jax.Array:
    """Tokens of any shape [...] -> [..., V], floats."""
    return jax.nn.one_hot(tokens, num_tokens, dtype=float)


def normal(key: jax.Array, shape: tuple[int, ...], variance: float) -> jax.Array:
    """Normal weights, always drawn in float32, so that a seed gives the same initial weights in either precision."""
    weights: jax.Array = variance**0.5 * jax.random.normal(key, shape, jnp.float32)
    return weights.astype(float)
