"""One interface to a folder or an object store: put, put_if_absent, get, list and delete whole objects under keys."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
import tenacity
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, from_url
from pyarrow import fs

from grokjax.errors import StoreError, reason, remedy
from grokjax.sweeps.store.disk import STAGING, create_file, locked, put_file
from grokjax.sweeps.store.object_files import object_files

if TYPE_CHECKING:
    from obstore import UpdateVersion

Answer = TypeVar("Answer")
logger = logging.getLogger(__name__)

# The URL schemes of object-store addresses.
SCHEMES = ("s3", "gs", "az")
# How long a request is retried, with pauses that grow to some seconds, before it counts as failed.
PATIENCE_SECONDS = 120.0
OPENING_SECONDS = 15.0  # for the first request, because the address may be wrong
LONGEST_PAUSE_SECONDS = 8.0


class ObjectStore:
    """The objects under a folder or an address. Writes are atomic, and of two writers, `put_if_absent` lets only one succeed."""

    def __init__(self, address: str | Path) -> None:
        """Does not read or write anything yet.

        Args:
          address: a folder, or an address such as s3://bucket/folder, gs://bucket/folder, az://container/folder. Endpoint and
            credentials of an address come from the environment (AWS_..., GOOGLE_..., AZURE_...), for S3 also from the profile that
            AWS_PROFILE names. They are neither stored nor shown, and are sent only to that address.

        Raises StoreError if it is an address of an unknown kind.
        """
        self.is_local = not is_address(address)
        self.address = os.path.realpath(address) if self.is_local else str(address).rstrip("/")

    def __str__(self) -> str:
        return self.address

    def first_request(self, attempt: Callable[[], Answer], what: str) -> Answer:
        """The answer to the first request to an address, which may be wrong: retried for seconds, not minutes.

        Raises StoreError if there is no such store, or access is denied. The message names the root and `what` was tried.
        """
        try:
            return attempt() if self.is_local else self._retrying(OPENING_SECONDS)(attempt)
        except (OSError, BaseError, ValueError) as error:
            why = reason(error) if self.is_local or " 404 " not in str(error) else "there is no such bucket or container"
            raise StoreError(f"cannot {what} root {self.address}: {why}; choose another --root") from None

    def check_create(self) -> None:
        """Checks that `put_if_absent` fails for the second of two writers of one key, on which commits rely.

        Raises StoreError if the store cannot be written, or lets both write.
        """
        key = f"{STAGING}/probe-{uuid.uuid4().hex}"
        self._patiently(lambda: self._create(key, b"first"), "write")
        both = self._patiently(lambda: self._create(key, b"second"), "write")
        self.delete(key)
        if both:
            raise StoreError(
                f"{self.address} lets two writers create the same object, so that a run could be stored twice; it needs "
                "conditional writes (If-None-Match)"
            )

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Writes an object, replacing an existing one; with `durable` it survives a power cut. Raises StoreError."""

        def attempt() -> None:
            if self.is_local:
                put_file(self.address, key, content, durable=durable)
            else:
                obstore.put(self._objects, key, content)

        self._patiently(attempt, f"write {key}")

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Writes an object if none exists at the key; returns whether `content` is stored now. Raises StoreError.

        Also returns True if an earlier attempt of this call succeeded but its answer was lost.
        """
        return self._patiently(lambda: self._create(key, content), f"create {key}")

    def replace(self, key: str, content: bytes, expected: bytes) -> bool:
        """Writes an object if the stored content equals `expected`; returns whether `content` is stored now. Raises StoreError.

        Never overwrites what another writer stored or deleted since `expected` was read. On a disk this holds only among writers
        that use `replace` and `remove`.
        """

        def attempt() -> bool:
            if self.is_local:
                with locked(self.address):
                    if self._get(key) == expected:
                        put_file(self.address, key, content, durable=True)
                        return True
                    return False
            try:
                stored = obstore.get(self._objects, key)
                if bytes(stored.bytes()) == expected:
                    read: UpdateVersion = {"e_tag": stored.meta["e_tag"]}
                    if stored.meta["version"] is not None:
                        read["version"] = stored.meta["version"]
                    obstore.put(self._objects, key, content, mode=read)
                    return True
            except (FileNotFoundError, NotFoundError, PreconditionError):
                pass
            return self._get(key) == content  # an earlier attempt may have succeeded although its answer was lost

        return self._patiently(attempt, f"write {key}")

    def remove(self, key: str) -> None:
        """Deletes an object, safely against another writer's `replace`. Raises StoreError."""
        with locked(self.address) if self.is_local else contextlib.nullcontext():
            self.delete(key)

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
        """Whether an object exists at the key. Raises StoreError."""
        return self.size(key) is not None

    def read_range(self, key: str, start: int, end: int) -> bytes:
        """The object's bytes from `start` to `end`. Raises StoreError."""
        return self._patiently(lambda: bytes(obstore.get_range(self._objects, key, start=start, end=end)), f"read {key}")

    def get_json(self, key: str) -> dict[str, Any] | None:
        """The object as JSON; None if there is none. Raises StoreError."""
        content = self.get(key)
        return None if content is None else self.parse_json(key, content)

    def parse_json(self, key: str, content: bytes) -> dict[str, Any]:
        """Parses content read at a key. Raises StoreError if it is not a JSON object."""
        try:
            value = json.loads(content)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise StoreError(f"{self}/{key} is not a JSON object; restore it, or move it away")
        return value

    def delete(self, key: str) -> None:
        """Deletes the object if it exists. Raises StoreError."""

        def attempt() -> None:
            with contextlib.suppress(FileNotFoundError, NotFoundError):
                obstore.delete(self._objects, key)

        self._patiently(attempt, f"delete {key}")

    def sizes(self, folder: str) -> dict[str, int]:
        """The sorted keys of the objects in a folder, without subfolders, with their sizes in bytes. Raises StoreError."""
        return {entry["path"]: entry["size"] for entry in self.objects_in(folder)}

    def keys(self, folder: str, *, untouched: float = 0.0) -> Iterator[str]:
        """The sorted keys of the objects in a folder that were written at least `untouched` seconds ago. Raises StoreError."""
        for entry in self.objects_in(folder):
            if not untouched or time.time() - entry["last_modified"].timestamp() > untouched:
                yield entry["path"]

    def objects_in(self, folder: str) -> list[Any]:
        """The objects in a folder in the order of their keys, each with `path`, `size`, `last_modified`. Raises StoreError."""
        return sorted(self._patiently(lambda: self._list(folder), f"list {folder}"), key=lambda entry: str(entry["path"]))

    def filesystem(self) -> fs.FileSystem:
        """An Arrow filesystem over the objects, with keys as paths."""
        if self.is_local:
            return fs.SubTreeFileSystem(self.address, fs.LocalFileSystem())
        return object_files(self)

    @functools.cached_property
    def _objects(self) -> Any:
        return LocalStore(self.address) if self.is_local else _connect(self.address)

    def _list(self, folder: str) -> list[Any]:
        entries = [entry for batch in obstore.list(self._objects, prefix=folder) for entry in batch]
        return [entry for entry in entries if entry["path"].rpartition("/")[0] == folder]

    def _create(self, key: str, content: bytes) -> bool:
        try:
            if self.is_local:
                create_file(self.address, key, content)
            else:
                obstore.put(self._objects, key, content, mode="create")
        except (FileExistsError, AlreadyExistsError):  # or a conflict of two simultaneous requests (409), which both may have lost
            stored = self._get(key)
            if stored is None:
                raise
            return stored == content
        return True

    def _get(self, key: str) -> bytes | None:
        try:
            return bytes(obstore.get(self._objects, key).bytes())
        except (FileNotFoundError, NotFoundError):
            return None

    def _patiently(self, attempt: Callable[[], Answer], what: str) -> Answer:
        """The result of `attempt`, retried while the store is unreachable or overloaded."""
        try:
            return self._retrying(PATIENCE_SECONDS)(attempt)
        except (OSError, BaseError) as error:
            helps = remedy(error)
            raise StoreError(f"cannot {what} in {self.address}: {reason(error)}{f'; {helps}' if helps else ''}") from None

    def _retrying(self, seconds: float) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _is_passing(error, self.is_local)),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=LONGEST_PAUSE_SECONDS),
            stop=tenacity.stop_after_delay(seconds),
            before_sleep=_log_retry,
            reraise=True,
        )


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    why = reason(error) if isinstance(error, Exception) else error
    logger.warning("the store failed (%s); retrying, for %.1f s so far", why, state.seconds_since_start or 0.0)


