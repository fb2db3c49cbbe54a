"""Who can reach the Ray that a sweep runs on: real Ray, real sockets."""

import ipaddress
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import ray

from grokjax.errors import ClusterError
from grokjax.sweeps.execute.on_ray.connection import attach, start_private
from grokjax.sweeps.execute.on_ray.private import ASK_CLUSTER
from tests.support.ray_head import outer_ip, ray_head
from tests.support.specs import write

pytestmark = pytest.mark.cluster

GROKJAX = Path(sys.executable).with_name("grokjax")
TOKEN = "a-token-of-a-test-that-is-long-enough"


def knock(address, **env):
    """What a process that is not ours is told by a cluster."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    told = subprocess.run(
        [sys.executable, "-c", ASK_CLUSTER, address], env=clean | env, capture_output=True, text=True, check=False
    )
    return "in" if told.returncode == 0 else told.stderr.splitlines()[-1].partition(":")[0].rpartition(".")[2]


@pytest.fixture
def environment(monkeypatch):
    """This process's own, without a word on Ray; put back afterwards."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that it is put back whoever sets it
        monkeypatch.delenv(name)
    return monkeypatch


def family():
    here = psutil.Process()
    return [here, *here.children(recursive=True)]


def listening(processes):
    """The IPs that processes listen at, those of IPv4 in IPv6 unwrapped."""
    found = set()
    for process in processes:
        for connection in process.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN:
                ip = ipaddress.ip_address(connection.laddr.ip)
                found.add(getattr(ip, "ipv4_mapped", None) or ip)
    return found


def test_a_ray_of_ours_listens_on_the_loopback_alone_and_lets_in_nobody_without_its_token(environment):
    before = listening([psutil.Process()])
    start_private(1)
    try:

        @ray.remote(num_cpus=1)
        def at_work():
            return listening([psutil.Process()])

        mine = ray.get(at_work.remote())  # with a worker started, all that Ray starts is there
        where = (listening(family()) - before) | mine
        assert where
        assert all(ip.is_loopback for ip in where), where
        address, token = ray.get_runtime_context().gcs_address, os.environ["RAY_AUTH_TOKEN"]
        assert len(token) == 64
        assert knock(address, RAY_AUTH_MODE="disabled") == "AuthenticationError"
        assert knock(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN) == "AuthenticationError"
        assert knock(address, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token) == "in"
        assert not [process for process in family() if token in " ".join(process.cmdline())]
        session = Path(ray._private.worker._global_node.get_session_dir_path())
        files = [file for file in session.rglob("*") if file.is_file()]
        assert files
        assert not [file for file in files if token.encode() in file.read_bytes()]
    finally:
        ray.shutdown()


def test_a_cluster_without_a_token_that_others_can_reach_is_used_with_a_warning(tmp_path):
    spec = write(tmp_path, {"steps": 100})
    with ray_head(outer_ip(), {"RAY_AUTH_MODE": "disabled"}) as address:
        told = subprocess.run(
            [GROKJAX, "run", spec, "--root", tmp_path / "root", "--address", address],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN},  # which this cluster does not know
        )
    assert told.returncode == 0, told.stderr
    (warning,) = [line for line in told.stderr.splitlines() if "lets in anyone" in line]
    assert warning.startswith(f"grokjax: the Ray cluster at {address} lets in anyone who can reach it")
    assert len(list((tmp_path / "root" / "runs").iterdir())) == 1


def test_a_cluster_with_a_token_is_used_without_a_warning_by_those_who_have_it(environment, capsys):
    with ray_head(outer_ip(), {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}) as address:
        program = (
            f"from grokjax.sweeps.execute.on_ray.connection import attach; attach({address!r}); import ray; print(len(ray.nodes()))"
        )
        show = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
        told = subprocess.run([sys.executable, "-c", program], env=os.environ | show, capture_output=True, text=True, check=False)
        assert (told.stdout, "lets in" in told.stderr) == ("1\n", False), told.stderr
        with pytest.raises(ClusterError, match=r"asks for its token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN"):
            attach(address)
