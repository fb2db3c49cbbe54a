"""A run that was trained to its end and is then asked for by a longer spec that stops runs early."""

import pandas as pd
import pytest

from grokjax.analysis.labels.rules import ArticleRule
from grokjax.analysis.tables.load import load_curves
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.store.duplicates import drop_superseded
from grokjax.sweeps.store.progress import Watch
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.stores import commit_steps, ids_of, seeds_of


@pytest.mark.parametrize("final_states", [True, False])
def test_a_longer_spec_that_decides_runs_before_their_rows_end_leaves_nothing_to_train(tmp_path, monkeypatch, final_states):
    def decides_at_the_second_row():
        seen = 0

        def at(rows):
            nonlocal seen
            before, seen = seen, seen + len(rows["train_loss"])
            return max(0, 1 - before) if seen >= 2 else None

        return at

    monkeypatch.setattr(ArticleRule, "decider", staticmethod(decides_at_the_second_row))
    to_the_end = seeds_of(200, 2, final_states=final_states)
    longer = seeds_of(400, 2, stop="decided", rule="article", final_states=final_states)
    run_sweep(to_the_end, tmp_path, Execution("inline"))
    before = load_curves(tmp_path)
    assert run_sweep(longer, tmp_path, Execution("inline")).stopped == 2
    for spec in (longer, to_the_end):
        assert run_sweep(spec, tmp_path, Execution("inline")).plan.packs == ()
    whole, _ = Watch(Root.open(tmp_path)).look(now=0)
    assert (whole.done, whole.runs, whole.finished) == (2, 2, True)
    verdict = verify(Root.open(tmp_path))
    assert (verdict.committed, verdict.wrong) == (2, ())
    pd.testing.assert_frame_equal(load_curves(tmp_path), before)


def test_a_pack_that_is_discarded_while_rows_are_dropped_is_left_for_the_next_time(tmp_path, monkeypatch):
    spec = seeds_of(400, 2)
    root = enter_spec(tmp_path, spec)
    first, _ = ids_of(spec)
    commit_steps(root, "p", [first], 200)
    commit_steps(root, "q", [first], 400)
    get = Root.get

    def discarded_meanwhile(self, key):
        if key == "curves/p.parquet":
            Root(self.address).discard_pack("p")
        return get(self, key)

    monkeypatch.setattr(Root, "get", discarded_meanwhile)
    drop_superseded(root)
    assert existing_runs(root, spec).committed == {first}
