"""Roots with runs of different lengths, as the commands read them."""

import pandas as pd
import pytest

import grokjax
from grokjax.errors import AnalysisError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from tests.support.stores import seeds_of


def extended(tmp_path, seeds):
    """Four seeds of 100 steps, of which those given were trained to 200."""
    root = tmp_path / "root"
    run_sweep(seeds_of(100), root, Execution("inline"))
    run_sweep(seeds_of(200, seeds), root, Execution("inline"))
    return root


def test_a_cell_of_two_lengths_is_refused_with_the_remedy(tmp_path, call):
    root = extended(tmp_path, 2)
    runs = grokjax.load_runs(root)
    phases = grokjax.classify(runs, "crossing")
    for refused in (
        lambda: grokjax.phase_grid(runs, phases, x="hidden_size", y="weight_decay"),
        lambda: grokjax.sensitivity(runs, grokjax.CrossingRule(), x="hidden_size", y="weight_decay"),
        lambda: grokjax.open_root(root).grid(x="hidden_size", y="weight_decay"),
        lambda: grokjax.open_root(root).medians(),
        lambda: grokjax.open_root(root).plot_survival(["hidden_size"]),
        lambda: grokjax.open_root(root).plot_scatter(),
    ):
        with pytest.raises(AnalysisError, match=r"2 runs made 100, 2 runs made 200 steps.* with a budget of 100"):
            refused()
    code, _, error = call("phases", root, "--x", "hidden_size", "--y", "weight_decay", "--out", tmp_path / "map.svg")
    assert code
    assert "with a budget of 100" in error
    code, out, error = call(
        "phases", root, "--budget", 100, "--x", "hidden_size", "--y", "weight_decay", "--out", tmp_path / "map.svg"
    )
    assert not code, error
    assert "partial" not in out
    assert "as of step 100" in (tmp_path / "map.svg").read_text()
    _, out, _ = call("phases", root, "--budget", 200, "--x", "hidden_size", "--y", "weight_decay", "--out", tmp_path / "map.svg")
    assert "as of step 200; partial: 2 of 4 runs have not made so many steps" in out


def test_runs_that_an_extension_has_not_reached_are_missing(tmp_path, call):
    root = extended(tmp_path, 1)
    enter_spec(root, seeds_of(200))
    results = grokjax.open_root(root)
    assert (len(results.runs), results.behind, results.untrained, len(results.missing)) == (1, 3, 3, 3)
    assert results.grid(x="hidden_size", y="weight_decay")["planned"].tolist() == [4]
    _, out, _ = call("phases", root, "--x", "hidden_size", "--y", "weight_decay", "--out", tmp_path / "map.svg")
    assert "partial: 3 of 4 runs are still missing, 3 of them with fewer steps than the others (--budget STEP)" in out
    assert len(grokjax.open_root(root, budget=100).runs) == 4
    assert grokjax.open_root(root, budget=100).missing.empty


def test_tables_are_exported_as_of_a_step(tmp_path, call):
    root = extended(tmp_path, 2)
    code, _, error = call("export", root, tmp_path / "runs.csv", "--budget", 100)
    assert not code, error
    runs = pd.read_csv(tmp_path / "runs.csv")
    assert runs["steps"].tolist() == [100] * 4
    assert runs["phase"].tolist() == grokjax.open_root(root, budget=100).label().tolist()
    call("export", root, tmp_path / "curves.csv", "--table", "curves", "--budget", 100)
    assert pd.read_csv(tmp_path / "curves.csv")["step"].max() == 100
    call("export", root, tmp_path / "labels.csv", "--table", "labels", "--budget", 100)
    assert pd.read_csv(tmp_path / "labels.csv")["phase"].tolist() == runs["phase"].tolist()
    with pytest.raises(AnalysisError, match="open the root without a budget"):
        grokjax.open_root(root, budget=100).query("SELECT 1")
