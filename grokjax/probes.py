"""Probes: further measurements of a run besides losses and accuracies. Add a probe here, and its metrics in `metrics`."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from grokjax.losses import Mean, of_label
from grokjax.metrics import METRICS, Metric
from grokjax.models.base import EmbeddingModel, Model, NeuronMaps, Params
from grokjax.models.mlp import Mlp
from grokjax.spectra import fourier_basis, power_spectrum, unit_shares
from grokjax.tasks.base import Task
from grokjax.tasks.modular_arithmetic import ModularArithmetic
from grokjax.tasks.sparse_parity import SparseParity

# Pairs and outputs over which gradient symmetricity is averaged.
SYMMETRICITY_SAMPLES = 256


@dataclass(frozen=True)
class ProbedRun:
    """The inputs of a probe. Gradient and outputs cover all training examples, and are computed only if a probe uses them."""

    task: Task
    model: Model
    params: Params
    train_tokens: jax.Array | None  # [N, L]; None where inputs are vectors
    train_labels: jax.Array  # [N], with label noise
    cross_entropy: Mean  # what is stored as the run's loss
    gradient: Callable[[], Params]
    train_outputs: Callable[[], jax.Array]


def _any_run(task: Task, model: Model, num_outputs: int) -> str | None:
    return None


@dataclass(frozen=True)
class Probe:
    """Metrics that are measured together at every logged step. The hyperparameter `probes` selects them by name.

    `measure` is traced by JAX and returns each of `metrics` by name: a scalar, [H] for the shape "neurons", or for "matrices" a
    scalar for each weight, as `name:weight`. `why_unsupported` returns why a combination of task and model cannot be measured,
    as the end of a sentence ("needs ..."), or None if it can.
    """

    name: str
    measure: Callable[[ProbedRun], dict[str, jax.Array]]
    metrics: tuple[Metric, ...]
    why_unsupported: Callable[[Task, Model, int], str | None] = _any_run

    def __call__(self, run: ProbedRun) -> dict[str, jax.Array]:
        """The metrics of a run. Raises ValueError if `measure` does not return exactly the declared metrics."""
        measured = self.measure(run)
        returned, declared = {name.partition(":")[0] for name in measured}, {metric.name for metric in self.metrics}
        if measured and returned != declared:
            raise ValueError(
                f"the probe {self.name} returns {', '.join(sorted(returned))}, but declares {', '.join(sorted(declared))}"
            )
        return measured


def weight_norms(params: Params) -> dict[str, jax.Array]:
    """L1 and L2 norm over all weights together, each a scalar."""
    total = sum((jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(params)), jnp.zeros(()))
    return {"weight_l1_norm": total, "weight_l2_norm": optax.tree.norm(params) if params else jnp.zeros(())}


def input_norms(run: ProbedRun) -> dict[str, jax.Array]:
    """Norms of the input weights on the signal and on the distracting inputs of sparse parity.

    The distracting inputs are the bits the label does not depend on; the constant input is neither.
    """
    assert isinstance(run.task, SparseParity)
    signal, inputs = run.task.parity_bits, run.params["hidden"]  # [H, D]
    return {
        "signal_weight_norm": jnp.linalg.norm(inputs[:, :signal]),
        "distractor_weight_norm": jnp.linalg.norm(inputs[:, signal:-1]),
    }


def matrix_norms(run: ProbedRun) -> dict[str, jax.Array]:
    """Norm of each weight, as `matrix_norms:NAME`."""
    return {f"matrix_norms:{name}": jnp.linalg.norm(weights) for name, weights in run.params.items()}


def gradient_norm(run: ProbedRun) -> dict[str, jax.Array]:
    """Norm of the objective's gradient over all training examples."""
    return {"gradient_norm": optax.tree.norm(run.gradient())}


def collapsed_share(run: ProbedRun) -> dict[str, jax.Array]:
    """Share of training examples whose softmax denominator equals its greatest term in float arithmetic.

    If its greatest output is the label's, such an example has zero gradient (Prieto et al. 2025).
    """
    outputs = run.train_outputs()
    if outputs.ndim == 1:
        outputs = jnp.stack([jnp.zeros_like(outputs), outputs])  # a logit is a softmax over 0 and itself
    terms = jnp.exp(outputs - jnp.max(outputs, axis=0, keepdims=True))
    return {"collapsed_share": jnp.mean((jnp.sum(terms, axis=0) == 1).astype(jnp.float32))}


