"""A plain JAX loop as a contender: one model, one jitted step called from Python, optax.adamw, donated buffers, plain autodiff."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.problem import BETAS, CLIP, EPSILON, LEARNING_RATE, WEIGHT_DECAY, Array, Problem

Params = dict[str, jax.Array]
OPTIMIZER = optax.adamw(LEARNING_RATE, *BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY)


class JaxLoop:
    """The first model of a problem, with weights laid out as in flax's Dense: [D, H] and [H, 1]."""

    form = "jit"
    models = 1

    def __init__(self, problem: Problem) -> None:
        self._inputs, self._labels = jnp.asarray(problem.inputs[0]), jnp.asarray(problem.labels[0])
        self._params = {"hidden": jnp.asarray(problem.hidden[0].T), "output": jnp.asarray(problem.output[0][:, None])}
        self._state = OPTIMIZER.init(self._params)

    def train(self, steps: int) -> None:
        """Trains for `steps` steps; returns when they are done."""
        for _ in range(steps):
            self._params, self._state = _step(self._params, self._state, self._inputs, self._labels)
        self._params["output"].block_until_ready()

    def losses(self) -> Array:
        """The training loss, [1]."""
        return np.asarray(_loss(self._params, self._inputs, self._labels))[None]


def _loss(params: Params, inputs: jax.Array, labels: jax.Array) -> jax.Array:
    logits = (jax.nn.relu(inputs @ params["hidden"]) @ params["output"])[:, 0]
    p = jnp.clip(jax.nn.sigmoid(logits), CLIP, 1 - CLIP)
    return -jnp.mean(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))


@functools.partial(jax.jit, donate_argnums=(0, 1))
def _step(params: Params, state: Any, inputs: jax.Array, labels: jax.Array) -> tuple[Params, Any]:
    updates, state = OPTIMIZER.update(jax.grad(_loss)(params, inputs, labels), state, params)
    updated: Params = optax.apply_updates(params, updates)
    return updated, state
