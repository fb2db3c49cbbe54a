"""Probes: what is measured of a run beside its losses and accuracies, to see why it groks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from grokjax.losses import Mean, of_label
from grokjax.metrics import Probe
from grokjax.models.base import EmbeddingModel, Model, NeuronMaps, Params
from grokjax.models.mlp import Mlp
from grokjax.tasks.base import Task
from grokjax.tasks.modular_arithmetic import ModularArithmetic
from grokjax.tasks.sparse_parity import SparseParity

# Pairs and outputs over which gradient symmetricity is averaged.
SYMMETRICITY_SAMPLES = 256


@dataclass(frozen=True)
class Probed:
    """What a probe may look at. Gradient and outputs are those of all training examples, computed where a probe asks for them."""

    task: Task
    model: Model
    params: Params
    train_tokens: jax.Array | None  # [N, L]; None where inputs are vectors
    train_labels: jax.Array  # [N], noise and all
    cross_entropy: Mean  # what is stored as the run's loss
    gradient: Callable[[], Params]
    train_outputs: Callable[[], jax.Array]


@dataclass(frozen=True)
class ProbeFunction:
    """What a probe measures, metrics by name, and for which runs: `fits` says what is wrong, or None."""

    measure: Callable[[Probed], dict[str, jax.Array]]
    fits: Callable[[Task, Model, int], str | None]


def weight_norms(params: Params) -> dict[str, jax.Array]:
    """Norms of all weights. Each a scalar."""
    total = sum((jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(params)), jnp.zeros(()))
    return {"weight_l1_norm": total, "weight_l2_norm": optax.tree.norm(params) if params else jnp.zeros(())}


def input_norms(run: Probed) -> dict[str, jax.Array]:
    """Norms of the input weights on the signal and on the distracting inputs of sparse parity.

    The distracting inputs are the bits the label does not depend on; the constant input is neither.
    """
    assert isinstance(run.task, SparseParity)
    signal, inputs = run.task.parity_bits, run.params["hidden"]  # [H, D]
    return {
        "signal_weight_norm": jnp.linalg.norm(inputs[:, :signal]),
        "distractor_weight_norm": jnp.linalg.norm(inputs[:, signal:-1]),
    }


def matrix_norms(run: Probed) -> dict[str, jax.Array]:
    """Norm of each weight, as `matrix_norms:NAME`."""
    return {f"matrix_norms:{name}": jnp.linalg.norm(weights) for name, weights in run.params.items()}


def gradient_norm(run: Probed) -> dict[str, jax.Array]:
    """Norm of the objective's gradient over all training examples."""
    return {"gradient_norm": optax.tree.norm(run.gradient())}


def collapsed_share(run: Probed) -> dict[str, jax.Array]:
    """Share of training examples whose softmax is one and zeros: adding the other classes' terms to the greatest changes nothing.

    Prieto et al. 2025: such an example has no gradient left if it is right.
    """
    outputs = run.train_outputs()
    if outputs.ndim == 1:
        outputs = jnp.stack([jnp.zeros_like(outputs), outputs])  # a logit is a softmax over 0 and itself
    terms = jnp.exp(outputs - jnp.max(outputs, axis=0))
    return {"collapsed_share": jnp.mean((jnp.sum(terms, axis=0) == 1).astype(jnp.float32))}


def fourier(run: Probed) -> dict[str, jax.Array]:
    """Frequencies of the hidden units, from the discrete Fourier transform of what they read and write over the tokens."""
    maps = run.model.neuron_maps(run.task, run.params)
    power = unit_spectra(maps)  # [H, K]
    share = jnp.max(power, axis=1)
    return {
        "neuron_frequency": jnp.where(share > 0, jnp.argmax(power, axis=1) + 1, 0),
        "neuron_share": share,
        "key_frequencies": jnp.sum(key_frequencies(power)),
        "fourier_gini": gini(jnp.sum(raw_power(maps), axis=0)),
        "fourier_ipr": jnp.mean(jnp.sum(power**2, axis=1)),
    }


