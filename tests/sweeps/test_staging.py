"""A writer that is killed leaves nothing that any tool reads, and what it leaves is named and cleared."""

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from unittest import mock

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pytest

from grokjax.errors import StoreError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.store import disk
from grokjax.sweeps.store.root import LAYOUT_VERSION, Root
from grokjax.sweeps.store.verify import verify
from tests.support.s3 import s3_server
from tests.support.stores import commit_steps, ids_of, seeds_of

KILLED_BETWEEN_WRITING_AND_LINKING = """
    import os, sys
    from grokjax.sweeps.store.root import Root
    os.link = lambda *_: os._exit(9)
    Root.open(sys.argv[1]).put_if_absent("runs/q.parquet", Root.open(sys.argv[1]).get("runs/p.parquet"))
"""


def killed_writer(root):
    code = textwrap.dedent(KILLED_BETWEEN_WRITING_AND_LINKING)
    assert subprocess.run([sys.executable, "-c", code, root], check=False, timeout=60).returncode == 9


def readers(root):
    """How many rows the usual tools find in the runs table."""
    yield len(pd.read_parquet(root / "runs"))
    yield len(ds.dataset(root / "runs", format="parquet").to_table())
    yield len(ds.dataset(root / "runs").to_table())
    yield duckdb.sql(f"SELECT count(*) FROM read_parquet('{root}/runs/*')").fetchall()[0][0]
    yield duckdb.sql(f"SELECT count(*) FROM read_parquet('{root}/runs/**')").fetchall()[0][0]


@pytest.mark.parametrize("version", ["this", "0.1"])
def test_a_writer_killed_before_its_file_had_its_name_is_named_and_cleared(tmp_path, monkeypatch, version):
    spec = seeds_of(200)
    root = enter_spec(tmp_path, spec)
    commit_steps(root, "p", ids_of(spec), 200)
    if version == "0.1":  # which staged files beside their places
        (tmp_path / "runs" / "q.parquet#3037").write_bytes(root.get("runs/p.parquet"))
    else:
        killed_writer(tmp_path)
        assert set(readers(tmp_path)) == {4}
    if version == "0.1":
        assert root.stale() == [], "somebody may be writing it"
        monkeypatch.setattr(disk, "STALE_SECONDS", 0.0)
    (name,) = root.stale()
    assert f"{name} was left by a writer that was killed; grokjax run deletes it" in verify(root).wrong
    enter_spec(tmp_path, spec)
    assert root.stale() == []
    assert set(readers(tmp_path)) == {4}


def test_a_file_that_is_being_written_is_nobodys_leftover(tmp_path, monkeypatch):
    root = enter_spec(tmp_path, seeds_of(200))
    link, seen = os.link, []

    def slow_link(staged, path):
        seen.append((staged, root.stale()))
        link(staged, path)

    monkeypatch.setattr(os, "link", slow_link)
    root.put_if_absent("runs/p.parquet", b"rows")
    assert [stale for _, stale in seen] == [[]]
    assert not seen[0][0].exists()


def test_a_disk_without_locks_tells_leftovers_by_their_age(tmp_path, monkeypatch):
    root = enter_spec(tmp_path, seeds_of(200))
    staged = tmp_path / disk.STAGING / "left"
    staged.write_bytes(b"rows")
    monkeypatch.setattr(fcntl, "flock", mock.Mock(side_effect=OSError(errno.ENOLCK, "No locks available")))
    assert root.put_if_absent("runs/p.parquet", b"rows")
    assert root.stale() == []
    os.utime(staged, times=(time.time() - disk.STALE_SECONDS - 1,) * 2)
    assert root.stale() == [str(staged)]


def test_a_writer_whose_staged_file_was_taken_for_a_leftover_writes_it_again(tmp_path, monkeypatch):
    root = enter_spec(tmp_path, seeds_of(200))
    lock = fcntl.flock

    def taken(file, how):
        Path(file.name).unlink()
        monkeypatch.setattr(fcntl, "flock", lock)

    monkeypatch.setattr(fcntl, "flock", taken)
    assert root.put_if_absent("runs/p.parquet", b"rows")
    assert root.get("runs/p.parquet") == b"rows"


def test_a_root_of_a_newer_format_is_refused_by_all_who_open_it(tmp_path):
    spec = seeds_of(200)
    root = enter_spec(tmp_path, spec)
    root.put("format.json", b'{"format": %d, "grokjax": "9.8.7"}' % (LAYOUT_VERSION + 1))
    for opening in (
        lambda: Root.open(tmp_path),
        lambda: Root.create(tmp_path),
        lambda: enter_spec(tmp_path, spec),
        lambda: existing_runs(tmp_path, spec),
        lambda: run_sweep(spec, tmp_path, Execution("inline")),
    ):
        with pytest.raises(StoreError, match=rf"has format {LAYOUT_VERSION + 1}, written by grokjax 9\.8\.7; .* upgrade grokjax"):
            opening()


def test_naming_a_root_does_nothing_and_opening_an_address_is_one_request(tmp_path, monkeypatch):
    asked = []
    with s3_server(monkeypatch, lambda environ: asked.append(environ["REQUEST_METHOD"])) as address:
        for place in (address, tmp_path / "nothing"):
            Root(place)
        assert (asked, list(tmp_path.iterdir())) == ([], [])
        enter_spec(address, seeds_of(200))
        asked.clear()
        root = Root.open(address)
        assert asked == ["GET"]
        assert Root.open(root) is root
        assert asked == ["GET"]
        root.delete("format.json")  # version 0.1 wrote none
        asked.clear()
        Root.open(address)
        assert asked == ["GET", "GET"]


def test_reading_a_root_loads_neither_jax_nor_ray(tmp_path):
    spec = seeds_of(200)
    commit_steps(enter_spec(tmp_path, spec), "p", ids_of(spec)[:3], 200)
    code = """
        import sys
        from grokjax.sweeps.store import compact, verify, progress, planned, root
        opened = root.Root.open(sys.argv[1])
        assert progress.Watch(opened).look(0)[0].done == 3
        assert verify.verify(opened).planned == 4
        assert planned.planned_groups(opened)
        compact.compact(opened, sys.argv[1] + "-compact")
        assert not {"jax", "ray", "flax", "optax"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), tmp_path], check=True, timeout=60)
