"""The base class of optimizers: wraps an optax transformation in warm-up, gradient filters and settings for embeddings."""

from abc import abstractmethod
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pydantic

from grokjax.fields import Component, SameAs, Traced, TracedFloat

# A remainder up to this many units in the last place of the gradient counts as rounding error.
ROUNDING = 16

LearningRate = Annotated[TracedFloat, pydantic.Field(gt=0, description="step size")]
WeightDecay = Annotated[TracedFloat, pydantic.Field(ge=0, description="decoupled weight decay")]
Beta = Annotated[TracedFloat, pydantic.Field(ge=0, lt=1)]
Epsilon = Annotated[TracedFloat, pydantic.Field(gt=0, description="added to the root of the second moment")]


class AdamMoments(Component):
    """The hyperparameters of Adam's moments (Kingma and Ba 2015)."""

    b1: Annotated[Beta, pydantic.Field(description="decay of the first moment")] = 0.9
    b2: Annotated[Beta, pydantic.Field(description="decay of the second moment")] = 0.98
    eps: Epsilon = 1e-8

    def scale_by_adam(self) -> optax.GradientTransformation:
        """The first moment over the root of the second, both bias-corrected."""
        return with_promotion(optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.eps))


class Optimizer(Component):
    """The base class of optimizers, with gradient filters, learning-rate warm-up and separate settings for embeddings."""

    learning_rate: LearningRate
    embedding_learning_rate: Annotated[
        TracedFloat, pydantic.Field(gt=0, default_factory=SameAs("learning_rate"), description="step size of embeddings")
    ]
    warmup_steps: Annotated[
        int, Traced, pydantic.Field(ge=0, lt=2**31, description="steps over which the learning rate rises from 0 in a line")
    ] = 0
    orthogonal_gradient: Annotated[
        bool, pydantic.Field(description="remove from each matrix's gradient its component along the weights (Prieto et al. 2025)")
    ] = False
    gradient_filter: Annotated[
        bool, pydantic.Field(description="add the gradient's running mean to it: Grokfast EMA (Lee et al. 2024)")
    ] = False
    filter_decay: Annotated[Beta, pydantic.Field(description="decay of the running mean of the gradient filter")] = 0.98
    filter_strength: Annotated[TracedFloat, pydantic.Field(ge=0, description="factor of the running mean")] = 2.0

    @abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """The optax transformation from gradients to a direction of descent, before learning rate and decoupled weight decay."""

    def decay(self, *, embedding: bool) -> float | jax.Array | None:
        """The decoupled weight decay for embeddings, or for all other weights; None if the optimizer has none."""
        return None

    def transformation(self, step: jax.Array | int) -> optax.GradientTransformation:
        """The optax transformation of the update that follows `step` steps.

        Update t = 1, 2, ... uses min(1, t / warmup_steps) times the learning rate.
        """
        warm = jnp.minimum(1.0, jnp.asarray(step + 1, float) / jnp.asarray(jnp.maximum(self.warmup_steps, 1), float))

        def steps_along(*, embedding: bool) -> optax.GradientTransformation:
            rate = warm * (self.embedding_learning_rate if embedding else self.learning_rate)
            decay = self.decay(embedding=embedding)
            return optax.chain(*([] if decay is None else [optax.add_decayed_weights(decay)]), optax.scale_by_learning_rate(rate))

        return optax.chain(
            *([orthogonal_gradient()] if self.orthogonal_gradient else []),
            *([gradient_filter(self.filter_decay, self.filter_strength)] if self.gradient_filter else []),
            self.direction(),
            optax.partition({True: steps_along(embedding=True), False: steps_along(embedding=False)}, are_embeddings),
        )


class DecayingOptimizer(Optimizer):
    """An optimizer with decoupled weight decay: weights shrink by learning_rate * weight_decay a step."""

    weight_decay: WeightDecay
    embedding_weight_decay: Annotated[
        TracedFloat,
        pydantic.Field(ge=0, default_factory=SameAs("weight_decay"), description="decoupled weight decay of embeddings"),
    ]

    def decay(self, *, embedding: bool) -> float | jax.Array:
        return self.embedding_weight_decay if embedding else self.weight_decay


def with_promotion(transformation: optax.GradientTransformation) -> optax.GradientTransformation:
    """The same transformation where the caller has switched JAX's implicit promotion off.

    Optax relies on it: it raises a decay, which is traced here, to the power of an integer count.
    """

    def update(*args: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return transformation.update(*args)

    return optax.GradientTransformation(transformation.init, update)


def are_embeddings(params: Any) -> Any:
    """For each weight, whether it is an embedding or unembedding, by its name."""

    def is_embedding(path: tuple[Any, ...], _: Any) -> bool:
        return str(path[-1].key).startswith(("embedding", "unembedding"))

    return jax.tree.map_with_path(is_embedding, params)


def orthogonal_gradient() -> optax.GradientTransformation:
    """Removes from each matrix's gradient its projection on the weights, and scales the rest to the norm of the gradient.

    g' = g - w (w . g) / (w . w), then g' |g| / |g'| (Prieto et al. 2025, "Grokking at the edge of numerical stability"). Zero
    if the rest is only rounding error, as for a 1 x 1 matrix. Vectors (gains) keep their gradients.
    """

    def project(gradient: jax.Array, weights: jax.Array) -> jax.Array:
        if gradient.ndim < 2:
            return gradient
        finfo = np.finfo(gradient.dtype)
        rest = gradient - weights * (jnp.sum(weights * gradient) / (jnp.sum(weights**2) + float(finfo.tiny)))
        norm, of_rest = jnp.linalg.norm(gradient), jnp.linalg.norm(rest)
        nonzero = of_rest > ROUNDING * float(finfo.eps) * norm
        return jnp.where(nonzero, rest * (norm / jnp.where(nonzero, of_rest, 1)), 0)

    return optax.stateless(lambda updates, params: jax.tree.map(project, updates, params))


def gradient_filter(decay: float | jax.Array, strength: float | jax.Array) -> optax.GradientTransformation:
    """Adds to each gradient `strength` times its running mean m, m = decay * m + (1 - decay) * g, starting from the first gradient.

    Grokfast EMA (Lee et al. 2024); its alpha is `decay`, its lambda `strength`.
    """

    def init(params: optax.Params) -> tuple[Any, jax.Array]:
        return jax.tree.map(jnp.zeros_like, params), jnp.zeros((), jnp.int32)

    def update(updates: Any, state: tuple[Any, jax.Array], params: Any = None) -> tuple[Any, tuple[Any, jax.Array]]:
        means, count = state
        means = jax.tree.map(lambda m, g: jnp.where(count == 0, g, decay * m + (1 - decay) * g), means, updates)
        return jax.tree.map(lambda g, m: g + strength * m, updates, means), (means, count + 1)

    return optax.GradientTransformation(init, update)
