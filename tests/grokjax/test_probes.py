"""Probes on weights whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax import probes
from grokjax.config import RunConfig
from grokjax.engine import step as train
from grokjax.models.base import NeuronMaps

pytestmark = pytest.mark.slow

P = 13
MODULAR = {
    "task": "modular_arithmetic",
    "modulus": P,
    "train_fraction": 0.5,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "loss": "cross_entropy",
    "seed": 0,
    "steps": 1,
    "log_every": 1,
}
CIRCLE = MODULAR | {"model": "constructed_circle", "hidden_size": 5, "activation": "quadratic", "precision": "float64"}
MLP = MODULAR | {"model": "modular_mlp", "embedding_size": 6}
ALL = "matrices+gradient+collapse+fourier+fourier_losses+symmetricity"


def measured(flat, change=lambda params: params):
    config = RunConfig.from_flat(flat)
    state = train.init(config)
    return jax.device_get(train.measure(config, state._replace(params=change(state.params))))


def waves(frequencies, amplitudes=(1.0,)):
    """Columns of cosines: [P, len(frequencies)]."""
    angles = 2 * np.pi * np.outer(np.arange(P), frequencies) / P
    return jnp.asarray(np.cos(angles + 0.7) * np.asarray(amplitudes), jnp.float32)


def test_each_unit_of_the_constructed_circle_has_its_one_frequency():
    metrics = measured(CIRCLE | {"probes": "fourier"})
    np.testing.assert_array_equal(metrics["neuron_frequency"], [1] * 5)
    np.testing.assert_allclose(metrics["neuron_share"], 1, rtol=1e-5)
    assert metrics["key_frequencies"] == 1
    np.testing.assert_allclose(metrics["fourier_ipr"], 1, rtol=1e-5)
    np.testing.assert_allclose(metrics["fourier_gini"], 5 / 6, rtol=1e-5)  # one of six frequencies has all


def test_shares_of_power_by_hand():
    """Unit 0 has 2; unit 1 reads 3, writes 3 and 5 at 2 to 1 in amplitude; unit 2 reads 1, writes 4; unit 3 is dead."""
    reads = jnp.stack([waves([2, 3, 1, 1], [1, 1, 1, 0])] * 2)
    writes = (waves([2, 3, 4, 1], [3, 2, 1, 0]) + waves([1, 5, 1, 1], [0, 1, 0, 0]) + 10.0).T
    spectra = np.asarray(probes.unit_spectra(NeuronMaps(reads, writes)))
    expected = np.zeros((4, 6))
    expected[0, 1] = 1
    expected[1, [2, 4]] = (1 + 0.8) / 2, 0.2 / 2
    expected[2, [0, 3]] = 0.5
    np.testing.assert_allclose(spectra, expected, atol=1e-5)


def test_a_unit_without_power_has_no_frequency():
    """Without it, two units have 1 and 3; with one of them at zero, one is left."""
    dead = {"hidden_size": 2} | MLP | {"probes": "fourier+fourier_losses"}
    whole = measured(dead)
    gone = measured(dead, lambda params: params | {name: params[name].at[0].set(0) for name in ("hidden", "output")})
    assert gone["neuron_frequency"][0] == gone["neuron_share"][0] == 0
    np.testing.assert_allclose(gone["neuron_frequency"][1:], whole["neuron_frequency"][1:])
    assert gone["key_frequencies"] == len(set(whole["neuron_frequency"][1:]))


def test_the_excluded_loss_is_that_of_the_labels_trained_on():
    """Excluding nothing that it has, a model without weights in its frequencies keeps its train loss, noise and all."""
    flat = MLP | {"probes": "fourier_losses", "label_noise": 0.9}
    metrics = measured(flat, lambda params: jax.tree.map(jnp.zeros_like, params))
    np.testing.assert_allclose(metrics["excluded_loss"], metrics["train_loss"], rtol=1e-6)
    clean, noisy = (measured(MLP | {"probes": "fourier_losses", "label_noise": noise})["excluded_loss"] for noise in (0.0, 0.9))
    assert clean != noisy


@pytest.mark.parametrize(
    ("values", "expected"), [([1, 1, 1, 1], 0), ([0, 0, 0, 5], 0.75), ([1, 3], 0.25), ([0, 0], 0), ([3, 1, 2], 2 / 9)]
)
def test_gini(values, expected):
    np.testing.assert_allclose(probes.gini(jnp.asarray(values, jnp.float32)), expected, atol=1e-6)


def test_the_constructed_circle_is_all_in_its_frequency():
    """Restricted to its frequency, its loss is nearly that of the whole; without it, what is left knows nothing."""
    metrics = measured(CIRCLE | {"probes": "fourier_losses"})
    assert metrics["restricted_loss"] < metrics["test_loss"] + 0.1
    assert metrics["excluded_loss"] > np.log(P) - 0.01


def test_restricting_and_excluding_split_the_outputs():
    """An independent projection, least squares on cos and sin of the pair's sum, gives the same two losses."""
    config = RunConfig.from_flat(MLP | {"probes": "fourier+fourier_losses"})
    state = train.init(config)
    metrics = jax.device_get(train.measure(config, state))
    a, b = np.divmod(np.arange(P * P), P)
    outputs = np.asarray(config.model.apply(config.task, state.params, config.model.arrange(config.task, jnp.stack([a, b], 1)))).T
    keys = sorted(set(metrics["neuron_frequency"].astype(int)))
    angles = 2 * np.pi * np.outer(a + b, keys) / P
    design = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    at_keys = design @ np.linalg.lstsq(design, outputs, rcond=None)[0]

    def loss(z, labels):
        return np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels])

    labels, chosen = (a + b) % P, np.asarray(state.train.tokens) @ [P, 1]
    np.testing.assert_allclose(metrics["restricted_loss"], loss(at_keys + outputs.mean(0), labels), rtol=1e-4)
    np.testing.assert_allclose(metrics["excluded_loss"], loss((outputs - at_keys)[chosen], labels[chosen]), rtol=1e-4)


