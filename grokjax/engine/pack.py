"""Trains a pack of runs: keeps the lanes of one program filled until every run has its curve."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from grokjax.config import RunConfig
from grokjax.engine.lane_run import Begun, Decider, Occupant, RunResult, Snapshots
from grokjax.engine.program import MAX_ROWS, Metrics, Program, Tuning, program_of

Array = np.ndarray[Any, Any]

# The host looks in about this often: short enough for a lively progress bar, long enough that looking costs nothing ...
SEGMENT_SECONDS = 1.0
# ... and this often where a run may be over before its last step: what it trains beyond that is lost.
DECIDING_SEGMENT_SECONDS = 0.03
# Rows that are measured without training to learn what measuring costs.
ROWS_TO_TIME = 16


@dataclass(frozen=True)
class PackResult:
    """A trained pack: its runs in the order given, and what its lanes without a run would have been worth in seconds."""

    runs: list[RunResult]
    idle_seconds: float


def train_pack(
    configs: Sequence[RunConfig],
    tuning: Tuning,
    report: Callable[[int], None] = lambda run_steps: None,
    decider: Decider | None = None,
    keep: Callable[[RunConfig, Snapshots], None] = lambda config, snapshots: None,
    begun: Mapping[str, Begun] = MappingProxyType({}),
    checkpoint: Callable[[Callable[[], dict[str, Begun]]], None] = lambda begun: None,
) -> PackResult:
    """Trains runs of one group, `tuning.lane_width` at a time.

    A lane whose run ends takes the next one in the same compiled program. A run ends at its own `steps`, once a metric is not
    finite, or once it is decided; none of this touches any other lane.

    Args:
      configs: the runs; all of one `group_id` and logged equally often, with the same probes.
      tuning: how the program is compiled; its lane width is the runs trained side by side.
      report: called after every segment with the run-steps trained in it.
      decider: ends runs early; None trains all their steps.
      keep: called as each run that has `snapshots` ends, with those up to there.
      begun: by run_id, how far runs have come before, under the same tuning on the same kind of device; they go on from there.
      checkpoint: called after every segment with a function that tells how far all runs have come that have begun.

    Raises:
      ValueError: the runs are not of one group, or not logged alike.
    """
    alike = {(config.group_id, config.log_every, config.probes) for config in configs}
    if len(alike) != 1:
        raise ValueError(f"a pack holds runs of one group, log_every and probes, got {len(alike)}: {sorted(alike)}")
    program = program_of(configs[0].group_template(), tuning)
    return _Training(program, configs, report, decider, keep, begun, checkpoint).run()


class _Training:
    """The lanes of a program, kept filled until every run of a pack has its result."""

    def __init__(
        self,
        program: Program,
        configs: Sequence[RunConfig],
        report: Callable[[int], None],
        decider: Decider | None,
        keep: Callable[[RunConfig, Snapshots], None],
        begun: Mapping[str, Begun],
        checkpoint: Callable[[Callable[[], dict[str, Begun]]], None],
    ) -> None:
        self._program, self._report, self._decider, self._keep = program, report, decider, keep
        self._earlier, self._checkpoint = begun, checkpoint
        self._log_every, self._runs = configs[0].log_every, len(configs)
        self._waiting = iter(enumerate(configs))
        self._lanes, self._occupants = program.empty(), dict[int, Occupant]()
        self._results: dict[int, RunResult] = {}
        self._idle_seconds = 0.0

    def run(self) -> PackResult:
        began = time.perf_counter()
        for lane in range(self._program.lane_width):
            self._take_next(lane)
        filled = time.perf_counter()
        row_seconds = self._time_measuring()
        timing = time.perf_counter() - filled
        began += timing
        pace = _Pace(SEGMENT_SECONDS if self._decider is None else DECIDING_SEGMENT_SECONDS)
        while self._occupants:
            rows = min(pace.rows, *(occupant.rows_to_snapshot() for occupant in self._occupants.values()), MAX_ROWS)
            self._lanes, logged = self._program.advance(self._lanes, rows, self._log_every)
            took, began = time.perf_counter() - began, time.perf_counter()
            pace.saw(rows, took)
            self._share(took, min(took, rows * row_seconds))
            self._log(logged)
            self._report(rows * self._log_every * len(self._occupants))
            self._clear(timing / self._runs)
            self._checkpoint(self._begun)
        return PackResult([self._results[index] for index in sorted(self._results)], self._idle_seconds)

    def _clear(self, timing: float) -> None:
        """Takes the results of the runs that have ended, and gives their lanes to others."""
        ended = [lane for lane, occupant in self._occupants.items() if not occupant.rows_left]
        states = self._program.states(self._lanes) if ended else {}
        for lane in ended:
            occupant = self._occupants.pop(lane)
            occupant.measure_seconds += timing
            if occupant.reached_its_steps:
                occupant.state = {name: values[lane].copy() for name, values in states.items()}
            self._end(occupant)
            self._take_next(lane)

    def _end(self, occupant: Occupant) -> None:
        if occupant.snapshots:
            self._keep(occupant.config, occupant.kept())
        self._results[occupant.index] = occupant.result()

    def _begun(self) -> dict[str, Begun]:
        """How far every run has come that has begun."""
        begun = {
            ended.config.run_id: Begun(ended.curve.metrics, ended.state, ended.train_seconds, ended.measure_seconds, {})
            for ended in self._results.values()
        }
        states = self._program.states(self._lanes)
        return begun | {
            occupant.config.run_id: occupant.begun({name: values[lane] for name, values in states.items()})
            for lane, occupant in self._occupants.items()
        }

    def _take_next(self, lane: int) -> None:
        for index, config in self._waiting:
            occupant = self._going_on(index, config)
            if occupant is None:
                self._lanes, row = self._program.put(self._lanes, lane, config)
                occupant = Occupant.starting(index, config, row, self._decider)
                self._snapshot(lane, occupant)
            elif occupant.rows_left:
                assert occupant.state is not None
                self._lanes = self._program.put_back(self._lanes, lane, config, occupant.state)
            if occupant.rows_left:
                self._occupants[lane] = occupant
                return
            self._end(occupant)  # before its first step: it is not finite there, or decided; or it had ended before

    def _going_on(self, index: int, config: RunConfig) -> Occupant | None:
        """The run as far as it has come before; None if it has not, or cannot go on from there."""
        earlier = self._earlier.get(config.run_id)
        if earlier is None:
            return None
        occupant = Occupant.going_on(index, config, earlier, self._decider)
        stuck = occupant.rows_left and (occupant.state is None or occupant.lacks_snapshots)
        return None if stuck else occupant

    def _time_measuring(self) -> float:
        """Seconds that measuring one row of all lanes takes; the lanes stay as they are."""
        self._lanes, _ = self._program.advance(self._lanes, 1, log_every=0)  # into the caches
        start = time.perf_counter()
        self._lanes, _ = self._program.advance(self._lanes, ROWS_TO_TIME, log_every=0)
        return (time.perf_counter() - start) / ROWS_TO_TIME

    def _share(self, took: float, measuring: float) -> None:
        width = self._program.lane_width
        for occupant in self._occupants.values():
            occupant.measure_seconds += measuring / width
            occupant.train_seconds += (took - measuring) / width
        self._idle_seconds += took * (width - len(self._occupants)) / width

    def _log(self, logged: Metrics) -> None:
        for lane, occupant in self._occupants.items():
            if occupant.log({name: values[lane] for name, values in logged.items()}):
                self._snapshot(lane, occupant)

    def _snapshot(self, lane: int, occupant: Occupant) -> None:
        """Keeps the weights of a lane if the run in it is at one of its snapshots."""
        row = occupant.rows - 1
        if row in occupant.config.snapshot_rows:
            occupant.snapshots[row] = self._program.weights(self._lanes, lane)


class _Pace:
    """How many rows make a segment of about so many seconds; the first is one row, to find out."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.rows = seconds, 1

    def saw(self, rows: int, seconds: float) -> None:
        self.rows = max(1, min(MAX_ROWS, round(rows * self._seconds / max(seconds, 1e-6))))
