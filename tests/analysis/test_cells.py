"""The one check of what a cell may hold, whatever was done to the table."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.analysis.statistics.agreement import sensitivity
from grokjax.analysis.statistics.boundary import boundaries
from grokjax.analysis.statistics.cells import cell_codes, cells_of, check_cell, without
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.tables.hyperparameters import OWN_FOLLOWS, OWN_HYPERPARAMETERS, hyperparameters, varied_hyperparameters
from grokjax.analysis.tables.load import load_runs
from grokjax.errors import AnalysisError
from grokjax.sweeps.spec.group_runs import hyperparameter_columns

ALL = ("weight_decay", "learning_rate")


def grok(runs):
    return pd.Series("grok", index=runs.index)


def two_optimizers():
    """AdamW at two weight decays, and SGD, which has none here; two seeds each."""
    rows = [("adam", 0.1, 0), ("adam", 0.1, 1), ("adam", 1.0, 0), ("adam", 1.0, 1), ("sgd", None, 0), ("sgd", None, 1)]
    runs = pd.DataFrame(rows, columns=["optimizer", "weight_decay", "seed"])
    return runs.astype({"weight_decay": pd.ArrowDtype(pa.float64())}).assign(learning_rate=0.01)


def test_the_names_of_hyperparameters_are_those_of_the_schema():
    columns = hyperparameter_columns()
    assert [*OWN_HYPERPARAMETERS] == [*(column.name for column in columns), "component_versions"]
    assert {column.name: column.follows for column in columns if column.follows} == OWN_FOLLOWS


def test_a_table_read_from_a_file_with_other_columns_is_as_safe_in_a_process_that_has_read_no_root(small_root, tmp_path):
    runs = load_runs(small_root)
    runs.assign(phase="grok")[["phase", "min_test_loss", "seed", *ALL, "train_size"]].to_csv(tmp_path / "runs.csv", index=False)
    code = f"""import pandas as pd
from grokjax.analysis.statistics.grid import phase_grid
runs = pd.read_csv({str(tmp_path / "runs.csv")!r})
for frame in (runs, runs.assign(note=range(len(runs)))):
    try:
        phase_grid(frame, frame["phase"], x="weight_decay", y="train_size")
    except Exception as error:
        print(error)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.count("learning_rate also varies") == 2


def test_a_run_that_is_in_the_table_twice_is_refused_everywhere(small_root):
    runs = load_runs(small_root)
    twice = pd.concat([runs, runs], ignore_index=True)
    match = f"{len(runs)} of {len(twice)} rows repeat a run"
    with pytest.raises(AnalysisError, match=match):
        phase_grid(twice, grok(twice), x=ALL[0], y=ALL[1])
    with pytest.raises(AnalysisError, match=match):
        boundaries(twice, grok(twice), ALL[0], [ALL[1]])
    with pytest.raises(AnalysisError, match=match):
        sensitivity(twice, ArticleRule(), x=ALL[0], y=ALL[1])
    budgets = twice.assign(budget=np.repeat([100, 200], len(runs)))
    check_cell(budgets, [*ALL, "budget"])
    check_cell(budgets, ALL, mix=["budget"])
    assert phase_grid(runs, grok(runs), x=ALL[0], y=ALL[1])["seeds"].sum() == len(runs)


def test_what_varies_between_cells_alone_is_not_mixed():
    runs = two_optimizers().assign(hidden_size=[64, 64, 64, 64, 128, 128])
    for each in (runs, runs.assign(batch_size=pd.array([16, None, 16, 16, None, None], "Int64"))):
        check_cell(each, ["weight_decay", "optimizer"])
    for mixed in (runs.assign(learning_rate=[0.1, 0.2, 0.1, 0.1, 0.1, 0.1]), two_optimizers()[["optimizer", "weight_decay"]]):
        with pytest.raises(AnalysisError, match=r"also varies \(0\.1, (0\.2|1\.0)\)"):
            check_cell(mixed, ["optimizer"])


def test_values_are_mixed_where_it_is_said_to_be_meant():
    runs = two_optimizers()
    with pytest.raises(AnalysisError, match=r"weight_decay also varies .* or name it in mix"):
        phase_grid(runs, grok(runs), x="optimizer", y="learning_rate")
    assert phase_grid(runs, grok(runs), x="optimizer", y="learning_rate", mix=["weight_decay"])["seeds"].tolist() == [4, 2]
    with pytest.raises(AnalysisError, match=r"optimizer also varies .* its values would be mixed"):
        check_cell(runs, [], mix=["weight_decay"])
    check_cell(runs, [], mix=["weight_decay", "optimizer"])


