import json
from pathlib import Path

import numpy as np
import pytest

from grokjax.errors import SpecError
from grokjax.sweeps.execute.plan import make_plan
from grokjax.sweeps.spec.group_runs import expand
from grokjax.sweeps.spec.load import load_spec, shipped_specs, spec_from
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import SpecEntry, read_specs
from tests.support.runs import SMALL_RUN
from tests.support.specs import spec_of, write


def test_shipped_specs_hold_the_runs_they_promise():
    sizes = {name: load_spec(name).size for name in shipped_specs()}
    assert sizes == {
        "digits-scale": 180,
        "modular-architectures": 162_000,  # 24,300 after what is left out and what is the same run
        "modular-circle": 10,
        "modular-constraints": 648,
        "modular-constructed": 1,
        "modular-generalize-memorize-generalize": 1,
        "modular-main": 9,
        "modular-reverse": 24,
        "modular-seeds": 64,
        "modular-variants": 2304,  # 720 after what is left out and what is the same run
        "parity-article": 1125,
        "parity-demo": 64,
        "parity-l1": 36,
        "parity-l2": 27,
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
        ({"weight_decay": None}, {"weight_decay": [0.1, 1, 0.1]}, "", "axis weight_decay has 0.1 twice"),
        ({"weight_decay": None}, {"weight_decay": [1, 1.0]}, "", "has 1.0 twice"),
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
        ({"steps": None}, {"steps": [100, 200]}, "", "steps sets how long runs are trained"),
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


def points_of(path, *names):
    return [tuple(run.flat()[name] for name in names) for run in expand(load_spec(path))]


def test_zipped_values_go_together_and_multiply_with_the_axes(tmp_path):
    zipped = "[[zipped]]\nhidden_size = [8, 16]\ntrain_size = [100, 200]\n"
    path = write(tmp_path, {"hidden_size": None, "train_size": None, "seed": None}, {"seed": [0, 1]})
    Path(path).write_text(Path(path).read_text() + "\n" + zipped)
    assert points_of(path, "hidden_size", "train_size", "seed") == [(8, 100, 0), (8, 100, 1), (16, 200, 0), (16, 200, 1)]
    assert load_spec(path).varied == ("seed", "hidden_size", "train_size")


def test_what_is_left_out_is_not_trained(tmp_path):
    axes = {"hidden_size": [8, 16, 32], "weight_decay": [0.1, 1.0], "activation": ["relu", "tanh"]}
    extra = 'leave_out = ["hidden_size > train_size / 10 and activation == \'tanh\'", "weight_decay == 1 and hidden_size in [8]"]'
    path = write(tmp_path, {"hidden_size": None, "weight_decay": None}, axes, extra)
    kept = points_of(path, "hidden_size", "weight_decay", "activation")
    assert sorted(kept) == sorted(
        (hidden, decay, activation)
        for hidden in (8, 16, 32)
        for decay in (0.1, 1.0)
        for activation in ("relu", "tanh")
        if not (hidden > 20 and activation == "tanh") and not (decay == 1 and hidden == 8)
    )


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_drawn_points_are_in_range_reproducible_and_one_axis(tmp_path, method):
    path = write(tmp_path, {"hidden_size": None, "weight_decay": None, "seed": None}, {"seed": [0, 1]})
    drawn = f"""
[sample]
method = "{method}"
count = 64
seed = 3
[sample.axes]
weight_decay = "0.01..1 log"
hidden_size = "8..64 log"
activation = ["relu", "tanh"]
dropout = "0..0.5"
"""
    Path(path).write_text(Path(path).read_text() + drawn.replace('"0..0.5"', '"0.0..0.5"'))
    points = points_of(path, "weight_decay", "hidden_size", "activation", "dropout", "seed")
    assert points == points_of(path, "weight_decay", "hidden_size", "activation", "dropout", "seed")
    assert len(points) == 128
    decays, sizes, kinds, dropouts, _ = zip(*points, strict=True)
    assert 0.01 <= min(decays) < 0.02
    assert 0.5 < max(decays) <= 1
    assert 8 <= min(sizes) < 12
    assert 50 < max(sizes) <= 64
    assert all(isinstance(size, int) for size in sizes)
    assert 40 <= kinds.count("tanh") <= 88
    assert 0 <= min(dropouts) < 0.05
    assert 0.45 < max(dropouts) <= 0.5
    if method == "sobol":  # a quarter of the points in each quarter of each axis
        in_log = np.log(sorted(set(decays))) / np.log(10) + 2
        assert np.histogram(in_log, 4, (0, 2))[0].tolist() == [16] * 4


def test_a_spec_includes_another_and_what_it_says_itself_counts(tmp_path):
    (tmp_path / "base.toml").write_text(Path(write(tmp_path, {"seed": None}, {"seed": [0, 1], "hidden_size_": [1]})).read_text())
    base = (tmp_path / "base.toml").read_text().replace("hidden_size_ = [1]\n", "").replace("hidden_size_ = [1]", "")
    (tmp_path / "base.toml").write_text(base)
    over = (
        'include = "base.toml"\nname = "over"\nleave_out = ["hidden_size == 8"]\n[run]\nseed = 7\n[axes]\nhidden_size = [8, 12]\n'
    )
    (tmp_path / "over.toml").write_text(over)
    spec = load_spec(str(tmp_path / "over.toml"))
    assert (spec.name, spec.run["seed"], spec.axes) == ("over", 7, {"hidden_size": (8, 12)})
    assert [run.model.hidden_size for run in expand(spec)] == [12]
    (tmp_path / "shipped.toml").write_text('include = "parity-demo"\nname = "less"\n[axes]\nseed = [0]\n')
    assert load_spec(str(tmp_path / "shipped.toml")).size == load_spec("parity-demo").size / len(
        load_spec("parity-demo").axes["seed"]
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[[zipped]]\nhidden_size = [8, 16]\ntrain_size = [100]",
            "all hyperparameters need equally many; got hidden_size 2, train_size 1",
        ),
        ("[[zipped]]\nhidden_size = [8, 8]\ntrain_size = [100, 100]", "has the same combination of values twice"),
        ("[zipped]\nhidden_size = [8, 16]", "zipped is a list of tables"),
        ("[[zipped]]\nseed = [1, 2]", "seed is given both in [run] and in [[zipped]]"),
        ("[sample]\ncount = 3", "[sample] method is missing"),
        (
            '[sample]\nmethod = "sobol"\ncount = 3\nweight_decay = "0..1"',
            "[sample] weight_decay is none of method, count, seed, axes",
        ),
        ('[sample]\nmethod = "grid"\ncount = 3\n[sample.axes]\ndropout = "0.0..0.5"', "method = 'grid': use 'random' or 'sobol'"),
        ('[sample]\nmethod = "sobol"\ncount = 0\n[sample.axes]\ndropout = "0.0..0.5"', "count = 0: use a whole number from 1"),
        ('[sample]\nmethod = "sobol"\ncount = 3\n[sample.axes]\ndropout = "1..0"', "the smaller end first"),
        ('[sample]\nmethod = "sobol"\ncount = 3\n[sample.axes]\ndropout = "0..1 log"', "both ends must be above 0"),
        ('[sample]\nmethod = "sobol"\ncount = 3\n[sample.axes]\ndropout = "0.0..1.5"', "input should be less than 1"),
        ('include = "other.toml"', "cannot read spec"),
        ('include = "mine.toml"', "includes itself"),
        ("include = 3", "include is the name of a shipped spec or the path of a file, got 3"),
        ('leave_out = "seed == 0"', "leave_out is a list of conditions"),
        ('leave_out = ["seed =="]', "'seed ==' is not a condition"),
        ("leave_out = [\"__import__('os').getcwd() == ''\"]", "is not allowed in a condition"),
        ('leave_out = ["sead == 1"]', "the spec gives no sead"),
        ('leave_out = ["seed + 1"]', "compares nothing"),
        ("leave_out = [\"seed > 'x'\"]", "cannot be evaluated where seed = 0: '>' not supported"),
        ('leave_out = ["1 / seed > 2"]', "cannot be evaluated where seed = 0: division by zero"),
        ('leave_out = ["(not seed) / 0 > 1"]', "division by zero"),
        ('leave_out = ["seed == 0"]', "leave_out leaves out all 1 runs"),
    ],
)
def test_bad_searches_get_one_clear_sentence(tmp_path, text, says):
    path = Path(write(tmp_path, {"hidden_size": None, "train_size": None} if "hidden" in text else {}))
    before, _, run = path.read_text().partition("[run]")
    path.write_text(f"{before}[run]{run}\n{text}" if text.startswith("[") else f"{before}{text}\n[run]{run}")
    with pytest.raises(SpecError) as error:
        list(expand(load_spec(str(path))))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_kinds_on_an_axis_bring_their_own_hyperparameters(tmp_path):
    """Runs of a kind differ in what that kind has: others' values make no more of them."""
    axes = {"optimizer": ["adamw", "adam_l1"], "weight_decay": [0.1, 1.0], "l1_penalty": [1e-5, 1e-4, 1e-3], "seed": [0, 1]}
    path = write(tmp_path, {"optimizer": None, "weight_decay": None, "seed": None}, axes)
    runs = list(expand(load_spec(path)))
    assert len({run.run_id for run in runs}) == len(runs) == (2 + 3) * 2
    assert sorted(run.optimizer.weight_decay for run in runs if run.name_of("optimizer") == "adamw") == [0.1, 0.1, 1.0, 1.0]
    assert {"weight_decay" in run.flat() for run in runs if run.name_of("optimizer") == "adam_l1"} == {False}
    with pytest.raises(SpecError, match="l1_penalty = -1: input should be greater than or equal to 0"):
        load_spec(write(tmp_path, {"optimizer": None, "weight_decay": None, "seed": None}, axes | {"l1_penalty": [1e-5, -1]}))


