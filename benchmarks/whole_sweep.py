"""Claims: a whole sweep spends most of the machine on useful arithmetic; ending decided runs early changes no label.

Trains a spec twice with `grokjax run`, each in a fresh root, with `stop = never` and with `stop = decided` under the tuning that
the first measured, so that both train the same bits. Timed from the command to its exit. Useful arithmetic is that of the training
steps (`step_flops`); the yardstick is cores x wall time x the speed of a float32 matrix product, which each worker times before
each pack: the median of the packs.

    python benchmarks/whole_sweep.py [--root FOLDER] [SPEC] [NAME=VALUE ...]

The published sweep, `parity-article`, takes about an hour and a half on two cores.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from analysis.costs import account
from analysis.load import load_runs
from analysis.rules import ArticleRule, classify
from benchmarks.machine import cores, print_header


def main(spec: str, settings: list[str], folder: Path) -> None:
    """Prints a row a way of stopping, then how many labels agree."""
    print_header(f"{spec} {' '.join(settings)}: the whole command, useful arithmetic as a share of matrix products on all cores")
    columns = ("stop", 8), ("runs", 6), ("seconds", 8), ("of peak", 8), ("training", 8), ("idle lanes", 10), ("idle at end", 11)
    print(*(f"{name:>{width}}" for name, width in columns), " where the time went")
    tables = {}
    for stop in ("never", "decided"):
        root = folder / stop
        if stop == "decided":
            shutil.copytree(folder / "never" / "groups", root / "groups", dirs_exist_ok=True)
        seconds = _run(spec, settings, stop, root)
        tables[stop] = load_runs(root)
        print(_row(stop, tables[stop], seconds), flush=True)
    never, decided = (classify(table, ArticleRule()) for table in tables.values())
    print(f"the same label for {(never == decided).sum():,} of {len(never):,} runs")


def _run(spec: str, settings: list[str], stop: str, root: Path) -> float:
    grokjax = Path(sys.executable).with_name("grokjax")
    sets = [word for setting in settings for word in ("--set", setting)]
    start = time.perf_counter()
    subprocess.run([grokjax, "run", spec, *sets, "--stop", stop, "--root", root], check=True)
    return time.perf_counter() - start


def _row(stop: str, runs: pd.DataFrame, seconds: float) -> str:
    costs = account(runs)
    peak = float(runs.groupby("pack_id")["peak_flops"].first().median())
    share = float(runs["useful_flops"].sum()) / (peak * cores() * seconds)
    idle = costs.seconds["idle_lane"] / costs.seconds[["train", "measure", "idle_lane"]].sum()
    where = ", ".join(f"{name} {part:.1%}" for name, part in (costs.seconds / (cores() * seconds)).items())
    return (
        f"{stop:>8} {len(runs):>6,} {seconds:>8,.1f} {share:>8.3f} {costs.share_of_peak_training:>8.3f} {idle:>10.2%} "
        f"{costs.idle_at_end:>11.1%}  {where}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="?", default="parity-demo")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--root", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        main(arguments.spec, arguments.settings, arguments.root or Path(temporary))
