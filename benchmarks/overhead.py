"""Claim: a sweep of 200 packs of one second takes at most 5 % longer than their training.

The same packs of short runs are trained twice: by bare loops of `train_pack`, one process per core, without a store, Ray or a
schedule; and by `grokjax run`. Runs/s are counted from the time when every worker has finished its first pack, which leaves out
start-up and compiling. Loops and sweep are timed in turns.

    python -m benchmarks.overhead
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.machine import cores, meet, on_workers, print_header
from grokjax.analysis.tables.load import load_runs
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root

PACKS, RUNS_PER_PACK = 200, 8
SETTINGS = ["hidden_size=16", "train_size=1250", "weight_decay=0.1", "steps=3000"]
SEEDS = f"seed=0..{PACKS * RUNS_PER_PACK - 1}"
TARGET, ROUNDS = 0.05, 2
BESIDE = [f"{name}_seconds" for name in ("compile", "idle_lane", "write", "wait")]


def main() -> None:
    """Prints the runs/s of both, how much longer the sweep takes, and how much of that its workers' records explain."""
    print_header(f"{PACKS} packs of about a second: what a sweep adds to training them")
    with tempfile.TemporaryDirectory() as folder:
        tuned = Path(folder) / "tuned"
        _run(tuned, "seed=0")  # compiles and tunes, for both
        bare, sweeps = [_bare(tuned)], list[float]()
        for turn in range(ROUNDS):
            root = Path(folder) / str(turn)
            shutil.copytree(tuned / "groups", root / "groups")
            runs = _sweep(root)
            sweeps.append(_rate(runs))
            bare.append(_bare(tuned))
    packs = runs["pack_id"].nunique()
    print(f"bare loops {_shown(bare)}")
    print(f"sweeps     {_shown(sweeps)}, in {packs} packs of {cores() * len(runs) / packs / sweeps[-1]:.2f} s")
    print(f"the sweep takes {_longer(runs):+.1%} beside its packs' training and measuring (target {TARGET:.0%})")
    print(f"and {statistics.mean(bare) / statistics.mean(sweeps) - 1:+.1%} beside bare loops, alone on the machine")
    training, beside = runs[["train_seconds", "measure_seconds"]].sum().sum(), runs[BESIDE].sum()
    shares = ", ".join(f"{str(name).removesuffix('_seconds')} {seconds / training:.1%}" for name, seconds in beside.items())
    print(f"by the records of its workers: {shares}")


def _shown(rates: list[float]) -> str:
    return f"{statistics.mean(rates):>6.2f} runs/s ({', '.join(f'{rate:.2f}' for rate in rates)})"


def _run(root: Path, seeds: str) -> None:
    grokjax = Path(sys.executable).with_name("grokjax")
    words = [word for setting in [*SETTINGS, seeds] for word in ("--set", setting)]
    subprocess.run([grokjax, "run", "parity-article", *words, "--root", root], check=True, capture_output=True)


def _sweep(root: Path) -> pd.DataFrame:
    spec = load_spec("parity-article", [*SETTINGS, SEEDS])
    (group,) = groups_of(spec)
    enter_spec(root, spec).set_limit(group.template.group_id, RUNS_PER_PACK)
    _run(root, SEEDS)
    return load_runs(root)


def _rate(runs: pd.DataFrame) -> float:
    """Runs/s of all workers, from when each had finished its first pack."""
    after, seconds = _after_the_first(runs)
    return len(after) / seconds


def _longer(runs: pd.DataFrame) -> float:
    """How much longer all workers take than their training and measuring, from when each had finished its first pack."""
    after, seconds = _after_the_first(runs)
    return float(cores() * seconds / after[["train_seconds", "measure_seconds"]].sum().sum() - 1)


def _after_the_first(runs: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    began = runs.groupby("worker")["finished_at"].min().max()
    after = runs[runs["finished_at"] > began]
    return after, float((after["finished_at"].max() - began).total_seconds())


def _bare(tuned: Path) -> float:
    """Runs/s of all cores, each training packs in a bare loop."""
    ((_, seconds),) = on_workers(_bare_seconds, [tuned], cores())
    return sum(PACKS // 2 // cores() * RUNS_PER_PACK / each for each in seconds)


def _bare_seconds(tuned: Path) -> float:
    from grokjax.sweeps.execute.device import prepare_device  # noqa: PLC0415  (before jax starts)

    prepare_device(0)
    from grokjax.engine.pack import train_pack  # noqa: PLC0415
    from grokjax.sweeps.execute.tuning import group_tuning  # noqa: PLC0415

    (group,) = groups_of(load_spec("parity-article", [*SETTINGS, SEEDS]))
    packs = [group[start : start + RUNS_PER_PACK] for start in range(0, len(group), RUNS_PER_PACK)]
    tuning = group_tuning(Root.open(tuned), group[0], len(group))
    train_pack(packs[0], tuning)
    meet()
    start = time.perf_counter()
    for pack in packs[1 : 1 + PACKS // 2 // cores()]:
        train_pack(pack, tuning)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
