"""Atomic writes of a root's files on a disk: each is written to a staging folder, then moved to its place in one step."""

import contextlib
import errno
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from grokjax.errors import StoreError

# Where files are written before they are moved into place. No tool reads tables from it.
STAGING = ".staging"
# Where the file system has no locks, a file in staging that is older than this belongs to a writer that was killed.
STALE_SECONDS = 600.0
MOST_ATTEMPTS = 3  # to write a file that another process deletes because it takes the writer for dead
logger = logging.getLogger(__name__)


def put_file(root: str, key: str, content: bytes, *, durable: bool) -> None:
    """Writes a file, replacing an existing one.

    With `durable`, the content and then the name are flushed to disk, so that after a power cut the file is whole or absent.

    Raises:
      ValueError: the key leads out of the root.
      OSError: the system refuses.
    """
    _write(root, key, content, os.replace, durable=durable)


def create_file(root: str, key: str, content: bytes) -> None:
    """Writes a durable file if there is none.

    Raises:
      FileExistsError: there is one.
      StoreError: the disk has no hard links, which are needed to decide between two writers.
      ValueError, OSError: as `put_file`.
    """
    _write(root, key, content, _link, durable=True)


@contextlib.contextmanager
def locked(root: str) -> Iterator[None]:
    """A context that holds a lock shared by all machines on the disk, if its file system supports locks."""
    path = Path(root, STAGING, "lock")
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        if not _lock(file):
            logger.warning("%s cannot be locked: another sweep in this root may overwrite a change", path)
        yield


def stale_files(root: str) -> list[Path]:
    """Files left by writers that were killed during a write. Version 0.1 staged files in their destination folder."""
    staged = [path for path in Path(root, STAGING).glob("*") if path.name != "lock" and _is_abandoned(path)]
    old = [path for path in Path(root).glob("*/*#*") if re.fullmatch(r".+\.(parquet|json|safetensors)#\d+", path.name)]
    return sorted([*staged, *(path for path in old if _age(path) > STALE_SECONDS)])


def _lock(file: IO[bytes], *, wait: bool = True) -> bool | None:
    """Locks a file until it is closed, also by the death of this process; None if its file system has no locks.

    Returns False if another process holds the lock and `wait` is False.
    """
    import fcntl  # noqa: PLC0415  (Windows has none, and readers there need none)

    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        logger.debug("%s cannot be locked: %s", file.name, error.strerror)
        return None
    return True


def _is_abandoned(staged: Path) -> bool:
    """Whether the writer of a staged file is dead: it no longer holds the lock, or, without locks, the file is old."""
    try:
        with staged.open("r+b") as file:
            free = _lock(file, wait=False)
    except FileNotFoundError:  # moved to its place meanwhile
        return False
    except (OSError, ImportError):  # a reader who may not write here, or has no locks
        free = None
    return _age(staged) > STALE_SECONDS if free is None else free


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # moved to its place meanwhile
        return 0.0


def _write(root: str, key: str, content: bytes, place: Callable[[Path, Path], None], *, durable: bool) -> None:
    path = _path(root, key)
    for folder in (path.parent, Path(root, STAGING)):
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _synchronise(folder.parent)
    for attempt in range(MOST_ATTEMPTS):
        try:
            _stage_and_place(root, path, content, place, durable=durable)
            break
        except FileNotFoundError:  # another process took the staged file before it was locked, or where locks are not shared
            if attempt + 1 == MOST_ATTEMPTS:
                raise
    if durable:
        _synchronise(path.parent)


def _stage_and_place(root: str, path: Path, content: bytes, place: Callable[[Path, Path], None], *, durable: bool) -> None:
    staged = Path(root, STAGING, uuid.uuid4().hex)
    try:
        with staged.open("xb") as file:
            _lock(file)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
            place(staged, path)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise StoreError(f"{path.parent} lies on another disk than {root}; a root must lie on one disk") from None
        raise
    finally:
        staged.unlink(missing_ok=True)


def _path(root: str, key: str) -> Path:
    relative = key.lstrip("/")
    if not {"", ".", ".."}.isdisjoint(relative.split("/")):
        raise ValueError(f"{key} is not a key of a root; it would lead out of the root")
    return Path(root, relative)


def _link(staged: Path, path: Path) -> None:
    try:
        os.link(staged, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
            raise
        raise StoreError(
            f"the disk of {path} has no hard links, which are needed to decide between two writers; choose a --root on another disk"
        ) from None


def _synchronise(folder: Path) -> None:
    """Flushes the names in a folder to the disk, where its file system can."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(opened)
