import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from grokjax.errors import BadFileWarning
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store import progress as progress_module
from grokjax.sweeps.store.progress import MOST_PROGRESS_READS, Watch
from grokjax.sweeps.store.read import open_table
from grokjax.sweeps.store.root import Root
from tests.support.s3 import s3_server
from tests.support.specs import write

GROKJAX = Path(sys.executable).with_name("grokjax")
AXES = {"hidden_size": [16, 32], "seed": "0..3"}  # two groups of four runs of 200 steps


class CountingStore(Root):
    """Remembers what it was asked for."""

    def __init__(self, root):
        super().__init__(root)
        self.read, self.listed = [], []

    def get(self, key):
        self.read.append(key)
        return super().get(key)

    def objects_in(self, folder):
        self.listed.append(folder)
        return super().objects_in(folder)


def sweep(tmp_path, root, axes=AXES, extra="", **run):
    """A root of a sweep of which nothing is done, and its groups."""
    spec = load_spec(write(tmp_path, dict.fromkeys(axes) | run, axes, extra))
    return enter_spec(root, spec), list(groups_of(spec))


def commit(store, pack_id, run_ids, steps=200, **columns):
    run_ids = list(run_ids)
    nulls = {"diverged_step": pa.nulls(len(run_ids), pa.int64()), "stopped_by": pa.nulls(len(run_ids), pa.string())}
    given = {name: [value] * len(run_ids) for name, value in {"pack_id": pack_id, **columns}.items()}
    store.commit_runs(pack_id, pa.table({"run_id": run_ids, "steps": [steps] * len(run_ids)} | nulls | given))


def progress(store, pack_id, run_steps, at, group_id):
    store.write_progress(pack_id, {"group_id": group_id, "run_steps": run_steps, "of": 800, "at": at})


@pytest.mark.parametrize("where", ["disk", "s3", "s3, in ranges"])
def test_looks_tell_what_is_done_in_training_and_set_aside_and_how_fast_it_goes(tmp_path, monkeypatch, where):
    with s3_server(monkeypatch) as address:
        if where == "s3, in ranges":
            monkeypatch.setattr("grokjax.sweeps.store.progress.SMALL_FILE", 0)
        store, (first, second) = sweep(tmp_path, tmp_path / "root" if where == "disk" else address)
        here, there = first.template.group_id, second.template.group_id
        watch = Watch(Root.open(store.address))

        whole, groups = watch.look(now=1000)
        assert (whole.runs, whole.done, whole.running, whole.run_steps, whole.run_steps_done) == (8, 0, 0, 1600, 0)
        assert (whole.speed, whole.seconds_left, whole.finished) == (None, None, False)

        progress(store, "p", 100, at=1009.5, group_id=here)
        whole, groups = watch.look(now=1010)
        assert (whole.done, whole.running, whole.run_steps_done, whole.speed) == (0, 1, 100, 10)
        assert whole.seconds_left == (1600 - 100) / 10
        assert (groups[here].running, groups[here].speed, groups[here].seconds_left) == (1, 10, 70)
        assert (groups[there].running, groups[there].speed, groups[there].seconds_left) == (0, None, None)

        commit(store, "p", first.run_ids)
        progress(store, "p", 800, at=1011, group_id=here)  # of a worker that died right after the commit
        progress(store, "q", 40, at=1019, group_id=there)
        whole, groups = watch.look(now=1020)
        assert (whole.done, whole.running, whole.run_steps_done) == (4, 1, 840)
        assert whole.speed == 840 / 20
        assert (groups[here].done, groups[here].finished, groups[there].done) == (4, True, 0)

        commit(store, "q", second.run_ids[:2])
        store.put_in_quarantine("r", second.run_ids[2:], "RuntimeError: no such luck")
        whole, groups = watch.look(now=1030)
        assert (whole.done, whole.quarantined, whole.running, whole.finished) == (6, 2, 0, True)
        assert (groups[there].done, groups[there].quarantined) == (2, 2)

        store.delete("quarantine/r.json")  # grokjax retry
        assert not watch.look(now=1031)[0].finished
        commit(store, "r", second.run_ids[2:])
        assert watch.look(now=1040)[0].seconds_left == 0


