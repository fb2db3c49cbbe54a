"""What all tests share: XLA set up as in a worker, small runs and marks."""

import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import psutil
import pytest
from hypothesis import settings

from grokjax.config import RunConfig
from grokjax.sweeps.execute.device import prepare_device
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from tests.support.runs import SMALL_RUN
from tests.support.skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  (hooks)

# Shells start jobs in the background with Ctrl-C ignored, and so would be what they start: tests that send it would wait forever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests, and the processes that they start, train without implicit promotion: of dtypes, which widens silently, and of ranks, which
# broadcasts.
for name, setting in (("jax_numpy_dtype_promotion", "strict"), ("jax_numpy_rank_promotion", "raise")):
    jax.config.update(name, setting)
    os.environ[name.upper()] = setting

os.fsync = lambda descriptor: None  # what this process writes need not outlive a power cut, and each call takes milliseconds
prepare_device()
settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

PROCESS, _memory = psutil.Process(), {"allowed": 2**30}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a browser by the fixture that they get it from."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(autouse=True)
def compiled_programs_are_let_go() -> Iterator[None]:
    """What tests compiled stays in memory otherwise, gigabytes of it: let go whenever another half gigabyte has come to it."""
    yield
    if "jax" in sys.modules and PROCESS.memory_info().rss > _memory["allowed"]:
        sys.modules["jax"].clear_caches()
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # Linux alone: back to the system with what is free
            ctypes.CDLL("libc.so.6").malloc_trim(0)
        _memory["allowed"] = max(2**30, PROCESS.memory_info().rss + 2**29)


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


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a Ray cluster of one core, for all tests of this process that need no cluster of their own."""
    from tests.support.ray_head import ray_head  # noqa: PLC0415

    with ray_head("127.0.0.1", {}) as address:
        yield address


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A token that this process shows; the environment for a cluster that asks for it."""
    import ray  # noqa: PLC0415

    from tests.support.ray_head import read_environment  # noqa: PLC0415

    env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a-token-of-a-test-that-is-long-enough"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    read_environment()
    yield env
    ray.shutdown()
