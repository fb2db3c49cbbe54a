"""One run as pure, unbatched functions: `init`, `step`, `measure`. Lanes, packs and hosts come after."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from grokjax.config import RunConfig
from grokjax.losses import LOSSES, binary_accuracy
from grokjax.models import Inputs, Params
from grokjax.probes import weight_norms


class Split(NamedTuple):
    """Examples as the model wants them laid out."""

    inputs: Inputs
    labels: jax.Array  # [N]


class RunState(NamedTuple):
    """All that one run carries from step to step."""

    params: Params
    optimizer_state: optax.OptState
    train: Split
    test: Split


def init(config: RunConfig) -> RunState:
    """A run before its first step: data and first weights, both made from the run's seed. Traced fields may be tracers."""
    data_key, weight_key = jax.random.split(jax.random.key(config.seed, impl="threefry2x32"))
    train, test = (Split(config.model.arrange(part.inputs), part.labels) for part in config.task.make(data_key))
    params = config.model.init(weight_key, config.task.num_inputs)
    return RunState(params, config.optimizer.transformation().init(params), train, test)


def step(config: RunConfig, state: RunState) -> RunState:
    """The run after one full-batch update."""

    def train_loss(params: Params) -> jax.Array:
        return LOSSES[config.loss](config.model.apply(params, state.train.inputs), state.train.labels)

    gradient = jax.grad(train_loss)(state.params)
    updates, optimizer_state = config.optimizer.transformation().update(gradient, state.optimizer_state, state.params)
    return state._replace(params=optax.apply_updates(state.params, updates), optimizer_state=optimizer_state)


def measure(config: RunConfig, state: RunState) -> dict[str, jax.Array]:
    """The run's metrics by name, each a scalar: losses (mean per example, nats), accuracies (0 to 1), and probes."""
    metrics: dict[str, jax.Array] = {}
    for name, split in (("train", state.train), ("test", state.test)):
        outputs = config.model.apply(state.params, split.inputs)
        metrics[f"{name}_loss"] = LOSSES[config.loss](outputs, split.labels)
        metrics[f"{name}_accuracy"] = binary_accuracy(outputs, split.labels)
    return metrics | {name: jnp.asarray(value, jnp.float32) for name, value in weight_norms(config, state.params).items()}
