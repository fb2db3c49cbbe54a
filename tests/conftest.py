"""What all tests share: a small run, and XLA set up as a worker sets it up."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from grokjax.config import RunConfig
from grokjax.sweeps.execute.device import prepare_device
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec

# Shells start jobs in the background with Ctrl-C ignored, and so would be what they start: tests that send it would wait forever.
signal.signal(signal.SIGINT, signal.default_int_handler)

prepare_device()
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

SMALL_RUN: dict[str, Any] = {
    "task": "sparse_parity",
    "num_bits": 30,
    "parity_bits": 3,
    "train_size": 200,
    "test_size": 300,
    "model": "mlp",
    "hidden_size": 16,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "weight_decay": 0.1,
    "b1": 0.99,
    "b2": 0.98,
    "loss": "clipped_binary_cross_entropy",
    "seed": 0,
    "steps": 200,
    "log_every": 50,
}


@pytest.fixture
def small_run() -> Callable[..., RunConfig]:
    """Makes a config of a run of well under a second, with the given hyperparameters changed."""
    return lambda **changed: RunConfig.from_flat(SMALL_RUN | changed)


@pytest.fixture
def published() -> Path:
    """The folder of published outcomes, which lies beside a checkout and is not part of it."""
    folder = Path(__file__).parents[2] / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("the published outcomes are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of 2 x 2 cells with two seeds each. To be read only."""
    root = tmp_path_factory.mktemp("small") / "root"
    axes = {"weight_decay": (0.01, 1.0), "learning_rate": (1e-3, 3e-3), "seed": (0, 1)}
    run = {name: value for name, value in SMALL_RUN.items() if name not in axes} | {"steps": 100}
    run_sweep(SweepSpec(name="small", run=run, axes=axes), root, Execution(executor="inline"))
    return root
