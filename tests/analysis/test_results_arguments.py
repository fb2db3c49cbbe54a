"""No method of Results drops an argument, and each does what the command of its name does."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

import grokjax
from grokjax.analysis.labels.rules import ArticleRule, CrossingRule
from grokjax.analysis.statistics.delays import Crossings
from grokjax.errors import AnalysisError
from grokjax.sweeps.execute.existing import enter_spec
from tests.support.stores import seeds_of

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"


@pytest.fixture
def root(small_root):
    return grokjax.open_root(small_root)


def words(figure):
    """The texts of a figure, joined."""
    return " ".join(text.get_text() for text in figure.texts)


def test_thresholds_change_a_rule_that_is_given_as_an_object(root):
    assert root.with_rule(ArticleRule(), loss_threshold=1e-16).rule == ArticleRule(loss_threshold=1e-16)
    assert root.with_rule("crossing", delay=50).with_rule(kind="first").rule == CrossingRule(delay=50, kind="first")
    assert root.label(ArticleRule(), loss_threshold=100.0, ratio_threshold=1).ne("fail").any()
    with pytest.raises(AnalysisError, match="the rule article has no threshold nonsense"):
        root.label(ArticleRule(), nonsense=3)
    with pytest.raises(AnalysisError, match="<lambda> is a function, which has no threshold delay"):
        root.label(lambda runs: ["grok"] * len(runs), delay=3)


def test_what_needs_a_rule_with_a_name_refuses_a_function(root, tmp_path):
    def always(runs):
        return ["grok"] * len(runs)

    for ask in (
        lambda: root.with_rule(always).query("FROM labels"),
        lambda: root.with_rule(always).plot_sensitivity(),
        lambda: root.agreement("article", always),
        lambda: root.with_rule(always).report(tmp_path / "page.html"),
    ):
        with pytest.raises(AnalysisError, match="always is a function, and this needs a rule with a name"):
            ask()
    crossing = root.with_rule("crossing", delay=50)
    assert crossing.query("FROM labels")["phase"].tolist() == root.label("crossing", delay=50).tolist()


def test_every_figure_of_a_rule_has_its_thresholds(root):
    thresholds = {"train": "accuracy_90", "test": "accuracy_90", "delay": 1}
    low = root.with_rule("crossing", **thresholds)
    titled = "rule crossing, train accuracy_90, test accuracy_90, delay 1"
    for figure in (
        low.plot_phases(),
        low.plot_shares(phase="fail"),
        low.plot_boundary("weight_decay"),
        low.plot_fits("weight_decay", width=5),
        low.plot_sensitivity(),
        low.select("weight_decay=1", "learning_rate=1e-3").plot_curves(),
    ):
        assert titled in words(figure).replace("\n", " ")
    with pytest.raises(TypeError, match="loss_threshold"):
        root.plot_phases(loss_threshold=1e-3)
    found = low.boundaries("weight_decay", "fail")
    assert found.keys() == root.with_rule(CrossingRule(**thresholds)).boundaries("weight_decay", "fail").keys()


def test_figures_of_delays_take_the_crossings_as_delays_does():
    chosen = Crossings(train="accuracy_90", test="accuracy_90", kind="sustained")
    root = grokjax.open_root(EXAMPLE).with_crossings(chosen)
    for figure in (root.plot_delays(), root.plot_survival(), root.plot_scatter()):
        assert chosen.kind_text in words(figure).replace("\n", " ")
    with pytest.raises(AnalysisError, match="train = accuracy_97 is out of range; use accuracy_90"):
        Crossings(train="accuracy_97")
    assert root.with_mix("train_size").medians()["runs"].sum() == len(root.runs)


def test_delays_are_compared_by_weight_decay_unless_others_are_asked_for(monkeypatch):
    root = grokjax.open_root(EXAMPLE)
    monkeypatch.setattr("grokjax.analysis.results.varied_hyperparameters", lambda runs: ["weight_decay", "train_size"])
    assert root.compared() == (["weight_decay"], ["train_size"])
    assert root.compared(strata=["weight_decay"]) == (["train_size"], ["weight_decay"])
    assert root.with_mix("weight_decay").compared() == (["train_size"], [])


def test_results_can_be_refined_compared_and_written_as_a_page(root, tmp_path):
    agreed = root.agreement("article", CrossingRule(delay=50, kind="first"))
    assert agreed.table["runs"].tolist() == [8]
    assert len(root.agreement().labels.columns) == 4, "all rules of this package by default"
    median = float(root.runs["min_train_loss"].median())
    labelled = root.with_rule("article", loss_threshold=median, ratio_threshold=1)
    spec = labelled.refine(2, "learning_rate", "weight_decay")
    assert grokjax.load_spec(spec).name == "small-refined"
    report = labelled.report(tmp_path / "page.html", x="weight_decay", title="A page")
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


def test_no_other_reading_reads_a_table_again(root, monkeypatch):
    runs, planned, missing = root.runs, root.planned, root.missing
    for name in ("grokjax.load_runs", "grokjax.load_planned", "grokjax.analysis.results.unfinished"):
        monkeypatch.setattr(name, None)
    pd.testing.assert_frame_equal(root.select("weight_decay=1").runs, runs[runs["weight_decay"] == 1])
    for same in (root.with_rule("final"), root.with_mix("learning_rate"), root.with_crossings(Crossings(kind="first"))):
        assert (same.runs is runs, same.planned is planned, same.missing is missing) == (True, True, True)
    early = root.with_budget(50)
    assert (early.planned is planned, early.runs["steps"].max()) == (True, 50)
    assert early.with_budget(None).runs["steps"].max() == 100


def test_a_change_of_the_reading_changes_nothing_else(root):
    chosen = root.with_rule("crossing", delay=50).with_mix("learning_rate").select("seed=0").with_budget(50)
    assert (chosen.rule, chosen.mix) == (CrossingRule(delay=50), ("learning_rate",))
    assert (root.mix, root.where, root.budget) == ((), (), None)
    assert grokjax.open_root(root.root, "seed=0", mix="learning_rate").runs["seed"].unique().tolist() == [0], "a single condition"
    assert repr(chosen).endswith(f"['seed=0'], budget=50, rule={CrossingRule(delay=50)!r}, mix=['learning_rate'])")


def test_hyperparameters_may_be_pooled_wherever_they_are_refused(root):
    axes = {"x": "weight_decay", "y": "hidden_size", "facet": "none"}
    pooled = root.with_mix("learning_rate")
    for ask in (
        lambda results: results.grid(**axes),
        lambda results: results.values("min_test_loss", **axes),
        lambda results: results.sensitivity(**axes),
        lambda results: results.compare(results, **axes),
        lambda results: results.bands("weight_decay"),
        lambda results: results.medians(["weight_decay"]),
        lambda results: results.incidence(["weight_decay"]),
    ):
        with pytest.raises(AnalysisError, match=r"learning_rate also varies \(0.001, 0.003\).* or name it in mix"):
            ask(root)
        assert ask(pooled) is not None
    assert pooled.grid(**axes)["seeds"].tolist() == [4, 4]
    assert list(pooled.boundaries("weight_decay")) == [()]
    assert "learning_rate" not in pooled.axes()
    assert "over all learning_rate" in words(pooled.plot_phases(**axes))
    cell = pooled.select("weight_decay=1", "learning_rate=1e-3")
    assert "over all" not in words(cell.plot_curves()), "nothing is pooled in one cell"


def test_a_refined_spec_has_all_values_of_what_is_pooled(root):
    def strong(runs):
        return ["grok" if value > 0.1 else "memorize" for value in runs["weight_decay"]]

    spec = root.with_rule(strong).with_mix("learning_rate").refine(1, "weight_decay", "hidden_size")
    assert spec["axes"] == {"seed": [0, 1], "learning_rate": [0.001, 0.003]}
    assert grokjax.load_spec(spec).size == 4


def test_planned_runs_are_missing_even_if_the_root_has_more_runs_than_its_specs_ask_for(small_root, tmp_path):
    shutil.copytree(small_root, tmp_path / "root")
    for file in (tmp_path / "root" / "specs").iterdir():
        file.unlink()  # runs of a spec that is gone
    enter_spec(tmp_path / "root", seeds_of(100, 2))
    root = grokjax.open_root(tmp_path / "root")
    assert (len(root.runs), len(root.missing), root.untrained) == (8, 2, 2)


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


def test_arguments_of_a_wrong_kind_or_size_are_refused_at_once(root):
    with pytest.raises(AnalysisError, match=r"crossings = 'accuracy_90'; use Crossings"):
        root.with_crossings("accuracy_90")
    for count in (0, -1):
        with pytest.raises(AnalysisError, match=f"count = {count} is out of range"):
            grokjax.least_known(root.grid(), root.grid().cell, count)
        with pytest.raises(AnalysisError, match=f"count = {count} is out of range"):
            grokjax.least_known_places(root.grid(), root.grid().cell, count)


def test_a_figure_names_the_rule_that_was_asked_for(root):
    (title,) = {text.get_text() for text in root.with_rule("article").plot_phases().texts if "rule" in text.get_text()}
    assert "rule article" in title
