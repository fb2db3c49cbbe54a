import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.sweeps.execute.plan import make_packs
from grokjax.sweeps.execute.schedule import Schedule
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from tests.support.specs import GRID

PACKS = list(make_packs(GRID))
ARTICLE = list(groups_of(load_spec("parity-article")))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_every_pack_is_given_out_once_but_for_those_put_back(events):
    schedule, given_out = Schedule(PACKS), []
    for worker, fails in events:
        pack = schedule.take(worker)
        if pack is None:
            break
        if fails:
            schedule.put_back(pack)
        else:
            given_out.append(pack)
    while (pack := schedule.take("d")) is not None:
        given_out.append(pack)
    assert len(schedule) == 0
    assert sorted(pack.pack_id for pack in given_out) == sorted(pack.pack_id for pack in PACKS)


def test_a_worker_stays_with_its_group_and_two_share_none_until_they_must():
    schedule, at = Schedule(make_packs(ARTICLE)), {"a": [], "b": []}
    while len(schedule):
        for worker, groups in at.items():
            if (pack := schedule.take(worker)) is not None:
                groups.append(pack.group_id)
    for groups in at.values():
        changes = sum(before != after for before, after in itertools.pairwise(groups))
        assert changes == len(set(groups)) - 1, "no group is left and taken up again"
    assert at["a"][0] != at["b"][0]


def test_the_longest_group_is_begun_first_and_the_next_is_told_ahead():
    schedule = Schedule(PACKS)
    first = schedule.take("a")
    assert first.runs[0].model.hidden_size == 258
    while schedule.following("a") is None:
        assert schedule.take("a").group_id == first.group_id
    following = schedule.following("a")
    assert following.group_id == schedule.take("a").group_id != first.group_id


def test_packs_shrink_toward_the_end():
    costs = [pack.cost for pack in make_packs(ARTICLE)]
    assert costs[0] > 10 * costs[-1]
    assert max(costs[-10:]) < sum(costs) / 500


def sweep_seconds(packs, workers, seconds_of=lambda pack: pack.cost):
    """Wall time and idle share of the last tenth when so many workers take packs as they become free."""
    schedule, free_at, spans = Schedule(packs), dict.fromkeys(map(str, range(workers)), 0.0), []
    while free_at:
        worker = min(free_at, key=free_at.__getitem__)
        pack = schedule.take(worker)
        if pack is None:
            del free_at[worker]
            continue
        spans.append((free_at[worker], free_at[worker] + seconds_of(pack)))
        free_at[worker] = spans[-1][1]
    end = max(span[1] for span in spans)
    busy = sum(max(0.0, stop - max(start, 0.9 * end)) for start, stop in spans)
    return end, 1 - busy / (0.1 * end * workers)


def test_workers_finish_together():
    for workers in (2, 4):
        _, idle = sweep_seconds(list(make_packs(ARTICLE)), workers)
        assert idle < 0.1
