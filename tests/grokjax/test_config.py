import pydantic
import pytest

from grokjax.config import RunConfig, UnknownHyperparameter
from grokjax.fields import COMPONENTS
from grokjax.registry import classes_of


def test_run_id_is_a_promise_to_old_archives(small_run):
    """Results in the field are keyed by these. If one changes, raise TRAJECTORY_VERSION on purpose, and say why."""
    assert small_run().run_id == "3ffa5eeb20418d52"
    assert small_run(seed=1, weight_decay=1).run_id == "0d153d8d5bc09eb9"


def test_defaults_are_part_of_that_promise():
    """Values that are left out of a run's hash: changing one changes what old run_ids mean."""
    kinds = {kind for part in COMPONENTS for kind in classes_of(part)}
    defaults: dict[str, set] = {}
    for part in [*(cls for name in COMPONENTS for cls in classes_of(name).values()), RunConfig]:
        for name, info in part.model_fields.items():
            if not info.is_required() and info.default_factory is None and info.default not in kinds:
                defaults.setdefault(name, set()).add(info.default)
    assert defaults == {
        "label_noise": {0.0},
        "test_size": {5000},
        "operation": {"add"},
        "pairs": {"ordered"},
        "permuted": {5},
        "init_scale": {1.0},
        "dropout": {0.0},
        "layers": {1},
        "heads": {4},
        "layer_norm": {False},
        "activation": {"relu"},
        "embedding": {"tied"},
        "tied_hidden": {True},
        "collapsed_hidden": {False},
        "collapsed_output": {False},
        "circle_frequencies": {"1"},
        "warmup_steps": {0},
        "orthogonal_gradient": {False},
        "gradient_filter": {False},
        "filter_decay": {0.98},
        "filter_strength": {2.0},
        "momentum": {0.0, 0.95},
        "nesterov": {False},
        "b1": {0.9},
        "b2": {0.98},
        "eps": {1e-8},
        "batch_size": {0},
        "precision": {"float32"},
        "probes": {""},
        "snapshots": {0},
    }


def test_a_field_that_follows_another_is_left_out_of_the_hash_where_it_does(small_run):
    for followed, following in (("seed", "data_seed"), ("learning_rate", "embedding_learning_rate")):
        told = small_run(**{following: small_run().flat()[followed]})
        assert told == small_run()
        assert told.run_id == small_run().run_id
        other = small_run(**{following: type(small_run().flat()[followed])(7)})
        assert other.run_id != small_run().run_id
        assert other.group_id == small_run().group_id


def test_how_far_and_how_often_are_not_part_of_the_identity(small_run):
    assert small_run(steps=400, log_every=100).run_id == small_run().run_id


@pytest.mark.parametrize(
    "name", ["seed", "train_size", "hidden_size", "weight_decay", "learning_rate", "b1", "eps", "num_bits", "test_size"]
)
def test_everything_else_is(small_run, name):
    value = getattr(small_run(), name, None) or small_run().flat()[name]
    changed = value * 0.5 if isinstance(value, float) else value + 1
    assert small_run(**{name: changed}).run_id != small_run().run_id


def test_a_value_told_or_left_at_its_default_is_the_same_run(small_run):
    assert small_run(eps=1e-8).run_id == small_run().run_id
    assert small_run(weight_decay=1).run_id == small_run(weight_decay=1.0).run_id


def test_traced_fields_vary_inside_a_group_and_static_ones_do_not(small_run):
    same = small_run(seed=5, weight_decay=1.0, learning_rate=0.1, b1=0.5, steps=400, log_every=100)
    assert same.group_id == small_run().group_id
    assert same.group_template() == small_run().group_template()
    for static in ({"hidden_size": 17}, {"train_size": 100}, {"num_bits": 20}):
        assert small_run(**static).group_id != small_run().group_id


def test_flat_round_trips(small_run):
    assert RunConfig.from_flat(small_run().flat()) == small_run()


def test_a_name_means_one_thing_in_all_parts():
    names = [name for part in COMPONENTS for name in {n for cls in classes_of(part).values() for n in cls.model_fields}]
    assert len(names) == len(set(names))
    assert not set(names) - set(COMPONENTS) & set(RunConfig.model_fields)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight_decay": -0.1},
        {"weight_decay": float("nan")},
        {"train_size": 0},
        {"seed": 1.5},
        {"hidden_size": "16"},
        {"log_every": 30},
    ],
)
def test_impossible_values_are_refused(small_run, wrong):
    with pytest.raises(pydantic.ValidationError):
        small_run(**wrong)


def test_unknown_names_are_refused(small_run):
    with pytest.raises(UnknownHyperparameter, match="weight_decai"):
        small_run(weight_decai=1.0)
