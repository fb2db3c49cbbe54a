"""Ctrl-C saves the packs in training first, so that the same command goes on where it was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grokjax.analysis.tables.load import load_runs
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.events import Interrupted
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root
from tests.support.specs import write
from tests.support.tables import assert_same_tables

pytestmark = pytest.mark.slow

GROKJAX = Path(sys.executable).with_name("grokjax")


def resumed_steps(spec, root, monkeypatch):
    """Run-steps that the packs had at the first report after going on."""
    reports = {}
    original = Root.write_progress

    def write_progress(root, pack_id, progress):
        reports.setdefault(pack_id, progress["run_steps"])
        original(root, pack_id, progress)

    monkeypatch.setattr(Root, "write_progress", write_progress)
    run_sweep(spec, root, Execution("inline"))
    return reports


@pytest.mark.parametrize(
    ("executor", "asking"), [("inline", signal.SIGINT), pytest.param("ray", signal.SIGTERM, marks=pytest.mark.cluster)]
)
def test_after_ctrl_c_a_run_goes_on_from_where_it_was(tmp_path, monkeypatch, executor, asking):
    path = write(tmp_path, {"seed": None, "steps": 20_000, "log_every": 100, "train_size": 400}, {"seed": "0..3"})
    root = tmp_path / "root"
    command = [GROKJAX, "run", path, "--root", root, "--executor", executor]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + 120
    while not list(root.glob("progress/*.json")):
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < end, "training never began"
        time.sleep(0.05)
    driver.send_signal(asking)
    output, _ = driver.communicate(timeout=60)
    assert driver.returncode == 130, output
    assert "the same command continues" in output
    assert "The state of 1 pack in training was saved." in output
    assert not list(root.glob("runs/*.parquet"))
    assert list(root.glob("logs/*.log"))
    ((_, steps),) = resumed_steps(load_spec(path), root, monkeypatch).items()
    assert steps > 0
    runs = load_runs(root)
    assert (runs["steps"] == 20_000).all()
    if executor == "inline":
        run_sweep(load_spec(path), tmp_path / "whole", Execution("inline"))
        assert_same_tables(tmp_path / "whole", root)


def test_a_call_in_a_notebook_is_interrupted_the_same_way(tmp_path, monkeypatch):
    spec = load_spec(write(tmp_path, {"seed": None, "steps": 50_000, "log_every": 100}, {"seed": "0..1"}))

    def write_progress(root, pack_id, progress):
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Root, "write_progress", write_progress)
    with pytest.raises(Interrupted, match="The state of 1 pack in training was saved") as interrupt:
        run_sweep(spec, tmp_path / "root", Execution("inline"))
    assert (interrupt.value.saved, interrupt.value.lost) == (1, 0)
    assert list(tmp_path.glob("root/checkpoints/*.safetensors"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_ends_at_once(tmp_path, monkeypatch):
    spec = load_spec(write(tmp_path, {"seed": None, "steps": 50_000, "log_every": 100}, {"seed": "0..1"}))

    def write_progress(root, pack_id, progress):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Root, "write_progress", write_progress)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        run_sweep(spec, tmp_path / "root", Execution("inline"))
    assert not isinstance(interrupt.value, Interrupted)
