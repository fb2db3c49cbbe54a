"""Whole objects under keys, on a disk or in an object store, by the same few calls: put, create, get, list, delete."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import obstore
import tenacity
from fsspec.spec import AbstractBufferedFile
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, from_url
from pyarrow import fs

from sweeps.errors import StoreError

Answer = TypeVar("Answer")

# Of a root that is an address, not a folder: what comes before "://".
SCHEMES = ("s3", "gs", "az")
# A request is repeated this long, with pauses that grow to some seconds, before it counts as failed.
PATIENCE_SECONDS = 120.0
OPENING_SECONDS = 15.0  # the first request, which may well go to a wrong address
LONGEST_PAUSE_SECONDS = 8.0
TORN_SECONDS = 600.0  # by then nobody writes on a file any more
# What helps where the system refuses.
REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or have the quota raised",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "make it writable",
    errno.EACCES: "have it made accessible to you",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


class Storage:
    """A root's objects. Writes appear at once or not at all; `create` is what two writers can agree by."""

    def __init__(self, root: str | Path, *, create: bool = False) -> None:
        """Opens a root: a folder, or an address such as s3://bucket/folder, gs://bucket/folder, az://container/folder.

        Endpoint and credentials of an address come from the environment (AWS_..., GOOGLE_..., AZURE_...), for S3 also from the
        profile that AWS_PROFILE names. They are not kept, told, or sent anywhere.

        Raises:
          StoreError: there is no such store, or no way in.
        """
        self.is_local = not is_address(root)
        self.root = str(Path(root).resolve()) if self.is_local else str(root).rstrip("/")
        try:
            self._objects = LocalStore(self.root, mkdir=create) if self.is_local else _connect(self.root)
            if not self.is_local:  # is there a way in?
                self._retrying(OPENING_SECONDS)(lambda: next(obstore.list(self._objects, prefix="specs", chunk_size=1), None))
        except (OSError, BaseError, ValueError) as error:
            why = reason(error) if self.is_local or " 404 " not in str(error) else "there is no such bucket or container"
            raise StoreError(f"cannot {'write to' if create else 'read'} root {root}: {why}; choose another --root") from None

    def check_create(self) -> None:
        """Makes sure that of two writers of one key one is told so: the commit rests on it.

        Raises:
          StoreError: the store cannot be written, or lets both write.
        """
        key = f"progress/.probe-{uuid.uuid4().hex}"
        self._patiently(lambda: self._create(key, b"first"), "write")
        both = self._patiently(lambda: self._create(key, b"second"), "write")
        self.delete(key)
        if both:
            raise StoreError(
                f"{self.root} lets two writers create the same object, so that a run could be there twice; it needs "
                "conditional writes (If-None-Match)"
            )

    def put(self, key: str, content: bytes, *, lasting: bool = True) -> None:
        """Writes the whole object, replacing any there was; a lasting one stays even if a disk loses power. Raises StoreError."""

        def attempt() -> None:
            if self.is_local:
                _write(self.root, key, content, os.replace, lasting=lasting)
            else:
                obstore.put(self._objects, key, content)

        self._patiently(attempt, f"write {key}")

    def create(self, key: str, content: bytes) -> bool:
        """Writes the whole object if there is none; returns whether what is there now is `content`.

        True as well where the object is there because an earlier try of this very call was carried out and its answer lost.
        Raises StoreError.
        """
        return self._patiently(lambda: self._create(key, content), f"create {key}")

    def get(self, key: str) -> bytes | None:
        """The object's content; None if there is none. Raises StoreError."""
        return self._patiently(lambda: self._get(key), f"read {key}")

    def size(self, key: str) -> int | None:
        """The object's size in bytes; None if there is none. Raises StoreError."""

        def attempt() -> int | None:
            try:
                return int(obstore.head(self._objects, key)["size"])
            except (FileNotFoundError, NotFoundError):
                return None

        return self._patiently(attempt, f"read {key}")

    def exists(self, key: str) -> bool:
        """Whether there is such an object. Raises StoreError."""
        return self.size(key) is not None

    def part(self, key: str, start: int, end: int) -> bytes:
        """The object's bytes from `start` to `end`. Raises StoreError."""
        return self._patiently(lambda: bytes(obstore.get_range(self._objects, key, start=start, end=end)), f"read {key}")

    def get_json(self, key: str) -> dict[str, Any] | None:
        """The object as JSON; None if there is none. Raises StoreError."""
        content = self.get(key)
        if content is None:
            return None
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise StoreError(f"{self.root}/{key} is no JSON object; restore it, or move it away")
        return value

    def delete(self, key: str) -> None:
        """Removes the object if it is there. Raises StoreError."""

        def attempt() -> None:
            with contextlib.suppress(FileNotFoundError, NotFoundError):
                obstore.delete(self._objects, key)

        self._patiently(attempt, f"delete {key}")

    def sizes(self, folder: str) -> dict[str, int]:
        """The keys of the objects in a folder, sorted, with their sizes in bytes; not those in folders of it. Raises StoreError."""
        return {entry["path"]: entry["size"] for entry in self.entries(folder)}

    def keys(self, folder: str, *, untouched: float = 0.0) -> Iterator[str]:
        """The keys of the objects in a folder, sorted: those written so many seconds ago or longer. Raises StoreError."""
        for entry in self.entries(folder):
            if not untouched or time.time() - entry["last_modified"].timestamp() > untouched:
                yield entry["path"]

    def entries(self, folder: str) -> list[Any]:
        """The objects in a folder in the order of their keys, each with `path`, `size`, `last_modified`. Raises StoreError."""

        def attempt() -> list[Any]:
            entries = [entry for batch in obstore.list(self._objects, prefix=folder) for entry in batch]
            return [entry for entry in entries if entry["path"].rpartition("/")[0] == folder]

        return sorted(self._patiently(attempt, f"list {folder}"), key=lambda entry: str(entry["path"]))

    def drop_torn_writes(self, folders: Iterable[str]) -> None:
        """Removes what writers that were killed in the middle of a file have left in these folders, on a disk."""
        for path in itertools.chain(*(Path(self.root, folder).glob("*#*") for folder in folders if self.is_local)):
            with contextlib.suppress(OSError):
                if re.fullmatch(r".+#\d+", path.name) and time.time() - path.stat().st_mtime > TORN_SECONDS:
                    path.unlink()

    def filesystem(self) -> fs.FileSystem:
        """The objects as files that Arrow reads in parts; paths are keys."""
        if self.is_local:
            return fs.SubTreeFileSystem(self.root, fs.LocalFileSystem())
        return fs.PyFileSystem(fs.FSSpecHandler(_Files(self)))

    def _create(self, key: str, content: bytes) -> bool:
        try:
            if self.is_local:
                _write(self.root, key, content, _link, lasting=True)
            else:
                obstore.put(self._objects, key, content, mode="create")
        except (FileExistsError, AlreadyExistsError):  # or a conflict of two requests at once (409), of which neither need have won
            there = self._get(key)
            if there is None:
                raise
            return there == content
        return True

    def _get(self, key: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._objects, key).bytes())
        except (FileNotFoundError, NotFoundError):
            return None

    def _patiently(self, attempt: Callable[[], Answer], what: str) -> Answer:
        """The attempt's answer, repeated while the store is out of reach or out of breath."""
        try:
            return self._retrying(PATIENCE_SECONDS)(attempt)
        except (OSError, BaseError) as error:
            remedy = REMEDIES.get(_system_error(error) or 0)
            raise StoreError(f"cannot {what} in {self.root}: {reason(error)}{f'; {remedy}' if remedy else ''}") from None

    def _retrying(self, seconds: float) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _may_pass(error, self.is_local)),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=LONGEST_PAUSE_SECONDS),
            stop=tenacity.stop_after_delay(seconds),
            reraise=True,
        )


