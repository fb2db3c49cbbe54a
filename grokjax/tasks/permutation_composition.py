"""Composition in a symmetric group."""

import functools
import itertools
import math
from typing import Annotated, ClassVar, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
import pydantic

from grokjax.tasks.base import Examples, Task, check_fraction, share_of, split


class PermutationComposition(Task):
    """The composition a after b of two permutations. Each token is a permutation of `permuted` elements (Power et al. 2022: S5).

    Permutations are numbered in lexicographic order; the label of (a, b) is the number of i -> a[b[i]].
    """

    inputs: ClassVar[Literal["tokens"]] = "tokens"

    task: Literal["permutation_composition"] = "permutation_composition"
    permuted: Annotated[int, pydantic.Field(ge=3, le=6, description="permuted elements: 5 for S5")] = 5
    train_fraction: Annotated[float, pydantic.Field(gt=0, lt=1, description="share of the examples that is trained on")]

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        check_fraction(self.train_fraction, self.num_tokens**2)
        return self

    @property
    def num_inputs(self) -> int:
        return 2

    @property
    def num_tokens(self) -> int:
        return math.factorial(self.permuted)

    @property
    def num_classes(self) -> int:
        return self.num_tokens

    @property
    def num_train(self) -> int:
        return share_of(self.train_fraction, self.num_tokens**2)

    def make(self, key: jax.Array) -> tuple[Examples, Examples]:
        table = composition_table(self.permuted)  # [V, V]
        pairs = np.stack(np.divmod(np.arange(table.size), len(table)), axis=1)  # [N, 2]
        return split(key, jnp.asarray(pairs, jnp.int32), jnp.asarray(table.ravel(), jnp.int32), self.num_train)


@functools.cache
def composition_table(permuted: int) -> np.ndarray:
    """The index of the composition a after b, [V, V], for all permutations of `permuted` elements in lexicographic order."""
    permutations = np.array(list(itertools.permutations(range(permuted))))  # [V, n]
    composed = permutations[:, permutations].reshape(-1, permuted)  # [V * V, n]: a[b[i]]
    weights = (permuted + 1) ** np.arange(permuted)[::-1]  # rises with the lexicographic order
    return np.searchsorted(permutations @ weights, composed @ weights).reshape(len(permutations), -1)
