"""The store: plain Parquet files under a root, where creating a pack's runs file is the commit.

    specs/<spec>.json            each spec that was run into the root, with what its workers last took of a cluster
    groups/<group>.json          the tuning measured for a group on a kind of device; created once
    limits/<group>.json          how many runs a pack of a group may hold, where one ran out of memory
    quarantine/<pack>.json       runs that failed as often as they may, with why
    progress/<pack>.json         how far a pack in training has come; gone when it is committed
    checkpoints/<pack>.safetensors  how far the runs of a pack in training have come, to go on from; gone when it is committed
    states/<pack>.safetensors    where the runs of a pack ended, for more steps to go on from
    weights/<run>.safetensors    copies of a run's weights at some of its steps, where a spec asks for them
    curves/<pack>.parquet        a row a run and logged step
    runs/<pack>.parquet          a row a run
    logs/<host>-<pid>.log        what a driver or a worker did and why; no reader needs it

A pack's weights, states and curves are written first, whole, then its runs file is created if absent. What has no runs file is a
leftover that a retry replaces. All tries of a pack write the same curves, so it is all one whose stay: bits depend on the group's
tuning and the kind of device, and `verify` names runs that end otherwise than their curves. Every write appears at once or
not at all. A committed file changes in one case only: runs that now stand in another pack, trained further, are taken out of it,
and a pack that is left without any is trained anew where it is asked for again. A compacted root has bundles of packs in the place
of packs (`compact`).
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from grokjax.errors import BadFileError, StoreError, reason, remedy
from grokjax.sweeps.store.disk import drop_torn_files
from grokjax.sweeps.store.objects import Storage, is_address

# What a root holds.
FOLDERS = ("specs", "groups", "limits", "quarantine", "progress", "checkpoints", "states", "weights", "curves", "runs", "logs")
# Rows in a row group of the curves: small enough that reading a few runs skips nearly all of a file.
ROWS_PER_GROUP = 16_384
# A runs table is many short columns: zstd makes it a tenth smaller than snappy, and twice as slow to read and to write.
COMPRESSION = {"runs": "snappy", "curves": "zstd"}
# Files read at once from an object store, where each waits for answers; from a disk a thread a core is fastest.
READERS = 32
# By then nobody is in the middle of anything any more.
LEFT_SECONDS = 3600.0

StatesFolder = Literal["checkpoints", "states"]


class Store(Storage):
    """A root that results are written to and read from."""

    def __init__(self, root: str | Path, *, create: bool = False) -> None:
        """Opens a root.

        Raises:
          StoreError: `create` is off and there is nothing there; or the root is a file, or cannot be written safely.
        """
        if not create and not holds_sweep(root):
            raise StoreError(f"{root} holds no sweep; give the --root of a grokjax run")
        super().__init__(root, create=create)
        if create and self.is_local and not holds_sweep(root) and (strangers := _strangers(Path(root))):
            raise StoreError(f"{root} holds other files ({strangers[0]} ...); choose a new or empty folder as --root")
        if create:
            self.check_create()

    @property
    def readers(self) -> int:
        """How many files to read at once."""
        return pa.cpu_count() if self.is_local else READERS

    def files(self, table: str) -> list[str]:
        """The keys of the files of a table, of all committed packs. Raises StoreError."""
        return [f"{table}/{Path(key).name}" for key in self.keys("runs") if key.endswith(".parquet")]


def holds_sweep(root: str | Path) -> bool:
    """Whether a sweep was ever run into `root`. Raises StoreError if that cannot be seen."""
    if is_address(root):
        return any(True for _ in Storage(root).keys("specs"))
    try:
        if Path(root).exists() and not Path(root).is_dir():
            raise StoreError(f"root {root} is a file; choose a folder as --root")
        return (Path(root) / "specs").is_dir()
    except OSError as error:
        raise StoreError(f"cannot read root {root}: {reason(error)}; choose another --root") from None


def put_curves(store: Store, pack_id: str, curves: pa.Table) -> None:
    """Writes a pack's curves, unless another try has committed it, whose files then stand."""
    if not store.exists(f"runs/{pack_id}.parquet"):
        put_table(store, "curves", pack_id, curves)


def commit_runs(store: Store, pack_id: str, runs: pa.Table) -> bool:
    """Commits a pack whose curves are written; returns False if it was committed before."""
    created = store.create(f"runs/{pack_id}.parquet", _parquet("runs", runs))
    drop_traces(store, pack_id)
    return created


def drop_traces(store: Store, pack_id: str) -> None:
    """Removes what only a pack in training needs."""
    store.delete(f"progress/{pack_id}.json")
    store.delete(f"checkpoints/{pack_id}.safetensors")


def drop_torn_writes(store: Store) -> None:
    """Removes what writers that were killed in the middle of a file have left on a disk."""
    if store.is_local:
        drop_torn_files(store.root, FOLDERS)


def drop_leftovers(store: Store) -> None:
    """Removes what killed workers and drivers left: all progress, since live ones write theirs again, and old checkpoints.

    Checkpoints of packs that are not committed may be what another spec of the root goes on with. What cannot be removed stays.
    """
    drop_torn_writes(store)
    left = [key for key in store.keys("progress") if key.endswith(".json")]
    left += store.keys("progress", untouched=LEFT_SECONDS)  # probes
    left += [key for key in store.keys("checkpoints") if store.exists(f"runs/{Path(key).stem}.parquet")]
    for key in left:
        with contextlib.suppress(StoreError):
            store.delete(key)


