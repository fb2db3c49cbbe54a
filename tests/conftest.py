"""What all tests share: a small run, and XLA set up as a worker sets it up."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from grokjax.config import RunConfig
from grokjax.sweeps.execute.device import prepare_device
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from tests.support.runs import SMALL_RUN

# Shells start jobs in the background with Ctrl-C ignored, and so would be what they start: tests that send it would wait forever.
signal.signal(signal.SIGINT, signal.default_int_handler)

prepare_device()
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a browser by the fixture that they get it from."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture
def small_run() -> Callable[..., RunConfig]:
    """Makes a config of a run of well under a second, with the given hyperparameters changed."""
    return lambda **changed: RunConfig.from_flat(SMALL_RUN | changed)


@pytest.fixture(scope="session")
def small_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of 2 x 2 cells with two seeds each. To be read only."""
    root = tmp_path_factory.mktemp("small") / "root"
    axes = {"weight_decay": (0.01, 1.0), "learning_rate": (1e-3, 3e-3), "seed": (0, 1)}
    run = {name: value for name, value in SMALL_RUN.items() if name not in axes} | {"steps": 100}
    run_sweep(SweepSpec(name="small", run=run, axes=axes), root, Execution(executor="inline"))
    return root


@pytest.fixture
def token(monkeypatch) -> Iterator[dict[str, str]]:
    """A token that this process shows; the environment for a cluster that asks for it."""
    import ray  # noqa: PLC0415

    from tests.support.ray_head import read_environment  # noqa: PLC0415

    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a-token-of-a-test-that-is-long-enough"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    read_environment()
    yield env
    ray.shutdown()