def test_what_is_unset_is_gone(tmp_path):
    path = write(tmp_path)
    spec = load_spec(path, ["optimizer=adam_l1", "l1_penalty=1e-5"], unset=["weight_decay"])
    assert next(expand(spec)).name_of("optimizer") == "adam_l1"
    with pytest.raises(SpecError, match=r"wait_decay, which is in neither \[run\] nor \[axes\]; did you mean weight_decay"):
        load_spec(path, unset=["wait_decay"])
    (tmp_path / "over.toml").write_text(
        'include = "mine.toml"\nname = "over"\nunset = ["weight_decay"]\n[run]\noptimizer = "adam_l1"\nl1_penalty = 1e-5\n'
    )
    assert next(expand(load_spec(str(tmp_path / "over.toml")))) == next(expand(spec))


def test_the_architectures_are_each_trained_once():
    plan = make_plan(load_spec("modular-architectures"))
    assert plan.runs == 3 * 3 * 2 * (5 + 5) * 3 * 5 * 9


@pytest.mark.parametrize(
    "name", ["../x", "/tmp/x", "a/b", "a\\b", "", ".", "..", ".hidden", "A", "a b", "a\0b", "a\nb", "a\n", "x" * 65, "é"]
)
def test_a_name_that_is_no_plain_name_of_a_folder_is_refused(tmp_path, name):
    """Where nothing else is said, results go to results/NAME."""
    with pytest.raises(SpecError, match=r"^mine\.toml: name = "):
        spec_from({"name": name, "run": SMALL_RUN}, "mine.toml")


def test_plain_names_are_taken():
    for name in ("a", "parity-demo", "x_1.2", "7", "x" * 64):
        assert spec_from({"name": name, "run": SMALL_RUN}, "mine.toml").name == name


class LaterSpec(SweepSpec):
    """A later version of the model, with a field more."""

    curriculum: str = "none"


def test_a_spec_keeps_its_id_when_a_later_version_adds_a_field():
    fields = spec_of().model_dump()
    assert SpecEntry(spec_of().as_json(), 1).spec_id == "59e41ac3452900b5", "never changes: roots name the files of a spec by it"
    assert LaterSpec(**fields).as_json() == spec_of().as_json()
    assert LaterSpec(**fields, curriculum="easy first").as_json() == spec_of().as_json() | {"curriculum": "easy first"}
    (entry,) = read_specs(Root.open(Path(__file__).parents[2] / "docs" / "example"))
    again = SweepSpec.model_validate_json(json.dumps(entry.spec))
    assert SpecEntry(again.as_json(), 1).spec_id == entry.spec_id == "c8cf7abbe0e103c8", "of version 0.1, which knew no tuning"
