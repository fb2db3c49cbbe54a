"""Lanes against single runs: what the whole archive rests on."""

import time
import types

import jax
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.config import RunConfig
from grokjax.engine import step as train
from grokjax.engine.pack import PackCallbacks, train_pack
from grokjax.engine.program import DOT_LIBRARIES, Tuning
from grokjax.engine.tuning import measure_tuning
from grokjax.losses import LOSSES
from grokjax.sweeps.store.summaries import summarize
from tests.support.runs import MODELS, OPTIMIZERS, TASKS


def single_run(config, rows):
    """The same run by one jitted step in a Python loop, with no lanes, no scan and no refilling: the metrics of each logged row."""
    step, measure = (jax.jit(lambda state, f=f: f(config, state)) for f in (train.step, train.measure))
    with train.precision_scope(config):
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
    flat = {name: value for name, value in small_run().flat().items() if "weight_decay" not in name}
    config = small_run().from_flat(flat | {"optimizer": "adam_l1", "l1_penalty": 1e-3, "eps": 1e-4})
    assert_curves_equal(train_pack([config], Tuning(2)).runs[0].curve, single_run(config, 4))


SETTINGS = [
    {"orthogonal_gradient": True},
    {"gradient_filter": True, "batch_size": 7},
    {"dropout": 0.2, "warmup_steps": 5},
    {"precision": "float64", "label_noise": 0.2, "data_seed": 4},
    {"batch_size": 7, "dropout": 0.2, "probes": "matrices+gradient+collapse"},
]
# Every model, optimizer, loss and setting; other combinations are drawn below.
COVER = [
    ("modular_arithmetic", model, list(OPTIMIZERS)[turn % 5], list(LOSSES)[1 + turn % 4], SETTINGS[turn % 5])
    for turn, model in enumerate(MODELS)
]
COVER.append(("sparse_parity", "mlp", "adamw", "clipped_binary_cross_entropy", SETTINGS[1]))
ANY_CONFIG = st.fixed_dictionaries(
    {
        "task": st.sampled_from(list(TASKS)),
        "model": st.sampled_from(list(MODELS)),
        "optimizer": st.sampled_from(list(OPTIMIZERS)),
        "loss": st.sampled_from(list(LOSSES)),
        "precision": st.sampled_from(["float32", "float64"]),
        "activation": st.sampled_from(["relu", "quadratic", "tanh", "gelu"]),
        "batch_size": st.sampled_from([0, 7]),
        "dropout": st.sampled_from([0.0, 0.2]),
        "orthogonal_gradient": st.booleans(),
        "gradient_filter": st.booleans(),
        "warmup_steps": st.integers(0, 9),
        "label_noise": st.sampled_from([0.0, 0.2]),
        "data_seed": st.integers(0, 9),
        "probes": st.sampled_from(["", "matrices+gradient+collapse"]),
    }
)


def assert_lane_equals_run(flat):
    """In float32 with a step small enough that rounding does not grow; in float64 the same bound leaves nothing to rounding.

    The lane's neighbours differ in every traced field.
    """
    calm = {"eps": 1e-3} if flat["optimizer"].startswith("adam") else {}
    config = RunConfig.from_flat({"seed": 2, "steps": 12, "log_every": 4, "learning_rate": 1e-4} | flat | calm)
    traced = config.values("traced")
    neighbours = [
        config.bind({name: value + by if isinstance(value, int) else 0.9 * value + 0.01 * by for name, value in traced.items()})
        for by in (1, 2)
    ]
    assert_curves_equal(train_pack([*neighbours, config], Tuning(2)).runs[2].curve, single_run(config, 3))


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model", "optimizer", "loss", "settings"), COVER)
def test_a_lane_trains_every_kind_of_run_as_it_would_be_alone(task, model, optimizer, loss, settings):
    assert_lane_equals_run({**TASKS[task], **OPTIMIZERS[optimizer], "loss": loss, **settings, **MODELS[model]})


@pytest.mark.slow
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(ANY_CONFIG)
def test_a_lane_trains_any_run_as_it_would_be_alone(drawn):
    try:
        assert_lane_equals_run({**drawn, **TASKS[drawn["task"]], **OPTIMIZERS[drawn["optimizer"]], **MODELS[drawn["model"]]})
    except pydantic.ValidationError:
        reject()  # a model or a loss that does not fit the task


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


@pytest.mark.parametrize("width", [1, 4])
def test_a_run_that_is_not_finite_before_its_first_step_ends_there_and_spoils_no_other(small_run, width):
    good, bad = small_run(snapshots=2), small_run(init_scale=1e30, snapshots=2)
    kept = {}
    callbacks = PackCallbacks(on_snapshots=lambda run, copies: kept.update({run.run_id: copies}))
    runs = train_pack([bad, good, bad, bad], Tuning(width), callbacks).runs
    alone = train_pack([good], Tuning(width)).runs[0]
    np.testing.assert_array_equal(runs[1].curve.metrics["test_loss"], alone.curve.metrics["test_loss"])
    assert [run.curve.step.tolist() for run in runs] == [[0], [0, 50, 100, 150, 200], [0], [0]]
    assert {run_id: copies.step.tolist() for run_id, copies in kept.items()} == {bad.run_id: [0], good.run_id: [0, 200]}
    assert [run.state is None for run in runs] == [True, False, True, True]
    assert not train_pack([bad], Tuning(width)).runs[0].decided


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

    stopped = train_pack(configs, Tuning(2), PackCallbacks(early_stop=decider))
    assert [run.curve.step[-1] for run in stopped.runs] == [200, 200, 150, 200, 200]
    assert [run.decided for run in stopped.runs] == [False, False, True, False, False]
    for before, after in zip(whole.runs, stopped.runs, strict=True):
        for name, values in after.curve.metrics.items():
            np.testing.assert_array_equal(before.curve.metrics[name][: len(values)], values)


