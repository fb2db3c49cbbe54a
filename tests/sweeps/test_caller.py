"""What a library call leaves of the process that makes it: its environment, jax's configuration, its logging."""

import logging
import os

import jax
import pytest

from grokjax.sweeps.execute.device import JAX_OPTIONS, bound_folder
from grokjax.sweeps.execute.driver import Execution, _AnotherDriver, run_sweep
from grokjax.sweeps.execute.plan import make_plan
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root
from tests.support.specs import write


@pytest.mark.filterwarnings("ignore:os.fork")  # which Ray starts its processes by
@pytest.mark.parametrize("executor", ["inline", pytest.param("ray", marks=pytest.mark.cluster)])
def test_a_call_changes_neither_the_environment_nor_jax_nor_logging(tmp_path, monkeypatch, executor):
    for name in ("NPROC", "XLA_FLAGS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
    try:
        logger = logging.getLogger("grokjax")
        before = dict(os.environ), {name: getattr(jax.config, name) for name in JAX_OPTIONS}, logger.level, list(logger.handlers)
        run_sweep(load_spec(write(tmp_path, {"steps": 50})), tmp_path / "root", Execution(executor, cpus=1))
        assert (
            dict(os.environ),
            {name: getattr(jax.config, name) for name in JAX_OPTIONS},
            logger.level,
            logger.handlers,
        ) == before
    finally:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def test_the_log_of_a_sweep_says_which_tuning_was_chosen_and_from_where(tmp_path):
    run_sweep(
        load_spec(write(tmp_path, {"steps": 50}), tuning=["lane_width=1", "dot_library=default"]),
        tmp_path / "root",
        Execution("inline"),
    )
    (log,) = (tmp_path / "root" / "logs").iterdir()
    assert "Tuning(lane_width=1, dot_library='default') (pinned)" in log.read_text()


def test_compiled_programs_are_kept_up_to_a_size(tmp_path):
    for age in range(10):
        path = tmp_path / f"{age}-cache"
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    bound_folder(tmp_path, 1000)
    assert len(list(tmp_path.iterdir())) == 10
    bound_folder(tmp_path, 800)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{age}-cache" for age in range(6)], "those used last"
    bound_folder(tmp_path / "none", 800)


def test_another_driver_at_work_on_the_same_groups_is_noticed_once_it_moves(tmp_path, monkeypatch, capsys):
    spec = load_spec(write(tmp_path, {"steps": 50}))
    plan, clock = make_plan(spec), [0.0]
    monkeypatch.setattr("grokjax.sweeps.execute.driver.time.monotonic", lambda: clock[0])
    another = _AnotherDriver(plan, Root(tmp_path / "root"), "mine")
    (pack,) = plan.packs

    def look(group_id, driver, at):
        another.look([{"run_steps": 1, "at": at, "driver": driver, "group_id": group_id}])
        clock[0] += 3.0
        return capsys.readouterr().err

    assert not any(look(pack.group_id, "mine", at) for at in range(5))
    assert not any(look("another-group", "host-1", at) for at in range(5))
    assert not any(look(pack.group_id, "host-1", 7.0) for _ in range(5)), "left over from one that was killed"
    assert "another grokjax run (host-1) is at work on the same groups" in look(pack.group_id, "host-1", 8.0)
    assert not look(pack.group_id, "host-1", 9.0), "said once"
