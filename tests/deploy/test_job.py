"""A sweep as a Ray job, by the very command of docs/howto/ray-clusters.md."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from grokjax.analysis.tables.load import load_runs
from tests.support.ray_head import RAY, free_port, outer_ip, ray_head, wait_for_port
from tests.support.specs import write

pytestmark = pytest.mark.cluster

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "ray-clusters.md"
TOKEN = "a-token-of-a-test-that-is-long-enough"


def test_a_sweep_is_submitted_as_the_page_says_and_only_with_the_token(tmp_path):
    (command,) = re.findall(r"^ray (job submit .*)$", PAGE.read_text(), re.MULTILINE)
    (tmp_path / "specs").mkdir()
    write(tmp_path / "specs", {"steps": 100, "seed": None}, {"seed": "0..1"})
    words = [str(tmp_path / "root") if word.startswith("s3://") else word for word in shlex.split(command)]
    words.remove("--no-wait")
    token, port = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}, free_port()
    options = ["--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={port}"]
    path = {"PATH": f"{RAY.parent}:{os.environ['PATH']}"}  # as in an environment that is activated
    with ray_head(outer_ip(), token | path, *options, f"--dashboard-agent-listen-port={free_port()}"):
        env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
        env["RAY_API_SERVER_ADDRESS"] = f"http://127.0.0.1:{port}"

        wait_for_port("127.0.0.1", port)

        def submit(shown):
            command = [RAY, *words]
            return subprocess.run(command, env=env | shown, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=180)

        told = submit({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "another-token-that-is-long-enough-too"})
        assert told.returncode != 0
        assert "token" in told.stdout + told.stderr
        assert not (tmp_path / "root").exists()
        told = submit(token)
        assert told.returncode == 0, told.stdout + told.stderr
    assert sorted(load_runs(tmp_path / "root")["seed"]) == [0, 1]
    assert "lets in anyone" not in told.stdout
