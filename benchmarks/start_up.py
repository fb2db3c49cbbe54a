"""Claim: from `grokjax run parity-demo` to the first trained steps takes at most 13 s with a warm compilation cache.

Starts the command in new roots and waits for the first progress of a pack, which its worker writes after its first segment of
training. The first start warms the cache and is not counted.

    python -m benchmarks.start_up
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import print_header

ROUNDS = 5
TARGET = 13


def main() -> None:
    """Prints the seconds of each start."""
    print_header("from the command to the first trained steps, compilation cache warm")
    with tempfile.TemporaryDirectory() as folder:
        seconds = [_start(Path(folder) / str(turn)) for turn in range(ROUNDS + 1)][1:]
    shown = ", ".join(f"{value:.1f}" for value in seconds)
    print(f"{shown}: median {statistics.median(seconds):.1f} s (target {TARGET})")


def _start(root: Path) -> float:
    grokjax = Path(sys.executable).with_name("grokjax")
    start = time.perf_counter()
    with subprocess.Popen([grokjax, "run", "parity-demo", "--root", root], stderr=subprocess.DEVNULL) as command:
        while not any((root / "progress").glob("*.json")):
            if command.poll() is not None:
                raise RuntimeError(f"grokjax run ended with {command.returncode} before it trained")
            time.sleep(0.01)
        took = time.perf_counter() - start
        command.send_signal(signal.SIGTERM)
    return took


if __name__ == "__main__":
    main()
