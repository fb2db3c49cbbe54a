"""The progress of a sweep, read from its root alone, once or repeatedly, for `grokjax status`."""

import io
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.errors import BadFileError
from grokjax.sweeps.store.done import COMMITTED, KEYS, Tally
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.read import concat_rows, naming_bad_file, open_table, warn_left_out
from grokjax.sweeps.store.root import Root

STALE_SECONDS = (
    20.0  # packs in training write their progress about every second; after this long without, a pack counts as abandoned
)
SETTLING_SECONDS = 3.0  # between two looks, to see whether a pack is in training if its worker's clock differs from ours
WINDOW_SECONDS = 60.0  # over which the speed is averaged
MOST_PROGRESS_READS = 64  # per look of a watch; with more packs in training, they take turns
SMALL_FILE = 4 * 2**20  # bytes; a runs object up to this size is fetched in one request, of a larger one only the columns needed

Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Counts:
    """The progress of a sweep or of one of its groups.

    `run_steps` counts the steps asked for, without those that runs skipped because they ended early; `run_steps_done` counts steps
    of committed runs and of packs in training.
    """

    runs: int
    done: int
    quarantined: int
    running: int  # packs in training
    run_steps: int
    run_steps_done: int
    speed: float | None  # [run-steps/s] over the last minute; None if unknown, or without any progress

    @property
    def seconds_left(self) -> float | None:
        """The remaining time [s] at the current speed."""
        left = self.run_steps - self.run_steps_done
        return left / self.speed if self.speed else None

    @property
    def finished(self) -> bool:
        """Whether every run is done or in quarantine."""
        return self.done + self.quarantined >= self.runs and not self.running


class PackProgress(NamedTuple):
    """A pack's last written progress, and when this process saw it change."""

    group_id: str | None
    run_steps: int  # made
    of: int  # to make
    at: float  # by its worker's clock [s since the epoch]
    read_at: float
    changed_at: float | None  # None: it is not known to be in training


