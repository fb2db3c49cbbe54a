"""One run on its way through a lane: what has been logged of it, what it would go on from, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokjax.config import RunConfig
from grokjax.engine.program import Metrics, SavedState
from grokjax.metrics import finite_rows

Array = np.ndarray[Any, Any]

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
class Begun:
    """A run up to a logged row, from which training goes on bit for bit.

    `metrics` [T] or [T, ...] each. `state` is None where training cannot go on from there: the run diverged, or its lane had
    trained on. `snapshots` holds weights by logged row, counted from 0.
    """

    metrics: Metrics
    state: SavedState | None
    train_seconds: float
    measure_seconds: float
    snapshots: Mapping[int, Metrics]

    @property
    def rows(self) -> int:
        """Logged so far, the one before the first step among them."""
        return len(next(iter(self.metrics.values())))


@dataclass(frozen=True)
class RunResult:
    """A trained run, and its lane's share of the seconds that its pack spent on training steps and on measuring.

    `state` is what more steps would go on from; None where the run ended before its last step.
    """

    config: RunConfig
    curve: Curve
    train_seconds: float
    measure_seconds: float
    decided: bool
    state: SavedState | None


@dataclass
class Occupant:
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
    state: SavedState | None = None  # where the run has ended

    @classmethod
    def starting(cls, index: int, config: RunConfig, at_start: Metrics, decider: Decider | None) -> Occupant:
        """A run before its first step, with its metrics there."""
        occupant = cls(index, config, _undecided if decider is None else decider(), rows_left=config.steps // config.log_every + 1)
        occupant.log({name: value[None] for name, value in at_start.items()})
        return occupant

    @classmethod
    def going_on(cls, index: int, config: RunConfig, begun: Begun, decider: Decider | None) -> Occupant:
        """A run as far as it has come; its rows are looked at anew, as one after another when they were logged."""
        occupant = cls(index, config, _undecided if decider is None else decider(), rows_left=config.steps // config.log_every + 1)
        occupant.log(begun.metrics)
        occupant.train_seconds, occupant.measure_seconds = begun.train_seconds, begun.measure_seconds
        kept = [row for row in config.snapshot_rows if row < occupant.rows and row in begun.snapshots]
        occupant.snapshots = {row: begun.snapshots[row] for row in kept}
        occupant.state = begun.state if occupant.rows == begun.rows else None
        return occupant

    @property
    def reached_its_steps(self) -> bool:
        """Whether its last step is made."""
        return self.rows == self.config.steps // self.config.log_every + 1

    @property
    def lacks_snapshots(self) -> bool:
        """Whether weights were to be kept at a row that has gone by, and were not."""
        return any(row < self.rows and row not in self.snapshots for row in self.config.snapshot_rows)

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

    def begun(self, state: SavedState) -> Begun:
        """The run as far as it has come, with the state of its lane."""
        return Begun(self._metrics(), state, self.train_seconds, self.measure_seconds, dict(self.snapshots))

    def result(self) -> RunResult:
        """What came of the run."""
        curve = Curve(np.arange(self.rows, dtype=np.int64) * self.config.log_every, self._metrics())
        state = self.state if self.reached_its_steps else None
        return RunResult(self.config, curve, self.train_seconds, self.measure_seconds, self.decided, state)

    def _metrics(self) -> Metrics:
        return {name: np.concatenate([rows[name] for rows in self.logged]) for name in self.logged[0]}


def _undecided(rows: Metrics) -> None:
    return None