def fourier(run: ProbedRun) -> dict[str, jax.Array]:
    """Frequencies of the hidden units, from the Fourier transform of their input and output weights over the tokens."""
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
    """1 for each frequency [K] at which some hidden unit has its greatest power, which must be above 0; else 0. power: [H, K]."""
    greatest = jnp.zeros(power.shape).at[jnp.arange(power.shape[0]), jnp.argmax(power, axis=1)].set(1.0)
    return jnp.max(jnp.where(power > 0, greatest, 0), axis=0)


def raw_power(maps: NeuronMaps) -> jax.Array:
    """Power of each of H units at each frequency 1 to K = V // 2, over its input and output weights: [H, K]. Needs C = V."""
    waves = jnp.concatenate([maps.inputs, maps.outputs.T[None]])  # [L + 1, V, H]
    power: jax.Array = jnp.sum(power_spectrum(waves), axis=0).T
    return power


def unit_spectra(maps: NeuronMaps) -> jax.Array:
    """Share of each unit's power at each frequency 1 to K = V // 2, by `spectra.unit_shares`: [H, K]. Needs C = V."""
    shares: jax.Array = unit_shares(maps.inputs, maps.outputs.T, float(np.finfo(maps.inputs.dtype).eps)).T
    return shares


def gini(values: jax.Array) -> jax.Array:
    """Gini coefficient of values [n] >= 0: 0 when all are equal, (n - 1) / n when one has everything."""
    n, ordered = values.shape[0], jnp.sort(values)
    total = jnp.sum(ordered)
    weighted = jnp.sum((2 * jnp.arange(1, n + 1) - n - 1).astype(ordered.dtype) * ordered)
    return jnp.where(total > 0, weighted / (n * jnp.where(total > 0, total, 1)), 0)


def fourier_losses(run: ProbedRun) -> dict[str, jax.Array]:
    """Losses of the outputs with only the key frequencies kept, and with them removed (Nanda et al. 2023).

    Over all p x p pairs, each output is projected on cos and sin of 2 pi k (a + b) / p (a - b for subtraction), for each frequency
    k that is now the greatest of some hidden unit. The restricted loss, over all pairs, keeps these projections and each output's
    mean; the excluded loss, over the training examples, takes the projections away.
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
    basis = jnp.asarray(fourier_basis(p), float)
    total = jnp.asarray(a + b if task.operation == "add" else a - b) % p
    by_total = jnp.zeros((outputs.shape[0], p)).at[:, total].add(outputs) / p  # [C, p]: mean over pairs of one total
    components = jnp.einsum("ksv,cv->ksc", basis, by_total)
    at_keys = jnp.einsum("k,ksv,ksc->cv", keys, basis, components)[:, total]  # [C, p^2]
    restricted = at_keys + jnp.mean(outputs, axis=1, keepdims=True)
    labels = jnp.asarray(task.result(a, b), jnp.int32)
    chosen = run.train_tokens[:, 0] * p + run.train_tokens[:, 1]
    return {
        "restricted_loss": run.cross_entropy(restricted, labels),
        "excluded_loss": run.cross_entropy((outputs - at_keys)[:, chosen], run.train_labels),
    }


def symmetricity(run: ProbedRun) -> dict[str, jax.Array]:
    """Mean cosine between an output's gradients with respect to the embeddings of the first and the second token.

    Zhong et al. 2023. Taken over a fixed sample of pairs and outputs, without those that have a zero gradient. 1 if only
    the sum of the embeddings matters.
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
    nonzero = norms > 0
    cosines = jnp.where(nonzero, jnp.sum(first * second, axis=1) / jnp.where(nonzero, norms, 1), 0)
    return {"gradient_symmetricity": jnp.sum(cosines) / jnp.maximum(jnp.sum(nonzero), 1).astype(cosines.dtype)}


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


def _probe(
    name: str,
    measure: Callable[[ProbedRun], dict[str, jax.Array]],
    why_unsupported: Callable[[Task, Model, int], str | None] = _any_run,
) -> Probe:
    return Probe(name, measure, tuple(metric for metric in METRICS if metric.probe == name), why_unsupported)


# The probes of this package; `registry.available_probes` returns those of installed packages too.
PROBES: tuple[Probe, ...] = (
    _probe("inputs", input_norms, _parity_mlp),
    _probe("matrices", matrix_norms),
    _probe("gradient", gradient_norm),
    _probe("collapse", collapsed_share),
    _probe("fourier", fourier, _modular_units),
    _probe("fourier_losses", fourier_losses, _modular_sums),
    _probe("symmetricity", symmetricity, _two_embedded),
)
