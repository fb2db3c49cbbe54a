"""Claims: a whole sweep spends 0.62 of the machine on useful arithmetic; ending decided runs early saves 25 % and changes no
label.

Trains a spec twice with `grokjax run`, with `stop = never` and with `stop = decided`, each in a new root with an empty
compilation cache, timed from the command to its exit. Useful arithmetic is that of the training steps (`step_flops`). It is
compared with cores x wall time x the peak of a float32 matrix product, measured on all cores at once before, between and after
the two sweeps (the median). The second sweep gets the tuning that the first one measured, since low bits would differ otherwise;
the time that this saves is part of the first sweep's share for compiling.

    python -m benchmarks.whole_sweep [--root FOLDER] [--never-alone] [SPEC] [NAME=VALUE ...]

The published sweep, `parity-article`, takes about an hour and a half on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.machine import cores, matrix_product, meet, on_workers, print_header
from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.analysis.tables.costs import account
from grokjax.analysis.tables.load import load_runs

TARGET, TARGET_SAVED = 0.62, 0.25


def main(spec: str, settings: list[str], folder: Path, stops: tuple[str, ...]) -> None:
    """Prints a row per way of stopping; if both were measured, also the time that stopping saved and how many labels agree."""
    print_header(f"{spec} {' '.join(settings)}: the whole command, useful arithmetic as a share of matrix products on all cores")
    peaks, seconds, tables = [_peak()], dict[str, float](), dict[str, pd.DataFrame]()
    for stop in stops:
        root = folder / stop
        if stop == "decided":
            shutil.copytree(folder / "never" / "groups", root / "groups")
        seconds[stop] = _run(spec, settings, stop, root, folder / f"compiled-{stop}")
        tables[stop] = load_runs(root)
        peaks.append(_peak())
    peak = statistics.median(peaks)
    print(f"peak of all cores {peak / 1e9:.1f} GFLOP/s ({', '.join(f'{each / 1e9:.1f}' for each in peaks)})")
    columns = ("stop", 8), ("runs", 6), ("seconds", 8), ("of peak", 8), ("target", 6), ("idle lanes", 10), ("idle at end", 11)
    print(*(f"{name:>{width}}" for name, width in columns), " where the time went")
    for stop, table in tables.items():
        print(_row(stop, table, seconds[stop], peak))
    if len(stops) < 2:
        return
    never, decided = (classify(table, ArticleRule()) for table in tables.values())
    print(f"decided takes {1 - seconds['decided'] / seconds['never']:.1%} less wall time (target {TARGET_SAVED:.0%})")
    print(f"the same label for {(never == decided).sum():,} of {len(never):,} runs")


def _run(spec: str, settings: list[str], stop: str, root: Path, cache: Path) -> float:
    grokjax = Path(sys.executable).with_name("grokjax")
    sets = [word for setting in settings for word in ("--set", setting)]
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(cache)}
    start = time.perf_counter()
    subprocess.run([grokjax, "run", spec, *sets, "--stop", stop, "--root", root], check=True, env=environment)
    return time.perf_counter() - start


def _peak() -> float:
    """FLOP/s of matrix products on all cores at once."""
    ((_, answers),) = on_workers(_core_peak, [1.0], cores())
    return sum(answers)


def _core_peak(seconds: float) -> float:
    from grokjax.sweeps.execute.device import use_one_thread  # noqa: PLC0415

    use_one_thread()
    multiply = matrix_product(seconds)
    meet()
    return 1e9 * multiply().best


def _row(stop: str, runs: pd.DataFrame, seconds: float, peak: float) -> str:
    costs = account(runs)
    share = float(runs["useful_flops"].sum()) / (peak * seconds)
    idle = costs.seconds["idle_lane"] / costs.seconds[["train", "measure", "idle_lane"]].sum()
    where = ", ".join(f"{name} {part:.1%}" for name, part in (costs.seconds / (cores() * seconds)).items())
    target = f"{TARGET:.2f}" if stop == "never" else "-"
    return f"{stop:>8} {len(runs):>6,} {seconds:>8,.1f} {share:>8.3f} {target:>6} {idle:>10.2%} {costs.idle_at_end:>11.1%}  {where}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="?", default="parity-demo", help="a shipped spec or a file (default: %(default)s)")
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="as --set of grokjax run")
    parser.add_argument("--root", type=Path)
    parser.add_argument("--never-alone", action="store_true", help="leave out the sweep whose runs end once they are decided")
    arguments = parser.parse_args()
    if arguments.root and arguments.root.exists() and any(arguments.root.iterdir()):
        parser.error(f"{arguments.root} is not empty; what is there already would not be timed")
    with tempfile.TemporaryDirectory() as temporary:
        stops = ("never",) if arguments.never_alone else ("never", "decided")
        main(arguments.spec, arguments.settings, arguments.root or Path(temporary), stops)
