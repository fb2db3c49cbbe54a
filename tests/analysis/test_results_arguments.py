"""No method of Results drops an argument, and each does what the command of its name does."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure

import grokjax
from grokjax.analysis.labels.rules import ArticleRule, CrossingRule
from grokjax.errors import AnalysisError

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"


@pytest.fixture
def root(small_root):
    return grokjax.open_root(small_root)


def words(figure):
    """The texts of a figure, joined."""
    return " ".join(text.get_text() for text in figure.texts)


def test_thresholds_change_a_rule_that_is_given_as_an_object(root):
    assert root.rule(ArticleRule(), loss_threshold=1e-16) == ArticleRule(loss_threshold=1e-16)
    assert root.label(ArticleRule(), loss_threshold=100.0, ratio_threshold=1).ne("fail").any()
    with pytest.raises(AnalysisError, match="the rule article has no threshold nonsense"):
        root.label(ArticleRule(), nonsense=3)
    with pytest.raises(AnalysisError, match="<lambda> is a function, which has no threshold delay"):
        root.label(lambda runs: ["grok"] * len(runs), delay=3)


def test_what_needs_a_rule_with_a_name_refuses_a_function(root, tmp_path):
    def always(runs):
        return ["grok"] * len(runs)

    for ask in (
        lambda: root.query("FROM labels", always),
        lambda: root.plot_sensitivity(rule=always),
        lambda: root.agreement("article", always),
        lambda: root.report(tmp_path / "page.html", rule=always),
    ):
        with pytest.raises(AnalysisError, match="always is a function, and this needs a rule with a name"):
            ask()
    assert root.query("FROM labels", "crossing", delay=50)["phase"].tolist() == root.label("crossing", delay=50).tolist()


def test_every_figure_of_a_rule_takes_its_thresholds(root):
    cell = root.select("weight_decay=1", "learning_rate=1e-3")
    low = {"train": "accuracy_90", "test": "accuracy_90", "delay": 1}
    titled = "rule crossing, train accuracy_90, test accuracy_90, delay 1"
    for figure in (
        root.plot_phases(rule="crossing", **low),
        root.plot_shares(rule="crossing", phase="fail", **low),
        root.plot_boundary("weight_decay", rule="crossing", **low),
        root.plot_fits("weight_decay", rule="crossing", width=5, **low),
        root.plot_sensitivity(rule="crossing", **low),
        cell.plot_curves(rule="crossing", **low),
    ):
        assert isinstance(figure, Figure)
    assert titled in words(root.plot_phases(rule="crossing", **low)).replace("\n", " ")
    with pytest.raises(TypeError, match="los_threshold"):
        root.plot_phases(rule="article", los_threshold=1e-3)
    found = root.boundaries("weight_decay", "fail", rule="crossing", **low)
    assert found.keys() == root.boundaries("weight_decay", "fail", rule=CrossingRule(**low)).keys()


def test_figures_of_delays_take_the_crossings_as_delays_does():
    root = grokjax.open_root(EXAMPLE)
    chosen = {"train": "accuracy_90", "test": "accuracy_90", "kind": "sustained"}
    for figure in (root.plot_delays(**chosen), root.plot_survival(**chosen), root.plot_scatter(**chosen)):
        assert isinstance(figure, Figure)
    for plot in (root.plot_delays, root.plot_survival, root.plot_scatter):
        with pytest.raises(AnalysisError, match=r"train = accuracy_97|first_step_train_accuracy_97"):
            plot(train="accuracy_97")
    assert root.medians(["weight_decay"], **chosen, mix=["train_size"])["runs"].sum() == len(root.runs)


def test_lines_of_the_survival_figure_are_weight_decays_unless_others_are_asked_for(monkeypatch):
    root = grokjax.open_root(EXAMPLE)
    monkeypatch.setattr("grokjax.analysis.results.varied_hyperparameters", lambda runs: ["weight_decay", "train_size"])
    legend = [text.get_text() for legend in root.plot_survival().legends for text in [legend.get_title(), *legend.get_texts()]]
    assert any("weight_decay" in text for text in legend), legend


def test_results_can_be_refined_compared_and_written_as_a_page(root, tmp_path):
    agreed = root.agreement("article", root.rule("crossing", delay=50, kind="first"))
    assert agreed.table["runs"].tolist() == [8]
    assert len(root.agreement().labels.columns) == 4, "all rules of this package by default"
    median = float(root.runs["min_train_loss"].median())
    spec = root.refine(2, "learning_rate", "weight_decay", rule="article", loss_threshold=median, ratio_threshold=1)
    assert grokjax.load_spec(spec).name == "small-refined"
    report = root.report(tmp_path / "page.html", x="weight_decay", rule="crossing", delay=50, title="A page")
    assert (report.path, report.runs) == (tmp_path / "page.html", 8)
    assert "A page" in report.path.read_text()


def test_a_refreshed_root_sees_what_was_committed_since(small_root, tmp_path):
    shutil.copytree(small_root, tmp_path / "root")
    files = sorted((tmp_path / "root" / "runs").iterdir())
    whole = pq.read_table(files[0])
    pq.write_table(whole.slice(1), files[0])
    root = grokjax.open_root(tmp_path / "root")
    assert (len(root.runs), len(root.missing)) == (7, 1)
    pq.write_table(whole, files[0])
    assert len(root.runs) == 7
    assert root.refresh() is root
    assert (len(root.runs), len(root.missing)) == (8, 0)


def test_a_selection_reads_no_table_again(root, monkeypatch):
    runs = root.runs
    monkeypatch.setattr("grokjax.analysis.results.load_runs", None)
    pd.testing.assert_frame_equal(root.select("weight_decay=1").runs, runs[runs["weight_decay"] == 1])


def test_curves_in_a_file_that_is_left_out_have_no_panel(small_root, tmp_path):
    shutil.copytree(small_root, tmp_path / "root")
    for file in sorted((tmp_path / "root" / "curves").iterdir()):
        file.write_bytes(b"no table")
    root = grokjax.open_root(tmp_path / "root", ["weight_decay=1", "learning_rate=1e-3"], on_bad_file="skip")
    with pytest.warns(grokjax.BadFileWarning), pytest.raises(AnalysisError, match="no curve of these runs can be read"):
        root.plot_curves()


def test_an_overview_of_curves_has_its_own_metrics_and_events(root):
    cell = root.select("weight_decay=1", "learning_rate=1e-3")
    assert len(cell.plot_curves(sheet=True).axes) > len(cell.plot_curves().axes)
    with pytest.raises(AnalysisError, match="draws its own metrics"):
        cell.plot_curves(["train_loss"], sheet=True)