def key_frequencies(power: jax.Array) -> jax.Array:
    """Which frequencies [K] are the greatest of some hidden unit, 1 or 0. power: [H, K]; units without power have none."""
    greatest = jnp.zeros(power.shape).at[jnp.arange(power.shape[0]), jnp.argmax(power, axis=1)].set(1.0)
    return jnp.max(jnp.where(power > 0, greatest, 0), axis=0)


def raw_power(maps: NeuronMaps) -> jax.Array:
    """Power of each of H units at each frequency 1 to K = V // 2, over all it reads and writes: [H, K]. Needs C = V."""
    waves = jnp.concatenate([maps.inputs, maps.outputs.T[None]])  # [L + 1, V, H]
    return jnp.sum(_power(waves), axis=0).T


def unit_spectra(maps: NeuronMaps) -> jax.Array:
    """Share of each unit's power at each frequency 1 to K = V // 2: [H, K].

    The mean of the shares in what it reads (over all positions) and in what it writes, so that a unit that reads one frequency and
    writes another has half in either. The constant is left out; a unit without power has zeros.
    """
    reads, writes = maps.inputs, maps.outputs.T[None]  # [L, V, H], [1, V, H]
    return (_shares(reads) + _shares(writes)).T / 2


def _power(waves: jax.Array) -> jax.Array:
    """Power at each frequency 1 to V // 2 of waves [..., V, H]: [..., V // 2, H]."""
    basis = fourier_basis(waves.shape[-2])  # [K, 2, V]
    components = jnp.einsum("ksv,...vh->...ksh", basis, waves)
    return jnp.sum(components**2, axis=-2)


def _shares(waves: jax.Array) -> jax.Array:
    """Share of each unit's power at each frequency, over waves [L, V, H]: [K, H]; zeros where rounding is all there is."""
    power = jnp.sum(_power(waves), axis=0)  # [K, H]
    total = jnp.sum(power, axis=0)
    there = total > float(np.finfo(waves.dtype).eps) * jnp.sum(waves**2, axis=(0, 1))
    return jnp.where(there, power / jnp.where(there, total, 1), 0)


