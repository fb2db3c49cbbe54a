"""Which specs may share a root, where tasks, models or optimizers are on axes."""

import pytest

from grokjax.errors import SpecError
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.load import load_spec
from tests.support.runs import MODULAR, SMALL_RUN

RUN = {name: value for name, value in SMALL_RUN.items() if name not in ("seed", "optimizer")} | {"l1_penalty": 1e-3}
SPEC = {"name": "mixed", "run": RUN, "axes": {"optimizer": ["adam_l1", "adamw"], "seed": [0]}}


def with_run(**changed):
    return {**SPEC, "run": {name: value for name, value in (RUN | changed).items() if value is not None}}


@pytest.mark.parametrize("optimizers", [["adam_l1", "adamw"], ["adamw", "adam_l1"]])
@pytest.mark.parametrize(("name", "value"), [("weight_decay", 5.0), ("l1_penalty", 0.1), ("learning_rate", 0.1)])
def test_a_changed_hyperparameter_is_refused_whichever_optimizer_has_it_and_comes_first(tmp_path, optimizers, name, value):
    enter_spec(tmp_path / "root", load_spec(SPEC))
    changed = with_run(**{name: value}) | {"axes": {"optimizer": optimizers, "seed": [0]}}
    with pytest.raises(SpecError, match=rf"another sweep:\n  {name}  {RUN[name]} in the root, {value} in this spec\nuse"):
        enter_spec(tmp_path / "root", load_spec(changed))


@pytest.mark.parametrize("optimizer", ["adam_l1", "adamw"])
def test_a_sweep_narrowed_to_either_of_its_optimizers_may_share_its_root(tmp_path, optimizer):
    enter_spec(tmp_path / "root", load_spec(SPEC))
    enter_spec(tmp_path / "root", load_spec(SPEC, [f"optimizer={optimizer}", "seed=0..1"]))


def test_the_order_of_an_axis_does_not_matter(tmp_path):
    enter_spec(tmp_path / "root", load_spec(SPEC))
    enter_spec(tmp_path / "root", load_spec(SPEC | {"axes": {"optimizer": ["adamw", "adam_l1"], "seed": [0, 1]}}))


def test_optimizers_that_are_not_in_the_root_may_join_it_but_share_what_both_have(tmp_path):
    first = with_run(weight_decay=None) | {"axes": {"optimizer": ["adam_l1"], "seed": [0]}}
    enter_spec(tmp_path / "root", load_spec(first))
    for learning_rate in (3e-3, 0.1):
        other = with_run(learning_rate=learning_rate, l1_penalty=None) | {"axes": {"optimizer": ["adamw"], "seed": [0]}}
        if learning_rate == RUN["learning_rate"]:
            enter_spec(tmp_path / "root", load_spec(other))
        else:
            with pytest.raises(SpecError, match=r"another sweep:\n  learning_rate  0.003 in the root, 0.1 in this spec\nuse"):
                enter_spec(tmp_path / "root", load_spec(other))


def test_a_model_that_only_one_of_two_specs_has_shares_what_both_give(tmp_path):
    run = {name: value for name, value in MODULAR.items() if name not in ("model", "seed")}
    spec = {"name": "models", "run": run | {"layers": 1, "hidden_size": 8}, "axes": {"model": ["mlp", "modular_mlp"], "seed": [0]}}
    enter_spec(tmp_path / "root", load_spec(spec))
    for layers in (1, 2):
        other = {**spec, "run": run | {"layers": layers, "width": 8, "heads": 2, "hidden_size": 8}}
        other["axes"] = {"model": ["modular_mlp", "transformer"], "seed": [0]}
        if layers == 1:
            enter_spec(tmp_path / "root", load_spec(other))
        else:
            with pytest.raises(SpecError, match=r"another sweep:\n  layers  1 in the root, 2 in this spec\nuse"):
                enter_spec(tmp_path / "root", load_spec(other))


def test_a_hyperparameter_left_to_follow_another_is_not_the_same_as_one_fixed_at_its_first_value(tmp_path):
    axes = {"optimizer": ["adam_l1", "adamw"], "weight_decay": [1.0, 0.1], "seed": [0]}
    following = with_run(weight_decay=None) | {"axes": axes}
    enter_spec(tmp_path / "root", load_spec(following))
    one_run = with_run(weight_decay=0.1, embedding_weight_decay=0.1)
    enter_spec(tmp_path / "root", load_spec(one_run, ["optimizer=adamw"]))
    fixed = with_run(weight_decay=None, embedding_weight_decay=1.0) | {"axes": axes}
    with pytest.raises(SpecError, match=r"embedding_weight_decay  0.1, 1.0 in the root, 1.0 in this spec"):
        enter_spec(tmp_path / "root", load_spec(fixed))
