"""Numbers summarized over the seeds: values of cells, bands of curves, and the figures of both and of two sweeps' difference."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import grokjax
from grokjax.analysis.statistics.aggregate import AGGREGATES
from grokjax.errors import AnalysisError

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"
AXES = {"x": "weight_decay", "y": "train_size"}


def runs_of(values, column="final_test_loss"):
    """Runs of cells (weight_decay, train_size) -> the column's values."""
    rows = [(f"r{seed}{cell}", *cell, seed, value) for cell, each in values.items() for seed, value in enumerate(each)]
    return pd.DataFrame(rows, columns=["run_id", "weight_decay", "train_size", "seed", column])


def texts(figure):
    return {text.get_text() for panel in figure.axes for text in panel.texts}


@pytest.mark.parametrize(("aggregate", "expected"), [("median", 3.0), ("mean", 3.8), ("min", 1.0), ("max", 9.0), ("spread", 2.0)])
def test_a_cell_has_its_values_summarized_over_the_seeds(aggregate, expected):
    table = grokjax.cell_values(runs_of({(0.1, 100): [1, 2, 3, 4, 9, None, None]}), "final_test_loss", **AXES, aggregate=aggregate)
    assert table["value"].tolist() == pytest.approx([expected])
    assert table[["known", "runs"]].to_numpy().tolist() == [[5, 7]]


def test_a_step_that_most_runs_never_reach_has_no_median():
    column = "first_step_test_accuracy_99"
    cells = {(0.1, 100): [10, 30, None], (0.1, 200): [10, None, None], (1.0, 100): [None, None, None], (1.0, 200): [20, 40, 60]}
    table = grokjax.cell_values(runs_of(cells, column), column, **AXES)
    found = {(row.weight_decay, row.train_size): row.value for row in table.itertuples()}
    assert found == {(0.1, 100): 30, (1.0, 100): math.inf, (0.1, 200): math.inf, (1.0, 200): 40}
    figure = grokjax.plot_map(table, **AXES)
    assert texts(figure) == {"30", "2/3", "1/3", "0/3", "40"}


def test_the_mean_of_true_and_false_is_a_share():
    runs = runs_of({(0.1, 100): [True, False, True, True]}, "diverged")
    assert grokjax.cell_values(runs, "diverged", **AXES, aggregate="mean")["value"].tolist() == [0.75]


def test_a_map_says_how_its_numbers_were_summarized():
    root = grokjax.open_root(EXAMPLE)
    figure = root.plot_map("min_test_loss", "spread", width=7.2, names={"min_test_loss": "loss"})
    (bar,) = (panel for panel in figure.axes if panel.get_label() == "<colorbar>")
    assert bar.get_ylabel().replace("\n", " ") == "quartile distance of loss over the seeds (nats)"
    assert figure.texts[0].get_text() == "quartile distance of loss"
    assert bar.get_yscale() == "log"
    median = root.runs.groupby(["train_size", "weight_decay"])["min_test_loss"].median()
    assert root.values("min_test_loss")["value"].tolist() == pytest.approx(median.tolist())


@pytest.mark.parametrize(
    ("column", "aggregate", "says"),
    [
        ("min_test_los", "median", "min_test_los is not in the table; .*did you mean min_test_loss"),
        ("run_id", "median", "run_id holds no numbers"),
        ("min_test_loss", "medain", "there is no aggregate medain; .*did you mean median"),
    ],
)
def test_what_cannot_be_summarized_is_refused(column, aggregate, says):
    with pytest.raises(AnalysisError, match=says):
        grokjax.open_root(EXAMPLE).values(column, aggregate)


def test_a_cell_that_mixes_values_is_refused_unless_that_is_meant():
    runs = runs_of({(0.1, 100): [1, 2], (0.1, 200): [3, 4]}).assign(hidden_size=[8, 16, 8, 16])
    with pytest.raises(AnalysisError, match="hidden_size also varies"):
        grokjax.cell_values(runs, "final_test_loss", **AXES)
    assert len(grokjax.cell_values(runs, "final_test_loss", **AXES, mix=["hidden_size"])) == 2


def curves_of(runs, value, steps=(0, 100, 200)):
    rows = [(run_id, step, value(index, step)) for index, run_id in enumerate(runs["run_id"]) for step in steps]
    return pd.DataFrame(rows, columns=["run_id", "step", "test_accuracy"])


