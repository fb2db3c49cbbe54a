"""The Slurm script, carried out with stand-ins for Slurm's own commands: every node is this machine."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grokjax.analysis.tables.load import load_runs
from tests.support.ray_head import end
from tests.support.specs import write

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm.sbatch"
SRUN = """#!/bin/bash
echo "srun $*" >> "$SHIM_LOG"
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*" >> "$SHIM_LOG"
[[ "$1 $2" == "show hostnames" ]] && printf 'node1\\nnode2\\n'
true
"""


@pytest.fixture
def slurm(tmp_path):
    """The environment of a job on two nodes of one core."""
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        shim = tmp_path / "bin" / name
        shim.parent.mkdir(exist_ok=True)
        shim.write_text(text)
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SLURM"))}
    return clean | {
        "PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SHIM_LOG": str(tmp_path / "log"),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "node[1-2]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_CPUS_ON_NODE": "1",
    }


def submit(slurm, *arguments):
    return subprocess.Popen(
        ["bash", SCRIPT, *map(str, arguments)], env=slurm, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_the_script_is_bash():
    subprocess.run(["bash", "-n", SCRIPT], check=True)


@pytest.mark.cluster
def test_a_job_is_put_back_before_its_time_is_up_and_then_trains_what_is_missing(slurm, tmp_path):
    axes = {"hidden_size": [12, 16], "seed": "0..3"}
    spec, root = write(tmp_path, dict.fromkeys(axes) | {"steps": 4000, "train_size": 400}, axes), tmp_path / "root"
    job = submit(slurm, spec, "--root", root)
    try:
        until = time.monotonic() + 120
        while not list((root / "progress").glob("[!.]*.json")):
            assert job.poll() is None, job.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.1)
        job.send_signal(signal.SIGUSR1)
        told, _ = job.communicate(timeout=60)
    finally:
        end(job)
    log = (tmp_path / "log").read_text()
    assert (job.returncode, f"scontrol requeue {os.getpid()}" in log) == (130, True), told

    (tmp_path / "log").unlink()
    job = submit(slurm, spec, "--root", root)
    try:
        told, _ = job.communicate(timeout=300)
    finally:
        end(job)
    assert job.returncode == 0, told
    assert sorted(load_runs(root)["hidden_size"].value_counts().items()) == [(12, 4), (16, 4)]
    assert "lets in anyone" not in told
    log = (tmp_path / "log").read_text()
    assert "requeue" not in log
    assert log.count("ray start --head") == log.count("--exclude=node1 ray start --address=") == 1
