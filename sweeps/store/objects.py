"""Whole objects under keys, on a disk or in an object store, by the same few calls: put, create, get, list, delete."""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import obstore
import tenacity
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

from grokjax.errors import StoreError, reason, remedy
from grokjax.sweeps.store.disk import create_file, put_file
from grokjax.sweeps.store.object_files import object_files

Answer = TypeVar("Answer")

# Of a root that is an address, not a folder: what comes before "://".
SCHEMES = ("s3", "gs", "az")
# A request is repeated this long, with pauses that grow to some seconds, before it counts as failed.
PATIENCE_SECONDS = 120.0
OPENING_SECONDS = 15.0  # the first request, which may well go to a wrong address
LONGEST_PAUSE_SECONDS = 8.0


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
                put_file(self.root, key, content, lasting=lasting)
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

    def filesystem(self) -> fs.FileSystem:
        """The objects as files that Arrow reads in parts; paths are keys."""
        if self.is_local:
            return fs.SubTreeFileSystem(self.root, fs.LocalFileSystem())
        return object_files(self)

    def _create(self, key: str, content: bytes) -> bool:
        try:
            if self.is_local:
                create_file(self.root, key, content)
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
            helps = remedy(error)
            raise StoreError(f"cannot {what} in {self.root}: {reason(error)}{f'; {helps}' if helps else ''}") from None

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
