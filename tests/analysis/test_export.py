"""Tables as one file, read back by plain readers."""

import json

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.rules import ArticleRule, FinalRule, classify
from grokjax.analysis.tables.export import export
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from tests.support.runs import SMALL_RUN


def test_what_is_exported_is_what_is_there(tmp_path):
    run = {name: value for name, value in SMALL_RUN.items() if name != "seed"} | {"probes": "matrices", "hidden_size": 8}
    run_sweep(SweepSpec(name="small", run=run, axes={"seed": (0, 1)}), tmp_path / "root", Execution(executor="inline"))
    runs, curves = load_runs(tmp_path / "root"), load_curves(tmp_path / "root")
    assert export(tmp_path / "root", "runs", tmp_path / "out" / "runs.csv") == 2
    read = pd.read_csv(tmp_path / "out" / "runs.csv")
    assert read["run_id"].tolist() == runs["run_id"].tolist()
    np.testing.assert_allclose(read["min_test_loss"], runs["min_test_loss"].astype(float))
    assert export(tmp_path / "root", "curves", tmp_path / "curves.parquet") == len(curves)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "curves.parquet", dtype_backend="pyarrow"), curves)
    assert read["phase"].tolist() == classify(runs, ArticleRule()).tolist(), "the phase is the last column of the runs"
    assert export(tmp_path / "root", "runs", tmp_path / "final.csv", rule=FinalRule()) == 2
    assert pd.read_csv(tmp_path / "final.csv")["phase"].tolist() == classify(runs, FinalRule()).tolist()
    assert export(tmp_path / "root", "labels", tmp_path / "labels.csv", runs["run_id"][:1].tolist()) == 1
    labels = ["run_id", "phase", "article", "accuracy_delay", "crossing", "final"]
    assert pd.read_csv(tmp_path / "labels.csv").columns.tolist() == labels
    one = runs["run_id"][1]
    assert export(tmp_path / "root", "curves", tmp_path / "one.csv", [one]) == len(curves) / 2
    read = pd.read_csv(tmp_path / "one.csv")
    assert set(read["run_id"]) == {one}
    norms = json.loads(read["matrix_norms"][0])
    assert norms == dict(curves[curves["run_id"] == one]["matrix_norms"].iloc[0])
    assert norms.keys() == {"hidden", "output"}
    with pytest.raises(AnalysisError, match=r"a table is a .csv or a .parquet file"):
        export(tmp_path / "root", "runs", tmp_path / "runs.xlsx")
