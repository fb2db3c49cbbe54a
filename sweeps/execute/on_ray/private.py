"""Ray's internal, undocumented functions that grokjax calls; no other module may. `tests/sweeps/test_private_ray.py` uses each.

They were read in Ray 2.60. What each is for, and why no public call will do, is in its function's docstring.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

# A program that asks the cluster at the address it is given for its name, as a process without grokjax would.
ASK_CLUSTER = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


def ask_cluster(address: str) -> None:
    """Asks a cluster for its name. Raises AuthenticationError if it wants another token, RpcError if nothing answers.

    `ray.init` would try for twenty seconds, and not say that the token is wrong.
    """
    _raylet().GcsClient(address=address)


def resolve_address(address: str) -> str:
    """The host and port of a cluster; "auto" stands for the one on this machine. Raises ConnectionError if there is none.

    `ray.init` resolves "auto" too, but does not tell the address before it connects.
    """
    from ray._private import services  # noqa: PLC0415

    return str(services.canonicalize_bootstrap_address_or_die(address))


def read_authentication_again() -> None:
    """Has Ray read RAY_AUTH_MODE and the token from the environment again: it does so once a process, maybe before this sweep."""
    _raylet().Config.initialize("")
    _raylet().AuthenticationTokenLoader.instance().reset_cache()


@contextlib.contextmanager
def loopback_only() -> Iterator[None]:
    """While it lasts, a Ray that is started takes the loopback interface for this node's own.

    Ray does so on systems where it supports no clusters, and has no public switch: it binds to all interfaces otherwise, whatever
    address it is given.
    """
    from ray._private import ray_constants  # noqa: PLC0415

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _raylet() -> Any:
    import ray  # noqa: PLC0415  (a second to import, not needed to plan or to debug)

    return ray._raylet