def test_snapshots_are_the_weights_at_evenly_spaced_rows_and_change_nothing(small_run):
    """Lanes at different steps of different runs; each snapshot is what the run alone has at that step."""
    configs = [small_run(seed=seed, steps=steps, snapshots=3, eps=1e-3) for seed, steps in enumerate([200, 100, 200, 400, 100])]
    kept = {}
    callbacks = PackCallbacks(on_snapshots=lambda config, snapshots: kept.update({config.seed: snapshots}))
    results = train_pack(configs, Tuning(2), callbacks).runs
    for config, result in zip(configs, results, strict=True):
        snapshots = kept[config.seed]
        assert snapshots.step.tolist() == [0, config.steps // 2, config.steps]
        state, step = train.init(config), jax.jit(lambda state, config=config: train.step(config, state))
        for index in range(3):
            if index:
                for _ in range(config.steps // 2):
                    state = step(state)
            for name, weights in state.params.items():
                np.testing.assert_allclose(snapshots.weights[name][index], weights, rtol=1e-4, atol=1e-5)
        assert_curves_equal(result.curve, single_run(config, 2))


def test_a_run_that_diverges_keeps_the_snapshots_it_came_to(small_run):
    kept = []
    callbacks = PackCallbacks(on_snapshots=lambda _, snapshots: kept.append(snapshots))
    train_pack([small_run(learning_rate=3e38, snapshots=3)], Tuning(1), callbacks)
    assert kept[0].step.tolist() == [0]


@pytest.mark.parametrize("batch_size", [7, 30])
def test_batches_go_through_all_examples_before_any_comes_twice(small_run, batch_size):
    """With one example's label in doubt the epoch's batches differ just where it is in: here, by counting rows directly."""
    config = small_run(train_size=30, batch_size=batch_size)
    state = train.init(config)
    marked = state._replace(train=state.train._replace(labels=np.arange(30.0)))
    key = jax.random.key(0)
    for epoch in range(2):
        seen = []
        for index in range(30 // batch_size):
            step = np.int32(epoch * (30 // batch_size) + index)
            seen += train._batch(config, marked._replace(step=step), key).labels.tolist()
        assert len(set(seen)) == len(seen) == 30 // batch_size * batch_size


def test_float64_is_another_run_that_starts_the_same(small_run):
    single, double = small_run(), small_run(precision="float64")
    assert single.run_id != double.run_id
    short, long = (train_pack([config], Tuning(1)).runs[0].curve.metrics["train_loss"] for config in (single, double))
    np.testing.assert_allclose(short[0], long[0], rtol=1e-6)
    with train.precision_scope(double):
        assert train.init(double).params["hidden"].dtype == np.float64
        np.testing.assert_array_equal(train.init(double).params["hidden"].astype(np.float32), train.init(single).params["hidden"])


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
    train_pack([small_run(seed=seed) for seed in range(3)], Tuning(2), PackCallbacks(on_progress=seen.append))
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


@pytest.mark.parametrize("when", ["making", "training"])
def test_as_many_lanes_are_taken_as_the_device_holds(small_run, monkeypatch, when):
    """A device on which a run-step is the cheaper the more lanes there are, and that runs out of memory at 64."""

    def trial(config, tuning):
        def fail():
            if tuning.lane_width >= 64:
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.")

        def train():
            fail()
            return 1 / tuning.lane_width

        if when == "making":
            fail()
        return train

    monkeypatch.setattr("grokjax.engine.tuning._trial", trial)
    assert measure_tuning(small_run(), runs=1000, seconds=1e-3).lane_width == 16
    assert measure_tuning(small_run(), runs=3, seconds=1e-3).lane_width == 4


def test_other_failures_of_a_trial_are_told(small_run, monkeypatch):
    def trial(config, tuning):
        if tuning.lane_width > 1:
            raise jax.errors.JaxRuntimeError("INTERNAL: the device is on fire")
        return lambda: 1.0

    monkeypatch.setattr("grokjax.engine.tuning._trial", trial)
    with pytest.raises(jax.errors.JaxRuntimeError, match="on fire"):
        measure_tuning(small_run(), runs=8, seconds=1e-3)


def test_no_more_lanes_are_tried_on_a_gpu_than_half_its_memory_holds(small_run, monkeypatch):
    """A run's state, weights and both moments, is about 6 kB: ten times that is room for 4 lanes and not for 16."""
    state = jax.eval_shape(lambda: train.init(small_run()))
    bytes_a_lane = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
    gpu = types.SimpleNamespace(memory_stats=lambda: {"bytes_limit": 20 * bytes_a_lane})
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    monkeypatch.setattr("jax.devices", lambda: [gpu])
    monkeypatch.setattr("grokjax.engine.tuning._trial", lambda config, tuning: lambda: 1 / tuning.lane_width)
    assert measure_tuning(small_run(), runs=1000, seconds=1e-3).lane_width == 4
