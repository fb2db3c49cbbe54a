"""Shipped experiments that are quick enough for a test; the others' figures are in docs/article/experiments.md."""

import numpy as np
import pytest

from grokjax.engine.pack import PackCallbacks, train_pack
from grokjax.engine.program import Tuning
from grokjax.sweeps.spec.group_runs import expand
from grokjax.sweeps.spec.load import load_spec


def all_pairs_accuracy(config, result):
    """Share of all pairs, trained on or not, that are right at the end."""
    train, test = (result.curve.metrics[f"{name}_accuracy"][-1] for name in ("train", "test"))
    count, trained = config.task.num_examples, config.task.num_train
    return (train * trained + test * (count - trained)) / count


@pytest.mark.parametrize(
    ("activation", "modulus", "neurons", "right"),
    [
        ("quadratic", 67, 3, 1.0),
        ("quadratic", 67, 4, 1 / 67),
        ("quadratic", 67, 5, 1.0),
        ("quadratic", 67, 6, 1.0),
        ("quadratic", 67, 7, 1.0),
        ("quadratic", 64, 5, 0.984375),
        ("relu", 67, 5, 1.0),
        ("relu", 67, 7, 1.0),
        ("relu", 67, 6, 871 / 4489),
        ("relu", 67, 3, 101 / 4489),
    ],
)
def test_the_constructed_circle_gets_what_was_published(activation, modulus, neurons, right):
    """Published: 100 % but for 1/67, 98.4375 %, 19.4 % and 2.2 %; ties are wrong."""
    settings = [f"modulus={modulus}", f"hidden_size={neurons}", f"activation={activation}", "pairs=ordered"]
    (config,) = expand(load_spec("modular-constructed", [*settings, "log_every=1"]))
    (result,) = train_pack([config], Tuning(1)).runs
    assert all_pairs_accuracy(config, result) == pytest.approx(right, abs=1e-6)


@pytest.mark.slow
def test_five_neurons_on_a_circle_double_their_angles():
    configs = list(expand(load_spec("modular-circle", ["snapshots=2", "log_every=15_000"])))
    kept = {}
    callbacks = PackCallbacks(on_snapshots=lambda config, snapshots: kept.update({config.seed: snapshots.weights}))
    results = train_pack(configs, Tuning(4), callbacks).runs
    solved = [config.seed for config, result in zip(configs, results, strict=True) if all_pairs_accuracy(config, result) == 1]
    assert len(solved) >= 5
    for seed in solved:
        read, written = kept[seed]["hidden"][-1], kept[seed]["output"][-1]  # [5, 2] each
        for vectors in (read, written):
            norms = np.linalg.norm(vectors, axis=1)
            assert np.abs(norms / norms.mean() - 1).max() < 0.25, (seed, norms)
        angle = np.arctan2(written[:, 1], written[:, 0]) - 2 * np.arctan2(read[:, 1], read[:, 0])
        assert np.abs((angle + np.pi) % (2 * np.pi) - np.pi).max() < 0.15, (seed, angle)
