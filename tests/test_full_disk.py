"""A disk that is full, read-only or under a quota, for real: one sentence, nothing lost, and the same command goes on later.

Each scenario runs in a process with a file system of its own, which ends with it.
"""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grokjax.errors import StoreError
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.command import grokjax_in_process as grokjax
from tests.support.specs import write

INLINE = ("--executor", "inline")


@pytest.fixture
def spec(tmp_path):
    """Four runs in two packs, with curves of some 70 kB a run."""
    axes = {"hidden_size": [8, 12], "seed": "0..1"}
    return write(tmp_path, dict.fromkeys(axes) | {"steps": 2000, "log_every": 1}, axes)


@pytest.mark.cluster
def test_a_full_and_a_read_only_disk_stop_a_sweep_on_ray_that_goes_on_later(tmp_path, spec):
    """In a file system in memory, which needs no privilege where users may have namespaces of their own."""
    play("full", tmp_path, spec, "mount -t tmpfs -o size=64m tmpfs disk", "--user", "--map-root-user")


def test_a_quota_stops_a_sweep_that_goes_on_later(tmp_path, spec):
    """A real one, of btrfs, which needs a privileged user."""
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("btrfs-progs is not installed")
    subprocess.run(["truncate", "-s", "256M", tmp_path / "image"], check=True)
    subprocess.run(["mkfs.btrfs", "-q", tmp_path / "image"], check=True, capture_output=True)
    play("quota", tmp_path, spec, "mount -o loop image disk && btrfs -q quota enable disk")


def test_a_limit_on_files_stops_a_sweep_that_goes_on_later(tmp_path, spec):
    """What every machine has: no file of this process may grow beyond so many bytes."""
    root, sweep = tmp_path / "root", load_spec(spec)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot write .*: File too large; raise the limit on the size of files"):
            run_sweep(sweep, root, Execution(executor="inline"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((root / "quarantine").glob("*"))
    assert run_sweep(sweep, root, Execution(executor="inline")).failures == ()
    assert_whole(root, 4)


def play(scenario, folder, spec, mount, *user):
    (folder / "disk").mkdir()
    begin = f"cd {folder} && {mount} && exec "
    skip = subprocess.run(["unshare", *user, "--mount", "sh", "-c", f"{begin} true"], capture_output=True, text=True, check=False)
    if skip.returncode:
        pytest.skip(f"this machine lets no test mount a file system: {skip.stderr.strip()}")
    words = f"{sys.executable} -m tests.test_full_disk {scenario} {spec}"
    told = subprocess.run(
        ["unshare", *user, "--mount", "sh", "-c", begin + words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert told.returncode == 0, told.stdout + told.stderr


def assert_refused(told, *words):
    code, sentence = told
    assert code == 2, told
    assert sentence.startswith("grokjax: "), told
    for word in words:
        assert word in sentence, told


def assert_whole(root, runs):
    verdict = verify(Root.open(root))
    assert (verdict.committed, verdict.wrong) == (runs, ())


def contents(root):
    return {path.name: path.read_bytes() for folder in ("runs", "curves") for path in (root / folder).iterdir()}


def shell(command):
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout


def used(folder):
    """Kilobytes."""
    return int(shell(f"du -sk {folder}").split()[0])


def full(spec):
    root = Path("disk/root").resolve()
    assert grokjax("run", spec, "--set", "hidden_size=8", "--root", root, *INLINE)[0] == 0
    committed = contents(root)
    no_space = "No space left on device; free some space"
    shell(f"mount -o remount,size={used('disk') + 60}k disk")
    told = grokjax("run", spec, "--root", root, "--cpus", 1)
    assert_refused(told, "3 packs in a row could not be stored: cannot write", no_space, "and the same command continues")
    assert_whole(root, 2)
    assert contents(root) == committed, "no half file is left"
    shell(f"mount -o remount,size={used('disk')}k disk")
    assert_refused(grokjax("run", spec, "--root", root), no_space)
    for elsewhere in (["export", root, "disk/curves.csv", "--table", "curves"], ["compact", root, "disk/compact"]):
        assert_refused(grokjax(*elsewhere), "No space left on device")
    assert [path.name for path in Path("disk").iterdir() if path.is_file()] == []
    shell("mount -o remount,ro disk")
    assert_refused(grokjax("run", spec, "--root", root), "Read-only file system; make it writable")
    assert_refused(grokjax("phases", root), "cannot write", "Read-only file system; choose another file")
    assert grokjax("status", root)[0] == grokjax("verify", root)[0] == grokjax("phases", root, "--out", "map.png")[0] == 0
    shell("mount -o remount,rw,size=64m disk")
    assert grokjax("run", spec, "--root", root, *INLINE)[0] == 0
    assert grokjax("compact", root, "disk/compact")[0] == 0
    assert_whole(root, 4)
    assert_whole("disk/compact", 4)


def quota(spec):
    shell("btrfs -q subvolume create disk/mine")
    root = Path("disk/mine/root").resolve()
    assert grokjax("run", spec, "--set", "hidden_size=8", "--root", root, *INLINE)[0] == 0
    committed = contents(root)
    shell(f"sync disk; btrfs qgroup limit {used('disk/mine') + 100}K disk/mine")
    told = grokjax("run", spec, "--root", root, *INLINE)
    assert_refused(told, "Disk quota exceeded; free some space, or have the quota raised", "and the same command continues")
    assert_whole(root, 2)
    assert contents(root) == committed
    shell("btrfs qgroup limit none disk/mine")
    assert grokjax("run", spec, "--root", root, *INLINE)[0] == 0
    assert_whole(root, 4)


if __name__ == "__main__":
    {"full": full, "quota": quota}[sys.argv[1]](sys.argv[2])
