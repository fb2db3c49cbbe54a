"""When training without Ray is quicker: few packs with little work."""

from grokjax.sweeps.execute.plan import make_plan
from grokjax.sweeps.spec.load import load_spec
from tests.support.stores import seeds_of


def test_ray_pays_off_only_for_sweeps_with_more_work_than_its_start():
    assert make_plan(seeds_of(200, 8)).inline_is_quicker(cores=16)
    long_run = make_plan(seeds_of(2_000_000, 1))
    assert long_run.inline_is_quicker(cores=16), "a single pack cannot be shared"
    assert not make_plan(seeds_of(2_000_000, 64)).inline_is_quicker(cores=16)
    article = make_plan(load_spec("parity-article"))
    assert not article.inline_is_quicker(cores=2)
    assert article.inline_is_quicker(cores=1)
