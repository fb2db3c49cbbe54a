from pathlib import Path

import pytest

from sweeps.errors import SpecError
from sweeps.plan import expand
from sweeps.spec import load_spec, shipped_specs
from tests.conftest import SMALL_RUN


def write(tmp_path, run=None, axes=None, extra=""):
    def toml(value):
        return repr(value).replace("'", '"').replace("True", "true")

    lines = ['name = "mine"', extra, "[run]"]
    lines += [f"{name} = {toml(value)}" for name, value in (SMALL_RUN | (run or {})).items() if value is not None]
    lines += ["[axes]", *(f"{name} = {toml(values)}" for name, values in (axes or {}).items())]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(lines))
    return str(path)


def test_shipped_specs_hold_the_runs_they_promise():
    sizes = {name: load_spec(name).size for name in shipped_specs()}
    assert sizes == {
        "modular-architectures": 16_200,
        "modular-architectures-l1": 16_200,
        "modular-circle": 10,
        "modular-constructed": 1,
        "modular-generalize-memorize-generalize": 400,
        "modular-main": 9,
        "modular-reverse": 24,
        "modular-seeds": 64,
        "parity-article": 1125,
        "parity-demo": 64,
        "parity-l1": 36,
        "transformer-addition": 4,
    }
    for name in sizes:
        next(expand(load_spec(name)))


def test_shipped_specs_begin_with_their_command():
    for name, text in shipped_specs().items():
        assert text.startswith(f"# grokjax run {name} ")


def test_the_last_axis_varies_fastest(tmp_path):
    spec = load_spec(write(tmp_path, {"seed": None, "weight_decay": None}, {"weight_decay": [0.1, 1], "seed": "0..2"}))
    assert [(run.optimizer.weight_decay, run.seed) for run in expand(spec)] == [
        (0.1, 0),
        (0.1, 1),
        (0.1, 2),
        (1, 0),
        (1, 1),
        (1, 2),
    ]


def test_overrides_fix_replace_and_make_axes(tmp_path):
    path = write(tmp_path, {"seed": None}, {"seed": "0..8"})
    assert load_spec(path, ["seed=0..2"]).axes["seed"] == (0, 1, 2)
    assert load_spec(path, ["seed=4"]).run["seed"] == 4
    assert load_spec(path, ["weight_decay=0.1,1", "seed=0"]).axes == {"weight_decay": (0.1, 1)}
    assert load_spec(path, ["weight_decay=0.01..1 log 3"]).size == 27


@pytest.mark.parametrize(
    ("run", "axes", "extra", "says"),
    [
        ({"weight_decai": 1.0}, {}, "", "weight_decai is not a hyperparameter; did you mean weight_decay"),
        ({}, {"hiden_size": [1]}, "", "hiden_size is not a hyperparameter; did you mean hidden_size"),
        ({}, {}, "axis = 1", "axis is not a key of a spec; did you mean axes"),
        ({"stop": "decided"}, {}, "", "stop is not a hyperparameter; use --stop, or stop in the spec itself"),
        ({"hidden_size": "wide"}, {}, "", "hidden_size = 'wide': input should be a valid integer"),
        ({"hidden_size": 16.5}, {}, "", "hidden_size = 16.5: input should be a valid integer"),
        ({"hidden_size": None}, {"hidden_size": [16, True]}, "", "hidden_size = True"),
        ({"weight_decay": None}, {"weight_decay": []}, "", "axis weight_decay is empty"),
        ({"weight_decay": None}, {"weight_decay": [0.1, 1, 0.1]}, "", "axis weight_decay holds 0.1 twice"),
        ({"weight_decay": None}, {"weight_decay": [1, 1.0]}, "", "holds 1.0 twice"),
        ({"weight_decay": None}, {"weight_decay": 0.1}, "", "an axis is a list of values or a range"),
        ({"weight_decay": None}, {"weight_decay": [0.1, [1]]}, "", "axis weight_decay holds [1]; a value is a number"),
        ({"weight_decay": [0.1, 1]}, {}, "", "[run] weight_decay holds [0.1, 1], and a run has one value; put several in [axes]"),
        ({}, {"weight_decay": [0.1, 1]}, "", "weight_decay is given both in [run] and in [axes]"),
        ({"train_size": 0}, {}, "", "train_size = 0: input should be greater than or equal to 1"),
        ({"num_bits": 8}, {}, "", "train_size = 200 and test_size = 300 together are more than the 256 sequences"),
        ({"train_size": None, "num_bits": 10}, {"train_size": [100, 900]}, "", "train_size = 900 and test_size = 300 together"),
        ({"weight_decay": -0.1}, {}, "", "weight_decay = -0.1: input should be greater than or equal to 0"),
        ({"weight_decay": None}, {"weight_decay": [0.1, -1]}, "", "weight_decay = -1: input should be greater"),
        ({"parity_bits": 31}, {}, "", "parity_bits = 31 is more than num_bits = 30"),
        ({"log_every": 30}, {}, "", "log_every = 30 does not divide steps = 200"),
        ({"learning_rate": None}, {}, "", "learning_rate is missing"),
        ({"l1_penalty": 0.1}, {}, "", "l1_penalty belongs to optimizer adam_l1"),
        ({"optimizer": "adamv"}, {}, "", "optimizer is one of adam_l1, adam_l2, adamw, muon, sgd; got 'adamv'; did you mean adamw"),
        ({"steps": None}, {"steps": [100, 200]}, "", "steps says how far runs are trained"),
        ({}, {}, "description = 3", "description = 3"),
    ],
)
def test_bad_input_gets_one_clear_sentence(tmp_path, run, axes, extra, says):
    with pytest.raises(SpecError) as error:
        load_spec(write(tmp_path, run, axes, extra))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_not_a_number_is_refused(tmp_path):
    path = write(tmp_path, {"weight_decay": None})
    Path(path).write_text(Path(path).read_text().replace("[run]", "[run]\nweight_decay = nan"))
    with pytest.raises(SpecError, match=r"weight_decay = nan: input should be a finite number"):
        load_spec(path)


@pytest.mark.parametrize(
    ("path", "says"),
    [("parity-dem", "did you mean parity-demo"), ("no/such.toml", "cannot read spec no/such.toml"), (".", "cannot read")],
)
def test_a_spec_that_is_not_there(path, says):
    with pytest.raises(SpecError, match=says):
        load_spec(path)


def test_an_empty_spec(tmp_path):
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(SpecError, match=r"empty.toml: name is missing; a spec has a name and a \[run\] table"):
        load_spec(str(tmp_path / "empty.toml"))


def test_a_spec_that_is_not_toml(tmp_path):
    (tmp_path / "a.toml").write_text("name: mine\n")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    for name in ("a.toml", "b.toml"):
        with pytest.raises(SpecError, match="TOML"):
            load_spec(str(tmp_path / name))


def test_one_name_is_set_once():
    with pytest.raises(SpecError, match="--set seed is given 2 times; give several values as seed=A,B"):
        load_spec("parity-demo", ["seed=0", "seed=1"])


@pytest.mark.parametrize("setting", ["seed", "=3", "seed=", "seed=3..1", "sead=1", "seed=0,0"])
def test_bad_settings_name_themselves(setting):
    with pytest.raises(SpecError, match=r"--set|sead is not a hyperparameter; did you mean seed"):
        load_spec("parity-demo", [setting])
