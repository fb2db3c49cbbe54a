"""Tables as labelled arrays."""

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.rules import PHASES, ArticleRule, classify
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.tables.arrays import to_xarray
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError


def test_a_grid_is_an_array_over_its_cell_and_what_is_missing_is_nan():
    runs = pd.DataFrame({"hidden_size": [16, 16, 64], "weight_decay": [0.1, 1.0, 0.1]})
    phases = pd.Series(pd.Categorical(["grok", "fail", "memorize"], categories=PHASES))
    grid = to_xarray(phase_grid(runs, phases, x="hidden_size", y="weight_decay"), ["weight_decay", "hidden_size"])
    assert grid.sizes == {"weight_decay": 2, "hidden_size": 2}
    assert grid["grok_share"].sel(weight_decay=0.1, hidden_size=16) == 1
    assert grid["phase"].sel(weight_decay=0.1).values.tolist() == ["grok", "memorize"]
    missing = grid.sel(weight_decay=1.0, hidden_size=64)
    assert np.isnan(missing["entropy"])
    assert np.isnan(missing["seeds"])


def test_runs_and_curves_are_arrays_too(small_root):
    runs = load_runs(small_root)
    runs["phase"] = classify(runs, ArticleRule())
    losses = to_xarray(runs, ["weight_decay", "learning_rate", "seed"], ["min_test_loss", "phase", "steps"])
    assert losses["min_test_loss"].shape == (2, 2, 2)
    first = runs.iloc[0]
    place = {name: first[name] for name in ("weight_decay", "learning_rate", "seed")}
    assert losses["min_test_loss"].sel(place) == first["min_test_loss"]
    assert losses["steps"].dtype == np.int64
    curves = to_xarray(load_curves(small_root, columns=["test_loss"]), ["run_id", "step"])
    assert curves["test_loss"].shape == (8, 3)


def test_what_is_no_array_is_told():
    table = pd.DataFrame({"seed": [0, 0], "loss": [1.0, 2.0]})
    for dims, says in ((["seed"], "1 rows share their seed"), (["sead"], "sead is not in the table")):
        with pytest.raises(AnalysisError, match=says):
            to_xarray(table, dims)
    wide = pd.DataFrame({name: range(10_000) for name in "ab"})
    with pytest.raises(AnalysisError, match="100,000,000 elements"):
        to_xarray(wide, ["a", "b"])
