"""Finished sweeps that the tests of the command line look at, each trained once."""

import subprocess
import sys
from pathlib import Path

import pytest

from grokjax.scripts.main import main
from tests.conftest import SMALL_RUN
from tests.sweeps.test_spec import write

GROKJAX = Path(sys.executable).with_name("grokjax")


def grokjax(*arguments, cwd=None):
    return subprocess.run([GROKJAX, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd, timeout=300)


@pytest.fixture
def call(capsys):
    """Calls a command in this process: its exit code, what it printed, what it complained of."""

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        return (end.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def swept(tmp_path_factory):
    """A root with a finished sweep of 2 x 2 x 1 cells and two seeds, trained in process."""
    folder = tmp_path_factory.mktemp("swept")
    axes = {"weight_decay": [0.0, 1.0], "train_size": [100, 200], "seed": "0..1"}
    spec = write(folder, dict.fromkeys(axes) | {"steps": 100}, axes)
    done = grokjax("run", spec, "--executor", "inline", "--root", folder / "root")
    assert done.returncode == 0, done.stderr
    return folder / "root"


MODULAR = {
    "task": "modular_arithmetic",
    "modulus": 7,
    "train_fraction": 0.5,
    "model": "modular_mlp",
    "embedding_size": 6,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "weight_decay": 1.0,
    "loss": "cross_entropy",
    "seed": 0,
    "steps": 40,
    "log_every": 20,
}


@pytest.fixture(scope="session")
def modular(tmp_path_factory):
    """A root with two modular runs, all probes and three snapshots each."""
    folder = tmp_path_factory.mktemp("modular")
    run = dict.fromkeys(SMALL_RUN) | MODULAR | {"snapshots": 3, "seed": None}
    run["probes"] = "matrices+gradient+collapse+fourier+fourier_losses+symmetricity"
    spec = write(folder, run, {"seed": "0..1"})
    done = grokjax("run", spec, "--executor", "inline", "--root", folder / "root")
    assert done.returncode == 0, done.stderr
    return folder / "root"
