"""Runs as of a step: equal to a sweep of so many steps, and never mixed with runs of another length."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grokjax
from grokjax.analysis.tables.budget import check_lengths, longer_runs, runs_as_of, summaries_as_of
from grokjax.errors import AnalysisError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.schema import COSTS, PROVENANCE_COLUMNS
from tests.support.runs import SMALL_RUN

RULES = ("article", "accuracy_delay", "crossing", "final")
COSTLY = {column.name for column in PROVENANCE_COLUMNS} | {f"{name}_seconds" for name, _ in COSTS}


def sweep_of(steps, **changed):
    axes = {"learning_rate": (1e-3, 1e30), "weight_decay": (0.0, 1.0), "seed": (0, 1)}
    run = {name: value for name, value in SMALL_RUN.items() if name not in axes}
    return SweepSpec(name="small", run=run | {"steps": steps, "log_every": 10, "train_size": 100} | changed, axes=axes)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    """The same runs trained for 100 and for 200 steps; some diverge."""
    folder = tmp_path_factory.mktemp("lengths")
    for steps in (100, 200):
        run_sweep(sweep_of(steps), folder / str(steps), Execution("inline"))
    return folder


def outcomes(runs):
    return runs.drop(columns=[name for name in runs if name in COSTLY])


def test_runs_as_of_a_step_are_those_of_a_sweep_that_ends_there(roots):
    short, long = (grokjax.load_runs(roots / name) for name in ("100", "200"))
    assert short["diverged_step"].notna().any()
    assert short["final_train_loss"].to_numpy(float).tolist() != long["final_train_loss"].to_numpy(float).tolist()
    found = runs_as_of(long, 100, grokjax.load_curves(roots / "200"))
    pd.testing.assert_frame_equal(outcomes(found), outcomes(short), check_exact=True)


def test_several_budgets_at_once_are_each_of_them_alone(roots):
    runs, curves = grokjax.load_runs(roots / "200"), grokjax.load_curves(roots / "200")
    found = summaries_as_of(runs, [10, 50, 200], curves)
    for place, budget in enumerate((10, 50, 200)):
        alone = runs_as_of(runs, budget, curves)
        for name, values in found.items():
            np.testing.assert_array_equal(values[:, place], alone[name].to_numpy(np.float64, na_value=np.nan), name)


def test_first_crossings_need_no_curves(roots):
    runs = grokjax.load_runs(roots / "200")
    columns = ["first_step_train_accuracy_99", "diverged_step", "steps"]
    found = summaries_as_of(runs, [100], columns=columns)
    short = grokjax.load_runs(roots / "100")
    for name in columns:
        np.testing.assert_array_equal(found[name][:, 0], short[name].to_numpy(np.float64, na_value=np.nan))
    with pytest.raises(AnalysisError, match="their curves are needed; give curves="):
        summaries_as_of(runs, [100], columns=["min_train_loss"])


@pytest.mark.parametrize("rule", RULES)
def test_labels_as_of_a_step_are_those_of_a_sweep_that_ends_there(roots, rule):
    short, long = grokjax.open_root(roots / "100"), grokjax.open_root(roots / "200", budget=100)
    pd.testing.assert_series_equal(long.label(rule), short.label(rule))
    assert long.missing.empty


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        (0, "positive whole number of steps, got 0"),
        (-100, "positive whole number of steps, got -100"),
        (2.5, "positive whole number of steps, got 2.5"),
        (True, "positive whole number of steps, got True"),
        (105, "step 105 was not logged.* choose the budget 100 or 110"),
        (5, "step 5 was not logged.* choose the budget 10"),
        (700, "no run made 700 steps; the longest made 200"),
    ],
)
def test_impossible_budgets_are_refused_in_a_sentence(roots, budget, sentence):
    results = grokjax.open_root(roots / "200", ["learning_rate=0.001"], budget=budget)
    with pytest.raises(AnalysisError, match=sentence):
        results.label()


def test_stopped_runs_count_as_of_any_later_step_and_are_not_stopped_as_of_an_earlier_one():
    runs = pd.DataFrame({"run_id": ["a", "b"], "steps": [50, 100], "stopped_by": ["article", None], "diverged_step": [np.nan] * 2})
    assert runs_as_of(runs, 100)["stopped_by"].tolist()[0] == "article"
    earlier = runs_as_of(runs, 50)
    assert earlier["stopped_by"].isna().all()
    assert earlier["steps"].tolist() == [50, 50]
    check_lengths(runs)


NUMBERS = st.one_of(st.none(), st.integers(-200, 300), st.floats(), st.text(max_size=3))


@settings(max_examples=40)
@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(("steps", "diverged_step", "log_every", "min_train_loss"), NUMBERS)), max_size=4),
    st.one_of(st.integers(-10, 300), st.floats(), st.none()),
    st.booleans(),
)
def test_bad_tables_are_refused_in_a_sentence_or_read(rows, budget, with_curves):
    runs = pd.DataFrame(rows, columns=["steps", "diverged_step", "log_every", "min_train_loss"])
    runs.insert(0, "run_id", [f"{place}" for place in range(len(runs))])
    curves = pd.DataFrame({"run_id": ["0", "0", "1"], "step": [100, 0, 0], "train_loss": [1.0, 2.0, 3.0]}) if with_curves else None
    for read in (lambda: runs_as_of(runs, budget, curves), lambda: check_lengths(runs), lambda: longer_runs(runs, 100)):
        with contextlib.suppress(AnalysisError):
            read()
