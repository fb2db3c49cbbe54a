"""Arithmetic modulo p on pairs of tokens."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
import pydantic

from grokjax.tasks.base import Examples, Task, check_fraction, share_of, split

Operation = Literal["add", "subtract", "multiply", "divide", "a^2+b^2", "a^2+ab+b^2", "a^3+ab"]

OPERATIONS: dict[Operation, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "add": lambda a, b, p: a + b,
    "subtract": lambda a, b, p: a - b,
    "multiply": lambda a, b, p: a * b,
    "divide": lambda a, b, p: a * _inverses(p)[b],
    "a^2+b^2": lambda a, b, p: a * a + b * b,
    "a^2+ab+b^2": lambda a, b, p: a * a + a * b + b * b,
    "a^3+ab": lambda a, b, p: a * a * a + a * b,
}


class ModularArithmetic(Task):
    """a + b, or another operation, modulo p. Inputs are the tokens a and b; the label is the result.

    The examples are all pairs (Power et al. 2022), or those with a <= b (Pearce et al. 2023), split at random. Division is a times
    the inverse of b, for b other than 0.
    """

    inputs: ClassVar[Literal["tokens"]] = "tokens"

    task: Literal["modular_arithmetic"] = "modular_arithmetic"
    operation: Annotated[Operation, pydantic.Field(description="what is computed modulo `modulus`")] = "add"
    modulus: Annotated[int, pydantic.Field(ge=2, le=1024, description="p: tokens and results are 0 to p - 1")]
    pairs: Annotated[
        Literal["ordered", "a<=b"], pydantic.Field(description="pairs of tokens: all ordered pairs, or those with a <= b")
    ] = "ordered"
    train_fraction: Annotated[float, pydantic.Field(gt=0, lt=1, description="share of the examples that is trained on")]

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.operation == "divide" and not _is_prime(self.modulus):
            raise ValueError(f"modulus = {self.modulus} is not prime, and operation = 'divide' needs inverses; use a prime")
        check_fraction(self.train_fraction, self.num_examples)
        return self

    @property
    def num_inputs(self) -> int:
        return 2

    @property
    def num_tokens(self) -> int:
        return self.modulus

    @property
    def num_classes(self) -> int:
        return self.modulus

    @property
    def num_examples(self) -> int:
        """The number of pairs, for training and testing together."""
        p = self.modulus
        if self.operation == "divide":
            return (p - 1) * (p + 2) // 2 if self.pairs == "a<=b" else p * (p - 1)
        return p * (p + 1) // 2 if self.pairs == "a<=b" else p * p

    @property
    def num_train(self) -> int:
        return share_of(self.train_fraction, self.num_examples)

    def make(self, key: jax.Array) -> tuple[Examples, Examples]:
        a, b = _grid(self.modulus)
        allowed = self._allowed(a, b)
        pairs = np.stack([a[allowed], b[allowed]], axis=1)  # [N, 2]
        labels = self.result(pairs[:, 0], pairs[:, 1])
        return split(key, jnp.asarray(pairs, jnp.int32), jnp.asarray(labels, jnp.int32), self.num_train)

    def result(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The result of the operation on integer arrays a and b of the same shape, modulo p."""
        result: np.ndarray = OPERATIONS[self.operation](a, b, self.modulus) % self.modulus
        return result

    def _allowed(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        allowed = a <= b if self.pairs == "a<=b" else np.ones_like(a, bool)
        return allowed & (b != 0) if self.operation == "divide" else allowed


def _grid(p: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.divmod(np.arange(p * p), p)
    return a, b


def _inverses(p: int) -> np.ndarray:
    """The inverses of 0 to p - 1 modulo a prime p; 0, which has no inverse, maps to 0."""
    return np.array([pow(number, -1, p) if number else 0 for number in range(p)])


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))
