import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.analysis.tables.load import load_curves
from grokjax.errors import AnalysisError, StoreError
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.read import concat_files, read_files

RUNS = [f"{number:016x}" for number in range(40)]
STEPS = 5


def curves(run_ids):
    """A row a run and step, sorted, with a loss that tells both."""
    rows = [(run_id, step, int(run_id, 16) + step / 10) for run_id in sorted(run_ids) for step in range(STEPS)]
    return pa.table(dict(zip(("run_id", "step", "train_loss"), map(list, zip(*rows, strict=True)), strict=True)))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Forty runs in four packs of ten, each pack's curves in several row groups that begin and end within runs."""
    root = tmp_path_factory.mktemp("parts") / "root"
    store = enter_spec(root, load_spec("parity-demo"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grokjax.sweeps.store.root.ROWS_PER_GROUP", 7)
        for pack in range(4):
            store.put_curves(f"pack-{pack}", curves(RUNS[pack::4]))
            store.commit_runs(f"pack-{pack}", pa.table({"run_id": RUNS[pack::4]}))
    return store


@settings(max_examples=30, deadline=None)
@given(st.sets(st.sampled_from([*RUNS, "no such run", "0", "zz"]), max_size=6))
def test_of_some_runs_their_rows_are_read_and_no_others(root, chosen):
    there = sorted(chosen & set(RUNS))
    parts = read_files(root, "curves", run_ids=chosen)
    assert {part.file for part in parts} == {f"pack-{RUNS.index(run_id) % 4}" for run_id in there}
    if there:
        assert concat_files(parts).sort_by([("run_id", "ascending"), ("step", "ascending")]).equals(curves(there))


def test_curves_of_no_run_are_an_empty_table_and_those_of_an_unknown_one_are_refused(root):
    assert load_curves(root.address, run_ids=[]).empty
    with pytest.raises(AnalysisError, match="holds no committed run zz"):
        load_curves(root.address, run_ids=[RUNS[0], "zz"])


def test_columns_that_a_file_lacks_are_null_and_others_are_not_read(root):
    schema = pa.schema({"train_loss": pa.float64(), "test_loss": pa.float32()})
    rows = concat_files(read_files(root, "curves", [*schema.names, "nothing"]), schema)
    assert rows.schema == schema
    assert (len(rows), rows["test_loss"].null_count) == (len(RUNS) * STEPS,) * 2


def test_curves_that_cannot_be_read_are_named(tmp_path):
    store = enter_spec(tmp_path / "root", load_spec("parity-demo"))
    for pack in "ab":
        store.put_curves(pack, curves(RUNS[:2]))
        store.commit_runs(pack, pa.table({"run_id": RUNS[:2]}))
    store.put("curves/b.parquet", store.get("curves/b.parquet")[:-20])
    with pytest.raises(StoreError, match=r"cannot read .*curves/b.parquet: .*; restore it"):
        load_curves(tmp_path / "root", run_ids=RUNS[:1])
