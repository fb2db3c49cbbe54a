"""Sixteen processes commit the same pack at the same moment, a thousand times: one wins, all succeed, and every file is whole."""

import functools
import multiprocessing
import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grokjax.sweeps.store.root import Root

pytestmark = pytest.mark.slow

WRITERS, ROUNDS = 16, 1000


@functools.cache
def table_of(writer: int) -> pa.Table:
    """What only this writer writes: of a length of its own, and noise, which does not compress."""
    noise = np.random.default_rng(writer).integers(0, 2**62, 200 + 50 * writer)
    return pa.table({"run_id": ["a"] * len(noise), "writer": [writer] * len(noise), "noise": noise})


def race(root, writer, start, won):
    """One writer's thousand commits, each begun when all sixteen are at it; writes down which ones it was told to have made."""
    os.fsync = lambda descriptor: None  # three quarters of the time; a race is decided by links, whatever a power cut would leave
    store, table, mine = Root.open(root), table_of(writer), []
    for turn in range(ROUNDS):
        start.wait(timeout=120)
        pack = f"pack-{turn}"
        store.put_curves(pack, table)
        if store.commit_runs(pack, table):
            mine.append(turn)
    won.put((writer, mine))


def test_sixteen_processes_race_for_a_thousand_packs(tmp_path):
    root = tmp_path / "root"
    Root.create(root).put_if_absent("specs/none.json", b"{}")
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.sweeps.test_race"])
    start, won = processes.Barrier(WRITERS), processes.Queue()
    racers = [processes.Process(target=race, args=(str(root), writer, start, won)) for writer in range(WRITERS)]
    for racer in racers:
        racer.start()
    told = dict(won.get(timeout=300) for _ in racers)
    for racer in racers:
        racer.join(timeout=60)
        assert racer.exitcode == 0, "all succeed"
    wins = Counter(turn for turns in told.values() for turn in turns)
    assert wins == Counter(range(ROUNDS)), "every pack was committed, and one process told so"
    assert len([writer for writer, turns in told.items() if turns]) > 1, "it was a race"
    for writer, turns in told.items():
        for turn in turns:
            assert pq.read_table(root / "runs" / f"pack-{turn}.parquet").equals(table_of(writer))
    for folder in ("runs", "curves"):
        names = {file.name for file in (root / folder).iterdir()}
        assert names == {f"pack-{turn}.parquet" for turn in range(ROUNDS)}, "nothing half written is left"
    for file in (root / "curves").iterdir():  # of any writer, and whole
        table = pq.read_table(file)
        assert table.equals(table_of(table["writer"][0].as_py()))
