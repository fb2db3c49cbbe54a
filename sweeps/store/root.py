"""A root: the layout of a sweep's files, and the commit of a pack, which creates its runs file last.

    format.json                  the version of this layout; absent in roots of version 0.1
    specs/<spec>.json            each spec that was run into the root, with its latest [resources]
    planned/<spec>.parquet       the runs that the spec plans: a row per run, with its hyperparameters
    groups/<group>-<device>.json the tuning measured for a group on a kind of device; created once
    limits/<group>.json          how many runs a pack of a group may hold, after one ran out of memory
    quarantine/<pack>.json       runs that used up their attempts, with the error
    progress/<pack>.json         how far a pack in training has come; deleted when it is committed
    checkpoints/<pack>.safetensors  the state of a pack in training, to resume from; deleted when it is committed
    states/<pack>.safetensors    the final states of a pack's runs, from which they can be trained for more steps
    weights/<run>.safetensors    copies of a run's weights at some of its steps, where a spec asks for them
    curves/<pack>.parquet        a row per run and logged step
    runs/<pack>.parquet          a row per run
    logs/<host>-<pid>.log        what a driver or a worker did and why; for people only
    .staging/                    files that are being written, on a disk

A pack's weights, states and curves are written first, then its runs file is created if absent. Curves without a runs file are
left over from a killed worker; a retry replaces them. Every attempt at a pack writes identical curves, so it does not matter
whose file survives: low bits depend on the group's tuning and the kind of device, and `verify` names runs that do not match their
curves. Every write is atomic. A committed file changes only if one of its runs is in another pack too: a run that was trained
further in the other pack is removed, and a run that the other pack stopped earlier is marked as decided by that rule (see
`duplicates`). A pack that has lost all its runs in this way is trained again if a spec asks for it. A compacted root has bundles
of packs in place of packs (see `compact`).
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from grokjax.errors import StoreError, reason
from grokjax.sweeps.store.disk import STAGING, STALE_SECONDS, stale_files
from grokjax.sweeps.store.objects import ObjectStore

LAYOUT_VERSION = (
    1  # the layout version in format.json, which version 0.1 did not write. Raise it when older versions would misread a root.
)
FORMAT_KEY = "format.json"
Folder = Literal[
    "specs", "planned", "groups", "limits", "quarantine", "progress", "checkpoints", "states", "weights", "curves", "runs"
]
SUFFIXES: dict[Folder, str] = {
    **dict.fromkeys(("specs", "groups", "limits", "quarantine", "progress"), ".json"),
    **dict.fromkeys(("checkpoints", "states", "weights"), ".safetensors"),
    **dict.fromkeys(("planned", "curves", "runs"), ".parquet"),
}
# Rows per row group of the curves: so few that reading a few runs skips nearly all of a file.
ROWS_PER_GROUP = 16_384
# A runs table has many short columns: zstd makes it a tenth smaller than snappy, but twice as slow to read and write.
COMPRESSION = {"runs": "snappy", "curves": "zstd"}
# Files read in parallel from an object store, where most of the time is waiting; for a disk, one thread per core is fastest.
READERS = 32

Table = Literal["runs", "curves"]
TABLES: tuple[Table, ...] = ("runs", "curves")
logger = logging.getLogger(__name__)


class Root(ObjectStore):
    """A folder or an address that sweeps are run into. Only this class knows the keys of its files.

    Use `Root.open` to read a root and `Root.create` to write to one. The constructor does not access the root.
    """

    @classmethod
    def open(cls, root: str | Path | Root) -> Root:
        """Opens a root for reading. A `Root` that was opened before is returned unchanged.

        Raises StoreError if it holds no sweep, was written by a newer version, or cannot be read.
        """
        if isinstance(root, Root):
            return root
        opened = cls(root)
        if not opened.holds_sweep():
            raise StoreError(f"{root} holds no sweep; give the --root of a grokjax run")
        return opened

    @classmethod
    def create(cls, root: str | Path | Root) -> Root:
        """Opens a root for writing, or creates one. Deletes what killed writers left in it.

        Raises StoreError if it is a file, holds other files, was written by a newer version, or cannot be written safely.
        """
        created = root if isinstance(root, Root) else cls(root)
        if not created.holds_sweep() and created.is_local and (others := _others(Path(created.address))):
            raise StoreError(f"{root} holds other files ({others[0]} ...); choose a new or empty folder as --root")
        if created.is_local:
            created.first_request(lambda: Path(created.address).mkdir(parents=True, exist_ok=True), "write to")
        created.check_create()
        created.delete_stale()
        return created

    def holds_sweep(self) -> bool:
        """Whether a sweep was ever run into the root. Raises StoreError if it cannot be read, or only by a newer version."""
        if self.is_local and not self.first_request(self._is_folder, "read"):
            return False
        if (content := self.first_request(lambda: self._get(FORMAT_KEY), "read")) is not None:
            self._check_format(content)
            return True
        if self.is_local:
            return self.first_request(lambda: Path(self.address, "specs").is_dir(), "read")
        return bool(self.first_request(lambda: self._list("specs"), "read"))

    def _is_folder(self) -> bool:
        path = Path(self.address)
        if path.exists() and not path.is_dir():
            raise StoreError(f"root {self} is a file; choose a folder as --root")
        return path.is_dir()

    def _check_format(self, content: bytes) -> int:
        """The format that the content of format.json names. Raises StoreError if it is newer than this version reads."""
        entry = self.parse_json(FORMAT_KEY, content)
        if not isinstance(entry.get("format"), int):
            raise StoreError(f"{self}/{FORMAT_KEY} names no format; restore it, or move it away")
        if entry["format"] > LAYOUT_VERSION:
            raise StoreError(
                f"{self} has format {entry['format']}, written by grokjax {entry.get('grokjax')}; this version reads formats up to "
                f"{LAYOUT_VERSION}; upgrade grokjax"
            )
        return int(entry["format"])

    def mark_format(self) -> None:
        """Records the version of the layout that is written from now on. Raises StoreError if the root has a newer one."""
        content, mark = self.get(FORMAT_KEY), to_json({"format": LAYOUT_VERSION, "grokjax": metadata.version("grokjax")})
        if content is None:
            self.put_if_absent(FORMAT_KEY, mark)
        elif self._check_format(content) < LAYOUT_VERSION:
            self.put(FORMAT_KEY, mark)

    @property
    def readers(self) -> int:
        """The number of files to read in parallel."""
        return pa.cpu_count() if self.is_local else READERS

    # Files by folder and name: the id of a spec, group, pack or run, or the name of a bundle.

    def key(self, folder: Folder, name: str) -> str:
        """The key of a file."""
        return f"{folder}/{name}{SUFFIXES[folder]}"

    def names(self, folder: Folder) -> list[str]:
        """The names of the files in a folder, sorted. Progress of killed workers is among them until their packs are retried."""
        return [Path(key).stem for key in self.keys(folder) if key.endswith(SUFFIXES[folder])]

    def read_entries(self, folder: Folder, names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """The JSON files of a folder by name, by default all; without those that are deleted meanwhile. Raises StoreError.

        Progress is not written durably, so files of `progress` that a power cut spoiled are left out too.
        """
        names = self.names(folder) if names is None else names
        with ThreadPoolExecutor(self.readers) as pool:
            found = dict(zip(names, pool.map(functools.partial(self._entry, folder), names), strict=True))
        return {name: entry for name, entry in found.items() if entry is not None}

    def _entry(self, folder: Folder, name: str) -> dict[str, Any] | None:
        key = self.key(folder, name)
        content = self.get(key)
        try:
            return None if content is None else self.parse_json(key, content)
        except StoreError:
            if folder == "progress":
                return None
            raise

    # Tables.

    def table_keys(self, table: Table) -> list[str]:
        """The keys of a table's files, for all committed packs. Raises StoreError."""
        return [self.key(table, name) for name in self.names("runs")]

    def put_curves(self, pack_id: str, curves: pa.Table) -> None:
        """Writes a pack's curves, unless another attempt has committed it."""
        if not self.is_committed(pack_id):
            self.put(self.key("curves", pack_id), parquet_bytes(curves, COMPRESSION["curves"]))

    def commit_runs(self, pack_id: str, runs: pa.Table) -> bool:
        """Commits a pack whose curves are written; returns False if it was committed before."""
        created = self.put_if_absent(self.key("runs", pack_id), parquet_bytes(runs, COMPRESSION["runs"]))
        self.delete_traces(pack_id)
        return created

    def is_committed(self, pack_id: str) -> bool:
        """Whether a pack has its runs file."""
        return self.exists(self.key("runs", pack_id))

    def discard_pack(self, pack_id: str) -> None:
        """Deletes the tables of a pack that has no runs left, so that it can be trained again."""
        for table in TABLES:
            self.remove(self.key(table, pack_id))

    # Weights and states.

    def put_weights(self, run_id: str, step: np.ndarray, weights: Mapping[str, np.ndarray]) -> None:
        """Writes copies of a run's weights: `step` [K], and [K, ...] for each weight."""
        tensors = {"step": step, **{f"weights.{name}": values for name, values in weights.items()}}
        self.put(self.key("weights", run_id), save_tensors(tensors))

    def get_weights(self, run_id: str) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
        """The steps and weights that `put_weights` wrote; None if there are none.

        Raises StoreError if the file is truncated or has another format.
        """
        key = self.key("weights", run_id)
        content = self.get(key)
        if content is None:
            return None
        try:
            tensors = load_tensors(content)
            return tensors.pop("step"), {name.removeprefix("weights."): tensor for name, tensor in tensors.items()}
        except Exception as error:  # of a Rust library, several kinds
            raise StoreError(f"cannot read {self}/{key}: {reason(error)}; restore it") from None

    # Packs in training, quarantine, limits and tunings.

    def write_progress(self, pack_id: str, progress: Mapping[str, Any]) -> None:
        """Writes the progress of a pack in training."""
        self.put(self.key("progress", pack_id), json.dumps(progress).encode(), durable=False)

    def delete_traces(self, pack_id: str) -> None:
        """Deletes a pack's progress and checkpoint, which are needed only during training."""
        self.delete(self.key("progress", pack_id))
        self.delete(self.key("checkpoints", pack_id))

    def put_in_quarantine(self, pack_id: str, run_ids: Sequence[str], error: str) -> None:
        """Puts a pack's runs in quarantine, with the error."""
        entry = {"run_ids": list(run_ids), "error": error, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        self.put(self.key("quarantine", pack_id), to_json(entry))

    def quarantine(self) -> dict[str, dict[str, Any]]:
        """The packs in quarantine, by pack_id: `run_ids`, `error` and `at` (time)."""
        return self.read_entries("quarantine")

    def set_limit(self, group_id: str, runs: int) -> None:
        """Records how many runs a pack of a group may hold, unless a lower limit is recorded."""
        known = self.limit_of(group_id)
        if known is None or runs < known:
            self.put(self.key("limits", group_id), json.dumps({"runs": runs}).encode())

    def limit_of(self, group_id: str) -> int | None:
        """The largest number of runs that a pack of a group may hold; None if no limit is known."""
        entry = self.get_json(self.key("limits", group_id))
        return None if entry is None else int(entry["runs"])

    def tuning_key(self, group_id: str, device: str) -> str:
        """The key of the tuning of a group on a kind of device."""
        return self.key("groups", f"{group_id}-{''.join(letter if letter.isalnum() else '-' for letter in device.lower())}")

    def tunings_of(self, group_ids: Collection[str]) -> Iterator[dict[str, Any]]:
        """The tunings that are recorded for groups, on any kind of device."""
        for name in self.names("groups"):
            if name.partition("-")[0] in group_ids and (entry := self.get_json(self.key("groups", name))):
                yield entry["tuning"]

    # Leftovers of killed processes.

    def stale(self) -> list[str]:
        """Files left by writers that were killed during a write: paths on a disk, keys in an object store."""
        if self.is_local:
            return [str(path) for path in stale_files(self.address)]
        return [f"{self}/{key}" for key in self.keys(STAGING, untouched=STALE_SECONDS)]

    def delete_stale(self) -> None:
        """Deletes the files of `stale`. What cannot be deleted stays."""
        for name in self.stale():
            logger.info("deleting %s, left by a writer that was killed", name)
            with contextlib.suppress(OSError, StoreError):
                Path(name).unlink() if self.is_local else self.delete(name.removeprefix(f"{self}/"))

    def delete_leftovers(self) -> None:
        """Deletes what killed workers and drivers left: stale files, checkpoints, and all progress, which live workers write again.

        Checkpoints of uncommitted packs stay, since another spec of the root may resume from them. Files that cannot be deleted are
        skipped.
        """
        self.delete_stale()
        left = [self.key("progress", pack_id) for pack_id in self.names("progress")]
        left += [key for key in self.keys("checkpoints") if self.is_committed(Path(key).stem)]
        for key in left:
            logger.info("deleting %s, left by a worker that was killed", key)
            with contextlib.suppress(StoreError):
                self.delete(key)


def parquet_bytes(rows: pa.Table, compression: str, **options: Any) -> bytes:
    """A table as the content of a Parquet file, with page checksums."""
    buffer = io.BytesIO()
    options = {"row_group_size": ROWS_PER_GROUP, "write_page_checksum": True, **options}
    pq.write_table(rows, buffer, compression=compression, **options)
    return buffer.getvalue()


def _others(folder: Path) -> list[str]:
    """The entries of a folder that do not belong to a root."""
    own = {*SUFFIXES, "logs", STAGING, FORMAT_KEY}
    return sorted(entry.name for entry in folder.iterdir() if entry.name not in own) if folder.is_dir() else []


def to_json(entry: Mapping[str, Any]) -> bytes:
    """The content of a JSON file, indented for readers."""
    return json.dumps(entry, indent=1).encode()
