"""A root of which a longer spec was entered, and whose runs were not trained further yet."""

import grokjax
from grokjax.analysis.report.write import write_report
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from tests.support.stores import seeds_of


def test_runs_with_fewer_steps_than_asked_for_are_missing(tmp_path):
    run_sweep(seeds_of(100, 2), tmp_path / "root", Execution("inline"))
    enter_spec(tmp_path / "root", seeds_of(200, 3))
    results = grokjax.open_root(tmp_path / "root")
    assert (len(results.missing), results.untrained, len(results.runs)) == (3, 1, 2)
    assert results.select("seed=0").missing["run_id"].tolist() == results.select("seed=0").runs["run_id"].tolist()
    report = write_report(tmp_path / "root", tmp_path / "page.html")
    assert (report.runs, report.missing) == (2, 3)
    run_sweep(seeds_of(200, 3), tmp_path / "root", Execution("inline"))
    assert grokjax.open_root(tmp_path / "root").missing.empty


def test_a_command_says_that_an_interrupted_extension_is_partial(tmp_path, call):
    run_sweep(seeds_of(100, 2), tmp_path / "root", Execution("inline"))
    enter_spec(tmp_path / "root", seeds_of(200, 2))
    _, out, _ = call("phases", tmp_path / "root", "--out", tmp_path / "map.svg", "--x", "seed", "--y", "hidden_size")
    assert "partial: 2 of 2 runs are still missing" in out
