"""Trains a pack of runs: the host loop that keeps the lanes of one program filled until every run has its curve."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from grokjax.config import RunConfig
from grokjax.engine.lane_run import EarlyStop, LaneRun, RunCheckpoint, RunResult, Snapshots
from grokjax.engine.program import MAX_ROWS, Metrics, Program, Tuning, program_of

logger = logging.getLogger(__name__)

# Length of a segment: short enough for a lively progress bar, long enough to cost nothing ...
SEGMENT_SECONDS = 1.0
# ... and its length if runs may stop early, because steps trained past that point are wasted.
EARLY_STOP_SEGMENT_SECONDS = 0.03
# Rows that are measured without training, to time the measuring.
ROWS_TO_TIME = 16


@dataclass(frozen=True)
class PackCallbacks:
    """The functions that `train_pack` calls on the host between segments."""

    # Called after each segment, with the run-steps trained in it.
    on_progress: Callable[[int], None] = lambda run_steps: None
    # Called when a run with `snapshots` ends, with the snapshots taken so far.
    on_snapshots: Callable[[RunConfig, Snapshots], None] = lambda config, snapshots: None
    # Called after each segment; if true, the checkpoints of all started runs are passed, by run_id, to `save_checkpoints`.
    checkpoint_is_due: Callable[[], bool] = lambda: False
    save_checkpoints: Callable[[dict[str, RunCheckpoint]], None] = lambda checkpoints: None
    # Ends runs early; None trains every run to its last step.
    early_stop: EarlyStop | None = None


@dataclass(frozen=True, eq=False)
class PackResult:
    """A trained pack: its runs in the order given, and the lane-seconds during which lanes were empty."""

    runs: list[RunResult]
    idle_seconds: float


def train_pack(
    configs: Sequence[RunConfig],
    tuning: Tuning,
    callbacks: PackCallbacks = PackCallbacks(),
    resume_from: Mapping[str, RunCheckpoint] = MappingProxyType({}),
) -> PackResult:
    """Trains runs of one group, `tuning.lane_width` at a time.

    A lane whose run ends takes the next run in the same compiled program. A run ends at its own `steps`, at the first metric that
    is not finite, or where it may stop early; none of this affects any other lane.

    Args:
      configs: the runs; all with the same `group_id`, `log_every` and `probes`.
      tuning: how the program is compiled; its lane width is the number of runs trained side by side.
      callbacks: progress, snapshots, checkpoints and early stopping.
      resume_from: checkpoints by run_id, made under the same tuning on the same kind of device.

    Raises:
      ValueError: the runs differ in group_id, log_every or probes.
    """
    alike = {(config.group_id, config.log_every, config.probes) for config in configs}
    if len(alike) != 1:
        raise ValueError(f"a pack holds runs of one group, log_every and probes, got {len(alike)}: {sorted(alike)}")
    return _Training(program_of(configs[0].group_template(), tuning), configs, callbacks, resume_from).run()


class _Training:
    """The state of `train_pack`: the lanes, and the runs that wait for a lane, occupy one, or have ended."""

    def __init__(
        self,
        program: Program,
        configs: Sequence[RunConfig],
        callbacks: PackCallbacks,
        resume_from: Mapping[str, RunCheckpoint],
    ) -> None:
        self._program = program
        self._callbacks = callbacks
        self._resume_from = resume_from
        self._log_every = configs[0].log_every
        self._count = len(configs)
        self._waiting = iter(enumerate(configs))
        self._lanes = program.empty()
        self._lane_runs: dict[int, LaneRun] = {}  # by lane
        self._results: dict[int, RunResult] = {}  # by index in the pack
        self._idle_seconds = 0.0

    def run(self) -> PackResult:
        began = time.perf_counter()
        for lane in range(self._program.lane_width):
            self._fill(lane)
        filled = time.perf_counter()
        row_seconds = self._time_measuring()
        timing = time.perf_counter() - filled
        began += timing
        segment = _Segment(SEGMENT_SECONDS if self._callbacks.early_stop is None else EARLY_STOP_SEGMENT_SECONDS)
        while self._lane_runs:
            rows = min(segment.rows, *(run.rows_to_snapshot() for run in self._lane_runs.values()), MAX_ROWS)
            self._lanes, logged = self._program.advance(self._lanes, rows, self._log_every)
            seconds, began = time.perf_counter() - began, time.perf_counter()
            segment.adapt(rows, seconds)
            self._account(seconds, min(seconds, rows * row_seconds))
            self._log(logged)
            self._callbacks.on_progress(rows * self._log_every * len(self._lane_runs))
            self._replace_ended(timing / self._count)
            if self._callbacks.checkpoint_is_due():
                self._callbacks.save_checkpoints(self._checkpoints())
        return PackResult([self._results[index] for index in sorted(self._results)], self._idle_seconds)

    def _replace_ended(self, timing: float) -> None:
        """Collects the results of runs that have ended and refills their lanes. `timing`: seconds of measuring to add to each."""
        ended = [lane for lane, run in self._lane_runs.items() if not run.rows_left]
        states = self._program.states(self._lanes) if ended else {}
        for lane in ended:
            run = self._lane_runs.pop(lane)
            run.measure_seconds += timing
            if run.is_complete:
                run.state = {name: values[lane].copy() for name, values in states.items()}
            self._end(run)
            self._fill(lane)

    def _end(self, run: LaneRun) -> None:
        if run.snapshots:
            self._callbacks.on_snapshots(run.config, run.kept_snapshots())
        self._results[run.index] = run.result()

    def _checkpoints(self) -> dict[str, RunCheckpoint]:
        """Checkpoints of all runs that have started, by run_id."""
        ended = {result.config.run_id: result.checkpoint() for result in self._results.values()}
        states = self._program.states(self._lanes)
        return ended | {
            run.config.run_id: run.checkpoint({name: values[lane] for name, values in states.items()})
            for lane, run in self._lane_runs.items()
        }

    def _fill(self, lane: int) -> None:
        """Puts the next waiting run into a lane; runs without steps left to make end at once."""
        for index, config in self._waiting:
            run = self._resumed(index, config)
            if run is None:
                self._lanes, row = self._program.put(self._lanes, lane, config)
                run = LaneRun.start(index, config, row, self._callbacks.early_stop)
                self._snapshot(lane, run)
            elif run.rows_left:
                assert run.state is not None
                self._lanes = self._program.put_back(self._lanes, lane, config, run.state)
            if run.rows_left:
                self._lane_runs[lane] = run
                return
            self._end(run)  # not finite at step 0, stopped early there, or ended before the checkpoint

    def _resumed(self, index: int, config: RunConfig) -> LaneRun | None:
        """The run restored from its checkpoint; None if it has none or cannot continue from it."""
        checkpoint = self._resume_from.get(config.run_id)
        if checkpoint is None:
            return None
        run = LaneRun.resume(index, config, checkpoint, self._callbacks.early_stop)
        if not run.can_go_on:
            logger.info("run %s starts again: its checkpoint has no state to continue from, or lacks a snapshot", config.run_id)
            return None
        return run

    def _time_measuring(self) -> float:
        """Seconds that measuring one row of all lanes takes. Does not change the lanes."""
        self._lanes, _ = self._program.advance(self._lanes, 1, log_every=0)  # warms the caches
        start = time.perf_counter()
        self._lanes, _ = self._program.advance(self._lanes, ROWS_TO_TIME, log_every=0)
        return (time.perf_counter() - start) / ROWS_TO_TIME

    def _account(self, seconds: float, measuring: float) -> None:
        """Divides the seconds of a segment, `measuring` of them spent on logged rows, among the lanes."""
        width = self._program.lane_width
        for run in self._lane_runs.values():
            run.measure_seconds += measuring / width
            run.train_seconds += (seconds - measuring) / width
        self._idle_seconds += seconds * (width - len(self._lane_runs)) / width

    def _log(self, logged: Metrics) -> None:
        for lane, run in self._lane_runs.items():
            if run.log({name: values[lane] for name, values in logged.items()}):
                self._snapshot(lane, run)

    def _snapshot(self, lane: int, run: LaneRun) -> None:
        """Copies the weights of a lane if a snapshot of the run in it is due at its last logged row."""
        row = run.rows - 1
        if row in run.config.snapshot_rows:
            run.snapshots[row] = self._program.weights(self._lanes, lane)


class _Segment:
    """Chooses how many logged rows the next segment has, so that it takes about `seconds`. The first has one row, to measure."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.rows = 1

    def adapt(self, rows: int, seconds: float) -> None:
        """Sets the length of the next segment from the time that the last one took."""
        self.rows = max(1, min(MAX_ROWS, round(rows * self._seconds / max(seconds, 1e-6))))