def test_the_pace_is_that_of_the_last_minute(tmp_path):
    store, (group, _) = sweep(tmp_path, tmp_path / "root")
    watch = Watch(store)
    paces = []
    for now, made in ((0, 0), (30, 30), (60, 60), (90, 120), (120, 180), (150, 240), (180, 240), (240, 240)):
        progress(store, "p", made, at=now, group_id=group.template.group_id)
        paces.append(watch.look(now=now)[0].speed)
    assert paces == [None, 1, 1, 90 / 60, 2, 2, 1, None]


def test_a_pack_whose_worker_is_gone_is_not_in_training_but_one_with_a_wrong_clock_is(tmp_path):
    store, (group, _) = sweep(tmp_path, tmp_path / "root")
    watch = Watch(store)
    progress(store, "gone", 50, at=900, group_id=group.template.group_id)
    progress(store, "early", 50, at=5, group_id=group.template.group_id)
    assert watch.look(now=1000)[0].running == 0
    progress(store, "early", 60, at=6, group_id=group.template.group_id)
    whole, _ = watch.look(now=1001)
    assert (whole.running, whole.run_steps_done) == (1, 60)
    assert watch.look(now=1010)[0].running == 1
    assert watch.look(now=1030)[0].running == 0, "it has not changed for too long"


def test_runs_that_ended_early_are_done_for_a_spec_that_ends_them_and_for_no_other(tmp_path):
    for name, extra in (("ends", 'stop = "decided"\nrule = "article"'), ("trains on", "")):
        store, (group, _) = sweep(tmp_path, tmp_path / name, extra=extra)
        commit(store, "p", group.run_ids[:2], steps=50, stopped_by="article")
        commit(store, "q", group.run_ids[2:3], steps=100, diverged_step=100)
        whole, _ = Watch(store).look(now=0)
        assert whole.run_steps_done == (200 if extra else 100), "a stopped run that is to be trained on starts anew"
        if extra:
            assert (whole.done, whole.run_steps) == (3, 1600 - 2 * 150 - 100)
        else:
            assert (whole.done, whole.run_steps) == (1, 1600 - 100)
            for pack_id in ("r", "s"):  # by two drivers at once
                commit(store, pack_id, group.run_ids[:2])
            whole, _ = Watch(store).look(now=1)
            assert (whole.done, whole.run_steps_done) == (3, 500), "each run once"


def test_runs_that_are_trained_further_keep_what_they_have(tmp_path):
    store, (group, _) = sweep(tmp_path, tmp_path / "root")
    commit(store, "p", group.run_ids)
    sweep(tmp_path, tmp_path / "root", steps=400)
    assert Watch(store).look(now=0)[0].run_steps_done == 0, "without their states they start anew"
    store.put(store.key("states", "p"), b"")
    watch = Watch(store)
    whole, _ = watch.look(now=0)
    assert (whole.runs, whole.done, whole.run_steps, whole.run_steps_done) == (8, 0, 3200, 800)
    progress(store, "q", 200, at=10, group_id=group.template.group_id)
    assert watch.look(now=10)[0].run_steps_done == 1000
    commit(store, "q", group.run_ids, steps=400)
    whole, _ = watch.look(now=20)
    assert (whole.done, whole.run_steps_done) == (4, 1600)


