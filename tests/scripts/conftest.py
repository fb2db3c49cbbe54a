"""Finished sweeps that the tests of the command line look at, each trained once."""

import pytest

from grokjax.scripts.main import main
from tests.support.command import grokjax
from tests.support.runs import MODULAR, SMALL_RUN
from tests.support.specs import write


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
