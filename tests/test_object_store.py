"""The demo sweep against S3 over HTTP, as a user runs it: interrupted, gone on with, looked at, and nothing left on this disk."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grokjax.sweeps.store.root import Root
from tests.support.command import grokjax
from tests.support.s3 import s3_server

pytestmark = pytest.mark.cluster

GROKJAX = Path(sys.executable).with_name("grokjax")


def test_the_demo_runs_resumes_and_is_analysed_in_an_object_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with s3_server(monkeypatch) as address:
        command = [GROKJAX, "run", "parity-demo", "--set", "steps=2000", "--root", address]
        first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        end = time.monotonic() + 120
        while not any(True for _ in Root.create(address).keys("runs")):
            assert time.monotonic() < end, "nothing was committed"
            assert first.poll() is None, first.communicate()[0]
            time.sleep(0.1)
        first.send_signal(signal.SIGINT)
        told, _ = first.communicate(timeout=120)
        assert first.returncode == 130, told

        def told_by(*words):
            done = grokjax(*words)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout + done.stderr

        left = int(re.search(r"(\d+) of 64 runs", told_by("status", address)).group(1))
        assert 0 < left < 64, "it was interrupted halfway"
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        assert "64 of 64 runs" in told_by("status", address)
        assert "64 of 64" in told_by("verify", address)
        assert "all" in told_by("phases", address, "--out", "map.png")
        assert "64" in told_by("query", address, "SELECT count(*) FROM runs")
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"]
