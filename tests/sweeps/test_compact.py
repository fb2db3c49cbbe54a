"""A compacted root is the old one in few files: to every reader, to a sweep that goes on, and after a kill anywhere."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.tables.load import load_curves, load_runs, load_weights
from grokjax.errors import SpecError, StoreError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store import compact as module
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.duplicates import drop_superseded
from grokjax.sweeps.store.objects import ObjectStore
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.runs import SMALL_RUN
from tests.support.s3 import s3_server
from tests.support.stores import twice_committed

INLINE = Execution(executor="inline")
RUN = {name: value for name, value in SMALL_RUN.items() if name != "seed"} | {"snapshots": 2, "probes": "matrices", "log_every": 1}
SPEC = SweepSpec(name="small", run=RUN, axes={"weight_decay": (0.0, 1.0), "seed": tuple(range(9))})
MORE = SPEC.model_copy(update={"axes": SPEC.axes | {"seed": tuple(range(12))}})


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A root of 18 runs in three packs."""
    root = tmp_path_factory.mktemp("swept") / "root"
    enter_spec(root, SPEC).set_limit(next(groups_of(SPEC)).template.group_id, 6)
    assert not run_sweep(SPEC, root, INLINE).failures
    return root


def content(root):
    return {
        path.relative_to(root): (path.stat().st_mtime_ns, path.read_bytes()) for path in Path(root).rglob("*") if path.is_file()
    }


def assert_equal(here, there, count=18):
    runs = load_runs(here)
    assert len(runs) == count
    pd.testing.assert_frame_equal(runs, load_runs(there))
    assert runs.attrs == load_runs(there).attrs
    pd.testing.assert_frame_equal(load_curves(here), load_curves(there))
    chosen = runs["run_id"][[3, 7]].tolist()
    pd.testing.assert_frame_equal(load_curves(here, chosen, ["train_loss"]), load_curves(there, chosen, ["train_loss"]))
    for table in ("runs", "curves"):
        assert pd.read_parquet(f"{here}/{table}")["run_id"].nunique() == count
        assert {path.stem for path in (Path(here) / table).iterdir()} == {path.stem for path in (Path(here) / "runs").iterdir()}
    assert len(pd.read_parquet(f"{here}/runs")) == count
    verdict = verify(Root.open(here))
    assert (verdict.committed, verdict.wrong) == (count, ())


def test_a_compacted_root_is_the_old_one_in_fewer_files(swept, tmp_path, monkeypatch):
    before = content(swept)
    done = compact(Root.open(swept), tmp_path / "one")
    assert (done.runs, done.packs, done.bundles) == (18, 3, 1)
    monkeypatch.setattr(module, "MOST_VALUES", 1)
    assert compact(Root.open(swept), tmp_path / "three").bundles == 3
    for root in (tmp_path / "one", tmp_path / "three"):
        assert_equal(root, swept)
        assert load_weights(root, load_runs(root)["run_id"][0]).step.tolist() == [0, 200]
        for folder in ("specs", "groups", "limits", "states", "weights"):
            here, there = ({path.name: path.read_bytes() for path in (at / folder).iterdir()} for at in (root, swept))
            assert here == there
    assert content(swept) == before, "the old root is only read"
    for table in ("runs", "curves"):
        new, old = (pq.read_schema(next((root / table).iterdir())) for root in (tmp_path / "one", swept))
        assert new.equals(old, check_metadata=True)


def test_the_statistics_of_row_groups_tell_where_a_run_is(swept, tmp_path, monkeypatch):
    monkeypatch.setattr("grokjax.sweeps.store.root.ROWS_PER_GROUP", 100)  # a curve has 201 rows
    compact(Root.open(swept), tmp_path / "new")
    (file,) = (tmp_path / "new" / "curves").iterdir()
    table = pq.ParquetFile(file)
    run_id = load_runs(swept)["run_id"][9]
    stats = [table.metadata.row_group(index).column(0).statistics for index in range(table.num_row_groups)]
    assert len(stats) == 37
    assert sum(each.min <= run_id <= each.max for each in stats) <= 4
    steps = pq.read_table(file, columns=["run_id", "step"])
    assert steps.sort_by([("run_id", "ascending"), ("step", "ascending")]).equals(steps)
    assert pc.count_distinct(steps["run_id"]).as_py() == 18


