"""Rules, grids, comparisons and figures, on hand-made tables and on published ones."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import PHASES, ArticleRule, classify
from grokjax.analysis.plots import PHASE_COLORS, PHASE_MARKERS, plot_curves, plot_phases, save_figure
from grokjax.analysis.statistics.compare import compare
from grokjax.analysis.statistics.grid import choose_axes, phase_grid, wilson_interval
from grokjax.errors import AnalysisError


def runs_of(*summaries):
    return pd.DataFrame(summaries, columns=["min_train_loss", "min_test_loss", "max_loss_ratio"], dtype=float)


def test_the_rule_asks_its_questions_in_order_and_thresholds_belong_below():
    runs = runs_of(
        (2e-5, 1e-7, 1e9),
        (1e-5, 2e-5, 1e9),
        (1e-5, 1e-5, 49_999),
        (1e-5, 1e-5, 50_000),
        (1e-6, 1e-6, np.inf),
        (np.nan, 1, 1),
        (1e-6, np.nan, 1),
    )
    assert classify(runs, ArticleRule()).tolist() == ["fail", "memorize", "generalize", "grok", "grok", "undecided", "undecided"]


def test_a_diverged_run_is_nothing_else_unless_it_had_grokked_before():
    runs = runs_of((1e-6, 1e-6, 1e4), (1, 1, 1), (1, 1, 1), (1e-6, 1e-6, 5e4)).assign(diverged_step=[100, 0, None, 100])
    assert classify(runs, ArticleRule()).tolist() == ["diverged", "diverged", "fail", "grok"]


def test_a_run_that_was_stopped_is_undecided_under_a_rule_that_was_not_sure_of_it():
    runs = runs_of((1e-6, 1e-6, 6e4), (1e-6, 1e-6, 6e4)).assign(stopped_by=["article", None])
    assert classify(runs, ArticleRule()).tolist() == ["grok", "grok"]
    assert classify(runs, ArticleRule(ratio_threshold=1e5)).tolist() == ["undecided", "generalize"]
    assert classify(runs, ArticleRule(loss_threshold=1e-7)).tolist() == ["undecided", "fail"]
    assert classify(runs, ArticleRule().__call__).tolist() == ["undecided", "grok"], "a rule that says nothing is sure of"


@pytest.mark.parametrize("wrong", [{"loss_threshold": 0}, {"ratio_threshold": -1}, {"loss_threshold": float("nan")}])
def test_thresholds_out_of_range_are_refused(wrong):
    with pytest.raises(AnalysisError, match="out of range"):
        ArticleRule(**wrong)


def test_wilson_intervals_are_those_of_the_textbook():
    # Agresti and Coull 1998; Newcombe 1998, table I: 81 / 263, 15 / 148, 0 / 20, 1 / 29
    for (k, n), (low, high) in {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }.items():
        assert wilson_interval(k, n, 0.95) == pytest.approx((low, high), abs=5e-5)
    with pytest.raises(AnalysisError, match="confidence = 95 is out of range"):
        wilson_interval(1, 2, 95)


@given(st.lists(st.tuples(st.sampled_from([16, 64]), st.sampled_from([1, 2]), st.sampled_from(PHASES)), min_size=1, max_size=60))
def test_every_run_is_counted_in_its_cell_once_whatever_the_order(rows):
    runs = pd.DataFrame(rows, columns=["hidden_size", "train_size", "phase"])
    phases = pd.Series(pd.Categorical(runs["phase"], categories=PHASES), index=runs.index)
    grid = phase_grid(runs, phases, x="hidden_size", y="train_size")
    assert grid["seeds"].sum() == len(runs)
    np.testing.assert_allclose(sum(grid[f"{phase}_share"] for phase in PHASES), 1)
    for phase in PHASES:
        assert (grid[f"{phase}_low"] <= grid[f"{phase}_share"] + 1e-12).all()
        assert (grid[f"{phase}_high"] >= grid[f"{phase}_share"] - 1e-12).all()
    shuffled = runs.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(grid, phase_grid(shuffled, phases.loc[shuffled.index], x="hidden_size", y="train_size"))


def test_a_hyperparameter_that_would_be_mixed_is_named():
    runs = pd.DataFrame({"hidden_size": [1, 1], "train_size": [1, 1], "learning_rate": [0.1, 0.2]})
    runs.attrs["hyperparameters"] = list(runs.columns)
    phases = pd.Series(pd.Categorical(["grok", "grok"], categories=PHASES))
    with pytest.raises(AnalysisError, match=r"learning_rate also varies \(0.1, 0.2\)"):
        phase_grid(runs, phases, x="hidden_size", y="train_size")
    with pytest.raises(AnalysisError, match="train_size is given twice"):
        phase_grid(runs, phases, x="train_size", y="train_size")
    with pytest.raises(AnalysisError, match="depth is not in the table"):
        phase_grid(runs, phases, x="depth", y="train_size")


def test_axes_are_those_asked_for_then_the_articles_then_the_sweeps_own():
    runs = pd.DataFrame(
        {"hidden_size": [1, 2], "train_size": [1, 2], "weight_decay": [0.1, 0.2], "l1_penalty": [0.1, 0.1], "seed": [0, 1]}
    )
    runs.attrs["hyperparameters"] = list(runs.columns)
    assert choose_axes(runs, None, None, None) == ("hidden_size", "train_size", "weight_decay")
    assert choose_axes(runs, "weight_decay", None, "hidden_size") == ("weight_decay", "train_size", "hidden_size")
    l1 = runs.assign(weight_decay=None, l1_penalty=[0.1, 0.2])
    assert choose_axes(l1, None, None, None) == ("hidden_size", "train_size", "l1_penalty")
    two = runs.assign(hidden_size=1)
    assert choose_axes(two, None, None, None) == ("weight_decay", "train_size", None), "no panels, which are for a third"
    assert choose_axes(two, None, None, "weight_decay") == ("hidden_size", "train_size", "weight_decay"), "but if asked for"
    assert len(set(choose_axes(runs.iloc[:1], None, None, None))) == 3


def test_what_follows_another_hyperparameter_is_no_axis_of_its_own():
    runs = pd.DataFrame({"embedding_size": [1, 2], "hidden_size": [1, 2], "b1": [0.9, 0.9], "l1_penalty": [None, None]})
    runs.attrs |= {"hyperparameters": list(runs.columns), "follows": {"hidden_size": "embedding_size"}}
    phases = pd.Series(pd.Categorical(["grok", "grok"], categories=PHASES))
    assert choose_axes(runs, None, None, None) == ("embedding_size", "hidden_size", None)
    for x in ("embedding_size", "hidden_size"):
        assert len(phase_grid(runs, phases, x=x, y="b1")) == 2
    apart = runs.assign(embedding_size=1)
    apart.attrs |= runs.attrs
    with pytest.raises(AnalysisError, match="hidden_size also varies"):
        phase_grid(apart, phases, x="embedding_size", y="b1")


def test_phases_of_another_table_are_refused():
    runs = pd.DataFrame({"x": [1, 2], "y": [1, 1]})
    phases = pd.Series(pd.Categorical(["grok", "fail"], categories=PHASES))
    with pytest.raises(AnalysisError, match="1 of 2 runs have no label: labels and runs have different indexes"):
        phase_grid(runs.set_axis([1, 2]), phases, x="x", y="y")


def test_columns_that_hold_text_where_numbers_belong_are_named():
    with pytest.raises(AnalysisError, match="needs numbers in the column min_train_loss"):
        classify(runs_of((1, 1, 1)).astype({"min_train_loss": object}).assign(min_train_loss="low"), ArticleRule())


def cells(labels):
    """A table of two cells with the given phases, and phases that read them off."""
    return pd.DataFrame([{"w": 1, "y": 1, "x": x, "label": label} for x, row in labels.items() for label in row])


def read_labels(runs):
    return pd.Series(pd.Categorical(runs["label"], categories=PHASES), index=runs.index)


def test_comparison_is_half_the_sum_of_the_share_differences():
    here = cells({1: ["grok", "grok", "fail", "fail"], 2: ["grok"], 3: ["fail"]})
    there = cells({1: ["grok", "grok", "grok", "fail"], 2: ["memorize", "memorize"], 4: ["fail"]})
    comparison = compare(here, there, read_labels, x="x", y="y", facet="w")
    assert comparison.cells["distance"].tolist() == [0.25, 1.0]
    assert comparison.agreeing == 1
    assert comparison.differing["x"].tolist() == [2]
    assert (comparison.only_first, comparison.only_second) == (1, 1)


def test_tables_that_share_nothing_say_so():
    with pytest.raises(AnalysisError, match="share no cell"):
        compare(cells({1: ["grok"]}), cells({2: ["grok"]}), read_labels, x="x", y="y", facet="w")


def test_a_phase_diagram_has_a_mark_a_seed_in_the_colour_and_shape_of_its_phase(tmp_path):
    table = cells({1: ["grok"] * 5 + ["fail"] * 4, 2: ["memorize"] * 2})
    figure = plot_phases(phase_grid(table, read_labels(table), x="x", y="y", facet="w"), x="x", y="y", facet="w")
    (panel,) = figure.axes
    assert sorted(len(marks.get_offsets()) for marks in panel.collections) == [2, 4, 5]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["memorize", "grok", "fail"]
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        assert save_figure(figure, tmp_path / f"a.{kind}").read_bytes().startswith(magic)
    with pytest.raises(AnalysisError, match=r"png, \.svg, \.pdf or \.pgf"):
        save_figure(figure, tmp_path / "a.bmp")


def test_phases_have_colours_and_shapes_of_their_own():
    assert len(set(PHASE_COLORS.values())) == len(set(PHASE_MARKERS.values())) == len(PHASES)


def test_too_many_panels_are_refused():
    table = pd.concat([cells({1: ["grok"]}).assign(w=w) for w in range(40)], ignore_index=True)
    with pytest.raises(AnalysisError, match="w has 40 values"):
        plot_phases(phase_grid(table, read_labels(table), x="x", y="y", facet="w"), x="x", y="y", facet="w")


def test_a_curve_sheet_has_a_panel_a_run(tmp_path):
    curves = pd.DataFrame({"run_id": ["a", "a", "b"], "step": [0, 1, 0], "train_loss": [1, 0.1, 1], "test_loss": [1, 2, 1.0]})
    figure = plot_curves(
        curves,
        {"a": "seed 0", "b": "seed 1"},
        metrics=["train_loss", "test_loss"],
        title="t",
        phases={"a": "grok", "b": "fail"},
    )
    assert [panel.get_title() for panel in figure.axes] == ["seed 0: grok", "seed 1: fail"]
    assert figure.axes[0].get_yscale() == "log"


def test_analysis_loads_neither_jax_nor_ray():
    modules = "grokjax.analysis.tables.load, grokjax.analysis.plots, grokjax.analysis.statistics.compare"
    code = f"import sys, {modules}; print(sorted({{'jax', 'ray', 'flax'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
