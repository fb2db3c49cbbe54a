"""The commands that read results, called as the command line calls them but in this process."""

import io
import json
import re
import shutil
import threading

import pandas as pd
import pytest
from rich.console import Console

from benchmarks.synthetic import write_sweep
from grokjax.analysis.labels.rules import classify, make_rule
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.selection import select
from grokjax.scripts import run, status, watch
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.progress import Counts
from tests.support.command import grokjax
from tests.support.specs import write


def test_phases_by_another_rule_say_which(call, small_root, tmp_path):
    code, out, _ = call("phases", small_root, "--rule", "crossing", "--threshold", "delay=50", "--out", tmp_path / "map.png")
    assert code == 0
    assert out.startswith("rule crossing, delay 50\n")
    assert (tmp_path / "map.png").exists()


def test_a_root_with_runs_missing_is_told_to_be_partial(call, small_root, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(small_root, root)
    lacking = load_spec_of(small_root, {"seed": (0, 1, 2)})
    (root / "specs" / "more.json").write_text(lacking)
    code, out, _ = call("phases", root, "--out", tmp_path / "map.svg")
    assert code == 0
    assert "partial: 4 of 12 runs are still missing" in out
    assert "Partial: 4 of 12 runs are still missing" in (tmp_path / "map.svg").read_text()


def load_spec_of(root, axes):
    """The stored spec of a root, with other axes, as it would be stored."""
    entry = json.loads(next((root / "specs").glob("*.json")).read_text())
    entry["spec"]["axes"] |= axes
    return json.dumps(entry)


def test_a_refined_spec_runs_into_the_root_it_came_from(call, small_root, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(small_root, root)
    loss = load_runs(root)["min_train_loss"]
    rule = ["--rule", "article", "--threshold", f"loss_threshold={loss.median():g}", "--threshold", "ratio_threshold=1"]
    code, out, err = call("refine", root, *rule, "--x", "learning_rate", "--y", "weight_decay", "--count", "2")
    assert code == 0, err
    (tmp_path / "finer.toml").write_text(out)
    spec = load_spec(str(tmp_path / "finer.toml"))
    assert spec.name == "small-refined"
    assert spec.size in (2, 4), "a point or two, with two seeds each"
    outcome = run_sweep(spec, root, Execution(executor="inline"))
    assert outcome.failures == ()
    assert len(load_runs(root)) == 8 + spec.size
    code, out, err = call("refine", root, *rule, "--x", "learning_rate", "--y", "weight_decay")
    assert code == 0, err
    assert 'name = "small-refined"' in out


def test_a_refined_spec_is_of_the_runs_that_were_chosen(call, tmp_path):
    points = ["hidden_size=64", "train_size=1250", "weight_decay=0.01,0.1,1"]
    write_sweep(tmp_path / "root", load_spec("parity-article", [*points, "seed=0..2", "learning_rate=0.003,0.01"]))
    write_sweep(tmp_path / "root", load_spec("parity-article", [*points, "seed=0", "learning_rate=0.777"]))
    code, out, err = call("refine", tmp_path / "root", "--where", "learning_rate=0.777", "--x", "hidden_size")
    assert code == 0, err
    (tmp_path / "finer.toml").write_text(out)
    assert load_spec(str(tmp_path / "finer.toml")).run["learning_rate"] == 0.777


def test_queries_as_table_csv_and_files(call, small_root, tmp_path):
    sql = "SELECT weight_decay, count(*) AS runs FROM runs GROUP BY weight_decay ORDER BY weight_decay"
    assert call("query", small_root, sql)[1].split() == ["weight_decay", "runs", "0.01", "4", "1", "4"]
    assert call("query", small_root, sql, "--csv")[1] == "weight_decay,runs\n0.01,4\n1.0,4\n"
    for name, read in (("a.csv", pd.read_csv), ("a.parquet", pd.read_parquet)):
        assert call("query", small_root, sql, "--out", tmp_path / name)[0] == 0
        assert read(tmp_path / name)["runs"].tolist() == [4, 4]
    many = call("query", small_root, "SELECT * FROM range(101)")[1]
    assert "100 of 101 rows" in many


def test_columns_are_told(call):
    code, out, _ = call("columns", "max_loss_ratio")
    assert (code, out.splitlines()[0].split()) == (0, ["runs", "type", "unit", "meaning"])
    assert out.splitlines()[1].split()[:3] == ["max_loss_ratio", "float64", "1"]
    assert "test_accuracy" in call("columns", "--table", "curves")[1]


def test_agreement_delays_and_boundary_are_told(call, small_root):
    code, out, _ = call("agreement", small_root, "--rule", "article", "--rule", "crossing:delay=50,kind=first")
    assert code == 0
    assert "crossing, kind first, delay 50" in out
    assert "cells that change most when" in out
    code, out, _ = call("delays", small_root, "--train", "accuracy_90", "--by", "learning_rate")
    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["weight_decay", "learning_rate"]
    code, out, _ = call("boundary", small_root, "weight_decay", "--phase", "fail")
    assert code == 0
    assert out.count("one phase") == 3, "no run fits in a hundred steps"
    assert "one phase: all runs that count are of this phase, or none is" in out
    assert "no phase has a boundary along weight_decay; try another hyperparameter" in out


def test_values_are_pooled_where_mix_names_their_hyperparameter(call, small_root):
    code, out, _ = call("boundary", small_root, "weight_decay", "--mix", "learning_rate")
    assert (code, "learning_rate" in out) == (0, False)
    for verb, *rest in (("boundary", small_root, "weight_decay"), ("compare", small_root, small_root, "--facet", "none")):
        code, _, error = call(verb, *rest, "--mix", "learning_rat")
        assert (code, "learning_rat is not in the table" in error) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["phases", "{root}", "--rule", "articel"], "there is no rule articel; the rules are"),
        (["phases", "{root}", "--rule", "crossing", "--threshold", "delay=0"], "delay = 0.0 is out of range"),
        (["phases", "{root}", "--threshold", "delay=5"], "the rule article has no threshold delay"),
        (["curves", "{root}", "--where", "seed=0", "--rule", "nobody"], "choose one cell"),
        (["curves", "{root}", "--mix", "learning_rate"], "--mix are for curves by a hyperparameter"),
        (["boundary", "{root}", "depth"], "depth is not in the table"),
        (["boundary", "{root}", "weight_decay", "--phase", "groks"], "there is no phase groks"),
        (["delays", "{root}", "--train", "accuracy_97"], "train = accuracy_97 is out of range"),
        (["delays", "{root}", "--by", "depth"], "depth is not in the table"),
        (["agreement", "{root}", "--rule", "article", "--rule", "article"], "needs at least two different rules, got article"),
        (["refine", "{root}", "--x", "depth"], "depth is not in the table"),
        (["query", "{root}", "DROP TABLE runs"], "a query is one SELECT"),
        (["query", "{root}", "SELECT 1", "--out", "x.xlsx"], "a table is a .csv or a .parquet file"),
        (["columns", "max_los"], "did you mean max_loss_ratio?"),
        (["query", "{empty}", "FROM runs"], "holds no finished runs yet"),
        (["delays", "{empty}"], "holds no finished runs yet"),
        (["refine", "{nothing}"], "holds no sweep"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(call, small_root, tmp_path, arguments, says):
    (tmp_path / "empty" / "specs").mkdir(parents=True)
    places = {"root": small_root, "empty": tmp_path / "empty", "nothing": tmp_path / "nothing"}
    code, _, err = call(*(argument.format(**places) for argument in arguments))
    assert (code, err.count("\n")) == (2, 1), err
    assert says in err


def test_csv_of_a_query_reads_back(call, small_root):
    out = call("query", small_root, "SELECT run_id, step, test_loss FROM curves ORDER BY ALL", "--csv")[1]
    assert len(pd.read_csv(io.StringIO(out))) == 24


def test_exported_runs_have_their_phase_under_the_rule_that_was_asked_for(call, small_root, tmp_path):
    runs = select(load_runs(small_root), ["seed=0"])
    for rule in ("final", "crossing"):
        words = ("--rule", rule, "--threshold", "delay=50")[: 4 if rule == "crossing" else 2]
        code, out, err = call("export", small_root, tmp_path / f"{rule}.csv", "--where", "seed=0", *words)
        assert code == 0, err
        assert out == f"Wrote {tmp_path / rule}.csv: {len(runs)} rows\n"
        written = pd.read_csv(tmp_path / f"{rule}.csv")
        labels = classify(runs, make_rule(rule, {"delay": 50} if rule == "crossing" else {})).astype(str)
        assert written["phase"].tolist() == labels.tolist()
    code, _, err = call("export", small_root, tmp_path / "x.csv", "--rule", "nonsense")
    assert (code, "there is no rule nonsense" in err) == (2, True)
    code, _, err = call("export", small_root, tmp_path / "x.csv", "--table", "curves", "--rule", "final")
    assert (code, "curves have no phase" in err) == (2, True)
    code, _, err = call("export", small_root, tmp_path / "x.db", "--to", "mlflow", "--rule", "final")
    assert (code, "--table, --rule and --budget are for a file" in err) == (2, True)


def test_exported_labels_are_the_view_labels_of_a_query(call, small_root, tmp_path):
    code, _, err = call("export", small_root, tmp_path / "labels.csv", "--table", "labels", "--rule", "final")
    assert code == 0, err
    code, out, err = call("query", small_root, "FROM labels", "--rule", "final", "--csv")
    assert code == 0, err
    assert (tmp_path / "labels.csv").read_text() == out
    assert list(pd.read_csv(tmp_path / "labels.csv"))[:2] == ["run_id", "phase"]


def test_boundaries_are_printed_with_their_direction_and_a_phase_without_any_names_others(call):
    out = call("boundary", "docs/example", "weight_decay")[1]
    assert [row.split()[3] for row in out.splitlines() if row.split()[:1] in (["100"], ["150"])] == ["rise", "fall"] * 2
    assert "try --phase" not in out
    none = call("boundary", "docs/example", "weight_decay", "--where", "train_size=250")[1]
    assert "grok has no boundary along weight_decay; other phases have: try --phase" in none
    assert "nan" not in none


def test_a_hyperparameter_says_who_has_it_what_it_may_be_and_its_default(call):
    out = call("columns", "train_size", "embedding_learning_rate", "steps")[1]
    assert re.search(r"train_size +task digits +whole number at least 1, below 1797 +required", out)
    assert re.search(r"train_size +task sparse_parity +whole number at least 1 +required", out)
    assert "that of learning_rate" in out
    assert re.search(r"steps +every run +whole number at least 1 +required", out)


def test_a_line_of_progress_has_the_speed_and_the_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(run.time, "monotonic", lambda: now[0])
    speed = run.Speed()
    assert speed.describe(run.SweepProgress(8, 0, 800, 0)) == "starting"
    assert speed.describe(run.SweepProgress(8, 0, 800, 100)) == "compiling"
    now[0] = 60.0
    assert speed.describe(run.SweepProgress(8, 2, 800, 220)) == "2 run-steps/s, 4:50 left"


def test_a_watch_waits_for_a_sweep_that_has_not_begun(monkeypatch, small_root, tmp_path, capsys):
    monkeypatch.setattr(watch, "WAIT_SECONDS", 0.05)
    root = tmp_path / "later"
    begin = threading.Timer(0.3, shutil.copytree, (small_root, root))
    begin.start()
    assert status.command(str(root), watching=True, every=0.1) == 0
    begin.join()
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.endswith("holds no sweep yet; waiting for one to start (Ctrl-C stops waiting)")
    assert "8 of 8 runs done" in last


def test_the_table_of_a_watch_keeps_a_line_per_group_at_100_columns(small_root):
    console = Console(width=100, file=io.StringIO())
    groups = {f"{number:016x}": Counts(1000, 10, 3, 2, 10**7, 10**5, 123_456.0) for number in range(3)}
    described = dict.fromkeys(groups, "task sparse_parity, model mlp, hidden_size 64, train_size 1250")
    console.print(watch.picture("results/demo", next(iter(groups.values())), groups, described, 10))
    lines = console.file.getvalue().splitlines()
    assert sum(line.lstrip().startswith("0000") for line in lines) == 3
    assert all("1,000" in line for line in lines if line.lstrip().startswith("0000")), "numbers are not cut off"
    assert any("task sparse_parity" in line for line in lines)


def test_a_plan_explains_its_words_and_splits_the_time_by_model(call):
    out = call("plan", "parity-demo")[1]
    assert "A group is" in out
    assert "a pack is" in out
    assert "by model" not in out
    out = call("plan", "modular-architectures")[1]
    assert ("by model" in out) == (len(load_spec("modular-architectures").swept.get("model", ())) > 1)


@pytest.mark.parametrize("flag", ["-v", "--verbose", ""])
def test_log_messages_are_shown_on_standard_error_when_asked_for(tmp_path, flag):
    spec = write(tmp_path, {"steps": 50})
    done = grokjax("run", spec, "--executor", "inline", "--root", tmp_path / "root", *filter(None, [flag]))
    assert done.returncode == 0, done.stderr
    assert ("grokjax.sweeps" in done.stderr) == bool(flag)


def test_a_query_prints_nothing_for_what_is_null(call, small_root):
    code, out, err = call("query", small_root, "SELECT seed, stopped_by, NULL AS nothing, [1, 2] AS several FROM runs LIMIT 2")
    assert (code, err) == (0, "")
    assert "NA" not in out
    assert "None" not in out
