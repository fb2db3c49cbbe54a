"""A read-only Arrow filesystem over the objects of a store, read range by range."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.spec import AbstractBufferedFile
from pyarrow import fs

if TYPE_CHECKING:
    from grokjax.sweeps.store.objects import ObjectStore


def object_files(objects: ObjectStore) -> fs.FileSystem:
    """An Arrow filesystem over the objects of a store, with keys as paths."""
    return fs.PyFileSystem(fs.FSSpecHandler(_Files(objects)))


class _Files(fsspec.AbstractFileSystem):
    cachable = False

    def __init__(self, objects: ObjectStore) -> None:
        super().__init__()
        self._objects = objects

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and type of the object at a path. Raises FileNotFoundError, StoreError."""
        size = self._objects.size(path)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return {"name": path, "size": size, "type": "file"}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> _File:
        return _File(self, path, cache_type="none")  # Arrow already requests the ranges it needs

    def fetch(self, path: str, start: int, end: int) -> bytes:
        """The object's bytes from `start` to `end`. Raises StoreError."""
        return self._objects.read_range(path, start, end)


class _File(AbstractBufferedFile):
    def _fetch_range(self, start: int, end: int) -> bytes:
        content: bytes = self.fs.fetch(self.path, start, end)
        return content
