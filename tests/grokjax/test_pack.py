"""Lanes against single runs: what the whole archive rests on."""

import time

import jax
import numpy as np
import pandas as pd
import pytest

from analysis.rules import ArticleRule, classify
from grokjax import train
from grokjax.lanes import DOT_LIBRARIES, Tuning, measure_tuning
from grokjax.pack import train_pack
from sweeps.summaries import summarize


def single_run(config, rows):
    """The same run by one jitted step in a Python loop, with no lanes, no scan and no refilling: the metrics of each logged row."""
    step, measure = (jax.jit(lambda state, f=f: f(config, state)) for f in (train.step, train.measure))
    state = train.init(config)
    logged = [measure(state)]
    for _ in range(rows):
        for _ in range(config.log_every):
            state = step(state)
        logged.append(measure(state))
    return {name: np.array([row[name] for row in logged]) for name in logged[0]}


def assert_curves_equal(curve, reference):
    """Equal within float32 over the few hundred steps that these runs have; seen here: 9e-7 at most."""
    for name, values in reference.items():
        np.testing.assert_allclose(curve.metrics[name][: len(values)], values, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("tuning", [Tuning(1), Tuning(3), Tuning(8), Tuning(4, "eigen")], ids=str)
def test_a_lane_trains_the_run_that_it_would_be_alone(small_run, tuning):
    configs = [
        small_run(seed=seed, weight_decay=wd, learning_rate=lr)
        for seed, (wd, lr) in enumerate([(0.0, 1e-3), (0.3, 3e-3), (1.0, 1e-2)])
    ]
    for config, result in zip(configs, train_pack(configs, tuning).runs, strict=True):
        assert result.config == config
        assert_curves_equal(result.curve, single_run(config, 4))


def test_adam_with_l1_too(small_run):
    flat = {name: value for name, value in small_run().flat().items() if name != "weight_decay"}
    config = small_run().from_flat(flat | {"optimizer": "adam_l1", "l1_penalty": 1e-3, "eps": 1e-4})
    assert_curves_equal(train_pack([config], Tuning(2)).runs[0].curve, single_run(config, 4))


def test_the_label_at_the_end_is_that_of_the_run_alone(small_run):
    configs = [small_run(seed=seed, weight_decay=wd, steps=3000, log_every=100) for seed in range(2) for wd in (0.0, 3.0)]
    together = pd.DataFrame([summarize(r.curve.step, r.curve.metrics) for r in train_pack(configs, Tuning(3)).runs])
    alone = pd.DataFrame([summarize(np.arange(31) * 100, single_run(config, 30)) for config in configs])
    labels = classify(together, ArticleRule()).tolist()
    assert labels == classify(alone, ArticleRule()).tolist()
    assert set(labels) == {"memorize", "fail"}


def test_a_run_is_the_same_to_the_bit_in_any_lane_beside_any_neighbours(small_run):
    config = small_run(seed=7, weight_decay=0.3)
    neighbours = [small_run(seed=seed, weight_decay=1.0, learning_rate=0.05) for seed in range(5)]
    curves = [
        train_pack(pack, Tuning(4)).runs[pack.index(config)].curve
        for pack in ([config], [*neighbours, config], [neighbours[0], config, *neighbours[1:]], [*neighbours[:3], config])
    ]
    for other in curves[1:]:
        for name, values in curves[0].metrics.items():
            np.testing.assert_array_equal(other.metrics[name], values, err_msg=name)


def test_more_runs_than_lanes_come_back_in_order_each_with_its_own_steps(small_run):
    configs = [small_run(seed=seed, steps=steps) for seed, steps in enumerate([200, 50, 150, 100, 50, 300, 50])]
    results = train_pack(configs, Tuning(3)).runs
    assert [result.config.seed for result in results] == list(range(7))
    assert [result.curve.step[-1] for result in results] == [200, 50, 150, 100, 50, 300, 50]
    for config, result in zip(configs, results, strict=True):
        np.testing.assert_array_equal(result.curve.step, np.arange(0, config.steps + 1, 50))
        assert_curves_equal(result.curve, single_run(config, 1))


def test_a_nan_in_one_lane_touches_no_other_and_ends_its_run(small_run):
    healthy = [small_run(seed=seed) for seed in range(3)]
    sick = small_run(seed=9, learning_rate=3e38)
    undisturbed = train_pack(healthy, Tuning(4)).runs
    *disturbed, broken = train_pack([*healthy, sick], Tuning(4)).runs
    assert not all(np.isfinite(values[-1]) for values in broken.curve.metrics.values())
    assert broken.curve.step[-1] < sick.steps
    for before, after in zip(undisturbed, disturbed, strict=True):
        for name, values in before.curve.metrics.items():
            np.testing.assert_array_equal(after.curve.metrics[name], values)


def test_a_decided_run_ends_there_and_is_otherwise_the_same(small_run):
    """Whoever decides: here, the third run by its fourth row; its lane goes to the next run."""
    configs = [small_run(seed=seed) for seed in range(5)]
    whole = train_pack(configs, Tuning(2))
    third = whole.runs[2].curve.metrics["train_loss"]

    def decider():
        def decides(rows):
            at = np.flatnonzero(rows["train_loss"] == third[3])
            return int(at[0]) if at.size else None

        return decides

    stopped = train_pack(configs, Tuning(2), decider=decider)
    assert [run.curve.step[-1] for run in stopped.runs] == [200, 200, 150, 200, 200]
    assert [run.decided for run in stopped.runs] == [False, False, True, False, False]
    for before, after in zip(whole.runs, stopped.runs, strict=True):
        for name, values in after.curve.metrics.items():
            np.testing.assert_array_equal(before.curve.metrics[name][: len(values)], values)


def test_seconds_add_up_to_those_of_the_lanes(small_run):
    began = time.perf_counter()
    pack = train_pack([small_run(seed=seed) for seed in range(5)], Tuning(4))
    told = sum(run.train_seconds + run.measure_seconds for run in pack.runs)
    assert all(run.train_seconds >= 0 and run.measure_seconds > 0 for run in pack.runs)
    assert told + pack.idle_seconds <= time.perf_counter() - began
    assert pack.idle_seconds > 0, "three lanes are empty beside the fifth run"
    assert train_pack([small_run(seed=seed) for seed in range(4)], Tuning(4)).idle_seconds == 0


def test_run_steps_are_reported_as_they_are_trained(small_run):
    seen = []
    train_pack([small_run(seed=seed) for seed in range(3)], Tuning(2), seen.append)
    assert sum(seen) == 3 * 200


def test_runs_of_two_groups_are_no_pack(small_run):
    for other in ({"hidden_size": 8}, {"log_every": 100}):
        with pytest.raises(ValueError, match="one group"):
            train_pack([small_run(), small_run(**other)], Tuning(2))


def test_the_measured_tuning_is_one_that_trains(small_run):
    tuning = measure_tuning(small_run(), runs=8, seconds=0.01)
    assert tuning.lane_width in (1, 4, 16)
    assert tuning.dot_library in DOT_LIBRARIES
    assert_curves_equal(train_pack([small_run()], tuning).runs[0].curve, single_run(small_run(), 4))
