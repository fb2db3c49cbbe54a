"""Which columns are hyperparameters, whatever was done to the frame; and which axes a map takes."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from grokjax.analysis.labels.rules import PHASES, ArticleRule, classify
from grokjax.analysis.statistics.grid import choose_axes, phase_grid
from grokjax.analysis.tables.hyperparameters import FIRST_HYPERPARAMETER, describe_columns, hyperparameters, varied_hyperparameters
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.query import query
from grokjax.errors import AnalysisError
from grokjax.sweeps.execute.tables import hyperparameter_columns
from grokjax.sweeps.store.schema import runs_columns

MIXED = "learning_rate also varies"


def all_grok(runs):
    return pd.Series(pd.Categorical(["grok"] * len(runs), categories=PHASES), index=runs.index)


def frames_without_attrs(root):
    runs = load_runs(root)
    notes = pd.DataFrame({"run_id": runs["run_id"], "note": np.arange(len(runs))})
    half = runs.iloc[:4].copy()
    half.attrs = {}
    return {
        "merged": runs.merge(notes, on="run_id"),
        "merged into notes": notes.merge(runs, on="run_id"),
        "concatenated": pd.concat([half, runs.iloc[4:]]),
        "read by pandas": pd.read_parquet(root / "runs"),
        "queried": query(root, "SELECT * FROM runs JOIN labels USING (run_id)"),
        "queried and merged": query(
            root, "SELECT min_test_loss, learning_rate, weight_decay, train_size, seed, run_id FROM runs"
        ).merge(notes, on="run_id"),
    }


def test_values_are_never_mixed_in_a_cell_whatever_was_done_to_the_frame(small_root):
    for how, frame in frames_without_attrs(small_root).items():
        with pytest.raises(AnalysisError, match=MIXED):
            phase_grid(frame, all_grok(frame), x="weight_decay", y="train_size")
        assert len(phase_grid(frame, all_grok(frame), x="weight_decay", y="learning_rate")) == 4, how
        assert varied_hyperparameters(frame) == [name for name in frame if name in ("learning_rate", "weight_decay")], how


def test_a_table_read_by_pandas_alone_is_as_safe(small_root):
    """In a process that has read no root: what else it knows of the names is out of the way."""
    code = f"""import pandas as pd
from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.analysis.statistics.grid import phase_grid
runs = pd.read_parquet({str(small_root / "runs")!r})
for frame in (runs, runs.assign(note=range(len(runs)))):
    try:
        phase_grid(frame, classify(frame, ArticleRule()), x="weight_decay", y="train_size")
    except Exception as error:
        print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.count(MIXED) == 2
    assert "note" not in printed