def test_a_model_of_the_sum_of_embeddings_is_symmetric_and_others_are_not():
    assert measured(MLP | {"probes": "symmetricity"})["gradient_symmetricity"] == pytest.approx(1, abs=1e-5)
    untied = measured(MLP | {"probes": "symmetricity", "tied_hidden": False})["gradient_symmetricity"]
    assert abs(untied) < 0.6
    opposed = measured(
        MLP | {"probes": "symmetricity", "tied_hidden": False}, lambda params: params | {"hidden_b": -params["hidden_a"]}
    )
    assert opposed["gradient_symmetricity"] == pytest.approx(-1, abs=1e-5)


def test_collapse_is_when_the_greatest_term_is_the_sum():
    """Scaled up until e^-16.6 = 6e-8, half a unit in the last place of one, the rows collapse one after another."""
    shares = [measured(MLP | {"probes": "collapse", "init_scale": scale})["collapsed_share"] for scale in (1.0, 30.0, 1000.0)]
    assert shares[0] == 0
    assert 0 < shares[2] <= 1
    assert shares == sorted(shares)


def test_norms_by_matrix_and_of_the_gradient():
    config = RunConfig.from_flat(MLP | {"probes": "matrices+gradient"})
    state = train.init(config)
    metrics = jax.device_get(train.measure(config, state))
    for name, weights in state.params.items():
        np.testing.assert_allclose(metrics[f"matrix_norms:{name}"], np.linalg.norm(weights), rtol=1e-5)
    step = RunConfig.from_flat(MLP | {"optimizer": "sgd", "learning_rate": 1.0})
    moved = train.step(step, state._replace(optimizer_state=step.optimizer.transformation(0).init(state.params))).params
    squares = sum(float(jnp.sum((moved[name] - state.params[name]) ** 2)) for name in moved)
    np.testing.assert_allclose(metrics["gradient_norm"], squares**0.5, rtol=1e-4)


@pytest.mark.parametrize("model", [{"model": "transformer", "width": 8, "heads": 2}, {"model": "mlp", "hidden_size": 8}])
def test_every_probe_runs_on_every_model_that_it_fits(model):
    metrics = measured(MODULAR | model | {"probes": ALL})
    assert all(np.isfinite(values).all() for values in metrics.values())
    units = 32 if model["model"] == "transformer" else 8
    assert metrics["neuron_share"].shape == (units,)


def test_the_units_of_a_transformer_are_read_off_all_pairs():
    """A unit whose input is its embedding's wave, whatever stands beside it, has that wave's frequency."""
    config = RunConfig.from_flat(MODULAR | {"model": "transformer", "width": 8, "heads": 2, "probes": "fourier"})
    state = train.init(config)
    maps = config.model.neuron_maps(config.task, state.params)
    assert maps.inputs.shape == (2, P, 32)
    first = jnp.stack([jnp.full(P, 4), jnp.arange(P)], axis=1)
    module = config.model._of(config.task, state.params)
    hidden = module.apply({"params": state.params}, first, method="last_hidden")
    np.testing.assert_allclose(maps.inputs[0, 4], hidden.mean(0), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(
    ("flat", "told"),
    [
        (MLP | {"probes": "inputs"}, "inputs needs task = 'sparse_parity'"),
        (MLP | {"probes": "fourrier"}, "'fourrier' is none of"),
        (MLP | {"operation": "multiply", "probes": "fourier_losses"}, "fourier_losses needs operation"),
        (CIRCLE | {"probes": "symmetricity"}, "symmetricity needs a model that embeds"),
        (MODULAR | {"model": "mlp", "hidden_size": 4, "layers": 2, "probes": "fourier"}, "such as an mlp with layers = 1"),
    ],
)
def test_a_probe_on_what_it_does_not_fit_is_told(flat, told):
    with pytest.raises(ValueError, match=told):
        RunConfig.from_flat(flat)
