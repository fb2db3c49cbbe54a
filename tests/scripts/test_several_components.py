"""The reading commands on sweeps over several tasks, models and optimizers, each of which has hyperparameters of its own."""

import shutil
import tomllib

import pytest

from benchmarks.synthetic import write_sweep
from grokjax.analysis.results import open_root
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.analysis.tables.load import load_runs
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.planned import planned_schema
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

RUN = {
    "task": "sparse_parity",
    "num_bits": 12,
    "parity_bits": 2,
    "test_size": 100,
    "train_size": 500,
    "model": "mlp",
    "hidden_size": 32,
    "learning_rate": 0.01,
    "loss": "cross_entropy",
    "steps": 200,
    "log_every": 10,
}
DECAYS = [0.1, 0.5, 2.0]


def root_of(folder, run, axes):
    spec = load_spec({"name": "several", "rule": "crossing", "run": run, "axes": {**axes, "weight_decay": DECAYS, "seed": "0..1"}})
    write_sweep(folder, spec)
    return folder


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Two tasks and two optimizers; only one of the optimizers has weight decays, and only one of the tasks a train_size."""
    run = {name: value for name, value in RUN.items() if name != "task"} | {"modulus": 7, "operation": "add", "train_fraction": 0.5}
    axes = {"task": ["sparse_parity", "modular_arithmetic"], "optimizer": ["adamw", "adam_l1"], "l1_penalty": [1e-4]}
    return root_of(tmp_path_factory.mktemp("tasks") / "root", run, axes)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models, of which only one has a hidden_size, over train fractions and weight decays."""
    run = {name: value for name, value in RUN.items() if name not in ("task", "model", "train_size", "num_bits", "parity_bits")}
    run |= {
        "task": "modular_arithmetic",
        "modulus": 7,
        "operation": "add",
        "optimizer": "adamw",
        "width": 16,
        "layers": 1,
        "heads": 2,
    }
    run.pop("test_size")
    axes = {"model": ["transformer", "mlp"], "train_fraction": [0.4, 0.6]}
    return root_of(tmp_path_factory.mktemp("models") / "root", run, axes)


COMMANDS = [
    ("phases",),
    ("phases", "--shares", "grok"),
    ("phases", "--facet", "none"),
    ("boundary", "AXIS"),
    ("delays", "--plot", "survival"),
    ("delays", "--plot", "map"),
    ("agreement",),
    ("report",),
    ("refine",),
    ("curves",),
]


# Curves are of one cell, and three hyperparameters of the models do not fit on two axes.
REFUSED = [
    ("tasks", "curves"),
    ("models", "curves"),
    ("models", "phases", "--facet", "none"),
]


@pytest.mark.parametrize("which", ["tasks", "models"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_reading_command_works_or_says_in_a_sentence_what_to_do(which, command, call, request, tmp_path):
    root = request.getfixturevalue(which)
    name, *options = ["weight_decay" if word == "AXIS" else word for word in command]
    out = [] if name == "refine" else ["--out", tmp_path / f"out.{'html' if name == 'report' else 'svg'}"]
    code, printed, err = call(name, root, *options, *out)
    if code:
        assert (which, name, *options) in REFUSED, err
        assert err.startswith("grokjax: ")
        assert "where" in err
    elif name == "refine":
        assert tomllib.loads(printed)["zipped"]
    else:
        assert out[1].stat().st_size > 1000


def test_two_tasks_are_mapped_by_task_and_runs_without_a_weight_decay_have_a_column(call, tasks, tmp_path):
    code, out, err = call("phases", tasks, "--out", tmp_path / "map.svg")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[1:5]] == ["task", "modular_arithmetic", "sparse_parity", "all"]
    drawn = (tmp_path / "map.svg").read_text()
    assert "none" in drawn
    assert "16 runs in 8 cells, 2 runs in each" in drawn
    code, out, _ = call("phases", tasks, "--facet", "none", "--out", tmp_path / "map.svg")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:7]] == ["weight_decay", "0.1", "0.5", "2", "none", "all"]
    assert sum(map(int, out.splitlines()[6].split()[1:])) == 16


def test_two_models_are_mapped_by_model(call, models, tmp_path):
    code, out, err = call("phases", models, "--out", tmp_path / "map.svg")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split()[0] == "model"
    assert open_root(models).axes() == ("train_fraction", "weight_decay", "model")
    assert open_root(models).axes(facet="none")[2] is None
    assert open_root(models).select("model=mlp").axes() == ("train_fraction", "weight_decay", None)


def test_a_cell_of_curves_is_one_task_and_one_optimizer(call, tasks, tmp_path):
    _, _, err = call("curves", tasks)
    assert "task: modular_arithmetic, sparse_parity" in err
    where = ["--where", "task=sparse_parity", "--where", "optimizer=adam_l1"]
    code, _, err = call("curves", tasks, *where, "--out", tmp_path / "curves.svg")
    assert code == 0, err


def test_refined_points_of_one_model_leave_out_what_the_others_have(call, models, tasks):
    rule = ["--rule", "crossing", "--threshold", "delay=60"]
    for root in (models, tasks):
        code, out, err = call("refine", root, "--count", "3", *rule)
        assert code == 0, err
        refined = load_spec(tomllib.loads(out))
        assert refined.size in (2, 4, 6), "a point or more, with two seeds each"


def test_the_refined_points_of_the_second_model_are_run_into_the_same_root(call, models, tmp_path):
    root = shutil.copytree(models, tmp_path / "root")
    rule = ["--rule", "crossing", "--threshold", "delay=60"]
    code, out, err = call("refine", root, "--where", "model=mlp", *rule)
    assert code == 0, err
    enter_spec(root, load_spec(tomllib.loads(out)))
    assert len(read_specs(Root.open(root))) == 2


@pytest.mark.parametrize("optimizers", [["adamw", "adam_l1"], ["adam_l1", "adamw"]])
def test_what_a_hyperparameter_follows_is_kept_whichever_class_has_it_and_comes_first(optimizers, tmp_path):
    run = RUN | {"l1_penalty": 1e-4}
    root = root_of(tmp_path / "root", run, {"optimizer": optimizers, "embedding_learning_rate": [0.01]})
    follows = {"embedding_weight_decay": "weight_decay", "embedding_learning_rate": "learning_rate", "data_seed": "seed"}
    compact(Root.open(root), tmp_path / "compacted")
    for each in (root, tmp_path / "compacted"):
        (spec,) = read_specs(Root.open(each))
        planned = {field.name: field.metadata or {} for field in planned_schema(Root.open(each), spec)}
        assert {name: about[b"follows"].decode() for name, about in planned.items() if b"follows" in about} == follows
        assert load_runs(each).attrs["follows"] == follows
        assert varied_hyperparameters(load_runs(each)) == ["optimizer", "weight_decay"]
