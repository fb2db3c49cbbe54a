"""Storage on a disk and in an object store, which behave alike, through whatever the way there does."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from grokjax.analysis.tables.load import load_curves, load_runs, load_weights
from grokjax.errors import StoreError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.objects import ObjectStore
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.runs import SMALL_RUN
from tests.support.s3 import at_random, s3_server

FAULTS = ("lose", "refuse:500", "refuse:503", "refuse:409")


def local(tmp_path):
    (tmp_path / "root").mkdir()
    return ObjectStore(tmp_path / "root")


@pytest.fixture(params=["disk", "s3"])
def storage(request, tmp_path, monkeypatch):
    if request.param == "disk":
        yield local(tmp_path)
    else:
        with s3_server(monkeypatch) as address:
            yield ObjectStore(address)


def test_objects_are_written_whole_once_or_not_at_all(storage):
    storage.check_create()
    assert storage.get("runs/a") is None
    assert not storage.exists("runs/a")
    assert storage.put_if_absent("runs/a", b"one")
    assert storage.put_if_absent("runs/a", b"one"), "the same content is as good as written"
    assert not storage.put_if_absent("runs/a", b"two")
    storage.put("runs/b", b"three")
    storage.put("runs/b", b"four!")
    assert (storage.get("runs/a"), storage.get("runs/b")) == (b"one", b"four!")
    assert storage.sizes("runs") == {"runs/a": 3, "runs/b": 5}
    storage.delete("runs/a")
    storage.delete("runs/a")
    assert list(storage.keys("runs")) == ["runs/b"]


def test_what_is_to_last_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """A power cut must not leave a name without its content: the commit rests on it."""
    disk, done = local(tmp_path), []
    for folder in ("curves", "runs", "progress"):
        disk.put(f"{folder}/another", b"there before")

    def recorded(name):
        call = getattr(os, name)

        def record(*arguments):
            kind = ("folder" if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else "file") if name == "fsync" else "name"
            done.append(f"{name} {kind}")
            return call(*arguments)

        return record

    for name in ("fsync", "link", "replace"):
        monkeypatch.setattr(f"grokjax.sweeps.store.disk.os.{name}", recorded(name))
    disk.put("curves/p", b"curves")
    assert disk.put_if_absent("runs/p", b"runs")
    disk.put("progress/p", b"progress", durable=False)
    assert done == ["fsync file", "replace name", "fsync folder", "fsync file", "link name", "fsync folder", "replace name"]


def test_of_sixteen_that_race_to_create_one_wins(storage):
    def create(writer, key):
        return storage.put_if_absent(key, f"writer {writer}".encode())

    with ThreadPoolExecutor(16) as pool:
        for turn in range(20):
            won = list(pool.map(create, range(16), [f"runs/{turn}"] * 16))
            assert won.count(True) == 1
            assert storage.get(f"runs/{turn}") == f"writer {won.index(True)}".encode()


def test_a_store_that_lets_two_create_the_same_is_refused(monkeypatch):
    def unconditional(environ):
        environ.pop("HTTP_IF_NONE_MATCH", None)

    with s3_server(monkeypatch, unconditional) as address, pytest.raises(StoreError, match="lets two writers create the same"):
        ObjectStore(address).check_create()


def test_lost_answers_and_refusals_are_outlasted(monkeypatch):
    """A third of all requests fail, or are done and answered by an error: nobody loses or doubles anything."""
    with s3_server(monkeypatch, at_random(seed=3, share=0.33, kinds=FAULTS)) as address:
        storage = ObjectStore(address)
        for index in range(30):
            assert storage.put_if_absent(f"runs/{index}", f"content {index}".encode())
            assert not storage.put_if_absent(f"runs/{index}", b"another")
        assert len(list(storage.keys("runs"))) == 30
        assert all(storage.get(f"runs/{index}") == f"content {index}".encode() for index in range(30))


def test_addresses_and_credentials_that_are_wrong_are_told(monkeypatch):
    with pytest.raises(StoreError, match=r"ftp://x is not an address of a root; use a folder, or s3://..., gs://..., az://..."):
        Root.open("ftp://x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    with pytest.raises(StoreError, match="cannot read root s3://bucket/x") as error:
        Root.open("s3://bucket/x")
    assert "very secret" not in str(error.value)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError, match="AWS_PROFILE = nobody: The config profile"):
        Root.open("s3://bucket/x")


def test_a_bucket_that_is_not_there_is_told(monkeypatch):
    with s3_server(monkeypatch), pytest.raises(StoreError, match="there is no such bucket or container; choose another"):
        Root.open("s3://of-nobody/x")


def test_a_sweep_in_an_object_store_through_faults_with_nothing_on_disk(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = {name: value for name, value in SMALL_RUN.items() if name != "seed"} | {"snapshots": 2}
    spec = SweepSpec(name="small", run=run, axes={"hidden_size": (8, 16), "seed": (0, 1)})
    with s3_server(monkeypatch, at_random(seed=5, share=0.1, kinds=FAULTS)) as address:
        assert run_sweep(spec, address, Execution(executor="inline")).failures == ()
        assert run_sweep(spec, address, Execution(executor="inline")).plan.packs == ()
        more = spec.model_copy(update={"axes": spec.axes | {"seed": (0, 1, 2)}})
        assert sum(len(pack.runs) for pack in run_sweep(more, address, Execution(executor="inline")).plan.packs) == 2
        runs = load_runs(address)
        assert len(runs) == 6
        curves = load_curves(address, runs["run_id"][:2].tolist(), ["train_loss"])
        assert curves["run_id"].nunique() == 2
        assert load_weights(address, runs["run_id"][0]).step.tolist() == [0, 200]
        assert verify(Root.open(address)).wrong == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["../x", "runs/../../x", "runs/../x", "./x", "runs//x", "a\0b"])
def test_no_key_leads_out_of_the_root(tmp_path, key):
    """Names of packs and runs come from files, which may come from anywhere."""
    (tmp_path / "x").write_bytes(b"not ours")
    storage = local(tmp_path)
    for attempt in (
        storage.get,
        storage.size,
        storage.delete,
        partial(storage.put, content=b""),
        partial(storage.put_if_absent, content=b""),
    ):
        with pytest.raises((ValueError, TypeError)):
            attempt(key)
    assert [path.name for path in sorted(tmp_path.rglob("*")) if path.name != ".staging"] == ["root", "x"]
    assert (tmp_path / "x").read_bytes() == b"not ours"
    storage.put("/etc/x", b"under the root")
    assert (tmp_path / "root" / "etc" / "x").exists()


def test_an_object_that_vanished_is_missing_at_once(monkeypatch):
    with s3_server(monkeypatch) as address:
        storage = ObjectStore(address)
        monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: pytest.fail("a missing object does not come back"))
        with pytest.raises(StoreError, match="cannot read runs/gone in s3://"):
            storage.read_range("runs/gone", 0, 10)
