import pandas as pd
import pytest

from grokjax.analysis.tables.costs import account, pack_costs
from grokjax.sweeps.store.schema import COSTS

DAY = pd.Timestamp("2026-01-01", tz="UTC")


def runs_of(*packs):
    """Rows of two runs a pack: worker, first and last second, seconds of training and of waiting before it.

    The peak is 100 GFLOP/s, the best of three, one of which met a busy machine.
    """
    rows = [
        {
            **{f"{name}_seconds": 0.0 for name, _ in COSTS},
            "train_seconds": train / 2,
            "wait_seconds": wait / 2,
            "useful_flops": train / 2 * 60e9,
            "peak_flops": peak,
            "device": "a core",
            "worker": worker,
            "pack_id": f"{worker}{start}",
            "started_at": DAY + pd.Timedelta(start, "s"),
            "finished_at": DAY + pd.Timedelta(stop, "s"),
        }
        for (worker, start, stop, train, wait), peak in zip(packs, (100e9, 99e9, 5e9), strict=True)
        for _ in range(2)
    ]
    return pd.DataFrame(rows)


def test_an_account_by_hand():
    """Worker a trains for 100 s; b for 60 of them, waits for 30, trains for 5 more and is done 5 s before a."""
    told = account(runs_of(("a", 0, 100, 100, 0), ("b", 0, 60, 60, 0), ("b", 90, 95, 5, 30)))
    assert told.seconds.to_dict() == {name: {"train": 165, "wait": 30}.get(name, 0) for name, _ in COSTS}
    assert told.share_of_peak_training == pytest.approx(0.6)
    assert told.share_of_peak == pytest.approx(0.6 * 165 / 195)
    assert told.idle_at_end == pytest.approx(5 / 20), "of the last tenth, 90 to 100 s, b had no pack for 5 s"


def test_a_row_a_pack():
    packs = pack_costs(runs_of(("a", 0, 100, 100, 0), ("b", 0, 60, 60, 0), ("b", 90, 95, 5, 30)))
    assert packs["pack_id"].tolist() == ["a0", "b0", "b90"]
    assert packs["runs"].tolist() == [2, 2, 2]
    assert packs["train"].tolist() == [100, 60, 5]
    assert packs["share_of_peak"].tolist() == pytest.approx([0.6, 0.6, 0.6 * 5 / 35])
