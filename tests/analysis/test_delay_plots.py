"""Figures of delays say what crossed what, and show what their tables hold."""

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.plots import plot_delays, plot_incidence, plot_scatter, plot_survival
from grokjax.analysis.plots.layout.text import steps_text
from grokjax.analysis.results import open_root
from grokjax.analysis.statistics.delays import Crossings
from grokjax.errors import AnalysisError

EXAMPLE = open_root("docs/example")


def words(figure):
    figure.draw_without_rendering()
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(lambda each: hasattr(each, "get_text")))


def test_survival_has_a_panel_for_each_stratum_and_names_the_thresholds():
    figure = EXAMPLE.with_crossings(Crossings(train="accuracy_90", test="loss_1e_2")).plot_survival()
    assert [panel.get_title() for panel in figure.axes] == ["train_size = 100", "train_size = 150", "train_size = 250"]
    said = words(figure)
    assert "train accuracy ≥ 90 %" in said
    assert "test loss ≤ 1e-2 nats" in said
    assert "A crossing counts if it still holds at the last step." in said
    assert "Log-rank test of equal delays within train_size: p" in said
    assert "grokked" not in said
    with pytest.raises(AnalysisError, match="this figure needs 3 panels, and ax is one"):
        EXAMPLE.plot_survival(ax=figure.axes[0])


def test_lines_of_the_table_of_runs_at_risk_have_the_colour_of_their_curve():
    figure = EXAMPLE.select("train_size=150").plot_survival()
    above, below = figure.axes
    drawn = [line.get_color() for line in above.lines if line.get_drawstyle() == "steps-post"]
    assert [line.get_color() for line in below.lines] == drawn
    assert not figure.legends, "the table says which line is which"
    assert "runs at risk, by weight_decay" in words(figure)


def test_the_incidence_is_drawn_to_the_last_step_with_its_band():
    root = EXAMPLE.select("train_size=150", "weight_decay=1")
    table = root.incidence()
    figure = plot_incidence(table, crossings=Crossings(), delay=1000, missing=2)
    (panel,) = figure.axes
    for name, line in zip(("grok", "generalize"), panel.lines, strict=True):
        share = table.loc[table["outcome"] == name, "incidence"].to_numpy()
        assert line.get_ydata().tolist() == [0, *share, share[-1]]
    assert len(panel.collections) == 2
    said = words(figure)
    assert "grok: at least 1,000 steps after train accuracy ≥ 99 %" in said
    assert "diverged" not in said, "no run did"
    assert "5 runs." in said
    assert "Partial: 2 of 7 runs are still missing." in said
    many = pd.concat([table.assign(seed=seed) for seed in range(25)])
    with pytest.raises(AnalysisError, match="seed makes 25 panels, more than 24"):
        plot_incidence(many, by=["seed"])


def test_medians_that_are_alike_have_similar_shades_and_unknown_ends_a_question_mark():
    medians = pd.DataFrame({
        "x": [1, 2], "y": 1, "runs": 9, "fitted": 9, "generalized": 9, "median": [400.0, 600.0], "low": [300.0, np.nan],
        "high": [np.nan, np.nan],
    })  # fmt: skip
    figure = plot_delays(medians, x="x", y="y", crossings=Crossings(test="accuracy_95", kind="first"), width=7.2)
    panel, bar = figure.axes
    low, high = bar.get_ylim()
    assert high / low == pytest.approx(10), "lighter and darker shades are left for others"
    assert "300 to ?" in [text.get_text() for text in panel.texts]
    said = words(figure)
    assert "Delay: the steps from train accuracy ≥ 99 % to test accuracy ≥ 95 %. First crossings count" in said


def test_numbers_of_steps_are_rounded_as_a_reader_rounds():
    assert [steps_text(each) for each in (2550, 2549, 100, 450, float("inf"), float("nan"))] == [
        "2.6k",
        "2.5k",
        "100",
        "450",
        "∞",
        "?",
    ]


def test_both_axes_of_the_scatter_are_equal_and_a_marker_grows_with_its_runs():
    runs = pd.DataFrame({"first_step_train_accuracy_99": [100] * 5, "first_step_test_accuracy_99": [1000] * 3 + [500, None]})
    phases = pd.Series(["grok"] * 4 + ["memorize"])
    figure = plot_scatter(runs, phases.iloc[::-1], crossings=Crossings(kind="first"))
    strip, panel = figure.axes
    assert panel.get_xlim() == panel.get_ylim(), "the diagonal is at 45 degrees"
    sizes = {tuple(each.get_offsets()[0]): each.get_sizes()[0] for each in panel.collections}
    assert sizes[100, 1000] == pytest.approx(3 * sizes[100, 500])
    assert [label.get_text() for label in strip.get_yticklabels()] == ["never"]
    figure.draw_without_rendering()
    label = strip.get_yticklabels()[0].get_window_extent()
    assert label.y1 <= figure.bbox.y1, "not cut off"
    assert label.y0 >= 0
    with pytest.raises(AnalysisError, match="have different indexes; compute them from the same table"):
        plot_scatter(runs, phases.iloc[:3], crossings=Crossings(kind="first"))


def test_a_group_without_a_value_has_a_line_of_its_own():
    curves = pd.DataFrame({"momentum": [0.9, None], "delay": [100, 200], "at_risk": 1, "generalized": 1, "censored": 0,
                           "survival": 0.0, "low": np.nan, "high": np.nan})  # fmt: skip
    assert "none" in words(plot_survival(curves, by=["momentum"], runs=2))