def test_the_answer_of_a_query_is_as_safe_in_a_process_that_has_read_nothing_else(small_root):
    code = f"""from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.tables.query import query
runs = query({str(small_root)!r}, "SELECT phase, weight_decay, train_size, learning_rate FROM runs JOIN labels USING (run_id)")
for frame in (runs, runs.merge(runs[["weight_decay"]].drop_duplicates(), on="weight_decay")):
    try:
        phase_grid(frame, frame["phase"], x="weight_decay", y="train_size")
    except Exception as error:
        print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.count(MIXED) == 2


def test_a_hyperparameter_of_another_package_counts_and_a_note_does_not():
    names = ["run_id", "note", "task", "curvature", "seed", "steps", "min_test_loss", "verdict"]
    runs = pd.DataFrame([["a", 1, "bowl", 0.1, 0, 10, 1.0, "x"], ["b", 2, "bowl", 0.2, 1, 10, 1.0, "y"]], columns=names)
    assert hyperparameters(runs) == ["task", "curvature", "seed"]
    assert varied_hyperparameters(runs) == ["curvature"]
    assert hyperparameter_columns()[0].name == FIRST_HYPERPARAMETER


def test_which_roots_were_read_before_does_not_matter():
    table = pd.DataFrame({"run_id": ["a", "b"], "seed": [0, 0], "min_train_loss": [1.0, 1.0], "width_factor": [1, 2]})
    before = varied_hyperparameters(table)
    field = pa.field("width_factor", pa.int64(), metadata={"kind": "hyperparameter"})
    describe_columns(pd.DataFrame(), pa.schema([field]))
    assert varied_hyperparameters(table) == before == []


def test_versions_count_with_the_hyperparameters_in_roots_of_either_kind():
    for kind in ("version", "hyperparameter"):
        runs = pd.DataFrame({"seed": [0, 0], "component_versions": [None, "task 2"]})
        describe_columns(runs, pa.schema([pa.field("component_versions", pa.string(), metadata={"kind": kind})]))
        assert runs.attrs["hyperparameters"] == ["component_versions"]
        assert varied_hyperparameters(runs) == ["component_versions"]
    (column,) = (each for each in runs_columns(()) if each.name == "component_versions")
    assert column.kind == "version", "a spec does not set it"


def two_models():
    """Runs of a sweep over two models, of which each has a size of its own, in the manner of `load_runs`."""
    rows = [
        (model, 64 if model == "mlp" else None, 32 if model == "transformer" else None, fraction, decay, seed)
        for model in ("mlp", "transformer")
        for fraction in (0.3, 0.5)
        for decay in (0.1, 1.0)
        for seed in (0, 1)
    ]
    runs = pd.DataFrame(rows, columns=["model", "hidden_size", "width", "train_fraction", "weight_decay", "seed"])
    runs = runs.astype({"hidden_size": pd.ArrowDtype(pa.int64()), "width": pd.ArrowDtype(pa.int64())})
    runs.attrs["hyperparameters"] = list(runs.columns)
    return runs


def test_a_sweep_over_two_models_has_a_map_although_each_has_hyperparameters_of_its_own():
    runs = two_models()
    assert varied_hyperparameters(runs) == ["model", "train_fraction", "weight_decay"]
    for swept in ((), ("model", "train_fraction", "weight_decay", "seed")):
        assert choose_axes(runs, swept=swept) == ("train_fraction", "weight_decay", "model")
    grid = phase_grid(runs, all_grok(runs), x="train_fraction", y="weight_decay", facet="model")
    assert grid["seeds"].tolist() == [2] * 8
    with pytest.raises(AnalysisError, match="model also varies"):
        phase_grid(runs, all_grok(runs), x="train_fraction", y="weight_decay")


def test_two_hyperparameters_that_vary_are_x_and_y_with_any_names():
    runs = two_models().query("model == 'mlp'").assign(modulus=59)
    runs.attrs["hyperparameters"] = ["modulus", *two_models().attrs["hyperparameters"]]
    assert set(choose_axes(runs)[:2]) == {"train_fraction", "weight_decay"}
    assert choose_axes(runs, facet="weight_decay") == ("train_fraction", "hidden_size", "weight_decay")


def test_what_the_spec_sweeps_comes_before_what_else_varies():
    runs = pd.DataFrame({"b1": [0.9, 0.8], "b2": [0.9, 0.8], "l1": [1.0, 2.0], "l2": [1.0, 2.0]})
    runs.attrs["hyperparameters"] = list(runs.columns)
    assert choose_axes(runs) == ("b1", "b2", "l1")
    assert choose_axes(runs, swept=["l2", "l1"]) == ("l2", "l1", "b1")


def test_a_table_with_nothing_to_choose_from_says_so():
    runs = pd.DataFrame({"min_train_loss": [1.0], "min_test_loss": [1.0], "max_loss_ratio": [1.0]})
    with pytest.raises(AnalysisError, match="too few hyperparameters"):
        choose_axes(runs)
    assert classify(runs, ArticleRule()).tolist() == ["fail"]


def two_optimizers():
    """Runs of AdamW over weight decays and of Adam with L1 over penalties, on two tasks, in the manner of `load_runs`."""
    rows = [
        (task, optimizer, decay, penalty, seed)
        for task in ("sparse_parity", "modular_arithmetic")
        for optimizer, decay, penalty in (("adamw", 0.1, None), ("adamw", 1.0, None), ("adam_l1", None, 1e-4))
        for seed in (0, 1)
    ]
    runs = pd.DataFrame(rows, columns=["task", "optimizer", "weight_decay", "l1_penalty", "seed"])
    return runs.astype({"weight_decay": pd.ArrowDtype(pa.float64()), "l1_penalty": pd.ArrowDtype(pa.float64())})


def test_a_sweep_of_two_tasks_and_two_optimizers_has_a_map_with_and_without_panels():
    runs = two_optimizers()
    assert choose_axes(runs) == ("weight_decay", "optimizer", "task")
    assert choose_axes(runs, facet="none") == ("weight_decay", "task", None)
    assert choose_axes(runs, "task", "optimizer", "none") == ("task", "optimizer", None)
    for x, y, facet in (choose_axes(runs), choose_axes(runs, facet="none")):
        grid = phase_grid(runs, all_grok(runs), x=x, y=y, facet=facet)
        assert grid["seeds"].tolist() == [2] * 6, "only the cells that exist"
        html = grid._repr_html_()
        assert html.count("title='grok 2 (2 seeds)'") == 6
        assert ">none<" in html
    one = runs[runs["optimizer"] == "adamw"]
    assert choose_axes(one) == ("weight_decay", "task", None)
    fixed = runs.assign(weight_decay=runs["weight_decay"].where(runs["weight_decay"].isna(), 0.1))
    assert choose_axes(fixed) == ("task", "optimizer", None), "two vary, so two are enough"


def test_a_size_that_goes_with_the_model_is_no_axis_unless_it_is_swept():
    runs = two_models().assign(hidden_size=lambda runs: runs["model"].map({"mlp": 64, "transformer": 128}))
    assert choose_axes(runs) == ("train_fraction", "weight_decay", "model")
    assert choose_axes(runs, swept=["hidden_size", "weight_decay"])[0] == "hidden_size"
    assert phase_grid(runs, all_grok(runs), x="train_fraction", y="weight_decay", facet="model")["seeds"].eq(2).all()


def test_one_that_varies_has_a_map_of_one_row_and_no_panels():
    runs = two_models().query("model == 'mlp' and weight_decay == 1")
    assert choose_axes(runs) == ("train_fraction", "hidden_size", None)
    assert choose_axes(runs.assign(train_fraction=0.3)) == ("hidden_size", "weight_decay", None)


def test_a_merged_or_empty_table_has_axes_or_a_refusal_in_a_sentence():
    runs = two_models()
    merged = runs.assign(run_id=range(len(runs))).merge(pd.DataFrame({"run_id": range(len(runs)), "note": 1}), on="run_id")
    assert choose_axes(merged) == choose_axes(runs)
    with pytest.raises(AnalysisError, match="learning_rate is not in the table"):
        choose_axes(runs, "learning_rate")
    with pytest.raises(AnalysisError, match="too few hyperparameters"):
        choose_axes(runs.iloc[:0, :1])


def test_many_values_never_make_as_many_panels():
    runs = pd.DataFrame({"weight_decay": np.linspace(0, 1, 40), "hidden_size": [1, 2] * 20, "train_size": [1, 2, 3, 4] * 10})
    assert choose_axes(runs) == ("weight_decay", "train_size", "hidden_size")
    assert choose_axes(runs, facet="weight_decay") == ("hidden_size", "train_size", "weight_decay")