def fourier_basis(num_tokens: int) -> jax.Array:
    """Cosine and sine at each frequency 1 to K = V // 2, each of norm one (the last sine is zero for even V): [K, 2, V]."""
    angles = 2 * np.pi * np.outer(np.arange(1, num_tokens // 2 + 1), np.arange(num_tokens)) / num_tokens
    waves = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    norms = np.linalg.norm(waves, axis=2, keepdims=True)
    return jnp.asarray(np.where(norms > 1e-6, waves / np.maximum(norms, 1e-6), 0), float)


def gini(values: jax.Array) -> jax.Array:
    """Gini coefficient of values [n] >= 0: 0 when all are equal, (n - 1) / n when one has everything."""
    n, ordered = values.shape[0], jnp.sort(values)
    total = jnp.sum(ordered)
    weighted = jnp.sum((2 * jnp.arange(1, n + 1) - n - 1) * ordered)
    return jnp.where(total > 0, weighted / (n * jnp.where(total > 0, total, 1)), 0)


def fourier_losses(run: Probed) -> dict[str, jax.Array]:
    """Loss of the outputs' part at the key frequencies, and of the outputs without it (Nanda et al. 2023).

    Over all p x p pairs, each output is projected on cos and sin of 2 pi k (a + b) / p (a - b for subtraction), for the frequencies
    k that the hidden units have now. Restricted: those parts and each output's mean alone. Excluded: all but those parts, over the
    training examples.
    """
    task = run.task
    assert isinstance(task, ModularArithmetic)
    assert run.train_tokens is not None
    p = task.modulus
    a, b = np.divmod(np.arange(p * p), p)
    pairs = jnp.asarray(np.stack([a, b], axis=1), jnp.int32)
    outputs = run.model.apply(task, run.params, run.model.arrange(task, pairs))  # [C, p^2]
    maps = run.model.neuron_maps(task, run.params)
    keys = key_frequencies(unit_spectra(maps))  # [K]
    total = jnp.asarray(a + b if task.operation == "add" else a - b) % p
    by_total = jnp.zeros((outputs.shape[0], p)).at[:, total].add(outputs) / p  # [C, p]: mean over pairs of one total
    components = jnp.einsum("ksv,cv->ksc", fourier_basis(p), by_total)
    at_keys = jnp.einsum("k,ksv,ksc->cv", keys, fourier_basis(p), components)[:, total]  # [C, p^2]
    restricted = at_keys + jnp.mean(outputs, axis=1, keepdims=True)
    labels = jnp.asarray(task.result(a, b), jnp.int32)
    chosen = run.train_tokens[:, 0] * p + run.train_tokens[:, 1]
    return {
        "restricted_loss": run.cross_entropy(restricted, labels),
        "excluded_loss": run.cross_entropy((outputs - at_keys)[:, chosen], run.train_labels),
    }


def symmetricity(run: Probed) -> dict[str, jax.Array]:
    """Mean cosine between the gradients of an output by the embeddings of the first and of the second token (Zhong et al. 2023).

    Over pairs and outputs drawn once for all runs, but for those without a gradient. 1 where only the embeddings' sum matters.
    """
    assert isinstance(run.model, EmbeddingModel)
    model = run.model
    keys, shape = jax.random.split(jax.random.key(0, impl="threefry2x32")), (SYMMETRICITY_SAMPLES,)
    tokens = jax.random.randint(keys[0], (*shape, 2), 0, run.task.num_tokens, jnp.int32)
    outputs = jax.random.randint(keys[1], shape, 0, run.task.num_classes, jnp.int32)

    def chosen_outputs(embedded: jax.Array) -> jax.Array:
        return jnp.sum(of_label(model.apply_to_embedded(run.task, run.params, embedded), outputs))

    gradients = jax.grad(chosen_outputs)(model.embed(run.task, run.params, tokens))  # [n, 2, E]
    first, second = gradients[:, 0], gradients[:, 1]
    norms = jnp.linalg.norm(first, axis=1) * jnp.linalg.norm(second, axis=1)
    there = norms > 0
    cosines = jnp.where(there, jnp.sum(first * second, axis=1) / jnp.where(there, norms, 1), 0)
    return {"gradient_symmetricity": jnp.sum(cosines) / jnp.maximum(jnp.sum(there), 1)}


def _anything(task: Task, model: Model, num_outputs: int) -> str | None:
    return None


def _parity_mlp(task: Task, model: Model, num_outputs: int) -> str | None:
    return None if isinstance(task, SparseParity) and isinstance(model, Mlp) else "needs task = 'sparse_parity' and model = 'mlp'"


def _modular_units(task: Task, model: Model, num_outputs: int) -> str | None:
    if not isinstance(task, ModularArithmetic):
        return "needs task = 'modular_arithmetic'"
    if task.modulus < 3:
        return f"needs a modulus of at least 3, got {task.modulus}"
    if not model.has_neuron_maps(task):
        return "needs a model with hidden units between tokens and outputs, such as an mlp with layers = 1"
    return None


def _modular_sums(task: Task, model: Model, num_outputs: int) -> str | None:
    if isinstance(task, ModularArithmetic) and task.operation not in ("add", "subtract"):
        return f"needs operation = 'add' or 'subtract', got {task.operation!r}"
    return _modular_units(task, model, num_outputs)


def _two_embedded(task: Task, model: Model, num_outputs: int) -> str | None:
    if task.inputs != "tokens" or task.num_inputs != 2:
        return "needs a task on two tokens"
    if num_outputs == 1:
        return "needs an output for each class, and this loss has one logit"
    return None if isinstance(model, EmbeddingModel) else "needs a model that embeds its tokens"


PROBE_FUNCTIONS: dict[Probe, ProbeFunction] = {
    "inputs": ProbeFunction(input_norms, _parity_mlp),
    "matrices": ProbeFunction(matrix_norms, _anything),
    "gradient": ProbeFunction(gradient_norm, _anything),
    "collapse": ProbeFunction(collapsed_share, _anything),
    "fourier": ProbeFunction(fourier, _modular_units),
    "fourier_losses": ProbeFunction(fourier_losses, _modular_sums),
    "symmetricity": ProbeFunction(symmetricity, _two_embedded),
}
