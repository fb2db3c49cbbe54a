"""Trains a pack of runs: keeps the lanes of one program filled until every run has its curve."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.config import RunConfig
from grokjax.lanes import MAX_ROWS, Lanes, Metrics, Program, Tuning, program_of

Array = np.ndarray[Any, Any]

# The host looks in about this often; short enough for a lively progress bar, long enough that looking costs nothing.
SEGMENT_SECONDS = 1.0


@dataclass(frozen=True)
class Curve:
    """A run's logged metrics over steps. Ends at `steps`, or at the first row that is not finite."""

    step: Array  # [T] int
    metrics: dict[str, Array]  # [T] each


@dataclass(frozen=True)
class RunResult:
    """A trained run: its config, its curve, and its share in seconds of the time its pack's lanes took."""

    config: RunConfig
    curve: Curve
    seconds: float


def train_pack(
    configs: Sequence[RunConfig], tuning: Tuning, report: Callable[[int], None] = lambda run_steps: None
) -> list[RunResult]:
    """Trains runs of one group, `tuning.lane_width` at a time, and returns their results in the order given.

    A lane whose run ends takes the next one in the same compiled program. A run ends at its own `steps`, or once a metric is not
    finite; neither touches any other lane.

    Args:
      configs: the runs; all of one `group_id`.
      tuning: how the program is compiled; its lane width is the runs trained side by side.
      report: called after every segment with the run-steps trained in it.

    Raises:
      ValueError: the runs are not of one group.
    """
    groups = {config.group_id for config in configs}
    if len(groups) != 1:
        raise ValueError(f"a pack holds runs of one group, got {len(groups)}: {sorted(groups)}")
    program = program_of(configs[0].group_template(), tuning)
    results = dict(_results(program, configs, report))
    return [results[index] for index in range(len(configs))]


@dataclass
class _Occupant:
    """The run in a lane and what has been logged of it so far."""

    index: int
    config: RunConfig
    logged: list[Metrics]  # consecutive rows, [k] each
    rows_left: int
    seconds: float = 0.0

    @classmethod
    def starting(cls, index: int, config: RunConfig, at_start: Metrics) -> _Occupant:
        first_row = {name: np.atleast_1d(value) for name, value in at_start.items()}
        return cls(index, config, [first_row], rows_left=config.steps // config.log_every)

    def log(self, rows: Metrics, seconds: float) -> None:
        """Adds rows [k]; the run ends with the first that is not finite."""
        finite = np.logical_and.reduce([np.isfinite(values) for values in rows.values()])
        count = len(finite) if finite.all() else int(np.argmin(finite)) + 1
        self.logged.append({name: values[:count] for name, values in rows.items()})
        self.rows_left = self.rows_left - count if finite.all() else 0
        self.seconds += seconds

    def result(self) -> RunResult:
        metrics = {name: np.concatenate([rows[name] for rows in self.logged]) for name in self.logged[0]}
        steps = np.arange(len(next(iter(metrics.values()))), dtype=np.int64) * self.config.log_every
        return RunResult(self.config, Curve(steps, metrics), self.seconds)


def _results(program: Program, configs: Sequence[RunConfig], report: Callable[[int], None]) -> Iterator[tuple[int, RunResult]]:
    waiting = iter(enumerate(configs))
    began = time.perf_counter()
    lanes, occupants = program.empty(), dict[int, _Occupant]()
    for lane in range(program.lane_width):
        lanes = _take_next(program, lanes, lane, occupants, waiting)
    pace = _Pace()
    while occupants:
        rows = min(pace.rows(), *(occupant.rows_left for occupant in occupants.values()), MAX_ROWS)
        lanes, logged = program.advance(lanes, rows)
        took, began = time.perf_counter() - began, time.perf_counter()
        pace.saw(rows, took)
        for lane, occupant in occupants.items():
            occupant.log({name: values[lane] for name, values in logged.items()}, took / len(occupants))
        report(rows * configs[0].log_every * len(occupants))
        for lane, occupant in [item for item in occupants.items() if not item[1].rows_left]:
            yield occupant.index, occupant.result()
            lanes = _take_next(program, lanes, lane, occupants, waiting)


def _take_next(
    program: Program, lanes: Lanes, lane: int, occupants: dict[int, _Occupant], waiting: Iterator[tuple[int, RunConfig]]
) -> Lanes:
    following = next(waiting, None)
    if following is None:
        occupants.pop(lane, None)
        return lanes
    index, config = following
    lanes, row = program.put(lanes, lane, config)
    occupants[lane] = _Occupant.starting(index, config, row)
    return lanes


class _Pace:
    """How many rows make a segment of about SEGMENT_SECONDS; the first is one row, to find out."""

    def __init__(self) -> None:
        self._rows = 1

    def rows(self) -> int:
        return self._rows

    def saw(self, rows: int, seconds: float) -> None:
        self._rows = max(1, min(MAX_ROWS, round(rows * SEGMENT_SECONDS / max(seconds, 1e-6))))
