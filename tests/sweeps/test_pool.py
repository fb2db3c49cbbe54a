"""The pool on a real cluster of several nodes, with workers that train nothing."""

import contextlib
import itertools
import json
import os
import time
from pathlib import Path

import pytest
import ray
from ray.autoscaler.sdk import request_resources

from grokjax.errors import ClusterError
from grokjax.sweeps.execute.events import Receipt
from grokjax.sweeps.execute.on_ray.connection import attach
from grokjax.sweeps.execute.on_ray.pool import Pool
from grokjax.sweeps.execute.on_ray.starting import Cluster
from grokjax.sweeps.execute.plan import make_packs
from grokjax.sweeps.execute.schedule import Schedule
from grokjax.sweeps.execute.worker import WorkerSetup
from grokjax.sweeps.spec.resources import Resources
from tests.support.ray_head import outer_ip, ray_head, ray_node
from tests.support.specs import GRID

pytestmark = pytest.mark.cluster

PACKS = list(itertools.islice(make_packs(GRID), 12))


class Idle:
    """A worker that writes down what it was given, and trains nothing, but not before as many are there as are awaited."""

    def __init__(self, setup, asked_at):
        self.folder, self.awaited = Path(setup.root), int(setup.commit)
        context = ray.get_runtime_context()
        told = {"node": context.get_node_id(), "has": context.get_assigned_resources(), "gpus": setup.gpus}
        (self.folder / str(os.getpid())).write_text(json.dumps(told))

    def ready(self):
        return str(os.getpid()), "none"

    def train(self, pack, following=None):
        while len(list(self.folder.iterdir())) < self.awaited:
            time.sleep(0.05)
        return Receipt(pack.pack_id, len(pack.runs), pack.run_steps)


class OneHangs(Idle):
    """The same, but for the first that is given a pack: it never gets on with it."""

    def train(self, pack, following=None):
        with contextlib.suppress(FileExistsError):
            (self.folder.parent / "hangs").touch(exist_ok=False)
            time.sleep(600)
        return super().train(pack)


def workers(folder, awaited, resources, *, private=False, worker=Idle):
    """What the workers had that trained the packs."""
    folder.mkdir()
    setup, receipts, end = WorkerSetup(str(folder), None, False, str(awaited)), [], time.monotonic() + 60
    pool = Pool(worker, setup, Schedule(PACKS), Cluster(resources, time.time(), private))
    try:
        while pool.unfinished:
            assert time.monotonic() < end, "it never came to that"
            receipts += [event for event in pool.turn() if event]
    finally:
        pool.close()
    assert sorted(receipt.pack_id for receipt in receipts) == sorted(pack.pack_id for pack in PACKS)
    return [json.loads(file.read_text()) for file in folder.iterdir()]


def test_workers_take_what_the_spec_asks_for_on_the_nodes_that_have_it(tmp_path, token, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "grokjax.sweeps.execute.on_ray.starting.request_resources",
        lambda bundles: asked.append(bundles) or request_resources(bundles=bundles),
    )
    with ray_head(outer_ip(), token) as address, ray_node(address, token, "--num-cpus=2", "--num-gpus=2"):
        attach(address)
        while len(ray.nodes()) < 2:
            time.sleep(0.1)

        cores = workers(tmp_path / "cores", 3, Resources())
        assert len(cores) == 3, "a worker a core: jax has no use for these GPUs"
        assert len({worker["node"] for worker in cores}) == 2
        assert {worker["gpus"] for worker in cores} == {0}
        assert (len(asked[0]), asked[0][0], asked[-1]) == (len(PACKS), {"CPU": 1.0}, [])

        shares = workers(tmp_path / "shares", 4, Resources(cpus=0.5, gpus=0.5))
        assert len(shares) == 4, "two workers on each of two GPUs"
        assert len({worker["node"] for worker in shares}) == 1
        assert [worker["has"] for worker in shares] == [{"CPU": 0.5, "GPU": 0.5}] * 4
        assert {worker["gpus"] for worker in shares} == {0.5}

        monkeypatch.setattr("grokjax.sweeps.execute.stragglers.LATE_SECONDS", 1.0)
        workers(tmp_path / "late", 2, Resources(), worker=OneHangs)  # or it would take ten minutes

        with pytest.raises(ClusterError, match="this machine has no room for a worker that takes CPU 64; ask for less in"):
            workers(tmp_path / "private", 1, Resources(cpus=64), private=True)
        with pytest.raises(ClusterError, match="this machine has no fast, and so no room for a worker that takes CPU 1, fast 1"):
            workers(tmp_path / "custom", 1, Resources(custom={"fast": 1}), private=True)
        with ray_node(address, token, "--num-cpus=1", '--resources={"big": 1}'):  # which takes a while to come
            found = workers(tmp_path / "big", 1, Resources(custom={"big": 0.5}))
        assert capsys.readouterr().err.count("no node of the cluster has big, and so none has room for a worker that") == 1
        assert [worker["has"] for worker in found] == [{"CPU": 1, "big": 0.5}]
