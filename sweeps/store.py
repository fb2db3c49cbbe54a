"""The store: plain Parquet files under a root, where creating a pack's runs file is the commit.

    specs/<spec>.json            each spec that was run into the root; created once
    groups/<group>.json          the tuning measured for a group on a kind of device; created once
    progress/<pack>.json         how far a pack in training has come; gone when it is committed
    weights/<run>.safetensors    copies of a run's weights at some of its steps, where a spec asks for them
    curves/<pack>.parquet        a row a run and logged step
    runs/<pack>.parquet          a row a run

A pack's weights and curves are written first, whole, then its runs file is created if absent. What has no runs file is a leftover
that a retry replaces. Every write appears at once or not at all. A committed file changes in one case only: runs that now stand in
another pack, trained further, are taken out of it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from sweeps.errors import StoreError

if TYPE_CHECKING:
    import pyarrow.dataset as ds

# Rows in a row group of the curves: small enough that reading a few runs skips nearly all of a file.
ROWS_PER_GROUP = 16_384


class Store:
    """A root that results are written to and read from."""

    def __init__(self, root: str | Path, *, create: bool = False) -> None:
        """Opens a root.

        Raises:
          StoreError: `create` is off and there is nothing there; or the root is a file or cannot be written.
        """
        if re.match(r"\w+:/", str(root)):  # pathlib folds the two slashes of an address
            raise StoreError(f"{root} is an address; a root is a folder on a disk that all workers share")
        self.root = Path(root)
        if create and not holds_sweep(root) and (strangers := _strangers(self.root)):
            raise StoreError(f"{root} holds other files ({strangers[0]} ...); choose a new or empty folder as --root")
        if not create and not holds_sweep(root):
            raise StoreError(f"{root} holds no sweep; give the --root of a grokjax run")
        try:
            self._objects = LocalStore(self.root, mkdir=create)
            if create:
                self.put("progress/.probe", b"")
                self.delete("progress/.probe")
        except (OSError, obstore.exceptions.BaseError) as error:
            raise StoreError(f"cannot write to root {root}: {_reason(error)}; choose another --root") from None

    def put(self, key: str, content: bytes) -> None:
        """Writes the whole object, replacing any there was."""
        obstore.put(self._objects, key, content)

    def create(self, key: str, content: bytes) -> bool:
        """Writes the whole object if there is none; returns whether this call did it."""
        try:
            obstore.put(self._objects, key, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def get(self, key: str) -> bytes | None:
        """The object's content; None if there is none."""
        try:
            return bytes(obstore.get(self._objects, key).bytes())
        except FileNotFoundError:
            return None

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            obstore.head(self._objects, key)
        except FileNotFoundError:
            return False
        return True

    def get_json(self, key: str) -> dict[str, Any] | None:
        """The object as JSON; None if there is none."""
        content = self.get(key)
        return None if content is None else json.loads(content)

    def delete(self, key: str) -> None:
        """Removes the object if it is there."""
        with contextlib.suppress(FileNotFoundError):
            obstore.delete(self._objects, key)

    def keys(self, folder: str) -> Iterator[str]:
        """The keys of the objects in a folder."""
        for batch in obstore.list(self._objects, prefix=folder):
            for entry in batch:
                yield entry["path"]

    def drop_runs(self, pack_id: str, run_ids: AbstractSet[str]) -> None:
        """Takes runs out of a committed pack's files, curves first; the files stay, even empty: the pack stays committed."""
        for table in ("curves", "runs"):
            key = f"{table}/{pack_id}.parquet"
            content = pq.read_table(self.root / key)
            self.put(key, _parquet(content.filter(pc.invert(pc.is_in(content["run_id"], pa.array(list(run_ids), pa.string()))))))

    def dataset(self, table: str) -> ds.Dataset | None:
        """The table "runs" or "curves" over all committed packs, columns joined by name; None while nothing is committed.

        Raises:
          StoreError: a file is missing, cut short, or no Parquet file.
        """
        packs = sorted(Path(key).name for key in self.keys("runs") if key.endswith(".parquet"))
        if not packs:
            return None
        import pyarrow.dataset as ds  # noqa: PLC0415  (loads pandas, half a second that a fresh sweep does not need)

        paths = [str(self.root / table / name) for name in packs]
        schema = pa.unify_schemas([_schema(path) for path in paths], promote_options="permissive")
        return ds.dataset(paths, format="parquet", schema=schema)


def holds_sweep(root: str | Path) -> bool:
    """Whether a sweep was ever run into `root`. Raises StoreError if that cannot be seen."""
    try:
        if Path(root).exists() and not Path(root).is_dir():
            raise StoreError(f"root {root} is a file; choose a folder as --root")
        return (Path(root) / "specs").is_dir()
    except OSError as error:
        raise StoreError(f"cannot read root {root}: {_reason(error)}; choose another --root") from None


def put_curves(store: Store, pack_id: str, curves: pa.Table) -> None:
    """Writes a pack's curves, unless another try has committed it, whose files then stand."""
    if not store.exists(f"runs/{pack_id}.parquet"):
        store.put(f"curves/{pack_id}.parquet", _parquet(curves))


def commit_runs(store: Store, pack_id: str, runs: pa.Table) -> bool:
    """Commits a pack whose curves are written; returns False if it was committed before."""
    created = store.create(f"runs/{pack_id}.parquet", _parquet(runs))
    store.delete(f"progress/{pack_id}.json")
    return created


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
        raise StoreError(f"cannot read {store.root / key}: {_reason(error)}; restore it") from None


def write_progress(store: Store, pack_id: str, progress: Mapping[str, Any]) -> None:
    """Says how far a pack in training has come."""
    store.put(f"progress/{pack_id}.json", json.dumps(progress).encode())


def read_progress(store: Store) -> dict[str, dict[str, Any]]:
    """How far the packs in training have come, by pack_id; leftovers of killed workers among them until their pack is retried."""
    keys = list(store.keys("progress"))
    found = {Path(key).stem: store.get_json(key) for key in keys if key.endswith(".json")}
    return {pack_id: progress for pack_id, progress in found.items() if progress is not None}


def _strangers(root: Path) -> list[str]:
    ours = ("specs", "groups", "progress", "weights", "curves", "runs")
    return sorted(entry.name for entry in root.iterdir() if entry.name not in ours) if root.is_dir() else []


def _schema(path: str) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"cannot read {path}: {_reason(error)}; restore it, or move its runs file away to train the pack again"
        ) from None


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=ROWS_PER_GROUP)
    return buffer.getvalue()


def _reason(error: Exception) -> str:
    told = str(error).splitlines()[0] if str(error) else type(error).__name__
    return getattr(error, "strerror", None) or told