def test_runs_without_a_hyperparameter_make_cells_of_their_own():
    runs = two_optimizers()
    grid = phase_grid(runs, grok(runs), x="weight_decay", y="optimizer")
    assert grid["seeds"].tolist() == [2, 2, 2]
    assert grid["weight_decay"].isna().tolist() == [False, False, True]
    assert without(runs, "weight_decay") == "optimizer=sgd"
    assert without(runs.drop(columns="optimizer"), "weight_decay") == ""
    planned = pd.DataFrame({"weight_decay": [0.1, None], "optimizer": ["sgd", "sgd"]}).astype(
        runs.dtypes[["weight_decay", "optimizer"]]
    )
    assert phase_grid(runs, grok(runs), x="weight_decay", y="optimizer", planned=planned)["planned"].tolist() == [2, 2, 1, 2]


def test_a_hyperparameter_that_takes_the_value_of_another_where_it_exists_does_not_vary():
    runs = pd.DataFrame({"learning_rate": [0.1, 0.2, 0.1, 0.2], "embedding_learning_rate": [0.1, 0.2, None, None]})
    assert varied_hyperparameters(runs) == ["learning_rate"]
    assert varied_hyperparameters(runs.assign(embedding_learning_rate=[0.1, 0.1, None, 0.2])) == [*runs]


@pytest.mark.parametrize(
    ("runs", "cell", "mix", "match"),
    [
        (two_optimizers(), ["weight_decai"], (), "weight_decai is not in the table.*did you mean weight_decay"),
        (two_optimizers(), ["optimizer"], ("weight_decai",), "weight_decai is not in the table.*did you mean weight_decay"),
        (two_optimizers(), ["optimizer", "optimizer"], (), "optimizer is given twice"),
        (two_optimizers().assign(loss=None), ["loss"], (), "no run has a value of loss"),
        (two_optimizers().iloc[:0], ["optimizer"], (), "the table has no runs"),
        (two_optimizers().assign(probes=[["a"], ["b"]] * 3), ["probes"], (), "neither numbers nor texts"),
        (two_optimizers().assign(train_size=range(6)), ["optimizer"], (), "train_size also varies|weight_decay also varies"),
    ],
)
def test_what_makes_no_cell_is_refused_in_a_sentence(runs, cell, mix, match):
    with pytest.raises(AnalysisError, match=match):
        check_cell(runs, cell, mix)


VALUES = st.sampled_from([None, 0.1, 1.0])


@given(st.lists(st.tuples(VALUES, VALUES, VALUES, st.integers(0, 3)), min_size=1, max_size=12), st.data())
def test_a_table_passes_exactly_if_no_cell_has_two_values_and_no_run_is_there_twice(rows, data):
    runs = pd.DataFrame(rows, columns=["weight_decay", "learning_rate", "l1_penalty", "run_id"])
    names = ["weight_decay", "learning_rate", "l1_penalty"]
    runs[names] = runs[names].astype(float)
    cell = data.draw(st.lists(st.sampled_from(names), unique=True))
    groups = [runs] if not cell else [group for _, group in runs.groupby(cell, dropna=False)]
    mixed = any(group[name].nunique() > 1 for group in groups for name in names if name not in cell)
    repeated = any(group["run_id"].duplicated().any() for group in groups)
    absent = any(runs[name].isna().all() for name in cell)
    if mixed or repeated or absent:
        with pytest.raises(AnalysisError):
            check_cell(runs, cell)
    else:
        check_cell(runs, cell)


@given(st.lists(st.tuples(VALUES, st.sampled_from(["a", "b", None])), max_size=12))
def test_cells_are_in_order_and_hold_every_row_once(rows):
    table = pd.DataFrame(rows, columns=["x", "y"])
    codes, cells = cells_of(table)
    pd.testing.assert_frame_equal(cells.iloc[codes].reset_index(drop=True), table)
    expected = table.drop_duplicates().sort_values(["x", "y"], ignore_index=True)
    pd.testing.assert_frame_equal(cells, expected, check_dtype=False)


def test_many_axes_of_many_values_have_a_code_for_every_cell():
    table = pd.DataFrame({str(place): np.random.default_rng(place).permutation(3000) for place in range(8)})
    assert len(np.unique(cell_codes(table))) == 3000


def test_hyperparameters_of_a_table_that_others_have_added_to(small_root):
    runs = load_runs(small_root)
    assert hyperparameters(runs.assign(note=1)) == runs.attrs["hyperparameters"]
    assert hyperparameters(runs.assign(note=1).merge(runs[["run_id"]], on="run_id")) == runs.attrs["hyperparameters"]
    assert classify(runs, ArticleRule()).notna().all()
