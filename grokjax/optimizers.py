"""Optimizers: an optax transformation from hyperparameters that may be traced."""

from __future__ import annotations

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax
import pydantic

from grokjax.fields import Part, TracedFloat

LearningRate = Annotated[TracedFloat, pydantic.Field(gt=0, description="step size")]
Beta = Annotated[TracedFloat, pydantic.Field(ge=0, lt=1)]
Epsilon = Annotated[TracedFloat, pydantic.Field(gt=0, description="added to the root of the second moment")]


class AdamW(Part):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019): weights shrink by learning_rate * weight_decay a step."""

    optimizer: Literal["adamw"] = "adamw"
    learning_rate: LearningRate
    weight_decay: Annotated[TracedFloat, pydantic.Field(ge=0, description="decoupled weight decay")]
    b1: Annotated[Beta, pydantic.Field(description="decay of the first moment")] = 0.9
    b2: Annotated[Beta, pydantic.Field(description="decay of the second moment")] = 0.98
    eps: Epsilon = 1e-8

    def transformation(self) -> optax.GradientTransformation:
        """The optax transformation."""
        return optax.chain(
            optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.eps),
            optax.add_decayed_weights(self.weight_decay),
            optax.scale_by_learning_rate(self.learning_rate),
        )


class AdamL1(Part):
    """Adam on the loss plus an L1 penalty: l1_penalty * sign(weight) joins the gradient before the moments are taken."""

    optimizer: Literal["adam_l1"] = "adam_l1"
    learning_rate: LearningRate
    l1_penalty: Annotated[TracedFloat, pydantic.Field(ge=0, description="weight of the sum of absolute weights in the loss")]
    b1: Annotated[Beta, pydantic.Field(description="decay of the first moment")] = 0.9
    b2: Annotated[Beta, pydantic.Field(description="decay of the second moment")] = 0.98
    eps: Epsilon = 1e-8

    def transformation(self) -> optax.GradientTransformation:
        """The optax transformation."""
        return optax.chain(
            add_l1_gradient(self.l1_penalty),
            optax.scale_by_adam(b1=self.b1, b2=self.b2, eps=self.eps),
            optax.scale_by_learning_rate(self.learning_rate),
        )


def add_l1_gradient(l1_penalty: float | jax.Array) -> optax.GradientTransformation:
    """Adds l1_penalty * sign(w), the subgradient of l1_penalty * sum |w|, to each gradient."""

    def add(updates: optax.Updates, params: optax.Params | None) -> optax.Updates:
        return jax.tree.map(lambda g, w: g + l1_penalty * jnp.sign(w), updates, params)

    return optax.stateless(add)


Optimizer = Annotated[AdamW | AdamL1, pydantic.Field(discriminator="optimizer")]
