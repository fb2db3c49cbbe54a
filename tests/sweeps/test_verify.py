"""Damage of every kind is found and named; a whole root passes."""

import shutil

import pyarrow.parquet as pq
import pytest

from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.runs import SMALL_RUN


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("verify") / "root"
    run = {name: value for name, value in SMALL_RUN.items() if name != "seed"} | {"snapshots": 2}
    spec = SweepSpec(name="small", run=run, axes={"hidden_size": (8, 16), "seed": (0, 1)})
    assert not run_sweep(spec, root, Execution(executor="inline")).failures
    return root


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "root")


def wrong(root):
    return verify(Root.open(root)).wrong


def test_a_whole_root_passes_and_so_does_one_with_runs_to_train(root):
    verdict = verify(Root.open(root))
    assert (verdict.planned, verdict.committed, verdict.wrong) == (4, 4, ())
    gone = next((root / "runs").iterdir())
    rows = pq.read_table(gone).num_rows
    gone.unlink()  # its curves are leftovers now
    assert verify(Root.open(root)).committed == 4 - rows
    assert wrong(root) == ()


@pytest.mark.parametrize("table", ["runs", "curves"])
def test_a_file_that_is_cut_short_missing_or_altered_is_named(root, table):
    file = next((root / table).iterdir())
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert any(f"cannot read {root}/{table}/{file.name}" in sentence for sentence in wrong(root))
    altered = bytearray(content)
    altered[60] ^= 0xFF  # inside the first page
    file.write_bytes(bytes(altered))
    assert any(f"cannot read {root}/{table}/{file.name}" in sentence for sentence in wrong(root))
    if table == "curves":
        file.unlink()
        assert any(f"cannot read {root}/{table}/{file.name}" in sentence for sentence in wrong(root))


def test_a_run_twice_a_short_curve_missing_weights_and_a_stranger_are_named(root):
    first, second = sorted((root / "runs").iterdir())
    runs = pq.read_table(first)
    run_ids = runs["run_id"].to_pylist()
    curves = pq.read_table(root / "curves" / first.name)
    weights = root / "weights" / f"{run_ids[0]}.safetensors"
    weights.unlink()
    assert wrong(root) == (f"run {run_ids[0]} has no weights, but its spec asks for them",)
    shutil.copy(root / "weights" / f"{run_ids[1]}.safetensors", weights)
    pq.write_table(curves.slice(0, curves.num_rows - 1), root / "curves" / first.name)
    assert any("a curve with other steps" in sentence for sentence in wrong(root))
    pq.write_table(curves, root / "curves" / first.name)
    shutil.copy(first, root / "runs" / "copy.parquet")
    shutil.copy(root / "curves" / first.name, root / "curves" / "copy.parquet")
    assert set(wrong(root)) == {f"run {run_id} is stored 2 times" for run_id in run_ids}
    for table in ("runs", "curves"):
        (root / table / "copy.parquet").unlink()
    (spec,) = (root / "specs").iterdir()
    spec.write_text(spec.read_text().replace("[\n    8,\n    16\n   ]", "[\n    8\n   ]"))
    stranger = next(file for file in (first, second) if pq.read_table(file)["hidden_size"][0].as_py() == 16)
    assert {sentence.split(" ", 2)[2] for sentence in wrong(root)} == {f"in pack {stranger.stem} is in no spec of the root"}
