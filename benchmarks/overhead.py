"""Claim: a sweep of 200 packs of one second takes at most 5 % longer than training them.

The same packs of short runs twice: by bare loops of `train_pack`, one process a core, which know of no store, no Ray and no
schedule, and by `grokjax run`. Packs a second are counted once every worker has ended its first pack: start-up and compiling are
apart. The loops are timed before and after the sweep.

    python benchmarks/overhead.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from analysis.load import load_runs
from benchmarks.machine import cores, meet, on_workers, print_header
from sweeps.runs import groups_of
from sweeps.spec import load_spec
from sweeps.store import Store, set_limit

PACKS, RUNS_PER_PACK = 200, 8
SETTINGS = ["hidden_size=16", "train_size=1250", "weight_decay=0.1", "steps=3000", f"seed=0..{PACKS * RUNS_PER_PACK - 1}"]
TARGET = 0.05


def main() -> None:
    """Prints the packs a second of both, and what the sweep takes longer."""
    print_header(f"{PACKS} packs of about a second: what a sweep adds to training them")
    with tempfile.TemporaryDirectory() as folder:
        tuned, root = Path(folder) / "tuned", Path(folder) / "root"
        _run(tuned, ["seed=0"])  # compiles and tunes, for both
        shutil.copytree(tuned / "groups", root / "groups")
        before = _bare(tuned)
        rate = _rate(_sweep(root))
        after = _bare(tuned)
    bare = (before + after) / 2
    print(f"{'bare loops':<12} {bare:>6.3f} packs/s ({before:.3f} before, {after:.3f} after)")
    print(f"{'the sweep':<12} {rate:>6.3f} packs/s, {cores() / rate:.2f} s a pack and worker")
    print(f"the sweep takes {bare / rate - 1:+.1%} (target {TARGET:.0%})")


def _run(root: Path, settings: list[str]) -> None:
    grokjax = Path(sys.executable).with_name("grokjax")
    words = [word for setting in [*SETTINGS, *settings] for word in ("--set", setting)]
    subprocess.run([grokjax, "run", "parity-article", *words, "--root", root], check=True, capture_output=True)


def _sweep(root: Path) -> pd.DataFrame:
    (group,) = groups_of(load_spec("parity-article", SETTINGS))
    set_limit(Store(root, create=True), group.template.group_id, RUNS_PER_PACK)
    _run(root, [])
    packs = load_runs(root).drop_duplicates("pack_id").sort_values("finished_at")
    assert len(packs) == PACKS, f"{len(packs)} packs"
    return packs


def _rate(packs: pd.DataFrame) -> float:
    """Packs a second of all workers, from when each had ended its first."""
    began = packs.groupby("worker")["finished_at"].min().max()
    after = packs[packs["finished_at"] > began]
    return len(after) / float((after["finished_at"].max() - began).total_seconds())


def _bare(tuned: Path) -> float:
    """Packs a second of all cores, each training its share without anything around it."""
    ((_, seconds),) = on_workers(_bare_seconds, [tuned], cores())
    return sum(PACKS // 2 / cores() / each for each in seconds)


def _bare_seconds(tuned: Path) -> float:
    from sweeps.device import prepare_device  # noqa: PLC0415  (before jax starts)

    prepare_device(0)
    from grokjax.pack import train_pack  # noqa: PLC0415
    from sweeps.worker import group_tuning  # noqa: PLC0415

    (group,) = groups_of(load_spec("parity-article", SETTINGS))
    packs = [group[start : start + RUNS_PER_PACK] for start in range(0, len(group), RUNS_PER_PACK)]
    tuning = group_tuning(Store(tuned), group[0], len(group))
    train_pack(packs[0], tuning)
    meet()
    start = time.perf_counter()
    for pack in packs[1 : 1 + PACKS // 2 // cores()]:
        train_pack(pack, tuning)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
