"""The whole way on real Ray: from a spec to labelled runs, through kills, beside the published outcomes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.analysis.statistics.compare import compare
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import ClusterError
from grokjax.sweeps.execute.driver import Execution, prepare, run_sweep
from grokjax.sweeps.execute.worker import Worker
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS
from tests.support.published import article_runs
from tests.support.specs import write

GROKJAX = Path(sys.executable).with_name("grokjax")

# Four groups, four packs: each takes a second or two, so that a kill finds some done, some under way, some waiting.
AXES = {"hidden_size": [12, 16, 20, 24], "weight_decay": [0.01, 0.1], "seed": "0..3"}


@pytest.fixture
def spec(tmp_path):
    return write(tmp_path, dict.fromkeys(AXES) | {"train_size": 400, "steps": 10_000, "log_every": 100}, AXES)


def start(spec, root):
    return subprocess.Popen([GROKJAX, "run", spec, "--root", root], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def training_workers(process):
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if child.name().startswith("ray::Worker.train") or any("ray::Worker.train" in word for word in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def committed(root):
    return list((Path(root) / "runs").glob("*.parquet"))


def assert_whole(root, spec):
    runs, curves = load_runs(root), load_curves(root)
    raw = pd.read_parquet(Path(root) / "runs")
    assert len(raw) == raw.run_id.nunique() == load_spec(spec).size, "every planned run has exactly one row"
    assert (runs["steps"] == 10_000).all()
    steps = curves.groupby("run_id")["step"].apply(list)
    assert sorted(steps.index) == sorted(runs["run_id"])
    assert all(run == list(range(0, 10_001, 100)) for run in steps)


@pytest.mark.cluster
def test_killed_workers_drivers_and_ctrl_c_leave_every_run_exactly_once(spec, tmp_path):
    root = tmp_path / "root"
    driver = start(spec, root)
    wait_for(lambda: training_workers(driver), driver)
    training_workers(driver)[0].send_signal(signal.SIGKILL)
    wait_for(lambda: committed(root), driver)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    first = {path.name: path.stat().st_mtime_ns for path in committed(root)}
    assert 0 < len(first) < 4

    driver = start(spec, root)
    wait_for(lambda: training_workers(driver), driver)
    driver.send_signal(signal.SIGINT)  # SIGTERM does the same in tests/sweeps/test_interrupt.py
    output, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130, output
    assert "the same command continues" in output

    driver = start(spec, root)
    output, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, output
    assert_whole(root, spec)
    for name, written in first.items():
        assert (root / "runs" / name).stat().st_mtime_ns == written, "what was committed is not trained again"

    files = {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")}
    env = os.environ | {"RAY_TMPDIR": str(tmp_path / "ray")}
    again = subprocess.run([GROKJAX, "run", spec, "--root", root], capture_output=True, text=True, check=True, env=env)
    assert "nothing to train" in again.stderr
    assert not (tmp_path / "ray").exists(), "not even Ray is started"
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.parquet")} == files


def worker_that_fails(fails):
    """A worker whose packs fail when `fails(hidden_size)` says so."""

    class Failing(Worker):
        def train(self, pack, following=None):
            if fails(pack.runs[0].model.hidden_size):
                raise RuntimeError("no such luck")
            return super().train(pack, following)

    return Failing


@pytest.mark.slow
def test_a_pack_that_always_fails_is_told_and_the_others_finish(spec, tmp_path, monkeypatch):
    root = tmp_path / "root"
    narrowed = load_spec(spec, ["steps=200", "seed=0"])
    with monkeypatch.context() as context:
        context.setattr("grokjax.sweeps.execute.driver.Worker", worker_that_fails(lambda hidden_size: hidden_size == 16))
        outcome = run_sweep(narrowed, root, Execution(executor="inline"))
    assert [failure.pack.runs[0].model.hidden_size for failure in outcome.failures] == [16]
    assert "no such luck" in outcome.failures[0].error
    assert sorted(load_runs(root)["hidden_size"].unique()) == [12, 20, 24]
    held = run_sweep(narrowed, root, Execution(executor="inline")).plan
    assert (held.packs, held.committed, held.quarantined) == ((), 6, 2), "what is in quarantine stays there"
    again = [GROKJAX, "run", spec, "--set", "steps=200", "--set", "seed=0", "--root", root]
    told = subprocess.run(again, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "2 runs are in quarantine" in told.stderr
    status = subprocess.run([GROKJAX, "status", root], capture_output=True, text=True, check=True).stdout
    assert "in quarantine: 2 runs of pack" in status
    assert "RuntimeError: no such luck" in status
    told = subprocess.run([GROKJAX, "retry", root, "--executor", "inline"], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout) == (0, "2 runs released from quarantine\n")
    assert len(load_runs(root)) == 8


@pytest.mark.cluster
def test_on_ray_a_pack_that_fails_is_tried_again_and_one_that_always_fails_is_told(cluster, spec, tmp_path, monkeypatch):
    tries = tmp_path / "tries"

    def fails(hidden_size):
        with tries.open("a") as file:
            file.write(f"{hidden_size}\n")
        return hidden_size == 12 or (hidden_size == 16 and tries.read_text().split().count("16") < 3)

    monkeypatch.setattr("grokjax.sweeps.execute.driver.Worker", worker_that_fails(fails))
    outcome = run_sweep(
        load_spec(spec, ["steps=200", "seed=0", "hidden_size=12,16"]), tmp_path / "root", Execution(address=cluster)
    )
    assert [failure.pack.runs[0].model.hidden_size for failure in outcome.failures] == [12]
    assert load_runs(tmp_path / "root")["hidden_size"].unique().tolist() == [16]
    assert sorted(tries.read_text().split()) == ["12"] * 3 + ["16"] * 3


@pytest.mark.cluster
def test_on_ray_running_out_of_memory_halves_packs_and_is_remembered(cluster, spec, tmp_path, monkeypatch):
    """A worker that cannot hold three runs; what it learns is there for the next sweep."""

    class Small(Worker):
        def train(self, pack, following=None):
            if len(pack.runs) > 2:
                raise MemoryError(f"{len(pack.runs)} runs")
            return super().train(pack, following)

    monkeypatch.setattr("grokjax.sweeps.execute.driver.Worker", Small)
    narrowed = load_spec(spec, ["steps=200", "seed=0..3", "hidden_size=12"])
    outcome = run_sweep(narrowed, tmp_path / "root", Execution(address=cluster))
    assert (outcome.failures, len(load_runs(tmp_path / "root"))) == ((), narrowed.size)
    more = load_spec(spec, ["steps=200", "seed=4..9", "hidden_size=12"])
    plan, _ = prepare(more, tmp_path / "root", Execution())
    assert max(len(pack.runs) for pack in plan.packs) == 2
    assert outcome.plan.packs[0].runs.template.group_id == plan.packs[0].group_id


@pytest.mark.cluster
def test_on_ray_a_killed_worker_costs_its_pack_no_try(cluster, spec, tmp_path, monkeypatch):
    """Four times, which is more than a pack may fail of itself."""
    kills = tmp_path / "kills"

    class Killed(Worker):
        def train(self, pack, following=None):
            with kills.open("a") as file:
                file.write("x")
            if kills.stat().st_size <= 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().train(pack, following)

    monkeypatch.setattr("grokjax.sweeps.execute.driver.Worker", Killed)
    narrowed = load_spec(spec, ["steps=200", "seed=0", "hidden_size=12"])
    assert run_sweep(narrowed, tmp_path / "root", Execution(address=cluster)).failures == ()
    assert len(load_runs(tmp_path / "root")) == narrowed.size


@pytest.mark.cluster
@pytest.mark.parametrize("failing_starts", [2, 1000])
def test_workers_that_end_before_they_are_ready_are_replaced_unless_none_ever_is(
    cluster, spec, tmp_path, monkeypatch, failing_starts
):
    starts = tmp_path / "starts"

    class Failing(Worker):
        def __init__(self, setup, asked_at):
            with starts.open("a") as file:
                file.write("start\n")
            if len(starts.read_text().split()) <= failing_starts:
                raise RuntimeError("this node has no such library")
            super().__init__(setup, asked_at)

    monkeypatch.setattr("grokjax.sweeps.execute.driver.Worker", Failing)
    narrowed = load_spec(spec, ["steps=200", "seed=0", "hidden_size=12"])
    if failing_starts == 2:
        assert run_sweep(narrowed, tmp_path / "root", Execution(address=cluster)).failures == ()
        assert len(load_runs(tmp_path / "root")) == 2
    else:
        with pytest.raises(ClusterError, match=r"3 workers in a row ended before they were ready: .*no such library"):
            run_sweep(narrowed, tmp_path / "root", Execution(address=cluster))


@pytest.mark.cluster
def test_a_slice_of_the_published_sweep_comes_out_as_published(tmp_path):
    """Nine cells, three seeds each. In five, all published seeds or all but one have one label: it must be ours too."""
    narrow = load_spec("parity-article", ["hidden_size=16", "train_size=750,1250", "weight_decay=0.01,0.1,0.3,1", "seed=0..2"])
    wide = load_spec("parity-article", ["hidden_size=64", "train_size=750", "weight_decay=0.1", "seed=0..2"])
    assert not run_sweep(narrow, tmp_path / "narrow", Execution(cpus=min(2, os.cpu_count() or 1))).failures
    assert not run_sweep(wide, tmp_path / "wide", Execution(executor="inline")).failures
    here = pd.concat([load_runs(tmp_path / root) for root in ("narrow", "wide")], ignore_index=True)
    cells = compare(here, article_runs(), ArticleRule(), x="hidden_size", y="train_size", facet="weight_decay").cells
    told = cells.set_index(["hidden_size", "train_size", "weight_decay"])
    for cell, phase in {
        (16, 750, 0.01): "memorize",
        (16, 1250, 0.1): "generalize",
        (16, 1250, 0.3): "generalize",
        (16, 750, 1.0): "fail",
        (64, 750, 0.1): "grok",
    }.items():
        assert told.loc[cell, "phase_second"] == phase
        assert told.loc[cell, "phase_first"] == phase
    assert np.mean(told["distance"]) < 0.25  # 0.10 and 0.14 as seen


@pytest.mark.slow
def test_runs_end_once_they_are_decided_and_can_be_trained_on(tmp_path):
    """Narrow networks with much data: some grok early. The labels are those of the whole runs, the curves their beginnings."""
    settings = ["hidden_size=32", "train_size=1250", "weight_decay=0.1", "seed=0..3", "steps=10000"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    run_sweep(load_spec("parity-article", settings), whole, Execution(executor="inline"))
    for file in (whole / "groups").iterdir():  # the same tuning gives the same bits
        (stopped / "groups").mkdir(parents=True)
        (stopped / "groups" / file.name).write_bytes(file.read_bytes())
    early = load_spec("parity-article", settings, stop="decided")
    outcome = run_sweep(early, stopped, Execution(executor="inline"))
    full, cut = load_runs(whole), load_runs(stopped)
    assert outcome.stopped == cut["stopped_by"].notna().sum() > 0
    assert outcome.saved == full["steps"].sum() - cut["steps"].sum()
    assert classify(cut, ArticleRule()).tolist() == classify(full, ArticleRule()).tolist()
    ended = cut["stopped_by"].notna()
    assert ended.any()
    assert (cut["steps"][ended] < 10_000).all()
    assert (cut["steps"][~ended] == 10_000).all()
    curves = load_curves(whole).merge(cut[["run_id", "steps"]], on="run_id")
    beginnings = curves[curves["step"] <= curves["steps"]].drop(columns="steps").reset_index(drop=True)
    pd.testing.assert_frame_equal(load_curves(stopped), beginnings)

    assert run_sweep(early, stopped, Execution(executor="inline")).plan.packs == ()
    run_sweep(load_spec("parity-article", settings), stopped, Execution(executor="inline"))
    outcome = [column.name for column in OUTCOME_COLUMNS]
    pd.testing.assert_frame_equal(load_runs(stopped, outcome), load_runs(whole, outcome))
    pd.testing.assert_frame_equal(load_curves(stopped), load_curves(whole))
    assert len(pd.read_parquet(stopped / "runs")) == 4, "one row a run, for any tool that reads Parquet"
    assert len(pd.read_parquet(stopped / "curves")) == 4 * 101
