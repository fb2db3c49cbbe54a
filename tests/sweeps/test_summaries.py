import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.sweeps.store.schema import OUTCOME_COLUMNS
from grokjax.sweeps.store.summaries import summaries, summarize
from tests.support.curves import curve

STEP = np.array([0, 100, 200, 300, 400])


def test_hand_computed_summaries():
    summary = summarize(
        STEP, curve([1, 0.5, 1e-2, 1e-6, 2e-6], [1, 2, 4, 1, 1e-5], [0.5, 0.9, 1, 1, 1], [0.5, 0.5, 0.95, 0.6, 0.99])
    )
    assert summary["min_train_loss"] == pytest.approx(1e-6)
    assert summary["min_test_loss"] == pytest.approx(1e-5)
    assert summary["max_loss_ratio"] == pytest.approx(1e6, rel=1e-5)
    assert summary["first_step_train_accuracy_90"] == 100
    assert summary["first_step_train_accuracy_100"] == 200
    assert summary["first_step_test_accuracy_95"] == 200
    assert summary["sustained_step_test_accuracy_95"] == 400
    assert summary["first_step_test_accuracy_100"] is None
    assert summary["first_step_train_loss_1e_2"] == 200
    assert summary["first_step_test_loss_1e_5"] == 400
    assert summary["final_test_accuracy"] == pytest.approx(0.99)
    assert summary["steps"] == 400
    assert summary["diverged_step"] is None


def test_every_outcome_column_is_filled_and_no_other():
    assert set(summarize(STEP, curve(*np.ones((4, 5))))) == {column.name for column in OUTCOME_COLUMNS} - {"stopped_by"}


def test_values_that_are_not_finite_are_named_and_left_out():
    summary = summarize(STEP[:3], curve([1, 0.1, np.nan], [1, 0.2, np.inf], [1, 1, 0], [1, 1, 0]))
    assert summary["diverged_step"] == 200
    assert summary["min_train_loss"] == pytest.approx(0.1)
    assert summary["max_loss_ratio"] == pytest.approx(2)
    assert np.isnan(summary["final_train_loss"])


def test_a_run_that_was_never_finite():
    summary = summarize(STEP[:1], curve([np.nan], [np.nan], [0], [0]))
    assert summary["diverged_step"] == 0
    assert np.isnan(summary["min_train_loss"])


@pytest.mark.parametrize(
    ("values", "falling", "first", "sustained"),
    [
        ([0, 0.9, 0.95, 0.8, 0.9], False, 100, 400),
        ([0.9] * 5, False, 0, 0),
        ([0.1] * 5, False, None, None),
        ([0, 0, 1, 1, 0], False, 200, None),
        ([2, 1, 0.01, 0.005, 0.001], True, 200, 200),
        ([np.nan, 0.01, 0.01, 0.01, np.nan], True, 100, None),
    ],
)
def test_crossings(values, falling, first, sustained):
    test = {"test_loss": values} if falling else {"test_accuracy": values}
    summary = summarize(STEP, curve(*np.ones((4, 5))) | {name: np.asarray(row, np.float32) for name, row in test.items()})
    column = "test_loss_1e_2" if falling else "test_accuracy_90"
    assert (summary[f"first_step_{column}"], summary[f"sustained_step_{column}"]) == (first, sustained)


METRIC = st.sampled_from([0.0, 1e-6, 1e-5, 2e-5, 1e-2, 0.5, 0.9, 0.95, 0.99, 1.0, 3.0])


@given(st.lists(st.lists(st.tuples(*[METRIC] * 4), min_size=1, max_size=7), min_size=1, max_size=4), st.sets(st.integers(0, 8)))
def test_summaries_at_a_step_are_those_of_the_curve_cut_there(curves, budgets):
    budgets = np.array(sorted(budgets | {3})) * 100
    step = np.concatenate([np.arange(len(rows)) * 100 for rows in curves])
    runs = np.repeat(np.arange(len(curves)), [len(rows) for rows in curves])
    names = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    metrics = dict(zip(names, np.concatenate([np.array(rows, np.float32) for rows in curves]).T, strict=True))
    found = summaries(step, metrics, runs, budgets)
    for run in range(len(curves)):
        for place, budget in enumerate(budgets):
            kept = (runs == run) & (step <= budget)
            alone = summarize(step[kept], {name: values[kept] for name, values in metrics.items()})
            expected = {name: np.nan if alone[name] is None else alone[name] for name in found}
            np.testing.assert_equal({name: values[run, place] for name, values in found.items()}, expected)
