"""What hidden units read and write, and their frequencies: by hand, and as the engine has them."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis.statistics.units import (
    UnitMaps,
    components,
    token_order,
    unit_frequencies,
    unit_maps,
)
from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError
from grokjax.probes import raw_power, unit_spectra
from grokjax.spectra import power_shares, power_spectrum
from tests.support.runs import SMALL_RUN

MODULAR = dict.fromkeys(SMALL_RUN) | {
    "task": "modular_arithmetic",
    "modulus": 11,
    "train_fraction": 0.5,
    "model": "modular_mlp",
    "embedding_size": 6,
    "hidden_size": 4,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 1.0,
    "loss": "cross_entropy",
    "seed": 0,
    "steps": 40,
    "log_every": 20,
}

VARIANTS = {
    "tied": {},
    "even modulus": {"modulus": 12},
    "untied": {"embedding": "untied"},
    "input tied": {"embedding": "input_tied"},
    "hidden apart": {"tied_hidden": False},
    "untied, hidden apart": {"embedding": "untied", "tied_hidden": False},
    "circle": {"embedding": "circle", "circle_frequencies": "2+5", "embedding_size": 4},
    "no hidden": {"collapsed_hidden": True, "embedding": "untied", "hidden_size": 6},
    "no output": {"collapsed_output": True, "embedding": "input_tied"},
    "neither": {"collapsed_output": True, "collapsed_hidden": True, "hidden_size": 6},
    "mlp": {"model": "mlp", "embedding_size": None},
}


@pytest.mark.parametrize("changed", VARIANTS.values(), ids=VARIANTS)
def test_they_read_and_write_what_the_model_says(small_run, changed):
    flat = {name: value for name, value in (MODULAR | changed).items() if value is not None}
    config = type(small_run()).from_flat(flat)
    params = config.model.init(jax.random.key(0), config.task, config.task.num_classes)
    theirs = config.model.neuron_maps(config.task, params)
    weights = Weights(np.array([0]), {name: np.asarray(array)[None] for name, array in params.items()})
    ours = unit_maps(weights, config.flat())
    np.testing.assert_allclose(np.broadcast_to(ours.reads[0], theirs.inputs.shape), theirs.inputs, atol=1e-5)
    np.testing.assert_allclose(ours.writes[0], theirs.outputs, atol=1e-5)
    apart = not np.array_equal(theirs.inputs[0], theirs.inputs[1])
    assert [name for name, _ in ours.sides] == [*(["reads a", "reads b"] if apart else ["reads a and b"]), "writes"]

    spectra = np.asarray(unit_spectra(theirs))
    found = unit_frequencies(ours)
    np.testing.assert_array_equal(found.frequency, spectra.argmax(axis=1) + 1)
    np.testing.assert_allclose(found.share, spectra.max(axis=1), rtol=1e-4)
    power = power_spectrum(np.broadcast_to(ours.reads[0], theirs.inputs.shape)).sum(axis=0) + power_spectrum(ours.writes[0].T)
    np.testing.assert_allclose(power.T, raw_power(theirs), rtol=1e-4, atol=1e-9)


@given(
    tokens=st.integers(3, 40),
    at=st.integers(1, 100),
    amplitude=st.floats(0.1, 10),
    phase=st.floats(0, 6.28),
    mean=st.floats(-3, 3),
)
def test_a_wave_has_its_amplitude_and_phase_and_all_its_power_at_its_frequency(tokens, at, amplitude, phase, mean):
    k = 1 + at % ((tokens - 1) // 2)
    wave = mean + amplitude * np.cos(2 * np.pi * k * np.arange(tokens) / tokens - phase)[:, None]
    (point,) = components(wave, k)
    np.testing.assert_allclose(point, [amplitude * np.cos(phase), amplitude * np.sin(phase)], atol=1e-9)
    shares = power_shares(wave[None])[:, 0]
    assert shares.argmax() + 1 == k
    assert shares.max() == pytest.approx(1)
    assert power_spectrum(wave)[k - 1, 0] == pytest.approx(amplitude**2 * tokens / 2)


def test_at_half_an_even_modulus_there_is_no_sine():
    wave = np.array([3.0, -3, 3, -3])[:, None]  # 3 cos(pi a): power 4 x 9, as its square sum
    np.testing.assert_allclose(power_spectrum(wave)[:, 0], [0, 36], atol=1e-12)
    np.testing.assert_allclose(components(wave, 2), [[3, 0]], atol=1e-12)


def test_a_unit_that_reads_one_frequency_and_writes_another_has_half_in_either():
    angle = 2 * np.pi * np.arange(11) / 11
    reads = np.stack([np.cos(2 * angle), np.cos(4 * angle), 0 * angle], axis=1)[None, None]  # [1, 1, V, 3]
    writes = np.stack([5 * np.cos(2 * angle), np.sin(angle), 0 * angle])[None]  # [1, 3, V]
    found = unit_frequencies(UnitMaps(np.array([0]), reads, writes))
    assert found.frequency.tolist() == [2, 1, 0]
    np.testing.assert_allclose(found.share, [1, 0.5, 0], atol=1e-12)
    assert found.keys == [1, 2]


def test_tokens_in_the_order_of_a_frequency_make_every_wave_come_round_once():
    assert token_order(7, 3).tolist() == [0, 5, 3, 1, 6, 4, 2]  # 3 a mod 7 is 0, 1, 2, ... for these
    wave = np.cos(2 * np.pi * 3 * np.arange(7) / 7)
    np.testing.assert_allclose(wave[token_order(7, 3)], np.cos(2 * np.pi * np.arange(7) / 7), atol=1e-12)


@pytest.mark.parametrize(
    "run", [{"task": "sparse_parity", "model": "mlp", "layers": 1}, {"task": "modular_arithmetic", "model": "transformer"}]
)
def test_other_models_have_no_such_units_and_say_so(run):
    with pytest.raises(AnalysisError, match="has no hidden units between tokens and outputs"):
        unit_maps(Weights(np.array([0]), {}), run)
