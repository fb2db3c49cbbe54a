"""The logs of drivers and workers: what each did and why (tunings, resumes refused, retries, packs cut or given out twice).

On a disk each process has a file `ROOT/logs/<host>-<pid>.log`. Where the root is an object store a worker writes to its standard
error, which Ray keeps in the folder `logs` of its session (on each node /tmp/ray/session_latest/logs), and a driver's messages go
wherever its process sends those of the logger "grokjax".
"""

import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from grokjax.sweeps.store.root import Root

LINE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def process_name() -> str:
    """A name of this process that is unique in a cluster: host name and process id."""
    return f"{socket.gethostname()}-{os.getpid()}"


@contextlib.contextmanager
def logging_to(root: Root, name: str) -> Iterator[None]:
    """A context in which this process's log messages are written to the root."""
    handler, logger = _handler(root, name), logging.getLogger("grokjax")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(logging.INFO, before) if before else logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
        handler.close()


def log_from_now_on(root: Root, name: str) -> None:
    """Writes this process's log messages to the root, or to standard error, until the process ends."""
    handler, logger = _handler(root, name), logging.getLogger("grokjax")
    if isinstance(handler, logging.NullHandler):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(LINE_FORMAT))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def place_of_logs(root: Root) -> str:
    """Where to find the logs of a sweep, as text for the user."""
    return (
        f"{root.address}/logs" if root.is_local else "the folder logs of Ray's session on each node (/tmp/ray/session_latest/logs)"
    )


class _LogFile(logging.FileHandler):
    """A log file that ignores write errors: a full disk is reported when results are stored."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Drops the record."""


def _handler(root: Root, name: str) -> logging.Handler:
    if root.is_local:
        folder = Path(root.address, "logs")
        with contextlib.suppress(OSError):
            folder.mkdir(exist_ok=True)
            handler = _LogFile(folder / f"{name}.log", encoding="utf-8")
            handler.setFormatter(logging.Formatter(LINE_FORMAT))
            return handler
    return logging.NullHandler()
