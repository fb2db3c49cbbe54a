"""The example of docs/extending.md, installed as its text says and run as a user would."""

import os
import re
import subprocess
import sys
from pathlib import Path

from analysis.load import load_runs

TOP = Path(__file__).parents[1]


def test_the_example_trains(tmp_path):
    text = (TOP / "docs" / "extending.md").read_text()
    (module,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    project, spec = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    package = tmp_path / "site"
    (entry,) = re.findall(r'"grokjax.parts"\]\n(.*)', project)
    information = package / "majority-0.1.dist-info"  # what installing it leaves
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: majority\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text("[grokjax.parts]\n" + entry.replace('"', "") + "\n")
    (package / "majority.py").write_text(module)
    (tmp_path / "majority.toml").write_text(spec)
    command = [Path(sys.executable).with_name("grokjax"), "run", tmp_path / "majority.toml", "--root", tmp_path / "root"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])}
    told = subprocess.run([*command, "--executor", "inline"], capture_output=True, text=True, check=False, env=environment)
    assert told.returncode == 0, told.stderr
    runs = load_runs(tmp_path / "root")
    assert runs["task"].tolist() == ["majority"] * 2
    assert (runs["majority_bits"] == 9).all()
    assert (runs["max_test_accuracy"] > 0.6).all()
