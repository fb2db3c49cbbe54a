"""The base class of tasks: sizes, and training and test examples generated from a random key."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import Component, TracedFloat


class Examples(NamedTuple):
    """Inputs and labels of N examples."""

    inputs: jax.Array  # [N, D] float for vectors, [N, L] int for tokens
    labels: jax.Array  # [N] int, the class


class Task(Component):
    """A classification task: examples with an input, a vector of D numbers or L tokens, and one of C classes as the label."""

    inputs: ClassVar[Literal["vectors", "tokens"]]

    label_noise: Annotated[
        TracedFloat, pydantic.Field(ge=0, le=1, description="share of the training labels replaced by another class")
    ] = 0.0

    @property
    @abstractmethod
    def num_inputs(self) -> int:
        """D, the length of an input vector, or L, the number of tokens in an input."""

    @property
    def num_tokens(self) -> int:
        """V, the number of different tokens."""
        raise AttributeError(f"inputs of {type(self).__name__} are not tokens")

    @property
    @abstractmethod
    def num_classes(self) -> int:
        """C, the number of classes."""

    @property
    @abstractmethod
    def num_train(self) -> int:
        """The number of training examples."""

    @abstractmethod
    def make(self, key: jax.Array) -> tuple[Examples, Examples]:
        """Training and test examples, the same for the same key on every device. `key` is consumed."""


def replace_labels(key: jax.Array, labels: jax.Array, share: float | jax.Array, num_classes: int) -> jax.Array:
    """Labels [N] with round(share * N) of them, chosen at random, replaced by another class drawn evenly. `key` is consumed."""
    which, what = jax.random.split(key)
    count = jnp.round(jnp.asarray(share, jnp.float32) * labels.shape[0]).astype(jnp.int32)
    rank = jnp.argsort(jax.random.permutation(which, labels.shape[0])).astype(jnp.int32)  # [N]
    shift = jax.random.randint(what, labels.shape, 1, max(num_classes, 2), jnp.int32)
    return jnp.where(rank < count, (labels + shift) % num_classes, labels)


def share_of(fraction: float, examples: int) -> int:
    """The number of examples in a fraction, rounded down but robust to binary floating point: 0.29 of 100 is 29."""
    return int(fraction * examples + 1e-9)


def check_fraction(fraction: float, examples: int) -> None:
    """Raises ValueError if a fraction leaves no training examples or no test examples."""
    if not 1 <= share_of(fraction, examples) < examples:
        raise ValueError(
            f"train_fraction = {fraction} of {examples} examples leaves none to train on or none to test; use 0.1 to 0.9"
        )


def split(key: jax.Array, inputs: jax.Array, labels: jax.Array, num_train: int) -> tuple[Examples, Examples]:
    """Splits examples at random into `num_train` for training and the rest for testing. `key` is consumed."""
    order = jax.random.permutation(key, labels.shape[0])
    train, test = order[:num_train], order[num_train:]
    return Examples(inputs[train], labels[train]), Examples(inputs[test], labels[test])
