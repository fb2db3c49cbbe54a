"""Adam with decoupled weight decay, with L1, and with L2."""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax
import pydantic

from grokjax.fields import TracedFloat
from grokjax.optimizers.base import AdamMoments, DecayingOptimizer, Optimizer


class AdamW(AdamMoments, DecayingOptimizer):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    optimizer: Literal["adamw"] = "adamw"

    def direction(self) -> optax.GradientTransformation:
        return self.scale_by_adam()


class AdamL1(AdamMoments, Optimizer):
    """Adam on the loss plus an L1 penalty: l1_penalty * sign(weight) joins the gradient before the moments are taken."""

    optimizer: Literal["adam_l1"] = "adam_l1"
    l1_penalty: Annotated[TracedFloat, pydantic.Field(ge=0, description="weight of the sum of absolute weights in the loss")]

    def direction(self) -> optax.GradientTransformation:
        return optax.chain(add_l1_gradient(self.l1_penalty), self.scale_by_adam())


class AdamL2(AdamMoments, Optimizer):
    """Adam on the loss plus an L2 penalty: l2_penalty * weight joins the gradient before the moments are taken (coupled decay)."""

    optimizer: Literal["adam_l2"] = "adam_l2"
    l2_penalty: Annotated[TracedFloat, pydantic.Field(ge=0, description="weight of half the sum of squared weights in the loss")]

    def direction(self) -> optax.GradientTransformation:
        return optax.chain(optax.add_decayed_weights(self.l2_penalty), self.scale_by_adam())


def add_l1_gradient(l1_penalty: float | jax.Array) -> optax.GradientTransformation:
    """Adds l1_penalty * sign(w), the subgradient of l1_penalty * sum |w|, to each gradient."""

    def add(updates: optax.Updates, params: optax.Params | None) -> optax.Updates:
        return jax.tree.map(lambda g, w: g + l1_penalty * jnp.sign(w), updates, params)

    return optax.stateless(add)
