"""docs/tutorial.md, followed as a reader would: its files are written, and its commands are run in their order."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from grokjax import load_runs
from tests.support.packages import Site

pytestmark = pytest.mark.slow

TEXT = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
COMMANDS = [shlex.split(line) for language, text in BLOCKS if not language for line in text.splitlines()]
ELSEWHERE = ["make demo", "source .venv/bin/activate", "pip install ./ends"]  # an installation, which the test below stands for


def test_its_commands_draw_the_phase_diagram_of_its_task(tmp_path, monkeypatch):
    (task, program), (package, spec) = ([text for name, text in BLOCKS if name == language] for language in ("python", "toml"))
    site = Site(tmp_path / "site")
    site.install_project(package, ends=task)
    (tmp_path / "ends.toml").write_text(spec.replace("steps = 5000", "steps = 100"), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert [shlex.join(words) for words in COMMANDS if words[0] != "grokjax"] == ELSEWHERE
    commands = [words[1:] + ["--executor", "inline"] * (words[1] == "run") for words in COMMANDS if words[0] == "grokjax"]
    done = site.in_order(commands)
    assert done.returncode == 0, done.stderr
    runs = load_runs("results/ends")
    assert len(runs) == 90
    assert set(runs["string_length"]) == {tomllib.loads(spec)["run"]["string_length"]}
    exec(program, {})
    for file in ("phases.png", "report.html"):
        assert (Path("results/ends") / file).stat().st_size > 10_000
