"""Stochastic gradient descent."""

from typing import Annotated, Literal

import optax
import pydantic

from grokjax.optimizers.base import Beta, DecayingOptimizer


class Sgd(DecayingOptimizer):
    """Gradient descent with momentum: v = momentum * v + gradient, weights go along -v; weight decay is decoupled."""

    optimizer: Literal["sgd"] = "sgd"
    momentum: Annotated[Beta, pydantic.Field(description="share of the last direction that is kept")] = 0.0
    nesterov: Annotated[bool, pydantic.Field(description="Nesterov momentum")] = False

    def direction(self) -> optax.GradientTransformation:
        return optax.trace(decay=self.momentum, nesterov=self.nesterov)
