"""Connects this process to Ray: starts one of its own, guarded by a token, or joins a running cluster."""

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

from grokjax.environment import restored_environment
from grokjax.errors import ClusterError, warn
from grokjax.sweeps.execute.device import use_one_thread
from grokjax.sweeps.execute.on_ray.private import (
    ASK_CLUSTER,
    ask_cluster,
    loopback_only,
    read_authentication_again,
    resolve_address,
)

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
TOKEN_BYTES = 32
ASKING_SECONDS = 30
HOW_TO_SHOW_A_TOKEN = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"


@contextlib.contextmanager
def connected(address: str | None, cpus: int | None) -> Iterator[None]:
    """A context with a connection to Ray; on exit this process's environment is restored.

    Args:
      address: of a running cluster; None starts a private Ray on this machine.
      cpus: cores that the private Ray may use; all when None.

    Raises ClusterError if there is no cluster at the address, or it refuses this process.
    """
    try:
        with restored_environment():
            if address is None:
                start_private(cpus)
            else:
                attach(address)
            import ray  # noqa: PLC0415  (a second to import, not needed to plan or to debug)

            try:
                yield
            finally:
                ray.shutdown()
    finally:
        read_authentication_again()


def start_private(cpus: int | None) -> None:
    """Starts a Ray on this machine and connects to it. It listens only on the loopback interface and requires a token.

    Unless the environment has a token, a random one is set for this process and its children.

    Args:
      cpus: cores that it may use; all when None.

    Raises ClusterError if Ray would listen on another interface.
    """
    use_one_thread()  # inherited by the workers
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(TOKEN_BYTES))
    import ray  # noqa: PLC0415

    read_authentication_again()
    with _signal_handlers_kept(), loopback_only():
        context: Any = ray.init(address="local", num_cpus=cpus, include_dashboard=False, **QUIET)
    if not _is_loopback(ip := context.address_info["node_ip_address"]):
        ray.shutdown()
        raise ClusterError(
            f"Ray {ray.__version__} listens on {ip}, not only on this machine's loopback interface; use the pinned version"
        )


def check_address(address: str) -> None:
    """Raises ClusterError unless something listens at the address. Ray itself would try for a minute."""
    if address == "auto":
        return
    if address.startswith("ray://"):
        raise ClusterError(f"--address {address}: this is Ray's client; write the address of the cluster itself, as host:6379")
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(
            f"--address {address!r} is not an address of a Ray cluster; write host:port, or auto for one on this machine"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"cannot reach a Ray cluster at {address}: {error}") from None


def attach(address: str) -> None:
    """Connects to a Ray cluster. Warns if the cluster requires no token, and then sends it none.

    Raises ClusterError if there is no cluster at the address, or it requires another token.
    """
    import ray  # noqa: PLC0415

    try:
        found = resolve_address(address)
        if open_to_all := _lets_anyone_in(found):  # its workers would not answer a process that asks them for a token
            os.environ["RAY_AUTH_MODE"] = "disabled"
            read_authentication_again()
        else:
            ask_cluster(found)
        with _signal_handlers_kept():
            ray.init(address=found, **QUIET)
    except ray.exceptions.AuthenticationError:
        raise ClusterError(f"the Ray cluster at {address} asks for its token; {HOW_TO_SHOW_A_TOKEN}") from None
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RpcError) as error:
        hint = f"; if it asks for a token, {HOW_TO_SHOW_A_TOKEN}" if address == "auto" else ""
        raise ClusterError(f"cannot reach a Ray cluster at {address}: {str(error).splitlines()[0]}{hint}") from None
    nodes = [node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]]
    if open_to_all and not all(map(_is_loopback, nodes)):
        warn(
            f"the Ray cluster at {address} lets in anyone who can reach it, to run any program; start all its nodes with "
            "RAY_AUTH_MODE=token and a token"
        )


def _lets_anyone_in(address: str) -> bool:
    """Whether a cluster answers requests without a token."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")} | {"RAY_AUTH_MODE": "disabled"}
    try:
        asked = subprocess.run(
            [sys.executable, "-c", ASK_CLUSTER, address], env=env, capture_output=True, timeout=ASKING_SECONDS, check=False
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
def _signal_handlers_kept() -> Iterator[None]:
    """A context that restores this process's signal handlers: Ray installs its own, which end the process silently."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
