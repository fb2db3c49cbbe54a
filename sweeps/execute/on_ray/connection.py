"""Connects this process to Ray: to one of its own that nobody else reaches, or to a cluster that is there."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from grokjax.errors import ClusterError, warn
from grokjax.sweeps.execute.device import use_one_thread

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
TOKEN_BYTES = 32
# What a stranger would do: ask the cluster, at the address it is given, for its name.
STRANGER = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"
STRANGERS_SECONDS = 30
HOW_TO_SHOW_A_TOKEN = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"


def start_private(cpus: int | None) -> None:
    """Starts a Ray on this machine and connects to it. It listens on the loopback interface and asks for a token.

    The token is drawn here and stays in the environment of this process and its children, unless the environment had one.

    Args:
      cpus: cores it may use; None is all.

    Raises:
      ClusterError: it would listen elsewhere.
    """
    use_one_thread()  # inherited by the workers
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(TOKEN_BYTES))
    import ray  # noqa: PLC0415  (a second to import, not needed to plan or to debug)

    _read_authentication_anew()
    with _our_signal_handlers(), _on_loopback():
        context: Any = ray.init(address="local", num_cpus=cpus, include_dashboard=False, **QUIET)
    if not _is_loopback(here := context.address_info["node_ip_address"]):
        ray.shutdown()
        raise ClusterError(f"Ray {ray.__version__} listens on {here}, and not on this machine's loopback alone; use the pinned one")


def check_address(address: str) -> None:
    """Raises ClusterError unless something listens there; Ray itself would try for a minute."""
    if address == "auto":
        return
    if address.startswith("ray://"):
        raise ClusterError(f"--address {address}: this is Ray's client; write the address of the cluster itself, as host:6379")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(
            f"--address {address!r} is no address of a Ray cluster; write host:port, or auto for one on this machine"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"cannot reach a Ray cluster at {address}: {error}") from None


def attach(address: str) -> None:
    """Connects to a Ray cluster; warns if anyone who reaches it may use it, and shows that one no token.

    Raises:
      ClusterError: there is none, or it asks for another token.
    """
    import ray  # noqa: PLC0415
    from ray._private import services  # noqa: PLC0415

    raylet: Any = ray._raylet
    try:
        found = services.canonicalize_bootstrap_address_or_die(address)  # what auto stands for
        if open_to_all := _lets_anyone_in(found):  # its workers would not answer a process that asks them for one
            os.environ["RAY_AUTH_MODE"] = "disabled"
            _read_authentication_anew()
        else:
            raylet.GcsClient(address=found)  # Ray would try for twenty seconds, and not say that it is the token
        with _our_signal_handlers():
            ray.init(address=found, **QUIET)
    except ray.exceptions.AuthenticationError:
        raise ClusterError(f"the Ray cluster at {address} asks for its token; {HOW_TO_SHOW_A_TOKEN}") from None
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RpcError) as error:
        hint = f"; if it asks for a token, {HOW_TO_SHOW_A_TOKEN}" if address == "auto" else ""
        raise ClusterError(f"cannot reach a Ray cluster at {address}: {str(error).splitlines()[0]}{hint}") from None
    where = [node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]]
    if open_to_all and not all(map(_is_loopback, where)):
        warn(
            f"the Ray cluster at {address} lets in anyone who can reach it, to run what they like; start all its nodes with "
            "RAY_AUTH_MODE=token and a token"
        )


def _read_authentication_anew() -> None:
    """Has Ray look at the environment again: it reads the mode and the token once, and may have before."""
    import ray  # noqa: PLC0415

    raylet: Any = ray._raylet
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()


def _lets_anyone_in(address: str) -> bool:
    """Whether a cluster answers a process that shows no token."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")} | {"RAY_AUTH_MODE": "disabled"}
    try:
        asked = subprocess.run(
            [sys.executable, "-c", STRANGER, address], env=env, capture_output=True, timeout=STRANGERS_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Has Ray take the loopback interface for this node's own, as it does where it supports no clusters; it has no other switch."""
    from ray._private import ray_constants  # noqa: PLC0415

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextlib.contextmanager
def _our_signal_handlers() -> Iterator[None]:
    """Keeps this process's own: Ray puts in its own, which end the process without a word."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
