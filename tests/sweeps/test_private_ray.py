"""The private parts of Ray that grokjax uses, each on a real Ray. When Ray moves one, the failure names where to look."""

from pathlib import Path

import pytest
import ray

from grokjax.sweeps.execute.on_ray import private
from grokjax.sweeps.execute.on_ray.connection import QUIET, connected

MOVED = (
    f"Ray {ray.__version__} has moved a private part: look at %s in grokjax/sweeps/execute/on_ray/private.py, find its successor "
    "in Ray's source, or lower the bound on ray in pyproject.toml"
)


@pytest.mark.cluster
@pytest.mark.filterwarnings("ignore:os.fork")  # which Ray starts its processes by
def test_each_private_part_does_what_it_is_used_for():
    with connected(None, cpus=1):
        address = ray.get_runtime_context().gcs_address
        assert address.startswith("127."), MOVED % "loopback_only (ray._private.ray_constants.ENABLE_RAY_CLUSTER)"
        assert private.resolve_address(address) == address, MOVED % "resolve_address (ray._private.services)"
        try:
            private.ask_cluster(address)
        except Exception as error:
            pytest.fail(f"{MOVED % 'ask_cluster (ray._raylet.GcsClient)'}: {error!r}")
        try:
            private.read_authentication_again()
            private.ask_cluster(address)
        except Exception as error:
            pytest.fail(f"{MOVED % 'read_authentication_again (ray._raylet.Config, AuthenticationTokenLoader)'}: {error!r}")
    assert QUIET["log_to_driver"] is False


def test_no_other_module_touches_ray_s_private_parts():
    folder = Path(private.__file__).parents[1]
    users = {path.name for path in folder.rglob("*.py") if "_raylet" in path.read_text() or "ray._private" in path.read_text()}
    assert users == {"private.py"}
