"""The simulated cluster, and the real pool under it: whatever happens there, every pack is committed once."""

import dataclasses
from collections import Counter

import pytest

from benchmarks.simulated_cluster import World, simulate
from benchmarks.synthetic import published_sweep
from grokjax.sweeps.execute.plan import make_plan

PACKS = make_plan(published_sweep(9)).packs
QUIET = World(nodes=4, cores=4, flops_per_second=6e10, start=5.0, compile=2.0, commit=0.5)


def test_an_undisturbed_cluster_is_busy_to_the_end():
    course = simulate(PACKS, QUIET)
    assert sorted(course.committed) == sorted(pack.pack_id for pack in PACKS)
    assert course.training == pytest.approx(sum(pack.cost for pack in PACKS) / 6e10)
    assert 0.85 < course.use < 1


@pytest.mark.parametrize("seed", range(5))
def test_a_cluster_that_falls_apart_commits_every_pack_once(seed):
    trouble = {"noise": 0.2, "slow_packs": 0.05, "slow_pack": 20, "worker_life": 200, "node_life": 2000, "node_back": 60}
    course = simulate(PACKS, dataclasses.replace(QUIET, **trouble, failing_packs=2, seed=seed))
    set_aside = {failure.pack.pack_id for failure in course.failures}
    assert len(set_aside) == 2
    assert course.killed > 0
    assert Counter(course.committed) == Counter(pack.pack_id for pack in PACKS if pack.pack_id not in set_aside)


def test_packs_that_do_not_fit_are_halved_until_they_do():
    group = PACKS[-1].group_id
    course = simulate(PACKS, dataclasses.replace(QUIET, runs_in_memory={group: 2}))
    assert not course.failures
    kept = {pack.pack_id for pack in PACKS if pack.group_id != group or len(pack.runs) <= 2}
    assert kept < set(course.committed)
    assert max(Counter(course.committed).values()) == 1
    assert course.training == pytest.approx(sum(pack.cost for pack in PACKS) / 6e10), "every run once"


def test_packs_that_take_long_do_not_hold_up_the_sweep(monkeypatch):
    slow = dataclasses.replace(QUIET, slow_packs=0.02, slow_pack=50)
    course = simulate(PACKS, slow)
    monkeypatch.setattr("grokjax.sweeps.execute.stragglers.LATE", float("inf"))
    alone = simulate(PACKS, slow)
    assert len(course.committed) == len(alone.committed) == len(PACKS)
    assert course.seconds < alone.seconds / 3, "a second worker was given them"


def test_workers_that_are_stuck_before_they_are_ready_are_replaced(monkeypatch):
    stuck = dataclasses.replace(QUIET, stuck=0.75)
    course = simulate(PACKS, stuck)
    monkeypatch.setattr("grokjax.sweeps.execute.on_ray.starting.STUCK_SECONDS", float("inf"))
    alone = simulate(PACKS, stuck)
    assert len(course.committed) == len(alone.committed) == len(PACKS)
    assert course.use > 1.5 * alone.use, "most of the cores would never have a worker"


def test_packs_that_hang_are_given_to_others_however_often_those_hang_or_end_too():
    hanging = dataclasses.replace(QUIET, slow_packs=0.3, slow_pack=1e9, worker_life=600)
    alone = dataclasses.replace(hanging, worker_life=float("inf"))
    for world in (hanging, dataclasses.replace(alone, slow_packs=0.05)):
        course = simulate(PACKS, world)
        assert Counter(course.committed) == Counter(pack.pack_id for pack in PACKS)
        assert course.seconds < 20_000
