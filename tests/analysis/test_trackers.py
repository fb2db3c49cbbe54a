"""Runs in experiment trackers, read back by the trackers' own readers."""

import json
import math
import os
import sys

import pandas as pd
import pytest

from grokjax.analysis.tables import trackers
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.analysis.tables.trackers import track
from grokjax.errors import AnalysisError
from grokjax.scripts.export import command
from grokjax.scripts.selection import Selection
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from tests.support.runs import SMALL_RUN

os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_ERROR_REPORTING": "false"}
INLINE = Execution(executor="inline")
RUN = {name: value for name, value in SMALL_RUN.items() if name != "seed"} | {"probes": "matrices", "hidden_size": 8}
# With the second rate runs diverge: their last losses are no numbers, or no finite ones.
SPEC = SweepSpec(name="small", run=RUN, axes={"learning_rate": (3e-3, 1e30), "seed": (0, 1)})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("tracked") / "root"
    assert not run_sweep(SPEC, root, INLINE).failures
    return root


def expected(root, run_id):
    """The hyperparameters, outcomes and curve that a tracker must hold of a run, from the frames."""
    runs = load_runs(root).set_index("run_id")
    run = runs.loc[run_id]
    hyperparameters = {name: run[name] for name in load_runs(root).attrs["hyperparameters"] if not pd.isna(run[name])}
    outcomes = {name: run[name] for name in ("steps", "min_train_loss", "final_test_accuracy", "first_step_train_accuracy_90")}
    curve = load_curves(root, [run_id], ["train_loss", "matrix_norms"])
    losses = dict(zip(curve["step"], curve["train_loss"], strict=True))
    norms = {step: dict(norms)["hidden"] for step, norms in zip(curve["step"], curve["matrix_norms"], strict=True)}
    return hyperparameters, {name: value for name, value in outcomes.items() if not pd.isna(value)}, losses, norms


def same(one, other):
    """Whether numbers are equal, as far as a tracker can hold them: SQLite has no infinity."""
    if math.isinf(other):
        return abs(one) > 1e308
    return (math.isnan(one) and math.isnan(other)) or one == pytest.approx(other, rel=1e-6)


@pytest.mark.slow
def test_mlflow_holds_every_run_once_with_its_parameters_curves_and_outcomes(root, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed (the extra mlflow)")
    database = tmp_path / "mlflow.db"
    chosen = load_runs(root)["run_id"][1:3].tolist()
    assert track(root, "mlflow", str(database), "demo", chosen) == (2, 0)
    assert track(root, "mlflow", str(database), "demo") == (2, 2)
    assert track(root, "mlflow", str(database), "demo") == (0, 4)
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    (experiment,) = client.search_experiments(filter_string="name = 'demo'")
    found = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.tags["grokjax.run_id"] for run in found) == load_runs(root)["run_id"].tolist()
    diverged = 0
    for run in found:
        hyperparameters, outcomes, losses, norms = expected(root, run.data.tags["grokjax.run_id"])
        assert run.info.status == "FINISHED"
        assert run.data.params == {name: str(value) for name, value in hyperparameters.items()}
        assert all(same(run.data.metrics[name], value) for name, value in outcomes.items())
        assert "signal_weight_norm" in run.data.metrics
        assert run.data.tags.keys() >= {"grokjax.pack_id", "grokjax.jax_version", "grokjax.started_at"}
        for name, values in (("train_loss", losses), ("matrix_norms/hidden", norms)):
            history = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, name)}
            assert history.keys() == values.keys()
            assert all(same(history[step], values[step]) for step in values)
        diverged += "diverged_step" in run.data.metrics
    assert diverged == 2


