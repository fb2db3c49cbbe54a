"""The results of a sweep in one object, as a notebook uses it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure

import grokjax
from grokjax.analysis.labels.rules import ArticleRule, CrossingRule, classify
from grokjax.analysis.tables.load import load_runs
from grokjax.errors import AnalysisError, StoreError


@pytest.fixture
def root(small_root):
    return grokjax.open_root(small_root)


def test_tables_and_labels_are_those_of_the_functions(root, small_root):
    runs = load_runs(small_root)
    pd.testing.assert_frame_equal(root.runs, runs)
    assert root.runs is root.runs, "read once"
    assert len(root.curves()) == 8 * 3
    assert root.label("crossing", delay=50).tolist() == classify(runs, CrossingRule(delay=50)).tolist()
    assert root.label(ArticleRule()).tolist() == root.label().tolist()
    assert set(root.label(lambda runs: ["grok"] * len(runs))) == {"grok"}
    assert root.with_rule("final").query("SELECT count(*) AS n FROM labels")["n"].tolist() == [8]


def test_a_selection_narrows_everything(root):
    one = root.select("weight_decay=1", "learning_rate=1e-3")
    assert repr(one).endswith("small/root', ['weight_decay=1', 'learning_rate=1e-3'])") or "weight_decay=1" in repr(one)
    assert len(one.runs) == 2
    assert len(one.curves()) == 2 * 3
    assert one.grid()["seeds"].tolist() == [2]
    with pytest.raises(AnalysisError, match="choose one run"):
        one.weights()


def test_a_grid_knows_its_axes_and_what_is_missing(root, small_root, tmp_path):
    grid = root.grid()
    assert ({grid.x, grid.y}, grid.facet) == ({"learning_rate", "weight_decay"}, None)
    assert len(root.with_rule("final").grid("weight_decay", "learning_rate", "train_size")) == 4
    assert root.missing.empty
    shutil.copytree(small_root, tmp_path / "root")
    for file in (tmp_path / "root" / "runs").iterdir():
        pq.write_table(pq.read_table(file).slice(1), file)
    partial = grokjax.open_root(tmp_path / "root")
    assert len(partial.missing) == 8 - len(partial.runs) > 0
    assert partial.grid()["planned"].sum() == 8
    assert (partial.grid()["planned"] - partial.grid()["seeds"]).sum() == len(partial.missing)
    assert "missing" in str([text.get_text() for text in partial.plot_phases().texts])


def test_each_figure_is_one_line(root):
    cell = root.select("weight_decay=1", "learning_rate=1e-3")
    low = root.with_rule(CrossingRule("accuracy_90", "accuracy_90", delay=1))
    figures = [
        root.plot_phases(),
        root.with_rule("final").plot_phases(x="weight_decay", y="learning_rate", width=7),
        low.plot_shares(phase="fail"),
        low.plot_boundary("weight_decay"),
        low.plot_fits("learning_rate", "fail"),
        root.with_rule("crossing").plot_sensitivity(),
        cell.plot_curves(),
    ]
    assert all(isinstance(figure, Figure) for figure in figures)


def test_figures_of_delays_take_the_runs_that_fitted():
    root = grokjax.open_root(Path(__file__).parents[2] / "docs" / "example")
    assert isinstance(root.plot_delays(), Figure)
    assert isinstance(root.plot_scatter(), Figure)
    assert isinstance(root.plot_survival(["weight_decay"]), Figure)


def test_a_root_that_is_none_says_so(tmp_path):
    with pytest.raises(StoreError, match="holds no sweep"):
        grokjax.open_root(tmp_path)


def test_a_notebook_needs_neither_jax_nor_ray(small_root):
    code = f"""
import sys, grokjax
root = grokjax.open_root({str(small_root)!r})
print("scipy.stats" in sys.modules)
root.label(), root.grid(), root.plot_phases(), grokjax.load_runs({str(small_root)!r})
print(sorted({{"jax", "ray", "flax", "optax"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n[]\n"
