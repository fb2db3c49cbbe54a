"""What users, power cuts, damaged files and other drivers do to a root takes no run from it."""

import errno
import os
import shutil
import sys
import traceback

import jax
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.tables.export import export
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import BadFileError, SpecError, StoreError
from grokjax.scripts.main import main
from grokjax.sweeps.execute import driver as cluster
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.events import traceback_of
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.execute.worker import Worker
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store import disk, enter
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.runs import SMALL_RUN

INLINE = Execution(executor="inline")
RUN = {name: value for name, value in SMALL_RUN.items() if name not in ("seed", "steps")}


def spec_of(seeds=2, steps=200, **run):
    return SweepSpec(name="small", run=RUN | {"steps": steps} | run, axes={"seed": tuple(range(seeds))})


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Two runs of 200 steps, in one pack."""
    folder = tmp_path_factory.mktemp("spoiled") / "root"
    assert not run_sweep(spec_of(), folder, INLINE).failures
    return folder


@pytest.fixture
def folder(once, tmp_path):
    return shutil.copytree(once, tmp_path / "root")


@pytest.fixture
def longer(folder):
    """The same after 400 steps: the first pack is there, empty."""
    assert not run_sweep(spec_of(steps=400), folder, INLINE).failures
    assert sorted(len(pq.read_table(file)) for file in (folder / "runs").iterdir()) == [0, 2]
    return folder


def grokjax(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["grokjax", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0


def test_files_in_folders_of_a_folder_are_none_of_a_sweep(folder):
    for table in ("runs", "curves"):
        shutil.copytree(folder / table, folder / table / "backup")
    before = load_runs(folder)
    assert run_sweep(spec_of(), folder, INLINE).plan.packs == ()
    assert verify(Root.open(folder)).wrong == ()
    pd.testing.assert_frame_equal(load_runs(folder), before)


def test_a_run_twice_in_one_file_is_not_dropped(folder):
    (file,) = (folder / "runs").iterdir()
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows, rows.slice(0, 1)]), file)
    run_sweep(spec_of(), folder, INLINE)
    assert load_runs(folder)["run_id"].nunique() == 2


def test_a_pack_that_was_emptied_is_trained_again_where_its_runs_are_lost(longer):
    next(file for file in (longer / "runs").iterdir() if len(pq.read_table(file))).unlink()
    outcome = run_sweep(spec_of(), longer, INLINE)
    assert (outcome.plan.left, outcome.failures) == (2, ())
    assert load_runs(longer)["steps"].tolist() == [200, 200]
    assert verify(Root.open(longer)).wrong == ()


def test_files_that_a_user_calls_something_stay(folder):
    theirs = [folder / "notes" / "run #3.ipynb", folder / "figures" / "map#1", folder / "weights" / "README#old"]
    for file in theirs:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
        os.utime(file, (0, 0))
    run_sweep(spec_of(), folder, INLINE)
    assert all(file.exists() for file in theirs)


@pytest.mark.parametrize("damage", ["gone", "cut short", "one bit"])
def test_rows_are_dropped_only_beside_whole_files(folder, damage, tmp_path):
    """Two packs hold the runs; of one the curves are damaged: nothing is taken out of either, and it is said which."""
    run_sweep(spec_of(steps=400), tmp_path / "far", INLINE)
    (short,) = (folder / "curves").iterdir()
    for table in ("specs", "runs", "curves"):
        shutil.copytree(tmp_path / "far" / table, folder / table, dirs_exist_ok=True)
    damaged = short if damage == "one bit" else next(file for file in (folder / "curves").iterdir() if file != short)
    content = bytearray(damaged.read_bytes())
    content[60] ^= 0xFF
    damaged.write_bytes(bytes(content) if damage == "one bit" else bytes(content[:1000]))
    if damage == "gone":
        damaged.unlink()
    held = {file: file.read_bytes() for table in ("runs", "curves") for file in (folder / table).iterdir()}
    with pytest.raises(BadFileError, match=f"curves/{damaged.name}"):
        run_sweep(spec_of(steps=400), folder, INLINE)
    assert {file: file.read_bytes() for table in ("runs", "curves") for file in (folder / table).iterdir()} == held


def test_a_progress_file_that_a_power_cut_emptied_is_in_nobodys_way(folder, monkeypatch, capsys):
    (folder / "progress").mkdir(exist_ok=True)
    (folder / "progress" / "p.json").write_bytes(b"")
    assert grokjax(monkeypatch, "status", folder) == 0
    assert grokjax(monkeypatch, "status", folder, "--watch") == 0
    run_sweep(spec_of(3), folder, INLINE)
    assert not list((folder / "progress").iterdir())
    assert "2 of 2 runs done" in capsys.readouterr().out


def test_runs_that_another_driver_trained_meanwhile_are_there_once(tmp_path, monkeypatch):
    class Shadowed(Worker):
        """Another driver's worker, with packs of other names, is as fast as this one."""

        def train(self, pack, following=None):
            receipt = super().train(pack, following)
            for table in ("runs", "curves"):
                shutil.copy(tmp_path / "root" / table / f"{pack.pack_id}.parquet", tmp_path / "root" / table / "other.parquet")
            return receipt

    monkeypatch.setattr(cluster, "Worker", Shadowed)
    run_sweep(spec_of(), tmp_path / "root", INLINE)
    assert verify(Root.open(tmp_path / "root")).wrong == ()
    assert len(pd.read_parquet(tmp_path / "root" / "runs")) == 2


