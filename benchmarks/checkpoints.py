"""Claim: saving packs in training takes at most 5 % of the time.

The first pack of three shipped specs, with fewer steps, is saved as often as the limit on its share of the time allows, without
a minimum interval. The last column compares the time of a save with the usual two minutes between saves.

    python -m benchmarks.checkpoints
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.machine import print_header
from grokjax.engine.lane_run import RunCheckpoint
from grokjax.sweeps.execute import worker
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.execute.plan import make_plan
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root

CASES = {
    "parity-article": ["hidden_size=258", "steps=4000"],
    "modular-main": ["steps=8000", "snapshots=81"],
    "transformer-addition": ["steps=300", "log_every=10"],
}


class Counted(worker.Checkpoints):
    """Records the duration and size of each save."""

    seconds: list[float]
    sizes: list[int]

    def save(self, checkpoints: Mapping[str, RunCheckpoint]) -> None:
        """Saves the checkpoints, and records duration and size."""
        put = Root.put

        def put_and_count(root: Root, key: str, content: bytes) -> None:
            put(root, key, content)
            self.sizes.append(len(content))

        with mock.patch.object(Root, "put", put_and_count):
            super().save(checkpoints)
        self.seconds.append(self.took)


def main() -> None:
    """Prints a row per pack: how often it was saved, size and duration of a save, and the share of the time."""
    print_header("saving packs in training")
    print(f"{'pack of':<22} {'runs':>4} {'trained':>9} {'saves':>5} {'MB':>6} {'ms':>6} {'share':>6}   at one in two minutes")
    for name, settings in CASES.items():
        Counted.seconds, Counted.sizes = [], []
        with tempfile.TemporaryDirectory() as folder:
            runs, seconds = _train(name, settings, Path(folder))
        each, share = sum(Counted.seconds) / len(Counted.seconds), sum(Counted.seconds) / seconds
        size = max(Counted.sizes) / 1e6
        print(
            f"{name:<22} {runs:>4} {seconds:>7.0f} s {len(Counted.sizes):>5} {size:>6.1f} {1000 * each:>6.0f} {share:>6.1%}   "
            f"{each / worker.CHECKPOINT_SECONDS:.2%} (target 5%)",
            flush=True,
        )


def _train(name: str, settings: list[str], root: Path) -> tuple[int, float]:
    """Trains the first pack of a spec; returns its number of runs, and the seconds from its first segment on."""
    spec = load_spec(name, settings)
    pack = make_plan(spec).packs[0]
    one = worker.Worker(worker.WorkerSetup(enter_spec(root, spec).address, None, True, None), time.time())
    began = 0.0

    class Begins(Counted):
        def __init__(self, root: Root, pack_id: str, made_by: Mapping[str, Any]) -> None:
            nonlocal began
            began = time.perf_counter()
            super().__init__(root, pack_id, made_by)

    with mock.patch.object(worker, "Checkpoints", Begins), mock.patch.object(worker, "CHECKPOINT_SECONDS", 0.0):
        one.train(pack)
    return len(pack.runs), time.perf_counter() - began


if __name__ == "__main__":
    main()