def is_address(root: str | Path) -> bool:
    """Whether a root is the address of an object store. Raises StoreError for an address of any other kind."""
    scheme, colon, _ = str(root).partition(":/")  # pathlib folds the two slashes of an address
    if not colon or not scheme.isalnum():
        return False
    if scheme not in SCHEMES or not str(root).startswith(f"{scheme}://"):
        raise StoreError(f"{root} is no address of a root; use a folder, or {', '.join(f'{each}://...' for each in SCHEMES)}")
    return True


def reason(error: Exception) -> str:
    """What an error says went wrong, in one line; where the system refused something, in its words."""
    number = _system_error(error)
    if number is not None:
        return os.strerror(number)
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _system_error(error: Exception) -> int | None:
    """The number of the system's error behind an error, which libraries in other languages tell in words."""
    number = getattr(error, "errno", None)
    told = re.search(r"\((?:os error|errno) (\d+)\)|\[[Ee]rrno (\d+)\]", str(error))
    return number if isinstance(number, int) or told is None else int(told[1] or told[2])


def _write(root: str, key: str, content: bytes, place: Callable[[Path, Path], None], *, lasting: bool) -> None:
    """Writes a file under a name beside its own, then puts it in its place: by os.replace, or by _link, which replaces nothing.

    A lasting one is brought to the disk first, and its name then: after a power cut too it is there whole or not at all.
    """
    if not {"", ".", ".."}.isdisjoint(key.lstrip("/").split("/")):
        raise ValueError(f"{key} is no key of a root; it would lead out of it")
    path = Path(root, key.lstrip("/"))
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _synchronise(path.parent.parent)
    staged = path.with_name(f"{path.name}#{uuid.uuid4().int}")  # LocalStore lists no file that is called so
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


