"""A file that is cut short, missing or foreign is named; the rest still loads where that is asked for."""

import shutil
import warnings

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.tables.export import export
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.analysis.tables.query import query
from grokjax.errors import AnalysisError, BadFileWarning, StoreError
from grokjax.scripts.main import main
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.progress import Watch
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.command import grokjax_in_process as grokjax
from tests.support.runs import SMALL_RUN

RUN = {name: value for name, value in SMALL_RUN.items() if name != "seed"}
SPEC = SweepSpec(name="small", run=RUN, axes={"seed": (0, 1, 2, 3, 4, 5)})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A root of six runs in three packs."""
    root = tmp_path_factory.mktemp("bad") / "root"
    enter_spec(root, SPEC).set_limit(next(groups_of(SPEC)).template.group_id, 2)
    assert not run_sweep(SPEC, root, Execution(executor="inline")).failures
    return root


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "root")


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def text(file):
    file.write_text("run_id,seed\n")


def stranger(file):
    pq.write_table(pa.table({"name": ["a", "b"], "step": [1, 2]}), file)


def of_another_type(file):
    rows = pq.read_table(file)
    name = "train_size" if "train_size" in rows.schema.names else "train_loss"
    index = rows.schema.get_field_index(name)
    pq.write_table(rows.set_column(index, name, rows[name].cast(pa.string())), file)


def skipping(load, *arguments):
    """What is loaded, and what was told of what was not."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        loaded = load(*arguments, on_bad_file="skip")
    assert all(each.category is BadFileWarning for each in told)
    return loaded, [str(each.message) for each in told]


@pytest.mark.parametrize("damage", [cut, text, stranger, of_another_type])
@pytest.mark.parametrize("table", ["runs", "curves"])
def test_a_bad_file_is_named_and_the_rest_loads_if_asked(root, table, damage):
    load = {"runs": load_runs, "curves": load_curves}[table]
    before = load(root)
    file = sorted((root / table).iterdir())[1]
    lost = set(pq.read_table(file, columns=["run_id"])["run_id"].to_pylist())
    damage(file)
    with pytest.raises(StoreError, match=f"cannot read {root}/{table}/{file.name}: "):
        load(root)
    rest = before[~before["run_id"].isin(lost)].reset_index(drop=True)
    assert rest["run_id"].nunique() == 4
    loaded, told = skipping(load, root)
    pd.testing.assert_frame_equal(loaded, rest)
    assert loaded.attrs == before.attrs
    assert len(told) == 1
    assert told[0].startswith(f"left out: cannot read {root}/{table}/{file.name}: ")


def test_a_missing_file_of_curves_and_choices_of_runs_and_columns(root):
    before = load_curves(root)
    gone, kept = sorted((root / "curves").iterdir())[:2]
    ids = [pq.read_table(file)["run_id"][0].as_py() for file in (gone, kept)]
    gone.unlink()
    with pytest.raises(StoreError, match=f"cannot read {root}/curves/{gone.name}"):
        load_curves(root, [ids[1]])
    curves, told = skipping(load_curves, root, ids, ["test_loss"])
    expected = before[before["run_id"] == ids[1]][["run_id", "step", "test_loss"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(curves, expected)
    assert len(told) == 1


def test_a_store_that_cannot_be_read_is_no_bad_file(root):
    with pytest.raises(StoreError, match="holds no sweep"):
        load_runs(root / "nothing", on_bad_file="skip")
    for file in (root / "runs").iterdir():
        cut(file)
    with pytest.warns(BadFileWarning), pytest.raises(AnalysisError, match="holds no finished runs yet"):
        load_runs(root, on_bad_file="skip")


@pytest.mark.filterwarnings("default::grokjax.errors.BadFileWarning")
def test_commands_leave_bad_files_out_if_asked_and_say_so(root, tmp_path):
    torn, bad = sorted((root / "curves").iterdir())[0], sorted((root / "runs").iterdir())[1]
    cut(torn)
    cut(bad)
    phases = ["phases", root, "--out", tmp_path / "map.png", "--x", "train_size", "--y", "hidden_size", "--facet", "weight_decay"]
    curves = ["curves", root, "--out", tmp_path / "curves.png"]
    for command, named in (
        (phases, bad),
        (curves, bad),
        (["query", root, "SELECT count(DISTINCT run_id) FROM curves"], bad),
        (["query", root, "FROM labels", "--rule", "crossing"], bad),
        (["report", root, "--out", tmp_path / "page.html"], bad),
        (["export", root, tmp_path / "runs.csv"], bad),
        (["export", root, tmp_path / "curves.csv", "--table", "curves"], bad),
    ):
        code, told = grokjax(*command)
        assert code == 2
        assert told.startswith(f"grokjax: cannot read {named}")
        code, told = grokjax(*command, "--skip-bad-files")
        assert code == 0
        assert told.startswith("grokjax: left out: cannot read ")
    assert pd.read_csv(tmp_path / "runs.csv")["run_id"].nunique() == 4
    assert pd.read_csv(tmp_path / "curves.csv")["run_id"].nunique() == 4
    assert (tmp_path / "curves.png").exists()
    with pytest.raises(StoreError):
        export(root, "runs", tmp_path / "runs.csv")
    asked = query(root, "SELECT count(DISTINCT run_id) AS n FROM curves", on_bad_file="skip")
    assert asked["n"].tolist() == [4], "one file of curves is torn"


@pytest.mark.filterwarnings("default::grokjax.errors.BadFileWarning")
def test_status_names_what_it_cannot_read_and_shows_the_rest(root, monkeypatch, capsys):
    cut(sorted((root / "runs").iterdir())[1])
    stranger(root / "runs" / "notes.parquet")
    monkeypatch.setattr("sys.argv", ["grokjax", "status", str(root)])
    with pytest.raises(SystemExit, match="0"):
        main()
    told = capsys.readouterr()
    assert "4 of 6 runs done" in told.out
    assert told.err.count("left out: ") == 2
    with pytest.warns(
        BadFileWarning, match="it is not a file of a sweep, because it has no column run_id; move it out of the root"
    ):
        assert Watch(Root.open(root)).look(now=0)[0].done == 4


def test_a_foreign_file_is_told_as_one_and_its_curves_are_not_looked_for(root):
    stranger(root / "runs" / "notes.parquet")
    with pytest.raises(StoreError, match=r"runs/notes.parquet: it is not a file of a sweep.*; move it out of the root"):
        load_runs(root)
    curves, told = skipping(load_curves, root)
    assert curves["run_id"].nunique() == 6
    assert len(told) == 1
    assert "runs/notes.parquet: it is not a file of a sweep" in told[0]
    verdict = verify(Root.open(root))
    assert verdict.committed == 6
    assert len(verdict.wrong) == 2
