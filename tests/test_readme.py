"""The Python of README.md, run as it stands there, and the commands that it names."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_its_python_runs_on_a_root(tmp_path, monkeypatch, capsys):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "demo").symlink_to(TOP / "docs" / "example")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(blocks("python")), {})
    assert "min_test_loss" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(set(re.findall(r"(?:^|`)grokjax ([a-z]+)\b", README, re.MULTILINE))))
def test_its_commands_exist(name):
    assert (TOP / "scripts" / f"{name}.py").exists()
