"""How far a sweep has come, looked up again and again from storage alone."""

from __future__ import annotations

import functools
import io
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from grokjax.analysis.labels.early_stop import RuleName
from grokjax.config import RunConfig
from grokjax.errors import BadFileError
from grokjax.sweeps.execute.enter import specs_of
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.store.layout import Store, progress_at, unreadable
from grokjax.sweeps.store.read import leave_out, open_table

# A pack in training writes down its progress every second or so; older words are those of a worker that is gone.
STALE_SECONDS = 20.0
ALL = ""  # in place of a group's name
# Of a run, what says how far it was trained and whether that is all.
COLUMNS = ("run_id", "steps", "diverged_step", "stopped_by")
WINDOW_SECONDS = 60.0  # over which the pace is taken
REQUESTS_AT_ONCE = 16
# Of each look: with more packs in training than that, they take turns.
MOST_PROGRESS_READS = 64
# A runs file up to this size [bytes] is fetched by one request; of a larger one, only the columns needed.
SMALL_FILE = 4 * 2**20


@dataclass(frozen=True)
class Standing:
    """How far a sweep, or a group of it, has come at one look.

    `run_steps` are those asked for, less what runs that ended early were spared; `run_steps_done` has those of packs in training.
    """

    runs: int
    done: int
    quarantined: int
    running: int  # packs in training
    run_steps: int
    run_steps_done: int
    pace: float | None  # [run-steps/s] over the last minute; None while it is not known, or nothing moves

    @property
    def seconds_left(self) -> float | None:
        """At that pace."""
        left = self.run_steps - self.run_steps_done
        return left / self.pace if self.pace else None

    @property
    def finished(self) -> bool:
        """Whether every run is done or in quarantine."""
        return self.done + self.quarantined >= self.runs and not self.running


class _Count(Counter[str]):
    """A number for each group, and their sum."""

    def add(self, group_id: str | None, number: int) -> None:
        """Adds to a group's; None is one that is not known."""
        self[ALL] += number
        if group_id is not None:
            self[group_id] += number


@dataclass(frozen=True)
class _Asked:
    """What the specs of a root ask of some runs of a group."""

    group_id: str
    steps: int
    rule: RuleName | None  # under which a run may end early


@dataclass
class _InTraining:
    """What a pack wrote down last, and when that was seen to change, by the clock of this process."""

    run_steps: int
    at: float
    group_id: str | None
    read_at: float
    changed_at: float | None


