"""A sweep that is killed at any single step, in any order with all else that is done to a root: no run is torn, lost or doubled."""

import contextlib
import itertools
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import hypothesis.strategies as st
import obstore
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.execute.plan import make_packs
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store import compact as compact_module
from grokjax.sweeps.store import disk
from grokjax.sweeps.store import objects as storage
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.runs import SMALL_RUN
from tests.support.tables import assert_same_tables, same_tuning

pytestmark = pytest.mark.slow

INLINE = Execution(executor="inline")
RUN = {name: value for name, value in SMALL_RUN.items() if name not in ("seed", "steps")} | {"snapshots": 2}


def spec_of(seeds, steps):
    return SweepSpec(name="small", run=RUN | {"steps": steps}, axes={"seed": tuple(range(seeds))})


class Killed(BaseException):
    """No `except Exception` and no retry may see it, as none sees a kill."""


@contextlib.contextmanager
def faulty(writes, end):
    """Has `end` called right before a file that is written is put in its place, or one deleted, once `writes` of these were."""
    left = writes

    def counted(write):
        def call(*args, **kwargs):
            nonlocal left
            if left == 0:
                end()
            left -= 1
            return write(*args, **kwargs)

        return call

    def counting(module, *names):
        return SimpleNamespace(**{**vars(module), **{name: counted(getattr(module, name)) for name in names}})

    with (
        mock.patch.object(disk, "os", counting(os, "replace", "link")),
        mock.patch.object(storage, "obstore", counting(obstore, "delete")),
    ):
        yield


@pytest.fixture(autouse=True, scope="module")
def at_once():
    """All leftovers are taken for old ones."""
    with mock.patch.object(disk, "STALE_SECONDS", 0.0), mock.patch.object(compact_module, "ABANDONED_SECONDS", 0.0):
        yield


def kill_this_process():
    os.kill(os.getpid(), signal.SIGKILL)


def train_pack(root, spec, writes):
    """In a process of its own: trains the pack of a root, and is killed right before its write number `writes`."""
    (pack,) = make_packs(groups_of(spec))
    worker = Worker(WorkerSetup(str(root), None, True, None), time.time())
    with contextlib.nullcontext() if writes is None else faulty(writes, kill_this_process):
        worker.train(pack)


def test_a_kill_at_each_step_to_the_commit_leaves_no_torn_and_no_double_run(tmp_path):
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["grokjax.sweeps.execute.worker"])
    spec = spec_of(3, 200)
    whole = tmp_path / "whole"
    run_sweep(spec, whole, INLINE)

    def ended_by(root, writes):
        process = processes.Process(target=train_pack, args=(root, spec, writes))
        process.start()
        process.join()
        return process.exitcode

    for point in itertools.count():
        root = same_tuning(whole, spec, tmp_path / f"killed-{point}")
        ended = ended_by(root, point)
        verdict = verify(Root.open(root))
        assert all("left by a writer that was killed" in sentence for sentence in verdict.wrong)
        assert verdict.committed in (0, 3)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        run_sweep(spec, root, INLINE)
        assert_same_tables(whole, root)
        verdict = verify(Root.open(root))
        assert (verdict.committed, verdict.wrong) == (3, ())
        assert not list((root / "progress").iterdir())
    assert point >= 8, "three weights, states, curves, runs, progress, checkpoint"


class Sweeps(RuleBasedStateMachine):
    """What may be done to a root, in any order. Packs hold three runs at most."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "root"
        self.seeds, self.steps = 2, 50
        self.compactions = 0
        spec = spec_of(self.seeds, self.steps)
        enter_spec(self.root, spec).set_limit(next(groups_of(spec)).template.group_id, 3)

    def teardown(self):
        shutil.rmtree(self.folder)

    def spec(self):
        return spec_of(self.seeds, self.steps)

    @rule()
    def run(self):
        assert run_sweep(self.spec(), self.root, INLINE).failures == ()
        verdict = verify(Root.open(self.root))
        assert verdict.committed == verdict.planned
        assert list((self.root / "progress").glob("*")) == list((self.root / "checkpoints").glob("*")) == []
        assert run_sweep(self.spec(), self.root, INLINE).plan.packs == ()

    @rule(writes=st.integers(0, 25))
    def run_and_be_killed(self, writes):
        self._killed_in(writes, lambda: run_sweep(self.spec(), self.root, INLINE))

    @precondition(lambda self: self.seeds < 8)
    @rule(more=st.integers(1, 3))
    def ask_for_more_seeds(self, more):
        self.seeds += more

    @precondition(lambda self: self.steps < 400)
    @rule()
    def ask_for_more_steps(self):
        self.steps *= 2

    @rule(writes=st.none() | st.integers(0, 10))
    def compact(self, writes):
        self.compactions += 1
        to = self.folder / f"compact-{self.compactions}"
        if writes is not None:
            self._killed_in(writes, lambda: compact(Root.open(self.root), to))
        compact(Root.open(self.root), to)
        if Root.open(self.root).table_keys("runs"):
            pd.testing.assert_frame_equal(load_runs(to), load_runs(self.root))
        self.root = to

    @invariant()
    def all_that_is_committed_is_planned_once_and_readable(self):
        assert Root(self.root).holds_sweep()
        store = Root.open(self.root)
        planned = set(planned_runs(store, ()).runs["run_id"].to_pylist())
        if not store.table_keys("runs"):
            return
        runs, curves = load_runs(self.root), load_curves(self.root)
        assert runs["run_id"].is_unique
        assert set(runs["run_id"]) <= planned
        assert curves.groupby("run_id")["step"].max().to_dict() == runs.set_index("run_id")["steps"].to_dict()
        assert existing_runs(self.root, self.spec()).committed <= set(runs["run_id"])
        left = ("is there 2 times", "left by a writer that was killed")  # until the next sweep
        assert [sentence for sentence in verify(store).wrong if not any(words in sentence for words in left)] == []

    def _killed_in(self, writes, work):
        def end():
            raise Killed

        with contextlib.suppress(Killed), faulty(writes, end):
            work()


TestSweeps = Sweeps.TestCase
TestSweeps.settings = settings(
    max_examples=10,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    phases=[Phase.generate],  # smaller examples would take minutes to find
)