def test_of_two_specs_entered_at_once_that_do_not_fit_one_is_refused(folder, monkeypatch):
    write_entry, entered = enter._write_entry, []

    def with_another(root, entry):
        if not entered:
            entered.append(True)
            enter_spec(folder, spec_of(steps=400))  # fits what is there, but not what comes
        return write_entry(root, entry)

    monkeypatch.setattr(enter, "_write_entry", with_another)
    with pytest.raises(SpecError, match="holds results of another sweep"):
        enter_spec(folder, spec_of(4))
    assert len(list((folder / "specs").iterdir())) == 2


def test_quarantine_is_opened_only_where_it_can_be_tried(folder, monkeypatch, capsys):
    Root.open(folder).put_in_quarantine("p", ["a"], "RuntimeError: told so")
    assert grokjax(monkeypatch, "retry", folder, "--address", "127.0.0.1:1") == 2
    (folder / "runs" / "notes.parquet").write_text("foreign")
    assert grokjax(monkeypatch, "retry", folder) == 2
    assert list(Root.open(folder).quarantine()) == ["p"]
    assert "let out" not in capsys.readouterr().out


def test_a_disk_without_hard_links_is_refused(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(disk.os, "link", refused)
    with pytest.raises(
        StoreError, match="has no hard links, which are needed to decide between two writers; choose a --root on another disk"
    ):
        enter_spec(tmp_path / "root", spec_of())
    assert not [path for path in (tmp_path / "root").rglob("*") if path.is_file()]


def test_a_disk_that_synchronises_no_folders_will_do(tmp_path, monkeypatch):
    fsync = os.fsync

    def refused(opened):
        if os.path.isdir(f"/proc/self/fd/{opened}"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(opened)

    monkeypatch.setattr(disk.os, "fsync", refused)
    assert not run_sweep(spec_of(), tmp_path / "root", INLINE).failures


def test_compacting_beside_another_call_or_lost_curves_leaves_no_run_without_its_curve(folder, tmp_path):
    compact(Root.open(folder), tmp_path / "new")
    (bundle,) = (tmp_path / "new" / "curves").iterdir()
    being_written = bundle.with_name("bundle-another.parquet")
    shutil.copy(bundle, being_written)
    compact(Root.open(folder), tmp_path / "new")
    assert being_written.exists(), "another call may be about to commit it"
    bundle.unlink()
    with pytest.raises(BadFileError, match=f"cannot read .*{bundle.name}"):
        compact(Root.open(folder), tmp_path / "new")


def test_verify_tells_curves_of_another_try_columns_of_another_type_and_torn_entries(folder):
    (file,) = (folder / "curves").iterdir()
    curves = pq.read_table(file)
    others = curves.set_column(curves.schema.get_field_index("test_loss"), "test_loss", pa.array([1.0] * len(curves)))
    pq.write_table(others, file)
    assert all("ends with test_loss" in told and "they come from two attempts" in told for told in verify(Root.open(folder)).wrong)
    doubled = pa.concat_tables([curves.slice(0, 1), curves.slice(2), curves.slice(0, 1)])
    pq.write_table(doubled, file)
    assert sum("a curve with other steps" in told for told in verify(Root.open(folder)).wrong) == 1
    pq.write_table(curves.set_column(1, "step", curves["step"].cast(pa.string())), file)
    assert len(verify(Root.open(folder)).wrong) == 1
    pq.write_table(curves, file)
    next((folder / "groups").iterdir()).write_text("")
    (told,) = verify(Root.open(folder)).wrong
    assert "groups/" in told


def test_what_is_no_table_among_the_tables_is_told(folder, tmp_path):
    (folder / "runs" / "notes.csv").write_text("a,b")
    (told,) = verify(Root.open(folder)).wrong
    assert told == f"{folder}/runs/notes.csv is not a file of a sweep; move it out of the root"
    (folder / "runs" / "torn.parquet").write_text("PAR1")
    with pytest.raises(BadFileError, match=r"runs/torn\.parquet"):
        export(folder, "curves", tmp_path / "curves.csv")


def test_a_traceback_is_plain_text_and_ends_with_what_was_wrong():
    def fails(x):
        raise RuntimeError("\x1b[31mseven bits\x1b[0m")

    with pytest.raises(RuntimeError) as caught:
        jax.jit(fails)(1.0)
    assert "JAX has removed" in "".join(traceback.format_exception(caught.value))
    assert traceback_of(caught.value).splitlines()[-1] == "RuntimeError: seven bits"


def test_runs_that_were_stopped_are_not_there_for_a_spec_that_does_not_stop_them(folder):
    (file,) = (folder / "runs").iterdir()
    rows = pq.read_table(file)
    stopped = rows.set_column(rows.schema.get_field_index("stopped_by"), "stopped_by", pa.array(["article"] * len(rows)))
    pq.write_table(stopped.set_column(rows.schema.get_field_index("steps"), "steps", pa.array([100] * len(rows))), file)
    curves = pq.read_table(folder / "curves" / file.name)
    pq.write_table(curves.filter(pa.compute.less_equal(curves["step"], 100)), folder / "curves" / file.name)
    assert verify(Root.open(folder)).committed == 0
    assert load_curves(folder)["step"].max() == 100