def test_a_band_is_the_median_and_quartiles_at_each_step():
    runs = runs_of({(0.1, 100): range(5), (1.0, 100): range(5)})
    curves = curves_of(runs, lambda index, step: index + step)
    bands = grokjax.curve_bands(curves, runs, "weight_decay", ["test_accuracy"])
    assert bands[["weight_decay", "step", "median", "low", "high", "known"]].to_numpy().tolist() == [
        [weight, step, first + 2 + step, first + 1 + step, first + 3 + step, 5]
        for weight, first in ((0.1, 0), (1.0, 5)) for step in (0, 100, 200)
    ]  # fmt: skip
    figure = grokjax.plot_bands(bands, by="weight_decay", log_steps=True, names={"weight_decay": "λ"})
    (panel,) = figure.axes
    assert [line.get_ydata().tolist() for line in panel.lines] == [[102, 202], [107, 207]]
    assert panel.get_xscale() == "log"
    (legend,) = figure.legends
    assert [text.get_text() for text in (legend.get_title(), *legend.get_texts())] == ["λ", "0.1", "1"]


def test_a_band_ends_where_fewer_than_half_of_the_runs_go_on():
    runs = runs_of({(0.1, 100): range(4)})
    curves = curves_of(runs, lambda index, step: np.nan if step == 100 * (index + 1) else 1.0 * index, (0, 100, 200, 300))
    curves = curves[~((curves["run_id"] == runs["run_id"][0]) & (curves["step"] > 100))]
    curves.loc[(curves["run_id"] == runs["run_id"][1]) & (curves["step"] >= 200), "test_accuracy"] = np.inf
    bands = grokjax.curve_bands(curves, runs, None, ["test_accuracy"])
    assert bands[["step", "known"]].to_numpy().tolist() == [[0, 4], [100, 3], [200, 2]], "at 300 a single run goes on"
    note = grokjax.plot_bands(bands, by=None).texts[0].get_text().replace("\n", " ")
    assert "ended or diverged" in note


def test_bands_refuse_what_cannot_be_told_apart_or_would_be_mixed():
    root = grokjax.open_root(EXAMPLE)
    with pytest.raises(AnalysisError, match="train_size also varies"):
        root.bands("weight_decay")
    with pytest.raises(AnalysisError, match="there is no column test_acuracy"):
        root.select("train_size=150").bands("weight_decay", ["test_acuracy"])
    runs = runs_of({(float(value), 100): [1] for value in range(12)})
    many = grokjax.curve_bands(curves_of(runs, lambda index, step: index), runs, "weight_decay", ["test_accuracy"])
    with pytest.raises(AnalysisError, match="weight_decay has 12 values, and 9 lines can be told apart"):
        grokjax.plot_bands(many, by="weight_decay")


def test_a_difference_is_the_second_minus_the_first_and_hatched_where_it_is_less():
    root = grokjax.open_root(EXAMPLE)
    later = grokjax.open_root(EXAMPLE, budget=2000)
    figure = later.plot_difference(root, "grok", title=False)
    shares = [each.with_rule("crossing").grid()["grok_share"].to_numpy() for each in (later, root)]
    gains = 100 * (shares[1] - shares[0])
    assert texts(figure) == {f"{gain:+.0f}" if gain else "0" for gain in gains}
    hatched = [patch for panel in figure.axes for patch in panel.patches if patch.get_label() == "less"]
    assert len(hatched) == (gains < 0).sum()
    with pytest.raises(AnalysisError, match="there is no phase groks"):
        root.plot_difference(later, "groks")


def test_runs_without_a_value_of_an_axis_have_a_column_of_their_own():
    table = grokjax.cell_values(runs_of({(0.1, 100): [1], (None, 100): [2], (0.1, 200): [3]}), "final_test_loss", **AXES)
    figure = grokjax.plot_map(table, **AXES)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0.1", "none"]
    assert texts(figure) == {"1", "2", "3"}
    mixed = table.assign(weight_decay=pd.Series(["a", 1, 2], dtype=object))
    figure = grokjax.plot_map(mixed, **AXES)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "2", "a"], "numbers come before texts"


cells = st.one_of(st.none(), st.floats(), st.integers(-3, 3), st.sampled_from(["1", "a", ""]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(cells, cells, cells), max_size=4),
    st.sampled_from(["value", "nothing"]),
    st.sampled_from([*AGGREGATES, "mode"]),
)
def test_a_bad_table_gives_a_map_or_a_sentence(rows, column, aggregate):
    table = pd.DataFrame(rows, columns=["weight_decay", "train_size", "value"])
    try:
        found = grokjax.cell_values(table, column, **AXES, aggregate=aggregate)
    except AnalysisError:
        return
    assert found["runs"].sum() == len(table)
    assert (found["known"] <= found["runs"]).all()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-1, 2), cells), max_size=5))
def test_bad_curves_give_bands_or_a_sentence(rows):
    curves = pd.DataFrame(rows, columns=["run_id", "step", "test_loss"])
    runs = pd.DataFrame({"run_id": ["a", "b"], "weight_decay": [0.1, 1.0], "seed": 0})
    try:
        bands = grokjax.curve_bands(curves, runs, "weight_decay", ["test_loss"])
    except AnalysisError:
        return
    assert (bands["low"] <= bands["median"]).all()
    assert (bands["median"] <= bands["high"]).all()
    assert set(bands["weight_decay"]) <= {0.1, 1.0}
