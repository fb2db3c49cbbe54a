"""Specs narrowed and mistyped on the command line, given as dicts, and made for packages that are not installed."""

import pytest

from grokjax.errors import SpecError
from grokjax.sweeps.spec.group_runs import expand
from grokjax.sweeps.spec.load import load_spec
from tests.support.runs import SMALL_RUN
from tests.support.specs import write

AXES = {"optimizer": ["adamw", "adam_l1"], "weight_decay": [0.1, 1.0], "l1_penalty": [1e-5, 1e-4], "seed": [0, 1]}


def mixed(tmp_path, extra=""):
    return write(tmp_path, {"optimizer": None, "weight_decay": None, "seed": None}, AXES, extra)


def test_a_mixed_spec_is_narrowed_by_set_alone_with_a_note(tmp_path, capsys):
    spec = load_spec(mixed(tmp_path), ["optimizer=adamw"])
    assert spec.axes.keys() == {"weight_decay", "seed"}
    assert len(list(expand(spec))) == 4
    assert capsys.readouterr().err == (
        "grokjax: left out l1_penalty, which no task, model or optimizer of the narrowed sweep has\n"
    )
    load_spec(mixed(tmp_path), ["seed=0"])
    assert not capsys.readouterr().err


def test_zipped_values_and_conditions_are_narrowed_too(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    axes = {name: values for name, values in AXES.items() if name == "optimizer"}
    write(tmp_path, dict.fromkeys(AXES), axes, 'leave_out = ["l1_penalty > 1", "seed == 1"]')
    path.write_text(
        path.read_text() + "\n[[zipped]]\nweight_decay = [0.1, 1.0, 1.0]\nl1_penalty = [1e-5, 1e-5, 1e-4]\nseed = [0, 1, 1]\n"
    )
    spec = load_spec(str(path), ["optimizer=adamw"])
    assert spec.zipped == ({"weight_decay": (0.1, 1.0), "seed": (0, 1)},)
    assert spec.leave_out == ("seed == 1",)


def test_what_is_set_is_not_dropped(tmp_path):
    with pytest.raises(SpecError, match="l1_penalty belongs to optimizer adam_l1, but this sweep has"):
        load_spec(mixed(tmp_path), ["optimizer=adamw", "l1_penalty=1e-3"])


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("weight_decay=[0.1, 1]", "several values are written without brackets: 0.1,1"),
        ("weight_decay=(0.1,1)", "several values are written without brackets: 0.1,1"),
        ("weight_decay=0.1..1 log", "'0.1..1 log' lacks a number after log, such as 0.1..1 log 5"),
        ("weight_decay=0.1..1 step", "lacks a number after step, such as 0.1..1 step 0.1"),
        ("weight_decay=0.1..", "'0.1..' is not a range; write"),
        ("seed=0-3", "a range is written with two dots: 0..3"),
    ],
)
def test_mistyped_lists_and_ranges_say_what_to_write(setting, says):
    with pytest.raises(SpecError) as told:
        load_spec("parity-demo", [setting])
    assert says in str(told.value)
    assert str(told.value).startswith(f"--set {setting}: ")


def test_a_task_that_is_not_installed_is_named_before_its_hyperparameters(tmp_path):
    with pytest.raises(SpecError, match=r"task is one of .*; got 'gcd'; is the package that provides it installed\?"):
        load_spec(write(tmp_path, {"task": "gcd", "largest": 30}))


def test_a_spec_is_given_as_a_dict_too(tmp_path):
    run = {name: value for name, value in SMALL_RUN.items() if name != "seed"}
    tables = {"name": "mine", "run": run, "axes": {"seed": range(3), "weight_decay": (0.1, 1.0)}}
    run.pop("weight_decay")
    spec = load_spec(tables, ["seed=0,1"])
    assert spec.axes == {"seed": (0, 1), "weight_decay": (0.1, 1.0)}
    assert load_spec({"include": "parity-demo", "name": "less", "axes": {"seed": [0]}}).axes["seed"] == (0,)
    assert tables["axes"]["seed"] == range(3), "what was given is left as it was"
    with pytest.raises(SpecError, match="the spec: nome is not a key of a spec; did you mean name"):
        load_spec({"nome": "x"})


def test_an_axis_that_is_replaced_keeps_its_place(tmp_path):
    path = write(tmp_path, {"seed": None, "weight_decay": None}, {"weight_decay": [0.1, 1.0], "seed": [0, 1]})
    assert list(load_spec(path, ["weight_decay=0.2,0.3"]).axes) == ["weight_decay", "seed"]
