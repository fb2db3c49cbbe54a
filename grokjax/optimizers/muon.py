"""Muon: orthogonalized momentum."""

from typing import Annotated, Any, Literal

import jax
import optax
import optax.contrib
import pydantic

from grokjax.optimizers.base import AdamMoments, Beta, DecayingOptimizer, are_embeddings, with_promotion


class Muon(AdamMoments, DecayingOptimizer):
    """Momentum with matrices orthogonalized by five Newton-Schulz steps (Jordan et al. 2024); Adam for embeddings and vectors.

    An orthogonalized direction has singular values near one whatever the matrix's shape, so no shape-dependent factor is applied.
    """

    optimizer: Literal["muon"] = "muon"
    momentum: Annotated[Beta, pydantic.Field(description="share of the last direction that is kept")] = 0.95

    def direction(self) -> optax.GradientTransformation:
        muon = optax.contrib.scale_by_muon(beta=self.momentum, eps=1e-7, weight_dimension_numbers=_as_matrices)
        return optax.partition({True: with_promotion(muon), False: self.scale_by_adam()}, _orthogonalized)


def _orthogonalized(params: Any) -> Any:
    return jax.tree.map(lambda weights, embedding: weights.ndim == 2 and not embedding, params, are_embeddings(params))


def _as_matrices(updates: Any) -> Any:
    return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(), updates)
