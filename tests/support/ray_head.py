"""A Ray head for tests, in processes of its own, which end with it."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

RAY = Path(sys.executable).with_name("ray")


def free_port() -> int:
    """A port that nothing listens on now, and that neither Ray nor the system gives to one of Ray's processes."""
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("", port))
            return port


def outer_ip() -> str:
    """An address of this machine that others could reach it at."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return address.address
    pytest.skip("this machine has no address but its own loopback")


@contextlib.contextmanager
def ray_head(ip: str, env: Mapping[str, str], *options: str) -> Iterator[str]:
    """A head with one core that listens at `ip` while it lasts; yields its address."""
    folder, port = tempfile.mkdtemp(prefix="r", dir="/tmp"), free_port()  # paths of sockets have to be short
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [RAY, "start", "--head", "--block", f"--port={port}", f"--node-ip-address={ip}", f"--temp-dir={folder}"]
    command += ["--num-cpus=1", "--disable-usage-stats", *(options or ["--include-dashboard=false"])]
    head = subprocess.Popen(command, env=clean | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for_port(ip, port, head)
        yield f"{ip}:{port}"
    finally:
        end(head)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for_port(ip: str, port: int, process: subprocess.Popen[str] | None = None, seconds: float = 60) -> None:
    """Returns once something listens there; `process` is what shall."""
    stop = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection((ip, port), timeout=1).close()
            return
        assert process is None or process.poll() is None, process and process.communicate()[0]
        assert time.monotonic() < stop, "nothing listens there"
        time.sleep(0.2)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process and all that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs([psutil.Process(process.pid), *family], timeout=10)
        for each in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextlib.contextmanager
def ray_node(address: str, env: Mapping[str, str], *options: str) -> Iterator[None]:
    """A further node of a head's cluster on this machine, while it lasts; it is asked for, and joins when it is ready."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    command = [RAY, "start", "--block", f"--address={address}", f"--node-ip-address={address.rpartition(':')[0]}", *options]
    node = subprocess.Popen(command, env=clean | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield
    finally:
        end(node)


def read_environment() -> None:
    """Has Ray read this process's mode and token again."""
    raylet: Any = ray._raylet
    raylet.Config.initialize("")
    raylet.AuthenticationTokenLoader.instance().reset_cache()
