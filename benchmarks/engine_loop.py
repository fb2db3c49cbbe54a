"""This package as a contender: training steps in the lanes of the engine."""

from __future__ import annotations

import time

from benchmarks.problem import Array, run_config
from grokjax.engine.program import Tuning, program_of
from grokjax.engine.tuning import measure_tuning

RUNS = 45  # of a group of the published sweep


class EngineLoop:
    """Lanes of the parity task that hold the runs of seeds 0, 1, ...; a call trains `steps` steps and logs one row."""

    def __init__(self, hidden_size: int, train_size: int, steps: int, tuning: Tuning) -> None:
        self.models, self.steps = tuning.lane_width, steps
        self.form = f"{tuning.lane_width} {tuning.dot_library}"
        configs = [run_config(hidden_size, train_size, steps, seed) for seed in range(self.models)]
        self.step_flops = configs[0].useful_flops() // steps
        self._program = program_of(configs[0].group_template(), tuning)
        self._lanes = self._program.empty()
        for lane, config in enumerate(configs):
            self._lanes, row = self._program.put(self._lanes, lane, config)
        self.losses: Array = row["train_loss"]

    @classmethod
    def tuned(cls, hidden_size: int, train_size: int) -> EngineLoop:
        """The loop under the tuning that a sweep would choose, with rows so far apart that logging one costs little."""
        tuning = measure_tuning(run_config(hidden_size, train_size, steps=100), runs=RUNS)
        steps = max(200, min(5000, 120_000 // hidden_size // 100 * 100)) // tuning.lane_width
        return cls(hidden_size, train_size, steps, tuning)

    def train(self) -> None:
        """Trains all lanes for `steps` steps; afterwards `losses` [B] holds the training losses."""
        self._lanes, logged = self._program.advance(self._lanes, 1, self.steps)
        self.losses = logged["train_loss"][:, -1]

    def run_steps_per_second(self) -> float:
        """Times one call of `train`."""
        start = time.perf_counter()
        self.train()
        return self.models * self.steps / (time.perf_counter() - start)