def test_a_look_reads_what_is_new_and_nothing_else(tmp_path, monkeypatch):
    root, (group, _) = sweep(tmp_path, tmp_path / "root", {"hidden_size": [16, 32], "seed": "0..299"})
    for index in range(50):
        commit(root, f"p{index}", group.run_ids[index : index + 1])
    root.put_in_quarantine("q", group.run_ids[290:], "RuntimeError")
    store = CountingStore.open(tmp_path / "root")
    monkeypatch.setattr(progress_module, "open_table", lambda root, key, *content: store.read.append(key) or open_table(root, key))
    watch = Watch(store)

    def look(now):
        store.read, store.listed = [], []
        whole, _ = watch.look(now)
        assert store.listed == ["progress", "runs", "quarantine"]
        return whole, sorted(key.partition("/")[0] for key in store.read)

    whole, read = look(now=0)
    assert (whole.done, read) == (50, ["quarantine"] + ["runs"] * 50)
    assert look(now=1)[1] == []
    commit(root, "p50", group.run_ids[50:51])
    whole, read = look(now=2)
    assert (whole.done, whole.quarantined, read) == (51, 10, ["runs"])
    for index in range(100, 100 + 2 * MOST_PROGRESS_READS):
        progress(root, f"p{index}", 10, at=3, group_id=group.template.group_id)
    for looks in (1, 2):
        whole, read = look(now=3)
        assert (whole.running, read) == (looks * MOST_PROGRESS_READS, ["progress"] * MOST_PROGRESS_READS)


def test_a_file_that_is_moved_away_is_no_longer_counted_and_a_torn_one_is_named(tmp_path):
    store, (group, _) = sweep(tmp_path, tmp_path / "root")
    watch = Watch(store)
    commit(store, "p", group.run_ids[:2])
    commit(store, "q", group.run_ids[2:])
    assert watch.look(now=0)[0].done == 4
    store.delete("runs/p.parquet")
    assert watch.look(now=1)[0].done == 2
    store.put("runs/torn.parquet", b"PAR1 and no more")
    with pytest.warns(BadFileWarning, match=r"left out: cannot read .*runs/torn\.parquet"):
        assert watch.look(now=2)[0].done == 2


def test_a_running_sweep_is_watched_from_another_process_until_it_is_done(tmp_path):
    store, (group, _) = sweep(tmp_path, tmp_path / "root")
    command = [GROKJAX, "status", tmp_path / "root", "--watch", "--every", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        lines = []
        while not lines or not re.search(r"1 pack in training, [\d,]+ run-steps/s, \d+:\d\d left$", lines[-1]):
            progress(store, "p", len(lines), at=time.time(), group_id=group.template.group_id)
            lines.append(watching.stdout.readline().rstrip("\n"))
            assert lines[-1], "it ended before the sweep"
            assert len(lines) < 100, "it never saw the pack in training"
        store.delete(store.key("progress", "p"))
        run_sweep(load_spec(tmp_path / "mine.toml"), tmp_path / "root", Execution("inline"))
        lines += watching.communicate(timeout=60)[0].splitlines()
    assert watching.returncode == 0
    assert lines[-1].startswith(f"{tmp_path / 'root'}: 8 of 8 runs done, no packs in training")
    done = [int(re.search(r": (\d) of 8 runs done", line).group(1)) for line in lines]
    assert done == sorted(done)


def test_on_a_terminal_one_picture_is_redrawn_and_ctrl_c_ends_it_cleanly(tmp_path):
    store, (group, _) = sweep(tmp_path, tmp_path / "root")
    commit(store, "p", group.run_ids)
    here, there = pty.openpty()
    watching = subprocess.Popen(
        [GROKJAX, "status", tmp_path / "root", "--watch", "--every", "0.2"],
        stdout=there,
        stderr=there,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "150", "LINES": "30"},
    )
    os.close(there)
    told = b""
    while told.count(b"4 of 8 runs done") < 3:  # drawn and redrawn
        told += os.read(here, 4096)
    watching.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # how a terminal ends that nobody writes to any more
        while more := os.read(here, 4096):
            told += more
    os.close(here)
    assert watching.wait(timeout=30) == 130
    assert b"Traceback" not in told
    assert re.search(rf"{group.template.group_id[:8]} +hidden_size 16 +4 +4 ", told.decode())


def test_a_watch_ends_with_1_where_runs_are_in_quarantine(tmp_path):
    store, (first, second) = sweep(tmp_path, tmp_path / "root")
    commit(store, "p", first.run_ids)
    store.put_in_quarantine("q", second.run_ids, "RuntimeError")
    told = subprocess.run(
        [GROKJAX, "status", tmp_path / "root", "--watch"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (told.returncode, told.stdout.count("\n")) == (1, 1)
    assert "4 of 8 runs done, no packs in training, 4 runs in quarantine" in told.stdout