def test_mlflow_gets_anew_what_was_half_entered_or_has_been_trained_further(root, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed (the extra mlflow)")
    database = str(tmp_path / "mlflow.db")
    kept = mlflow.MlflowClient.set_terminated
    monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", lambda *_, **__: sys.exit(9))
    with pytest.raises(SystemExit):
        track(root, "mlflow", database, "demo")
    monkeypatch.setattr(mlflow.MlflowClient, "set_terminated", kept)
    assert track(root, "mlflow", database, "demo") == (4, 0)
    one = load_runs(root)["run_id"][0]
    load = load_runs

    def longer(*arguments, **settings):
        runs = load(*arguments, **settings)
        runs.loc[runs["run_id"] == one, "steps"] += 100
        return runs

    monkeypatch.setattr(trackers, "load_runs", longer)
    assert track(root, "mlflow", database, "demo") == (1, 3)
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    found = client.search_runs([client.get_experiment_by_name("demo").experiment_id])
    assert sorted(run.data.tags["grokjax.run_id"] for run in found) == load(root)["run_id"].tolist()


def test_mlflow_keeps_a_run_of_somebody_else_in_the_same_experiment(root, tmp_path):
    mlflow = pytest.importorskip("mlflow", reason="mlflow-skinny is not installed (the extra mlflow)")
    database = tmp_path / "mlflow.db"
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    experiment_id = client.create_experiment("demo")
    other = client.create_run(experiment_id).info.run_id
    client.set_terminated(other)
    (one,) = load_runs(root)["run_id"][:1]
    assert track(root, "mlflow", str(database), "demo", [one]) == (1, 0)
    assert track(root, "mlflow", str(database), "demo", [one]) == (0, 1)
    found = {run.info.run_id: run.data.tags.get("grokjax.run_id") for run in client.search_runs([experiment_id])}
    assert found.pop(other) is None
    assert list(found.values()) == [one]


@pytest.mark.parametrize(("tracker", "library"), [("mlflow", "mlflow"), ("wandb", "wandb")])
def test_the_environment_is_the_callers_again_after_an_export(root, tmp_path, monkeypatch, tracker, library):
    pytest.importorskip(library, reason=f"{library} is not installed (the extra {tracker})")
    for name in ("MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    track(root, tracker, str(tmp_path / "to"), "demo", [])
    assert dict(os.environ) == before


def records(file):
    """The records of an offline run: wandb's own messages, in the framing of a LevelDB log (7 bytes before each part of one)."""
    from wandb.proto.wandb_internal_pb2 import Record  # noqa: PLC0415

    content, at, parts = file.read_bytes(), 7, b""
    while at < len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        size, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        parts += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(parts)
            parts = b""


def read_offline(folder):
    """Config, summary and history of an offline run."""
    (file,) = folder.glob("*.wandb")
    config, summary, history = {}, {}, {}

    def named(item):
        return "/".join(item.nested_key) or item.key, json.loads(item.value_json)

    for record in records(file):
        if record.HasField("run"):
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        summary |= {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.summary.update}
        if record.HasField("history"):
            row = dict(map(named, record.history.item))
            history[record.history.step.num] = row
    return config, summary, history


def test_wandb_offline_holds_every_run_once_with_its_config_curves_and_outcomes(root, tmp_path):
    pytest.importorskip("wandb", reason="wandb is not installed (the extra wandb)")
    folder = tmp_path / "offline"
    chosen = load_runs(root)["run_id"][1:3].tolist()
    assert track(root, "wandb", str(folder), "demo", chosen) == (2, 0)
    (folder / ".unfinished" / "wandb" / "offline-run-0-half").mkdir(parents=True)  # of a process that was killed
    assert track(root, "wandb", str(folder), "demo") == (2, 2)
    assert track(root, "wandb", str(folder), "demo") == (0, 4)
    found = {path.name.rpartition("-")[2]: path for path in folder.iterdir()}
    assert sorted(found) == load_runs(root)["run_id"].tolist()
    for run_id, path in found.items():
        hyperparameters, outcomes, losses, norms = expected(root, run_id)
        config, summary, history = read_offline(path)
        assert {name: config[name] for name in hyperparameters} == hyperparameters
        assert config["provenance"]["grokjax.run_id"] == run_id
        assert all(same(float(summary[name]), value) for name, value in outcomes.items())
        assert history.keys() == losses.keys()
        for step, loss in losses.items():
            assert same(float(history[step]["train_loss"]), loss)
            assert same(float(history[step]["matrix_norms/hidden"]), norms[step])


def test_a_place_that_cannot_be_written_is_an_error(root, tmp_path):
    (tmp_path / "text").write_text("no database and no folder")
    for tracker, library in (("mlflow", "mlflow"), ("wandb", "wandb")):
        pytest.importorskip(library, reason=f"{library} is not installed (the extra {tracker})")
        with pytest.raises(AnalysisError, match=r"cannot enter runs into .*text: "):
            track(root, tracker, str(tmp_path / "text"), "demo")


def test_the_command_narrows_and_refuses_what_does_not_fit(root, tmp_path, capsys):
    pytest.importorskip("wandb", reason="wandb is not installed (the extra wandb)")
    folder = str(tmp_path / "offline")
    command(str(root), folder, to="wandb", selection=Selection(where=("seed=1",)))
    assert capsys.readouterr().out == f"Entered 2 runs into {folder}\nNext: wandb sync {folder}/offline-run-*\n"
    command(str(root), folder, to="wandb", selection=Selection(where=("seed=1",)))
    assert capsys.readouterr().out == f"Entered 0 runs into {folder}; 2 were already there\n"
    for settings, says in (
        ({"to": "wandb", "table": "curves"}, "--table, --rule and --budget are for a file"),
        ({"name": "x"}, "--name is for an MLflow experiment or a W&B project"),
    ):
        with pytest.raises(AnalysisError, match=says):
            command(str(root), "x.csv", **settings)


def test_a_library_that_is_not_installed_is_named(root, tmp_path, monkeypatch):
    for tracker, module in (("mlflow", "mlflow.entities"), ("wandb", "wandb")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(AnalysisError, match=rf"{tracker} needs its library; pip install 'grokjax\[{tracker}\]'"):
            track(root, tracker, str(tmp_path / "x"), "demo")