class Watch:
    """Looks at a root. Each look lists three folders and reads what is new in them, and the progress of packs in training.

    A runs file that is cut short or foreign is left out with a BadFileWarning, and looked at again once its size changes.
    """

    def __init__(self, store: Store) -> None:
        """Reads the specs. Raises StoreError."""
        self._store = store
        self.templates: dict[str, RunConfig] = {}  # group_id -> one of its runs
        self._asked: dict[str, _Asked] = {}
        for spec in specs_of(store):
            for runs in groups_of(spec):
                group_id = runs.template.group_id
                self.templates.setdefault(group_id, runs.template)
                asked = _Asked(group_id, runs.template.steps, spec.stopping_rule)
                for run_id in runs.run_ids:
                    self._asked[run_id] = _both(self._asked[run_id], asked) if run_id in self._asked else asked
        self._runs, self._planned = _Count(), _Count()
        for asked in self._asked.values():
            self._runs.add(asked.group_id, 1)
            self._planned.add(asked.group_id, asked.steps)
        self._forget()
        self._quarantine: dict[str, frozenset[str]] = {}  # pack_id -> runs
        self._training: dict[str, _InTraining] = {}  # pack_id -> progress
        self._seen: deque[tuple[float, _Count]] = deque()  # when, and run-steps made

    def look(self, now: float) -> tuple[Standing, dict[str, Standing]]:
        """How far the sweep is, and each group of it. `now` is since the epoch [s]. Raises StoreError."""
        in_training = [key for key in self._store.keys("progress") if key.endswith(".json")]
        self._read_runs()  # after that: what is committed meanwhile is in one of the two
        self._read_quarantine()
        self._read_progress(in_training, now)
        running, quarantined, made = _Count(), _Count(), _Count(self._made)
        for pack in self._training.values():
            if pack.changed_at is not None:
                running.add(pack.group_id, 1)
                made.add(pack.group_id, pack.run_steps)
        for run_id in frozenset().union(*self._quarantine.values()) & self._asked.keys() - self._done:
            quarantined.add(self._asked[run_id].group_id, 1)
        self._seen.append((now, made))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_SECONDS:
            self._seen.popleft()
        groups = {
            group_id: Standing(
                runs=runs,
                done=self._done_in[group_id],
                quarantined=quarantined[group_id],
                running=running[group_id],
                run_steps=self._planned[group_id] - self._spared[group_id],
                run_steps_done=min(made[group_id], self._planned[group_id] - self._spared[group_id]),
                pace=self._pace(group_id),
            )
            for group_id, runs in self._runs.items()
        }
        return groups.pop(ALL), groups

    def _pace(self, group_id: str) -> float | None:
        (then, before), (now, after) = self._seen[0], self._seen[-1]
        made = after[group_id] - before[group_id]
        return made / (now - then) if now > then and made > 0 else None

    def _forget(self) -> None:
        self._files: dict[str, int] = {}  # runs file -> its size when it was read
        self._steps: dict[str, int] = {}  # run_id -> steps it has made
        self._done: set[str] = set()
        self._done_in, self._made, self._spared = _Count(), _Count(), _Count()  # runs; run-steps of committed runs; those spared

    def _read_runs(self) -> None:
        there = {key: size for key, size in self._store.sizes("runs").items() if key.endswith(".parquet")}
        if not self._files.keys() <= there.keys():  # something was moved away
            self._forget()
        new = {key: size for key, size in there.items() if self._files.get(key) != size}
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            for table in pool.map(self._read_runs_file, new.items()):
                self._enter(table)
        self._files |= new

    def _read_runs_file(self, entry: tuple[str, int]) -> pa.Table:
        key, size = entry
        try:
            if size > SMALL_FILE:
                file = open_table(self._store, key)
            else:
                file = open_table(self._store, key, io.BytesIO(self._store.get(key) or b""))
            return file.read([name for name in COLUMNS if name in file.schema_arrow.names])
        except BadFileError as error:
            leave_out(error)
        except (OSError, pa.ArrowException) as error:
            leave_out(unreadable(self._store, key, error))
        return pa.table({"run_id": pa.array([], pa.string())})

    def _enter(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            run_id = row["run_id"]
            asked = self._asked.get(run_id)
            if asked is None or run_id in self._done:
                continue
            steps = row.get("steps") or asked.steps  # of a version that had no such column
            self._made.add(asked.group_id, max(0, steps - self._steps.get(run_id, 0)))
            self._steps[run_id] = max(steps, self._steps.get(run_id, 0))
            if steps >= asked.steps or row.get("diverged_step") is not None or row.get("stopped_by") in {asked.rule} - {None}:
                self._done.add(run_id)
                self._done_in.add(asked.group_id, 1)
                self._spared.add(asked.group_id, max(0, asked.steps - steps))

    def _read_quarantine(self) -> None:
        there = {Path(key).stem: key for key in self._store.keys("quarantine") if key.endswith(".json")}
        for pack_id in self._quarantine.keys() - there.keys():
            del self._quarantine[pack_id]
        new = [pack_id for pack_id in there if pack_id not in self._quarantine]
        for pack_id, entry in zip(new, _read_all(self._store.get_json, [there[pack_id] for pack_id in new]), strict=True):
            if entry is not None:
                self._quarantine[pack_id] = frozenset(entry["run_ids"])

    def _read_progress(self, keys: Iterable[str], now: float) -> None:
        committed = {Path(key).stem for key in self._files}
        there = {Path(key).stem: key for key in keys if Path(key).stem not in committed}
        for pack_id in self._training.keys() - there.keys():
            del self._training[pack_id]
        by_age = sorted(there, key=lambda pack_id: self._training[pack_id].read_at if pack_id in self._training else 0.0)
        turn = by_age[:MOST_PROGRESS_READS]
        progress = _read_all(functools.partial(progress_at, self._store), [there[pack_id] for pack_id in turn])
        for pack_id, entry in zip(turn, progress, strict=True):
            if entry is not None:
                self._training[pack_id] = _in_training(entry, self._training.get(pack_id), now)


def _read_all(read: Callable[[str], dict[str, Any] | None], keys: Sequence[str]) -> list[dict[str, Any] | None]:
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        return list(pool.map(read, keys))


def _both(one: _Asked, other: _Asked) -> _Asked:
    """What two specs ask of the same run."""
    return one if one == other else _Asked(one.group_id, max(one.steps, other.steps), one.rule if one.rule == other.rule else None)


def _in_training(entry: dict[str, Any], before: _InTraining | None, now: float) -> _InTraining:
    """A pack's progress as it is read. Whether it moves is told by its changing, or at first by its clock, which may be wrong."""
    if before is not None and before.at == entry["at"]:
        alive = before.changed_at if before.changed_at is not None and now - before.changed_at < STALE_SECONDS else None
    elif before is not None:
        alive = now
    else:
        alive = now if abs(now - entry["at"]) < STALE_SECONDS else None
    return _InTraining(entry["run_steps"], entry["at"], entry.get("group_id"), now, alive)
