"""Chaos on a real cluster of three nodes: workers and drivers killed, nodes gone and come, a store that fails; no run is spoilt."""

import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
from ray.cluster_utils import Cluster

from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.s3 import at_random, s3_server
from tests.sweeps.test_spec import write
from tests.sweeps.test_states import assert_same_tables, same_tuning

AXES = {"hidden_size": [12, 16], "weight_decay": [0.01, 0.1]}  # as many runs a seed as in a pack
RUNS_PER_PACK = 4
# A pack of this sweep is a second's work; of its own it would be sliced into a handful.
DRIVER = f"""
import grokjax.sweeps.execute.plan
grokjax.sweeps.execute.plan._pack_size = lambda cost, remaining: {RUNS_PER_PACK}
from grokjax.scripts.main import main
main()
"""
KILL_EVERY_SECONDS, KILL_EVERY_PACKS = 3.0, 3  # whichever comes later: a busy machine must get on, too
PATIENCE_SECONDS = 400


@pytest.fixture(autouse=True)
def not_nice(monkeypatch):
    """Workers that stand back would starve on a machine that tests keep busy."""
    monkeypatch.setenv("RAY_worker_niceness", "0")


class Nodes:
    """A cluster of three nodes of a core each, one of which is the head."""

    def __init__(self):
        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        self.address = self._cluster.address
        self._others = [self._cluster.add_node(num_cpus=1) for _ in range(2)]

    def replace_one(self):
        self._cluster.remove_node(self._others.pop(0), allow_graceful=False)
        self._others.append(self._cluster.add_node(num_cpus=1))

    def workers(self):
        """The processes that train, on any of the nodes."""
        raylets = [node.all_processes["raylet"][0].process.pid for node in self._cluster.list_all_nodes()]
        found = []
        for pid in raylets:
            try:
                found += [child for child in psutil.Process(pid).children() if "ray::Worker.train" in " ".join(child.cmdline())]
            except psutil.Error:
                continue
        return found

    def shut_down(self):
        self._cluster.shutdown()


def undisturbed(tmp_path, packs):
    """A spec of so many packs, and a root of it that was trained in peace."""
    axes = AXES | {"seed": f"0..{packs - 1}"}
    spec = write(tmp_path, dict.fromkeys(axes) | {"train_size": 200, "steps": 4000, "log_every": 100}, axes)
    run_sweep(load_spec(spec), tmp_path / "undisturbed", Execution(executor="inline"))
    return spec, tmp_path / "undisturbed"


def drive(nodes, spec, root):
    command = [sys.executable, "-c", DRIVER, "run", str(spec), "--root", str(root), "--address", nodes.address]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def sweep_through_chaos(nodes, spec, root, packs, drivers_to_kill):
    """Returns how many workers were killed. At even distances drivers are killed; after half of the packs a node is replaced."""
    draws, store, driver, began = random.Random(0), Root.open(root), drive(nodes, spec, root), time.monotonic()
    killed, drivers_killed, replaced, killed_at, done_then = 0, 0, False, began, 0
    while driver.poll() is None:
        assert time.monotonic() - began < PATIENCE_SECONDS, "it does not come to an end"
        time.sleep(0.2)
        workers, done = nodes.workers(), len(list(store.keys("runs")))
        if workers and time.monotonic() - killed_at > KILL_EVERY_SECONDS and done - done_then >= KILL_EVERY_PACKS:
            os.kill(draws.choice(workers).pid, signal.SIGKILL)
            killed, killed_at, done_then = killed + 1, time.monotonic(), done
            print(f"{killed_at - began:.0f} s: {done} packs, {killed} workers killed, {drivers_killed} drivers")
        if drivers_killed < drivers_to_kill and done > packs * (drivers_killed + 1) / (drivers_to_kill + 2):
            driver.kill()
            driver.communicate()
            drivers_killed += 1
            driver = drive(nodes, spec, root)
        if not replaced and done > packs / 2:
            nodes.replace_one()
            replaced = True
    told = driver.communicate()[0]
    assert driver.returncode == 0, told
    assert (drivers_killed, replaced) == (drivers_to_kill, True)
    return killed


def assert_unspoilt(root, whole, packs):
    verdict = verify(Root.open(root))
    assert verdict.wrong == ()
    assert verdict.committed == verdict.planned == packs * RUNS_PER_PACK
    assert_same_tables(whole, root)


def test_killed_workers_and_drivers_and_lost_nodes_spoil_nothing(tmp_path):
    spec, whole = undisturbed(tmp_path, packs=64)
    root = same_tuning(whole, load_spec(spec), tmp_path / "root")
    nodes = Nodes()
    try:
        killed = sweep_through_chaos(nodes, spec, root, packs=64, drivers_to_kill=2)
    finally:
        nodes.shut_down()
    assert killed >= 5
    assert_unspoilt(root, whole, packs=64)


def test_an_object_store_that_fails_as_well_spoils_nothing(tmp_path, monkeypatch):
    """A tenth of its requests fails, or is carried out and its answer lost."""
    spec, whole = undisturbed(tmp_path, packs=32)
    faults = at_random(seed=7, share=0.1, kinds=("refuse:500", "refuse:503", "refuse:409", "lose"))
    with s3_server(monkeypatch, faults) as address:
        root = same_tuning(whole, load_spec(spec), address)
        nodes = Nodes()
        try:
            killed = sweep_through_chaos(nodes, spec, root, packs=32, drivers_to_kill=1)
        finally:
            nodes.shut_down()
        assert killed >= 1, "as many as there is time for: 16 on a slow day, 2 on a quick one"
        assert_unspoilt(root, whole, packs=32)
