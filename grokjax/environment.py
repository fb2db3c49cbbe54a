"""This process's environment variables."""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def restored_environment() -> Iterator[None]:
    """A context that restores this process's environment variables on exit."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