def unreadable(store: Store, key: str, error: Exception) -> BadFileError:
    """What to say of a Parquet file that cannot be read."""
    helps = remedy(error) or "restore it, or move its runs file away to train the pack again"
    return BadFileError(f"cannot read {store.root}/{key}: {reason(error)}; {helps}")


def joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all schemas, by name."""
    different = [schema for before, schema in itertools.pairwise(schemas) if not schema.equals(before)]
    return pa.unify_schemas([*schemas[:1], *different], promote_options="permissive")


def put_weights(store: Store, run_id: str, step: np.ndarray, weights: Mapping[str, np.ndarray]) -> None:
    """Writes copies of a run's weights: `step` [K], and [K, ...] for each weight."""
    store.put(
        f"weights/{run_id}.safetensors", save_tensors({"step": step, **{f"weights.{name}": w for name, w in weights.items()}})
    )


def get_weights(store: Store, run_id: str) -> tuple[np.ndarray, dict[str, np.ndarray]] | None:
    """What `put_weights` wrote; None if there is nothing.

    Raises:
      StoreError: the file is cut short or no such file.
    """
    key = f"weights/{run_id}.safetensors"
    content = store.get(key)
    if content is None:
        return None
    try:
        tensors = load_tensors(content)
        return tensors.pop("step"), {name.removeprefix("weights."): tensor for name, tensor in tensors.items()}
    except Exception as error:  # of a Rust library, several kinds
        raise StoreError(f"cannot read {store.root}/{key}: {reason(error)}; restore it") from None


def put_states(store: Store, folder: StatesFolder, pack_id: str, content: bytes) -> None:
    """Writes the states of a pack's runs, as `grokjax.sweeps.execute.checkpoints` makes them."""
    store.put(f"{folder}/{pack_id}.safetensors", content)


def get_states(store: Store, folder: StatesFolder, pack_id: str) -> bytes | None:
    """What `put_states` wrote; None if there is nothing."""
    return store.get(f"{folder}/{pack_id}.safetensors")


def write_progress(store: Store, pack_id: str, progress: Mapping[str, Any]) -> None:
    """Says how far a pack in training has come."""
    store.put(f"progress/{pack_id}.json", json.dumps(progress).encode(), lasting=False)


def read_progress(store: Store) -> dict[str, dict[str, Any]]:
    """How far the packs in training have come, by pack_id; leftovers of killed workers among them until their pack is retried."""
    return _entries(store, "progress", functools.partial(progress_at, store))


def progress_at(store: Store, key: str) -> dict[str, Any] | None:
    """What `write_progress` wrote at a key; None if there is nothing, or what a loss of power made of it. Raises StoreError."""
    try:
        told = json.loads(store.get(key) or b"null")
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def put_in_quarantine(store: Store, pack_id: str, run_ids: Sequence[str], error: str) -> None:
    """Sets runs aside that failed as often as they may, with why."""
    entry = {"run_ids": list(run_ids), "error": error, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    store.put(f"quarantine/{pack_id}.json", json.dumps(entry, indent=1).encode())


def quarantine(store: Store) -> dict[str, dict[str, Any]]:
    """What is set aside, by pack_id: `run_ids`, `error`, `at`."""
    return _entries(store, "quarantine", store.get_json)


def set_limit(store: Store, group_id: str, runs: int) -> None:
    """Remembers how many runs a pack of a group may hold, unless it may hold fewer already."""
    known = limit_of(store, group_id)
    if known is None or runs < known:
        store.put(f"limits/{group_id}.json", json.dumps({"runs": runs}).encode())


def limit_of(store: Store, group_id: str) -> int | None:
    """How many runs a pack of a group may hold; None where that is not known."""
    entry = store.get_json(f"limits/{group_id}.json")
    return None if entry is None else int(entry["runs"])


def limits(store: Store) -> dict[str, int]:
    """How many runs a pack may hold, by group_id, where it is known."""
    return {group_id: int(entry["runs"]) for group_id, entry in _entries(store, "limits", store.get_json).items()}


def _entries(store: Store, folder: str, read: Callable[[str], dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    """The JSON objects of a folder by name, but for those that went while it was read."""
    keys = [key for key in store.keys(folder) if key.endswith(".json")]
    with ThreadPoolExecutor(store.readers) as pool:
        found = dict(zip((Path(key).stem for key in keys), pool.map(read, keys), strict=True))
    return {name: entry for name, entry in found.items() if entry is not None}


def _strangers(root: Path) -> list[str]:
    return sorted(entry.name for entry in root.iterdir() if entry.name not in FOLDERS) if root.is_dir() else []


def put_table(store: Store, table: str, file: str, rows: pa.Table) -> None:
    """Writes a whole file of the table "runs" or "curves", named by its stem, in the place of the one there was."""
    store.put(f"{table}/{file}.parquet", _parquet(table, rows))


def _parquet(table: str, rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression=COMPRESSION[table], row_group_size=ROWS_PER_GROUP, write_page_checksum=True)
    return buffer.getvalue()
