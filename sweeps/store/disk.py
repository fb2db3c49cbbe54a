"""Files of a root on a disk: each is written beside its place, whole, and put there in one step."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from grokjax.errors import StoreError

TORN_SECONDS = 600.0  # by then nobody writes on a file any more


def put_file(root: str, key: str, content: bytes, *, lasting: bool) -> None:
    """Writes a file, replacing any there was.

    A lasting one is brought to the disk first, and its name then: after a power cut too it is there whole or not at all.

    Raises:
      ValueError: the key leads out of the root.
      OSError: the system refuses.
    """
    _write(root, key, content, os.replace, lasting=lasting)


def create_file(root: str, key: str, content: bytes) -> None:
    """Writes a lasting file if there is none.

    Raises:
      FileExistsError: there is one.
      StoreError: the disk has no hard links, by which that is told.
      ValueError, OSError: as `put_file`.
    """
    _write(root, key, content, _link, lasting=True)


def drop_torn_files(root: str, folders: Iterable[str]) -> None:
    """Removes what writers that were killed in the middle of a file have left in these folders."""
    for path in (path for folder in folders for path in Path(root, folder).glob("*#*")):
        with contextlib.suppress(OSError):
            if re.fullmatch(r".+#\d+", path.name) and time.time() - path.stat().st_mtime > TORN_SECONDS:
                path.unlink()


def _write(root: str, key: str, content: bytes, place: Callable[[Path, Path], None], *, lasting: bool) -> None:
    path = _path(root, key)
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _synchronise(path.parent.parent)
    staged = path.with_name(f"{path.name}#{uuid.uuid4().int}")  # obstore lists no file that is called so
    try:
        with staged.open("xb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        place(staged, path)
    finally:
        staged.unlink(missing_ok=True)
    if lasting:
        _synchronise(path.parent)


def _path(root: str, key: str) -> Path:
    relative = key.lstrip("/")
    if not {"", ".", ".."}.isdisjoint(relative.split("/")):
        raise ValueError(f"{key} is no key of a root; it would lead out of it")
    return Path(root, relative)


def _link(staged: Path, path: Path) -> None:
    try:
        os.link(staged, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
            raise
        raise StoreError(
            f"the disk of {path} has no hard links, by which two writers agree who was first; choose a --root on another"
        ) from None


def _synchronise(folder: Path) -> None:
    """Brings the names in a folder to the disk, where its file system can."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(opened)