def test_a_sweep_goes_on_in_a_compacted_root_and_can_be_compacted_again(swept, tmp_path):
    new = tmp_path / "new"
    compact(Root.open(swept), new)
    assert run_sweep(SPEC, new, INLINE).plan.packs == ()
    assert sum(len(pack.runs) for pack in run_sweep(MORE, new, INLINE).plan.packs) == 6
    assert verify(Root.open(new)).wrong == ()
    compact(Root.open(new), tmp_path / "newer")
    assert_equal(tmp_path / "newer", new, 24)
    assert compact(Root.open(new), tmp_path / "newer").runs == 0


def test_more_steps_go_on_from_a_compacted_root_to_the_same_bits(swept, tmp_path):
    old, new = shutil.copytree(swept, tmp_path / "old"), tmp_path / "new"
    compact(Root.open(old), new)
    longer = SPEC.model_copy(update={"run": RUN | {"steps": 300}})
    for root in (old, new):
        assert run_sweep(longer, root, INLINE).plan.run_steps == 18 * 100, "from where the runs had ended"
        assert verify(Root.open(root)).wrong == ()
    pd.testing.assert_frame_equal(load_curves(new), load_curves(old))
    assert load_curves(new)["step"].max() == 300
    states = {path.name for path in (new / "states").iterdir()}
    assert states == {path.name for path in (old / "states").iterdir()}
    assert len(states) == 3, "of the longer runs alone"
    compact(Root.open(new), tmp_path / "newer")
    assert_equal(tmp_path / "newer", new)