def _connect(address: str) -> Any:
    options: dict[str, Any] = {}
    if address.startswith("s3:") and os.environ.get("AWS_PROFILE"):
        try:
            from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415  (boto3 is optional)
        except ImportError:
            raise StoreError("AWS_PROFILE names a profile, which boto3 reads; pip install 'grokjax[s3]'") from None
        try:
            options["credential_provider"] = Boto3CredentialProvider()
        except Exception as error:  # of botocore, which is not imported here
            raise StoreError(f"AWS_PROFILE = {os.environ['AWS_PROFILE']}: {reason(error)}") from None
    endpoints = (os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"))
    plain = any(endpoint.startswith("http://") for endpoint in endpoints)
    return from_url(
        address,
        client_options={"allow_http": plain, "timeout": timedelta(seconds=60)},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=30)},
        **options,
    )


def _may_pass(error: BaseException, is_local: bool) -> bool:
    """Whether the same request may succeed a little later."""
    if is_local:
        return False
    lasting = (PermissionDeniedError, UnauthenticatedError, NotFoundError)
    return isinstance(error, (GenericError, AlreadyExistsError, OSError)) and not isinstance(error, lasting)


class _Files(fsspec.AbstractFileSystem):
    """Objects as files for Arrow's readers, which take ranges of them; nothing is written by this way."""

    cachable = False

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self._storage = storage

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Name, size and type of the object at a path. Raises FileNotFoundError, StoreError."""
        size = self._storage.size(path)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return {"name": path, "size": size, "type": "file"}

    def _open(self, path: str, mode: str = "rb", **_: Any) -> _File:
        return _File(self, path, cache_type="none")  # Arrow knows which ranges it wants

    def fetch(self, path: str, start: int, end: int) -> bytes:
        """The object's bytes from `start` to `end`. Raises StoreError."""
        return self._storage.part(path, start, end)


class _File(AbstractBufferedFile):
    def _fetch_range(self, start: int, end: int) -> bytes:
        content: bytes = self.fs.fetch(self.path, start, end)
        return content
