"""Muon: orthogonalized momentum."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import jax
import optax
import optax.contrib
import pydantic

from grokjax.optimizers.base import Beta, DecayingOptimizer, Epsilon, are_embeddings


class Muon(DecayingOptimizer):
    """Momentum whose matrices are orthogonalized by five Newton-Schulz steps (Jordan et al. 2024); Adam for embeddings and vectors.

    An orthogonalized direction has singular values near one, whatever the matrix's shape: no factor for shape is added.
    """

    optimizer: Literal["muon"] = "muon"
    momentum: Annotated[Beta, pydantic.Field(description="share of the last direction that is kept")] = 0.95
    b1: Annotated[Beta, pydantic.Field(description="decay of the first moment")] = 0.9
    b2: Annotated[Beta, pydantic.Field(description="decay of the second moment")] = 0.98
    eps: Epsilon = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Muon's for the matrices, Adam's for the others."""
        muon = optax.contrib.scale_by_muon(beta=self.momentum, eps=1e-7, weight_dimension_numbers=_as_matrices)
        adam = optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.eps)
        return optax.partition({True: muon, False: adam}, _orthogonalized)


def _orthogonalized(params: Any) -> Any:
    return jax.tree.map(lambda weights, embedding: weights.ndim == 2 and not embedding, params, are_embeddings(params))


def _as_matrices(updates: Any) -> Any:
    return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(), updates)
