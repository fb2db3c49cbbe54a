"""Trains a pack of runs: keeps the lanes of one program filled until every run has its curve."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokjax.config import RunConfig
from grokjax.lanes import MAX_ROWS, Metrics, Program, Tuning, program_of
from grokjax.metrics import finite_rows

Array = np.ndarray[Any, Any]

# The host looks in about this often: short enough for a lively progress bar, long enough that looking costs nothing ...
SEGMENT_SECONDS = 1.0
# ... and this often where a run may be over before its last step: what it trains beyond that is lost.
DECIDING_SEGMENT_SECONDS = 0.03
# Rows that are measured without training to learn what measuring costs.
ROWS_TO_TIME = 16

# Made anew for each run and given its rows [k] as they come: which of them decides its outcome for good; None while none does.
Decider = Callable[[], Callable[[Metrics], int | None]]


@dataclass(frozen=True)
class Curve:
    """A run's logged metrics over steps. Ends at `steps`, at the first row that is not finite, or where the run was decided."""

    step: Array  # [T] int
    metrics: dict[str, Array]  # [T] each, [T, H] those of each hidden unit


@dataclass(frozen=True)
class Snapshots:
    """Copies of a run's weights at some of its steps: `weights` by name, [K, ...] each."""

    step: Array  # [K] int
    weights: dict[str, Array]


@dataclass(frozen=True)
class RunResult:
    """A trained run, and its lane's share of the seconds that its pack spent on training steps and on measuring."""

    config: RunConfig
    curve: Curve
    train_seconds: float
    measure_seconds: float
    decided: bool


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

    Raises:
      ValueError: the runs are not of one group, or not logged alike.
    """
    alike = {(config.group_id, config.log_every, config.probes) for config in configs}
    if len(alike) != 1:
        raise ValueError(f"a pack holds runs of one group, log_every and probes, got {len(alike)}: {sorted(alike)}")
    program = program_of(configs[0].group_template(), tuning)
    return _Training(program, configs, report, decider, keep).run()


@dataclass
class _Occupant:
    """The run in a lane and what has been logged of it so far."""

    index: int
    config: RunConfig
    decides: Callable[[Metrics], int | None]
    logged: list[Metrics] = field(default_factory=list)  # consecutive rows, [k] each
    rows_left: int = 0
    train_seconds: float = 0.0
    measure_seconds: float = 0.0
    decided: bool = False
    rows: int = 0  # logged
    snapshots: dict[int, Metrics] = field(default_factory=dict)  # by logged row, the first being 0

    @classmethod
    def starting(cls, index: int, config: RunConfig, at_start: Metrics, decider: Decider | None) -> _Occupant:
        occupant = cls(index, config, _undecided if decider is None else decider(), rows_left=config.steps // config.log_every + 1)
        occupant.log({name: value[None] for name, value in at_start.items()})
        return occupant

    def log(self, rows: Metrics) -> bool:
        """Adds rows [k]; the run ends with the first that is not finite or decides it. Returns whether none came after that."""
        finite = finite_rows(rows)
        count = len(finite) if finite.all() else int(np.argmin(finite)) + 1
        rows_left = self.rows_left - count if finite.all() else 0
        deciding = self.decides({name: values[:count] for name, values in rows.items()})
        if deciding is not None and self.rows_left - (deciding + 1) > 0:  # before its last row
            count, rows_left, self.decided = deciding + 1, 0, True
        self.logged.append({name: values[:count] for name, values in rows.items()})
        self.rows, self.rows_left = self.rows + count, rows_left
        return count == len(finite)

    def rows_to_snapshot(self) -> int:
        """Rows until the weights are to be kept again, or until the run ends."""
        later = [row - (self.rows - 1) for row in self.config.snapshot_rows if row > self.rows - 1]
        return min([*later, self.rows_left])

    def kept(self) -> Snapshots:
        """The weights kept so far."""
        rows = sorted(self.snapshots)
        names = self.snapshots[rows[0]]
        return Snapshots(
            np.array(rows, np.int64) * self.config.log_every,
            {name: np.stack([self.snapshots[row][name] for row in rows]) for name in names},
        )

    def result(self) -> RunResult:
        metrics = {name: np.concatenate([rows[name] for rows in self.logged]) for name in self.logged[0]}
        steps = np.arange(len(next(iter(metrics.values()))), dtype=np.int64) * self.config.log_every
        return RunResult(self.config, Curve(steps, metrics), self.train_seconds, self.measure_seconds, self.decided)


def _undecided(rows: Metrics) -> None:
    return None


class _Training:
    """The lanes of a program, kept filled until every run of a pack has its result."""

    def __init__(
        self,
        program: Program,
        configs: Sequence[RunConfig],
        report: Callable[[int], None],
        decider: Decider | None,
        keep: Callable[[RunConfig, Snapshots], None],
    ) -> None:
        self._program, self._report, self._decider, self._keep = program, report, decider, keep
        self._log_every, self._runs = configs[0].log_every, len(configs)
        self._waiting = iter(enumerate(configs))
        self._lanes, self._occupants = program.empty(), dict[int, _Occupant]()
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
            for lane in [lane for lane, occupant in self._occupants.items() if not occupant.rows_left]:
                ended = self._occupants.pop(lane)
                if ended.snapshots:
                    self._keep(ended.config, ended.kept())
                ended.measure_seconds += timing / self._runs
                self._results[ended.index] = ended.result()
                self._take_next(lane)
        return PackResult([self._results[index] for index in sorted(self._results)], self._idle_seconds)

    def _take_next(self, lane: int) -> None:
        following = next(self._waiting, None)
        if following is not None:
            index, config = following
            self._lanes, row = self._program.put(self._lanes, lane, config)
            self._occupants[lane] = _Occupant.starting(index, config, row, self._decider)
            self._snapshot(lane)

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
                self._snapshot(lane)

    def _snapshot(self, lane: int) -> None:
        """Keeps the weights of a lane if its run is at one of its snapshots."""
        occupant = self._occupants[lane]
        row = occupant.rows - 1
        if row in occupant.config.snapshot_rows:
            occupant.snapshots[row] = self._program.weights(self._lanes, lane)


class _Pace:
    """How many rows make a segment of about so many seconds; the first is one row, to find out."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.rows = seconds, 1

    def saw(self, rows: int, seconds: float) -> None:
        self.rows = max(1, min(MAX_ROWS, round(rows * self._seconds / max(seconds, 1e-6))))