def is_address(root: str | Path) -> bool:
    """Whether a root is the address of an object store. Raises StoreError for an address with another scheme."""
    scheme, colon, _ = str(root).partition(":/")  # pathlib folds the two slashes of an address
    if not colon or not scheme.isalnum():
        return False
    if scheme not in SCHEMES or not str(root).startswith(f"{scheme}://"):
        raise StoreError(f"{root} is not an address of a root; use a folder, or {', '.join(f'{each}://...' for each in SCHEMES)}")
    return True


def _connect(address: str) -> Any:
    options: dict[str, Any] = {}
    if address.startswith("s3:") and os.environ.get("AWS_PROFILE"):
        try:
            from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415  (boto3 is optional)
        except ImportError:
            raise StoreError("reading the profile that AWS_PROFILE names needs boto3; pip install 'grokjax[s3]'") from None
        try:
            options["credential_provider"] = Boto3CredentialProvider()
        except Exception as error:  # from botocore, which is not imported here
            raise StoreError(f"AWS_PROFILE = {os.environ['AWS_PROFILE']}: {reason(error)}") from None
    endpoints = (os.environ.get(name, "") for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"))
    plain = any(endpoint.startswith("http://") for endpoint in endpoints)
    return from_url(
        address,
        client_options={"allow_http": plain, "timeout": timedelta(seconds=60)},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=30)},
        **options,
    )


def _is_passing(error: BaseException, is_local: bool) -> bool:
    """Whether an error is transient, so that the request is worth retrying."""
    if is_local:
        return False
    permanent = (PermissionDeniedError, UnauthenticatedError, NotFoundError, FileNotFoundError)  # obstore raises the builtin one
    return isinstance(error, (GenericError, AlreadyExistsError, OSError)) and not isinstance(error, permanent)
