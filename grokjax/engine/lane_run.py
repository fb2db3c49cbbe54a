"""One run in a lane: the rows logged so far, the checkpoint to resume it from, and its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokjax.config import RunConfig
from grokjax.engine.program import Metrics, SavedState
from grokjax.metrics import finite_rows

Array = np.ndarray[Any, Any]

# Called once per run. Returns a function that receives the run's rows [k] as they are logged, and returns the index of the row at
# which the run may stop, or None.
EarlyStop = Callable[[], Callable[[Metrics], int | None]]


@dataclass(frozen=True, eq=False)
class Curve:
    """A run's logged metrics over steps, up to the run's end: `steps`, the first non-finite row, or an early stop."""

    step: Array  # [T] int
    metrics: dict[str, Array]  # [T] each, or [T, H] with a number for each hidden unit


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Copies of a run's weights at K steps: `weights` by name, [K, ...] each."""

    step: Array  # [K] int
    weights: dict[str, Array]


@dataclass(frozen=True, eq=False)
class RunCheckpoint:
    """A run up to a logged row, from which training resumes bit for bit.

    `metrics` [T] or [T, ...] each. `state` is None where training cannot resume: the run diverged or was stopped early.
    `snapshots` holds weights by logged row, counted from 0.
    """

    metrics: Metrics
    state: SavedState | None
    train_seconds: float
    measure_seconds: float
    snapshots: Mapping[int, Metrics]

    @property
    def rows(self) -> int:
        """Number of logged rows, including the one at step 0."""
        return len(next(iter(self.metrics.values())))


@dataclass(frozen=True, eq=False)
class RunResult:
    """A trained run, and its lane's share of the seconds that its pack spent on training steps and on measuring.

    `decided` says that it was stopped early. `state` is the state to continue from with more steps; None if the run ended before
    its last step.
    """

    config: RunConfig
    curve: Curve
    train_seconds: float
    measure_seconds: float
    decided: bool
    state: SavedState | None

    def checkpoint(self) -> RunCheckpoint:
        """A checkpoint of the ended run."""
        return RunCheckpoint(self.curve.metrics, self.state, self.train_seconds, self.measure_seconds, snapshots={})


@dataclass
class LaneRun:
    """A run that occupies a lane, with what has been logged of it so far."""

    index: int  # in the pack
    config: RunConfig
    stops_at: Callable[[Metrics], int | None]
    logged: list[Metrics] = field(default_factory=list)  # consecutive rows, [k] each
    rows_left: int = 0
    train_seconds: float = 0.0
    measure_seconds: float = 0.0
    decided: bool = False
    rows: int = 0  # logged
    snapshots: dict[int, Metrics] = field(default_factory=dict)  # by logged row, counted from 0
    state: SavedState | None = None  # once the run has ended

    @classmethod
    def start(cls, index: int, config: RunConfig, first_row: Metrics, early_stop: EarlyStop | None) -> LaneRun:
        """A run before its first step. `first_row` holds its metrics there, scalars or [H]."""
        return cls._logged(index, config, {name: value[None] for name, value in first_row.items()}, early_stop)

    @classmethod
    def resume(cls, index: int, config: RunConfig, checkpoint: RunCheckpoint, early_stop: EarlyStop | None) -> LaneRun:
        """A run at a checkpoint. Replays the logged rows, and ends the run at one of them if it diverged or may stop there."""
        run = cls._logged(index, config, checkpoint.metrics, early_stop)
        run.train_seconds, run.measure_seconds = checkpoint.train_seconds, checkpoint.measure_seconds
        kept = [row for row in config.snapshot_rows if row < run.rows and row in checkpoint.snapshots]
        run.snapshots = {row: checkpoint.snapshots[row] for row in kept}
        run.state = checkpoint.state if run.rows == checkpoint.rows else None
        return run

    @classmethod
    def _logged(cls, index: int, config: RunConfig, rows: Metrics, early_stop: EarlyStop | None) -> LaneRun:
        stops_at = _never_stops if early_stop is None else early_stop()
        run = cls(index, config, stops_at, rows_left=config.steps // config.log_every + 1)
        run.log(rows)
        return run

    @property
    def is_complete(self) -> bool:
        """Whether the run's last step has been logged."""
        return self.rows == self.config.steps // self.config.log_every + 1

    @property
    def can_go_on(self) -> bool:
        """Whether a resumed run has ended, or has a state to train on from and every snapshot that was due."""
        lacks = any(row < self.rows and row not in self.snapshots for row in self.config.snapshot_rows)
        return not self.rows_left or (self.state is not None and not lacks)

    def log(self, rows: Metrics) -> bool:
        """Adds rows [k] up to the first that is non-finite or at which the run may stop. Returns whether all were added."""
        finite = finite_rows(rows)
        count = len(finite) if finite.all() else int(np.argmin(finite)) + 1
        rows_left = self.rows_left - count if finite.all() else 0
        stop = self.stops_at({name: values[:count] for name, values in rows.items()})
        if stop is not None and self.rows_left - (stop + 1) > 0:  # before its last row
            count, rows_left, self.decided = stop + 1, 0, True
        self.logged.append({name: values[:count] for name, values in rows.items()})
        self.rows, self.rows_left = self.rows + count, rows_left
        return count == len(finite)

    def rows_to_snapshot(self) -> int:
        """The number of rows until the next weight snapshot is due, or until the run ends."""
        later = [row - (self.rows - 1) for row in self.config.snapshot_rows if row > self.rows - 1]
        return min([*later, self.rows_left])

    def kept_snapshots(self) -> Snapshots:
        """The snapshots taken so far, in order. There must be at least one."""
        rows = sorted(self.snapshots)
        names = self.snapshots[rows[0]]
        return Snapshots(
            np.array(rows, np.int64) * self.config.log_every,
            {name: np.stack([self.snapshots[row][name] for row in rows]) for name in names},
        )

    def checkpoint(self, state: SavedState) -> RunCheckpoint:
        """A checkpoint of the run in its current state; `state` is the state of its lane."""
        return RunCheckpoint(self._metrics(), state, self.train_seconds, self.measure_seconds, dict(self.snapshots))

    def result(self) -> RunResult:
        """The result of a run that has ended."""
        curve = Curve(np.arange(self.rows, dtype=np.int64) * self.config.log_every, self._metrics())
        state = self.state if self.is_complete else None
        return RunResult(self.config, curve, self.train_seconds, self.measure_seconds, self.decided, state)

    def _metrics(self) -> Metrics:
        return {name: np.concatenate([rows[name] for rows in self.logged]) for name in self.logged[0]}


def _never_stops(rows: Metrics) -> None:
    return None
