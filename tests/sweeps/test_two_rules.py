"""Two specs of one root that stop the same runs early, under different rules."""

import pytest

from grokjax.analysis.labels.rules import ArticleRule, CrossingRule
from grokjax.analysis.tables.load import load_runs
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.stores import seeds_of


def decides_at(row):
    def decider():
        seen = 0

        def at(rows):
            nonlocal seen
            before, seen = seen, seen + len(rows["train_loss"])
            return max(0, row - before) if seen > row else None

        return at

    return staticmethod(decider)


@pytest.mark.parametrize("rows", [(2, 4), (4, 2), (3, 3)], ids=str)
def test_runs_that_two_rules_stopped_are_done_for_both(tmp_path, monkeypatch, rows):
    for rule, row in zip((ArticleRule, CrossingRule), rows, strict=True):
        monkeypatch.setattr(rule, "decider", decides_at(row))
        monkeypatch.setattr(rule, "decides", True)
    article, crossing = (seeds_of(400, 2, stop="decided", rule=rule) for rule in ("article", "crossing"))
    assert run_sweep(article, tmp_path, Execution("inline")).stopped == 2
    run_sweep(crossing, tmp_path, Execution("inline"))
    for spec in (article, crossing, article):
        assert run_sweep(spec, tmp_path, Execution("inline")).plan.packs == ()
    runs = load_runs(tmp_path)
    assert set(runs["stopped_by"]) == {"article+crossing"}
    assert set(runs["steps"]) == {50 * max(rows)}
    assert verify(Root.open(tmp_path)).wrong == ()
