"""Ray's internal, undocumented functions that grokjax calls; no other module may. `tests/sweeps/test_private_ray.py` uses each.

Checked against Ray 2.60. Each docstring says what the function is for and why no public call will do.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

# A program that asks the cluster at a given address for its name, as a process without grokjax would.
ASK_CLUSTER = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


def ask_cluster(address: str) -> None:
    """Asks a cluster for its name. Raises AuthenticationError if it wants another token, RpcError if nothing answers.

    `ray.init` would try for twenty seconds, and not say that the token is wrong.
    """
    _raylet().GcsClient(address=address)


def resolve_address(address: str) -> str:
    """The host and port of a cluster; "auto" means the one on this machine. Raises ConnectionError if there is none.

    `ray.init` resolves "auto" too, but does not expose the address before it connects.
    """
    from ray._private import services  # noqa: PLC0415

    return str(services.canonicalize_bootstrap_address_or_die(address))


def read_authentication_again() -> None:
    """Makes Ray reread RAY_AUTH_MODE and the token from the environment; it reads them only once per process."""
    _raylet().Config.initialize("")
    _raylet().AuthenticationTokenLoader.instance().reset_cache()


@contextlib.contextmanager
def loopback_only() -> Iterator[None]:
    """A context in which a newly started Ray uses the loopback interface as this node's address.

    Ray has no public switch for this; it does so only on systems where it does not support clusters, and binds to all interfaces
    otherwise, whatever address it is given.
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
