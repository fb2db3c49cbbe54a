"""Sparse parity, the article's task of 1s and 0s."""

from typing import Annotated, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import PositiveInt
from grokjax.tasks.base import Examples, Task

# Up to this many bits the sequences are drawn without replacement, so that train and test are disjoint.
MAX_BITS_DRAWN_DISTINCT = 20


class SparseParity(Task):
    """Whether the number of ones among the first `parity_bits` of `num_bits` random bits is odd.

    Inputs are 0 and 1 with a last column of ones, which gives each hidden unit its bias. Up to 20 bits, train and test
    sequences are distinct; above that they are drawn independently (30 bits: 6,250 sequences repeat one with probability 0.02).
    """

    inputs: ClassVar[Literal["vectors"]] = "vectors"

    task: Literal["sparse_parity"] = "sparse_parity"
    num_bits: Annotated[int, pydantic.Field(ge=1, le=4096, description="bits in a sequence")]
    parity_bits: Annotated[PositiveInt, pydantic.Field(description="leading bits whose parity is the label")]
    train_size: Annotated[PositiveInt, pydantic.Field(description="training examples")]
    test_size: Annotated[PositiveInt, pydantic.Field(description="test examples")] = 5000

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.parity_bits > self.num_bits:
            raise ValueError(f"parity_bits = {self.parity_bits} is more than num_bits = {self.num_bits}; use 1 to {self.num_bits}")
        sequences = 2**self.num_bits
        if self.train_size + self.test_size > sequences:
            raise ValueError(
                f"train_size = {self.train_size} and test_size = {self.test_size} together are more than the "
                f"{sequences} sequences that {self.num_bits} bits have; lower one or raise num_bits"
            )
        return self

    @property
    def num_inputs(self) -> int:
        return self.num_bits + 1

    @property
    def num_classes(self) -> int:
        return 2

    @property
    def num_train(self) -> int:
        return self.train_size

    def make(self, key: jax.Array) -> tuple[Examples, Examples]:
        bits = self._draw(key, self.train_size + self.test_size)  # [N, num_bits]
        labels = jnp.sum(bits[:, : self.parity_bits], axis=1) % 2
        labels = labels.astype(jnp.int32)
        inputs = jnp.concatenate([bits, jnp.ones_like(bits[:, :1])], axis=1)
        return (
            Examples(inputs[: self.train_size], labels[: self.train_size]),
            Examples(inputs[self.train_size :], labels[self.train_size :]),
        )

    def _draw(self, key: jax.Array, count: int) -> jax.Array:
        if self.num_bits <= MAX_BITS_DRAWN_DISTINCT:
            codes = jax.random.permutation(key, 2**self.num_bits)[:count]
            return (codes[:, None] >> jnp.arange(self.num_bits)[None] & 1).astype(jnp.float32)
        return jax.random.bernoulli(key, jnp.float32(0.5), (count, self.num_bits)).astype(jnp.float32)
