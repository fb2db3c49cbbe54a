import concurrent.futures
import itertools
import json
import os
import stat
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.engine.program import Program, program_of
from grokjax.engine.tuning import first_tunings
from grokjax.errors import SpecError, StoreError
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.execute.plan import make_packs
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.duplicates import drop_superseded
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.read import concat_files, read_files
from grokjax.sweeps.store.root import Root
from tests.support.specs import write
from tests.support.stores import commit_pack, table, twice_committed


def train(pack, root, rule=None, commit=None):
    return Worker(WorkerSetup(str(root), rule, True, commit), asked_at=time.time()).train(pack)


@pytest.fixture
def spec(tmp_path):
    return load_spec(write(tmp_path, {"seed": None}, {"seed": "0..2"}))


def test_a_root_that_is_not_there_or_cannot_be_written(tmp_path, spec):
    with pytest.raises(StoreError, match="holds no sweep"):
        Root.open(tmp_path / "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file is a file; choose a folder"):
        enter_spec(tmp_path / "file", spec)
    with pytest.raises(StoreError, match="cannot write to root"):
        enter_spec("/proc/nowhere", spec)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_root(tmp_path, spec):
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StoreError, match="cannot write to root"):
        enter_spec(folder / "root", spec)


def test_only_one_of_many_commits_a_pack_and_all_succeed(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        created = list(pool.map(lambda n: commit_pack(store, "p", table("a"), table("a").append_column("by", [[n]])), range(64)))
    assert created.count(True) == 1
    assert pq.read_table(tmp_path / "root" / "runs" / "p.parquet").column("by").to_pylist() == [created.index(True)]


def test_a_run_is_committed_when_its_runs_file_is_there_and_not_before(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    store.put("curves/p.parquet", b"left over from a killed worker")
    assert existing_runs(tmp_path / "root", spec).committed == frozenset()
    commit_pack(store, "p", table(["a"]), table(["a"]))
    assert existing_runs(tmp_path / "root", spec).committed == {"a"}
    assert pd.read_parquet(tmp_path / "root" / "curves").run_id.tolist() == ["a"]


def test_packs_of_different_kinds_join_into_one_table(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    commit_pack(store, "p", table("a"), table("a").append_column("weight_decay", [[0.1]]))
    commit_pack(store, "q", table("b"), table("b").append_column("l1_penalty", [[0.2]]))
    runs = concat_files(read_files(store, "runs")).to_pandas().set_index("run_id")
    assert runs.loc["a", "weight_decay"] == 0.1
    assert pd.isna(runs.loc["a", "l1_penalty"])


def test_a_file_that_cannot_be_read_is_named(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    commit_pack(store, "p", table("a"), table("a"))
    store.put("runs/torn.parquet", store.get("runs/p.parquet")[:20])
    with pytest.raises(StoreError, match=r"cannot read .*runs/torn.parquet"):
        existing_runs(tmp_path / "root", spec)


@pytest.mark.parametrize(
    ("changed", "axes", "fits"),
    [
        ({"seed": None}, {"seed": "3..4"}, True),
        ({"seed": 7}, {}, True),
        ({"weight_decay": None}, {"weight_decay": [0.1, 5]}, True),
        ({"learning_rate": 0.1}, {}, False),
        ({"steps": 400}, {}, True),
        ({"steps": 100}, {}, False),
        ({"log_every": 100}, {}, False),
    ],
)
def test_a_root_takes_more_of_its_sweep_and_nothing_else(tmp_path, spec, changed, axes, fits):
    enter_spec(tmp_path / "root", spec)
    other = load_spec(write(tmp_path, changed, axes))
    if fits:
        store = enter_spec(tmp_path / "root", other)
        assert len(planned_runs(store, ()).runs) == spec.size + other.size - ("weight_decay" in axes or "steps" in changed)
    else:
        with pytest.raises(
            SpecError, match=rf"results of another sweep:\n  {next(iter(changed))}  .* in the root, .* in this spec\n"
        ):
            enter_spec(tmp_path / "root", other)


def test_a_pack_leaves_whole_tables_and_no_progress(tmp_path, spec):
    enter_spec(tmp_path / "root", spec)
    (pack,) = make_packs(groups_of(spec))
    receipt = train(pack, tmp_path / "root", commit="0123456789ab")
    assert (receipt.runs, receipt.run_steps) == (3, 600)
    runs = pd.read_parquet(tmp_path / "root" / "runs")
    curves = pd.read_parquet(tmp_path / "root" / "curves")
    assert sorted(runs.run_id) == sorted(run.run_id for run in pack.runs)
    assert curves.groupby("run_id").step.apply(list).tolist() == [[0, 50, 100, 150, 200]] * 3
    assert runs.commit.unique().tolist() == ["0123456789ab"]
    assert not list((tmp_path / "root" / "progress").glob("*"))
    before = (tmp_path / "root" / "runs" / f"{pack.pack_id}.parquet").stat().st_mtime_ns
    train(pack, tmp_path / "root")
    assert (tmp_path / "root" / "runs" / f"{pack.pack_id}.parquet").stat().st_mtime_ns == before


def test_what_writers_killed_in_the_middle_left_is_swept_up_and_what_is_being_written_is_not(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    commit_pack(store, "p", table("a"), table("a"))
    torn, being_written = (tmp_path / "root" / "runs" / f"{pack}.parquet#1" for pack in "qr")
    for path in (torn, being_written):
        path.write_bytes(b"PAR1 and no more")
    os.utime(torn, (0, 0))
    assert list(store.keys("runs")) == ["runs/p.parquet"]
    store.delete_leftovers()
    assert sorted(path.name for path in (tmp_path / "root" / "runs").iterdir()) == ["p.parquet", "r.parquet#1"]


def test_the_tuning_of_a_group_is_measured_once_and_kept(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    (pack,) = make_packs(groups_of(spec))
    train(pack, tmp_path / "root")
    (entry,) = (tmp_path / "root" / "groups").glob("*.json")
    first = store.get_json(f"groups/{entry.name}")
    assert first["static"]["hidden_size"] == 16
    odd = {**first, "tuning": {"lane_width": 3, "dot_library": "default"}}
    store.put(f"groups/{entry.name}", json.dumps(odd).encode())
    more = load_spec(write(tmp_path, {"seed": None}, {"seed": "3..4"}))
    (pack,) = make_packs(groups_of(more), existing_runs(tmp_path / "root", more))
    train(pack, tmp_path / "root")
    runs = pd.read_parquet(tmp_path / "root" / "runs").sort_values("seed")
    assert runs.lane_width.tolist() == [first["tuning"]["lane_width"]] * 3 + [3] * 2


def test_of_a_run_in_two_packs_one_row_stands_and_the_other_goes(tmp_path, spec):
    store = twice_committed(tmp_path, spec)
    root = tmp_path / "root"
    runs, curves = load_runs(root, ["run_id", "pack_id"]), load_curves(root)
    assert dict(zip(runs["run_id"], runs["pack_id"], strict=True)) == {"a": "q", "b": "q", "c": "p"}
    assert curves["run_id"].tolist() == ["a", "b", "c"]
    drop_superseded(store)
    for name in ("runs", "curves"):
        left = {path.stem: sorted(pq.read_table(path)["run_id"].to_pylist()) for path in (root / name).iterdir()}
        assert left == {"p": ["c"], "q": ["a", "b"], "r": []}
    pd.testing.assert_frame_equal(load_runs(root, ["run_id", "pack_id"]), runs)
    pd.testing.assert_frame_equal(load_curves(root), curves)


def test_a_kill_while_rows_are_dropped_is_mended_the_next_time(tmp_path, spec, monkeypatch):
    store = twice_committed(tmp_path, spec)
    replace, replaced = Root.replace, []

    def killed(self, key, content, expected):
        if len(replaced) == 1:
            raise KeyboardInterrupt
        replaced.append(key)
        return replace(self, key, content, expected)

    monkeypatch.setattr(Root, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        drop_superseded(store)
    monkeypatch.undo()
    before = load_curves(tmp_path / "root")
    assert before["run_id"].tolist() == ["a", "b", "c"]
    drop_superseded(store)
    pd.testing.assert_frame_equal(load_curves(tmp_path / "root"), before)
    assert sorted(pd.read_parquet(tmp_path / "root" / "runs")["run_id"]) == ["a", "b", "c"]
    assert sorted(pd.read_parquet(tmp_path / "root" / "curves")["run_id"]) == ["a", "b", "c"]


def test_a_table_of_an_older_version_without_some_columns_still_counts(tmp_path, spec):
    store = enter_spec(tmp_path / "root", spec)
    commit_pack(store, "p", table("a"), table("a"))
    assert existing_runs(tmp_path / "root", spec).committed == {"a"}
    drop_superseded(store)


def test_the_columns_of_time_add_up_to_the_workers_time(tmp_path, spec, monkeypatch):
    """By a clock that stands still but while the worker trains, writes and commits; each look at it takes a tick."""
    enter_spec(tmp_path / "root", spec)
    (pack,) = make_packs(groups_of(spec))
    worker = Worker(WorkerSetup(str(tmp_path / "root"), None, True, None), asked_at=time.time())
    clock = itertools.count()
    passed = {"seconds": 0.0}

    def takes(seconds, owner, name):
        work = getattr(owner, name)

        def timed(*arguments, **settings):
            passed["seconds"] += seconds
            return work(*arguments, **settings)

        monkeypatch.setattr(owner, name, timed)

    takes(10, Program, "advance")
    takes(500, Root, "put_curves")
    takes(1000, Root, "commit_runs")
    monkeypatch.setattr(time, "perf_counter", lambda: passed["seconds"] + 1e-4 * next(clock))
    began = worker._free_since = time.perf_counter()
    worker.train(pack)
    took = time.perf_counter() - began
    seconds = pd.read_parquet(tmp_path / "root" / "runs").filter(like="_seconds").sum()
    assert (seconds >= 0).all()
    assert seconds["train_seconds"] + seconds["measure_seconds"] >= 10
    assert (seconds["write_seconds"], worker._commit_seconds) == (pytest.approx(500, abs=1), pytest.approx(1000, abs=1))
    accounted = seconds.drop("startup_seconds").sum() + worker._commit_seconds
    assert accounted == pytest.approx(took, abs=1), "no second is lost or counted twice"


def test_the_group_that_comes_next_is_compiled_meanwhile(tmp_path, spec):
    enter_spec(tmp_path / "root", spec)
    (pack,) = make_packs(groups_of(spec))
    following = pack.runs[0].bind({"hidden_size": 11})
    worker = Worker(WorkerSetup(str(tmp_path / "root"), None, True, None), asked_at=time.time())
    worker.train(pack, following)
    worker._ahead.shutdown(wait=True)
    for tuning in first_tunings():
        assert "_advance" in vars(program_of(following.group_template(), tuning))