def test_what_the_old_root_has_got_since_is_brought_and_longer_runs_take_the_place_of_shorter(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    spec = SPEC.model_copy(update={"axes": {"seed": (0, 1)}})
    store = twice_committed(tmp_path, spec)  # its folder is tmp_path / "root"
    for table in ("runs", "curves"):  # first without the pack that trained runs a and b on
        (tmp_path / "root" / table / "q.parquet").rename(tmp_path / f"{table}.parquet")
    shutil.copytree(tmp_path / "root", old)
    Root.open(old).set_limit("group", 3)
    Root.open(old).put_in_quarantine("x", ["b", "nobody"], "no such luck")
    Root.open(old).put_in_quarantine("y", ["a"], "no such luck")
    assert compact(Root.open(old), new).runs == 3
    assert load_runs(new, ["run_id", "pack_id"])["pack_id"].tolist() == ["p", "p", "p"]
    assert (new / "limits" / "group.json").read_bytes() == (old / "limits" / "group.json").read_bytes()
    assert Root.open(new).quarantine().keys() == {"x"}
    for table in ("runs", "curves"):
        (tmp_path / f"{table}.parquet").rename(old / table / "q.parquet")
    assert compact(Root.open(old), new).runs == 2
    drop_superseded(store)
    for root in (old, new):
        assert load_runs(root, ["run_id", "pack_id"])["pack_id"].tolist() == ["q", "q", "p"]
        assert load_curves(root)["run_id"].tolist() == ["a", "b", "c"]
    assert sorted(pd.read_parquet(new / "runs")["run_id"]) == ["a", "b", "c"]
    assert compact(Root.open(old), new).runs == 0


class Killed(BaseException):
    """What no handler takes for an error."""


def test_killed_before_any_write_and_started_again_it_ends_as_if_it_had_not_been(swept, tmp_path, monkeypatch):
    """Before the first, the second, and so on; and the second call half as far on. What looks whole is whole."""
    monkeypatch.setattr(module, "MOST_VALUES", 1)  # a bundle a pack
    monkeypatch.setattr(module, "COPIES_AT_ONCE", 1)
    left, some = 0, load_runs(swept)["run_id"][2]

    def counting(write):
        def counted(self, key, *content):
            nonlocal left
            left -= "weights" not in key or some in key  # of the weights' 18 files one is enough
            if left < 0:
                raise Killed
            return write(self, key, *content)

        return counted

    for name in ("put", "put_if_absent", "delete"):
        monkeypatch.setattr(ObjectStore, name, counting(getattr(ObjectStore, name)))

    curves = load_curves(swept)

    def assert_whole(root):
        pd.testing.assert_frame_equal(load_curves(root), curves)
        assert len(pd.read_parquet(root / "runs")) == 18
        assert len(pd.read_parquet(root / "curves")) == len(curves)

    def killed(root, writes):
        nonlocal left
        left = writes
        try:
            compact(Root.open(swept), root)
        except Killed:
            if (root / "specs").is_dir():
                there = verify(Root.open(root))
                assert there.wrong == ()
                if there.committed == 18:
                    assert_whole(root)
            return True
        return False

    kills = 0
    while killed(root := tmp_path / str(kills), kills):
        killed(root, kills // 2)
        assert not killed(root, 1000)
        assert_whole(root)
        kills += 1
    assert kills >= 12, "specs, tunings, limits, weights, curves and runs"


def test_leftovers_of_an_old_root_that_changed_meanwhile_go(swept, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 1)
    old, new = shutil.copytree(swept, tmp_path / "old"), tmp_path / "new"

    def killed(*_):
        raise Killed

    monkeypatch.setattr(Root, "commit_runs", killed)
    with pytest.raises(Killed):
        compact(Root.open(old), new)
    assert len(list((new / "curves").iterdir())) == 3
    monkeypatch.undo()
    monkeypatch.setattr(module, "ABANDONED_SECONDS", 0.0)
    assert compact(Root.open(old), new).bundles == 1
    assert_equal(new, old)


def test_from_and_to_an_object_store(swept, tmp_path, monkeypatch):
    with s3_server(monkeypatch) as address:
        compact(Root.open(swept), f"{address}/new")
        compact(Root.open(f"{address}/new"), tmp_path / "back")
        pd.testing.assert_frame_equal(load_runs(f"{address}/new"), load_runs(swept))
        with pytest.raises(StoreError, match="lies in"):
            compact(Root.open(f"{address}/new"), f"{address}/new/inside")
    assert_equal(tmp_path / "back", swept)


def test_what_cannot_be_compacted_is_refused_and_nothing_is_left_behind(swept, tmp_path):
    other = SPEC.model_copy(update={"run": SPEC.run | {"learning_rate": 1e-2}})
    enter_spec(tmp_path / "other", other)
    with pytest.raises(SpecError, match=r"holds results of another sweep:\n  learning_rate  0.01 in the root, 0.003 in this spec"):
        compact(Root.open(swept), tmp_path / "other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    with pytest.raises(StoreError, match=r"holds other files \(thesis.tex"):
        compact(Root.open(swept), tmp_path / "full")
    for inside in (swept, swept / "inside"):
        with pytest.raises(StoreError, match="lies in"):
            compact(Root.open(swept), inside)
    torn = shutil.copytree(swept, tmp_path / "torn")
    file = next((torn / "curves").iterdir())
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(StoreError, match=f"cannot read .*curves/{file.name}"):
        compact(Root.open(torn), tmp_path / "of-torn")
    file.write_bytes((swept / "curves" / file.name).read_bytes())
    rows = pq.read_table(file)
    pq.write_table(rows.filter(pc.not_equal(rows["run_id"], rows["run_id"][0])), file)
    with pytest.raises(StoreError, match=f"curves/{file.name} has lost runs, or their curves, since the copy began"):
        compact(Root.open(torn), tmp_path / "of-torn")
    assert not (tmp_path / "of-torn" / "runs").exists()