class Watch:
    """Follows the progress of a root. Each `look` lists three folders, and reads new files and the progress of packs in training.

    A runs file that is truncated or foreign is skipped with a BadFileWarning, and read again once its size changes.
    """

    def __init__(self, root: Root, columns: Collection[str] = (), progress_reads: int | None = MOST_PROGRESS_READS) -> None:
        """Reads the planned runs. Raises StoreError.

        Args:
          root: where the sweep is run to.
          columns: of the runs table, kept in `rows` in addition to KEYS.
          progress_reads: of how many packs in training each look reads the progress; of all when None.
        """
        self._root, self._columns = root, frozenset([*KEYS, *columns])
        self._planned, self._progress_reads = planned_runs(root, ()), progress_reads
        groups = self._planned.runs["group_id"].combine_chunks().dictionary_encode()
        self.groups: list[str] = groups.dictionary.to_pylist()
        self._group = groups.indices.to_numpy()  # [N]
        self._asked = self._planned.runs["steps"].to_numpy()  # [N]
        self._quarantine: dict[str, frozenset[str]] = {}  # pack_id -> runs
        self._training: dict[str, PackProgress] = {}  # pack_id -> progress
        self._seen: deque[tuple[float, Numbers]] = deque()  # time, and run-steps made [groups + 1]
        self._forget()

    @property
    def rows(self) -> pa.Table:
        """The committed rows read so far, with KEYS and those of the requested columns that the files have."""
        return concat_rows(list(self._tables.values()), None if self._tables else COMMITTED)

    @property
    def training(self) -> list[PackProgress]:
        """The packs in training."""
        return [pack for pack in self._training.values() if pack.changed_at is not None]

    @property
    def left(self) -> frozenset[str]:
        """The planned runs that are not done."""
        return frozenset(self._planned.runs["run_id"].filter(pa.array(~self._tally.done)).to_pylist())

    @property
    def settled(self) -> bool:
        """Whether it is known of every pack with progress that it is in training or abandoned, so that no second look is needed."""
        return len(self.training) == len(self._training)

    def look(self, now: float) -> tuple[Counts, dict[str, Counts]]:
        """The progress of the sweep and of each group. `now` is in seconds since the epoch. Raises StoreError."""
        in_training = self._root.names("progress")
        self._read_runs()  # read last, so that a pack that is committed meanwhile is seen in one of the two
        self._read_quarantine()
        self._read_progress(in_training, now)
        done = self._tally.done
        steps = np.where(done, self._tally.steps, self._asked)  # [N]
        made = self._per_group(np.where(done, self._tally.steps, self._tally.resumable_steps))
        running = np.zeros(len(made), np.int64)
        for pack in self.training:
            for place in {len(self.groups), self._place(pack.group_id)}:
                running[place] += 1
                made[place] += pack.run_steps
        self._seen.append((now, made))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_SECONDS:
            self._seen.popleft()
        set_aside = pc.is_in(
            self._planned.runs["run_id"], pa.array(sorted(frozenset().union(*self._quarantine.values())), pa.string())
        )
        columns = [self._per_group(each) for each in (np.ones(len(done)), done, set_aside.to_numpy() & ~done)]
        run_steps = self._per_group(steps)
        columns += [running, run_steps, np.minimum(made, run_steps)]
        names = ("runs", "done", "quarantined", "running", "run_steps", "run_steps_done")
        rows = zip(*(column.tolist() for column in columns), strict=True)
        counts = [
            Counts(**dict(zip(names, row, strict=True)), speed=speed) for row, speed in zip(rows, self._speeds(), strict=True)
        ]
        return counts[-1], dict(zip(self.groups, counts, strict=False))

    def _per_group(self, values: Numbers) -> Numbers:
        """Sums [groups + 1] of values of the planned runs [N], over each group and over all runs."""
        sums = np.bincount(self._group, values, minlength=len(self.groups))
        return np.append(sums, sums.sum()).astype(np.int64)

    def _place(self, group_id: str | None) -> int:
        return self.groups.index(group_id) if group_id in self.groups else len(self.groups)

    def _speeds(self) -> list[float | None]:
        (then, before), (now, after) = self._seen[0], self._seen[-1]
        made = after - before
        return [float(each) / (now - then) if now > then and each > 0 else None for each in made]

    def _forget(self) -> None:
        self._files: dict[str, int] = {}  # runs file -> its size when it was read
        self._tables: dict[str, pa.Table] = {}
        self._tally = Tally(self._planned)

    def _read_runs(self) -> None:
        stored = {key: size for key, size in self._root.sizes("runs").items() if key.endswith(".parquet")}
        if not self._files.keys() <= stored.keys():  # a file was moved away
            self._forget()
        new = {key: size for key, size in stored.items() if self._files.get(key) != size}
        with ThreadPoolExecutor(self._root.readers) as pool:
            tables = {
                key: table for key, table in zip(new, pool.map(self._read_runs_file, new.items()), strict=True) if table is not None
            }
        if tables:
            self._tally.add(concat_rows(list(tables.values()), COMMITTED), lambda: self._root.names("states"))
        self._tables |= tables
        self._files |= new

    def _read_runs_file(self, entry: tuple[str, int]) -> pa.Table | None:
        key, size = entry
        try:
            with naming_bad_file(self._root, key):
                whole = size <= SMALL_FILE and not self._root.is_local
                file = open_table(self._root, key, io.BytesIO(self._root.get(key) or b"") if whole else None)
                return file.read([name for name in file.schema.names if name in self._columns], use_threads=False)
        except BadFileError as error:
            warn_left_out(error)
            return None

    def _read_quarantine(self) -> None:
        stored = self._root.names("quarantine")
        self._quarantine = {pack_id: runs for pack_id, runs in self._quarantine.items() if pack_id in stored}
        new = [pack_id for pack_id in stored if pack_id not in self._quarantine]
        for pack_id, entry in self._root.read_entries("quarantine", new).items():
            self._quarantine[pack_id] = frozenset(entry["run_ids"])

    def _read_progress(self, packs: Iterable[str], now: float) -> None:
        left = {pack_id for pack_id in packs if self._root.key("runs", pack_id) not in self._files}
        self._training = {pack_id: pack for pack_id, pack in self._training.items() if pack_id in left}
        by_age = sorted(left, key=lambda pack_id: self._training[pack_id].read_at if pack_id in self._training else 0.0)
        for pack_id, entry in self._root.read_entries("progress", by_age[: self._progress_reads]).items():
            self._training[pack_id] = _in_training(entry, self._training.get(pack_id), now)


def _in_training(entry: Mapping[str, Any], before: PackProgress | None, now: float) -> PackProgress:
    """A pack's progress as read now. It counts as active if it changed; at the first look its own timestamp decides."""
    if before is None:
        changed_at = now if abs(now - entry["at"]) < STALE_SECONDS else None
    elif before.at != entry["at"]:
        changed_at = now
    else:
        changed_at = before.changed_at if before.changed_at is not None and now - before.changed_at < STALE_SECONDS else None
    return PackProgress(entry.get("group_id"), entry["run_steps"], entry.get("of", 0), entry["at"], now, changed_at)
