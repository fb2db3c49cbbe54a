import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.errors import SpecError
from grokjax.sweeps.execute.plan import RootContents, make_packs, make_plan
from grokjax.sweeps.spec.group_runs import expand
from grokjax.sweeps.spec.load import load_spec
from tests.support.specs import GRID

IDS = [run_id for runs in GRID for run_id in runs.run_ids]


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from(IDS)))
def test_packs_hold_what_is_planned_and_not_committed_each_once_in_one_group(committed):
    packs = list(make_packs(GRID, RootContents(committed)))
    packed = [run.run_id for pack in packs for run in pack.runs]
    assert sorted(packed) == sorted(set(IDS) - committed)
    assert all({run.group_id for run in pack.runs} == {pack.group_id} for pack in packs)


def test_a_resumed_sweep_plans_the_same_packs_less_those_done():
    packs = list(make_packs(GRID))
    done = {run.run_id for pack in packs[1::2] for run in pack.runs}
    assert [pack.pack_id for pack in make_packs(GRID, RootContents(done))] == [pack.pack_id for pack in packs[0::2]]


def test_longest_runs_first():
    costs = [pack.runs[0].useful_flops() for pack in make_packs(GRID)]
    assert costs == sorted(costs, reverse=True)


def test_the_published_sweep():
    plan = make_plan(load_spec("parity-article"))
    assert (plan.runs, plan.groups, plan.run_steps) == (1125, 25, 22_500_000)
    assert plan.rows == 1125 * 201
    # 2 N H (2 * 31 + 3) a step, summed over 225 runs a width and train sizes that average 1,250
    assert plan.useful_flops == 225 * 20_000 * 2 * 1250 * (16 + 32 + 64 + 128 + 258) * 65


def test_a_grid_beyond_reason_is_refused_before_it_is_built():
    with pytest.raises(SpecError, match="its axes make 16,000,000 runs, more than the 2,000,000"):
        make_plan(load_spec("parity-demo", ["learning_rate=0.001..0.01 linear 250000"]))


def test_run_ids_of_a_sweep_differ():
    ids = [run.run_id for run in expand(load_spec("parity-article"))]
    assert len(set(ids)) == 1125
