"""An object store for tests: moto's S3 over HTTP, with its writes made atomic, and with faults where a test wants them."""

import contextlib
import logging
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Faults = Callable[[dict[str, Any]], str | None]  # of a request: None, "refuse:503", or "lose": done, and answered by 500
BUCKET = "bucket"


class _Application:
    """Moto asks whether an object exists and then writes it: one at a time, or two writers could both be first."""

    def __init__(self, faults: Faults) -> None:
        self._moto, self._lock, self._faults = DomainDispatcherApplication(create_backend_app), threading.Lock(), faults

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        fault = self._faults(environ)
        if fault is not None and fault.startswith("refuse:"):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            return _answer(start_response, fault.removeprefix("refuse:"))
        with self._lock:
            if fault == "lose":
                list(self._moto(environ, lambda *_: None))
                return _answer(start_response, "500")
            return self._moto(environ, start_response)


def _answer(start_response: Any, code: str) -> list[bytes]:
    body = b"<Error><Code>Fault</Code><Message>of the test</Message></Error>"
    start_response(f"{code} Fault", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


@contextlib.contextmanager
def s3_server(monkeypatch: pytest.MonkeyPatch, faults: Faults = lambda environ: None) -> Iterator[str]:
    """Serves an empty bucket while it lasts, with the environment set to find it; yields its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = _Application(lambda environ: None)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings = {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "us-east-1", "DEFAULT_REGION": "us-east-1"}
    for name, value in (settings | {"ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    client = boto3.client("s3")
    with contextlib.suppress(client.exceptions.NoSuchBucket):  # moto's state is the process's
        for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.create_bucket(Bucket=BUCKET)
    application._faults = faults
    try:
        yield f"s3://{BUCKET}/some/folder"
    finally:
        server.shutdown()
        thread.join()


def at_random(seed: int, share: float, kinds: tuple[str, ...]) -> Faults:
    """Faults in a share of the requests that write or read an object."""
    draws, lock = random.Random(seed), threading.Lock()

    def faults(environ: dict[str, Any]) -> str | None:
        with lock:
            kind = draws.choice(kinds) if draws.random() < share else None
        return None if kind == "lose" and environ["REQUEST_METHOD"] != "PUT" else kind

    return faults
