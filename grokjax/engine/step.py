"""One run as pure, unbatched functions: `init`, `step` and `measure`. `program` vmaps them over lanes."""

import contextlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from grokjax.config import RunConfig
from grokjax.losses import LOSSES
from grokjax.models.base import Inputs, Params
from grokjax.probes import ProbedRun, weight_norms
from grokjax.registry import available_probes
from grokjax.tasks.base import Examples, replace_labels


class Split(NamedTuple):
    """Examples, laid out as the model and the loss need them."""

    inputs: Inputs
    labels: jax.Array  # [N] int, or float for one logit
    tokens: jax.Array | None  # [N, L] int; None where inputs are vectors


class RunState(NamedTuple):
    """The training state of one run, its data included."""

    step: jax.Array  # int32: steps made
    params: Params
    optimizer_state: optax.OptState
    train: Split
    test: Split


# Kinds of devices that compute in float64; a TPU only emulates it, slowly.
BACKENDS_WITH_FLOAT64 = ("cpu", "gpu", "cuda", "rocm", "tpu")


def precision_scope(config: RunConfig) -> contextlib.AbstractContextManager[None]:
    """A context in which JAX computes in the run's precision. Compile and call the functions below inside it.

    Raises ValueError if the run asks for float64 on a device that has none.
    """
    if config.precision == "float64" and jax.default_backend() not in BACKENDS_WITH_FLOAT64:
        raise ValueError(f"precision = 'float64', but the device ({jax.default_backend()}) has none; use 'float32'")
    scope: contextlib.AbstractContextManager[None] = jax.enable_x64(config.precision == "float64")
    return scope


def init(config: RunConfig) -> RunState:
    """A run before its first step: data drawn from `data_seed`, weights from `seed`. Traced fields may be tracers.

    Data and weights are always drawn in float32, so that a seed gives the same examples and initial weights in either precision.
    """
    data_key, weight_key = _keys(config.data_seed)[0], _keys(config.seed)[1]
    train, test = config.task.make(data_key)
    noise_key = jax.random.fold_in(_root_key(config.data_seed), 2)
    noisy = replace_labels(noise_key, train.labels, config.task.label_noise, config.task.num_classes)
    params = config.model.init(weight_key, config.task, config.num_outputs)
    scaled = jax.tree.map(lambda weights: config.model.init_scale * weights if weights.ndim > 1 else weights, params)
    return RunState(
        step=jnp.zeros((), jnp.int32),
        params=scaled,
        optimizer_state=config.optimizer.transformation(0).init(scaled),
        train=_arrange(config, train._replace(labels=noisy)),
        test=_arrange(config, test),
    )


def step(config: RunConfig, state: RunState) -> RunState:
    """The state after one update of the weights."""
    batch, key = state.train, None
    if config.batch_size or config.model.dropout:
        batch_key, key = jax.random.split(jax.random.fold_in(_root_key(config.seed), 3))
        key = jax.random.fold_in(key, state.step)
        batch = _batch(config, state, batch_key)
    gradient = jax.grad(_objective, argnums=1)(config, state.params, batch, key)
    transformation = config.optimizer.transformation(state.step)
    updates, optimizer_state = transformation.update(gradient, state.optimizer_state, state.params)
    params = optax.apply_updates(state.params, updates)
    return state._replace(step=state.step + 1, params=params, optimizer_state=optimizer_state)


def measure(config: RunConfig, state: RunState) -> dict[str, jax.Array]:
    """The run's metrics by name: losses (mean cross-entropy per example, nats), accuracies (0 to 1), norms, chosen probes."""
    metrics: dict[str, jax.Array] = {}
    loss = LOSSES[config.loss]
    outputs = {}
    for name, split in (("train", state.train), ("test", state.test)):
        outputs[name] = config.model.apply(config.task, state.params, split.inputs)
        metrics[f"{name}_loss"] = loss.cross_entropy(outputs[name], split.labels)
        metrics[f"{name}_accuracy"] = loss.accuracy(outputs[name], split.labels)
    metrics |= weight_norms(state.params)
    run = ProbedRun(
        task=config.task,
        model=config.model,
        params=state.params,
        train_tokens=state.train.tokens,
        train_labels=state.train.labels,
        cross_entropy=loss.cross_entropy,
        gradient=lambda: jax.grad(_objective, argnums=1)(config, state.params, state.train, None),
        train_outputs=lambda: outputs["train"],
    )
    for probe in config.chosen_probes:
        metrics |= available_probes()[probe](run)
    return {name: jnp.asarray(value, jnp.float32) for name, value in metrics.items()}


def _objective(config: RunConfig, params: Params, batch: Split, key: jax.Array | None) -> jax.Array:
    outputs = config.model.apply(config.task, params, batch.inputs, key)
    return LOSSES[config.loss].objective(outputs, batch.labels)


def _arrange(config: RunConfig, examples: Examples) -> Split:
    tokens = examples.inputs if config.task.inputs == "tokens" else None
    inputs = examples.inputs.astype(float) if tokens is None else tokens
    labels = examples.labels.astype(float) if LOSSES[config.loss].one_logit else examples.labels
    return Split(config.model.arrange(config.task, inputs), labels, tokens)


def _batch(config: RunConfig, state: RunState, key: jax.Array) -> Split:
    """The examples of the next step. Each epoch is shuffled and split into full batches; leftover examples are dropped."""
    if not config.batch_size:
        return state.train
    count = config.task.num_train
    epoch, index = jnp.divmod(state.step, count // config.batch_size)
    order = jax.random.permutation(jax.random.fold_in(key, epoch), count)
    chosen = jax.lax.dynamic_slice_in_dim(order, index * config.batch_size, config.batch_size)
    return Split(config.model.take(state.train.inputs, chosen), state.train.labels[chosen], None)


def _root_key(seed: Any) -> jax.Array:
    return jax.random.key(seed, impl="threefry2x32")


def _keys(seed: Any) -> jax.Array:
    """A key for the data and one for the first weights, [2]."""
    return jax.random.split(_root_key(seed))
