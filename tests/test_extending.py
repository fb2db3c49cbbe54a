"""The examples of docs/extending.md, installed as its text says and run as a user would."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grokjax.analysis.tables.load import load_runs

pytestmark = pytest.mark.slow

TOP = Path(__file__).parents[1]


def test_the_examples_train(tmp_path):
    text = (TOP / "docs" / "extending.md").read_text()
    task, optimizer = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    project, spec = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    package = tmp_path / "site"
    (entry,) = re.findall(r'"grokjax.parts"\]\n(.*)', project)
    information = package / "majority-0.1.dist-info"  # what installing it leaves
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: majority\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text("[grokjax.parts]\n" + entry.replace('"', "") + "\nsign = sign\n")
    (package / "majority.py").write_text(task)
    (package / "sign.py").write_text(optimizer)
    (tmp_path / "majority.toml").write_text(spec)
    grokjax = Path(sys.executable).with_name("grokjax")
    command = [grokjax, "run", tmp_path / "majority.toml", "--root", tmp_path / "root", "--set", "optimizer=adamw,sign"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")])}
    told = subprocess.run([*command, "--executor", "inline"], capture_output=True, text=True, check=False, env=environment)
    assert told.returncode == 0, told.stderr
    runs = load_runs(tmp_path / "root")
    assert runs["task"].tolist() == ["majority"] * 4
    assert sorted(runs["optimizer"]) == ["adamw"] * 2 + ["sign"] * 2
    assert (runs["majority_bits"] == 9).all()
    assert (runs["max_test_accuracy"] > 0.6).all()
    sweep = [*command[:3], "--root", tmp_path / "axis", "--executor", "inline", "--set", "steps=200", "--set", "majority_bits=7,9"]
    subprocess.run(sweep, check=True, env=environment)
    says = "grokjax: majority: there is no task 'majority' here; is the package installed that has it?\n"
    for asked, root in (("status", "root"), ("verify", "axis"), ("retry", "axis")):  # a hyperparameter of its own is on an axis
        elsewhere = subprocess.run([grokjax, asked, tmp_path / root], capture_output=True, text=True, check=False)
        assert (elsewhere.returncode, elsewhere.stderr) == (2, says)


def test_what_is_wrong_with_a_package_is_told_in_a_sentence(tmp_path):
    """One that cannot be imported, and one whose model lacks methods."""
    grokjax = Path(sys.executable).with_name("grokjax")

    def told(module, *arguments):
        information = tmp_path / "broken-0.1.dist-info"
        information.mkdir(exist_ok=True)
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 0.1\n")
        (information / "entry_points.txt").write_text("[grokjax.parts]\nbroken = broken\n")
        (tmp_path / "broken.py").write_text(module)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
        command = [grokjax, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    imports = "from typing import Literal\nfrom grokjax.models.base import Model\n"
    model = f"{imports}class Half(Model):\n    model: Literal['half'] = 'half'\n"
    for module, says in {"import nonexist": "broken, which an installed package names", model: "broken.Half lacks apply, "}.items():
        answer = told(module, "plan", "parity-demo")
        assert (answer.returncode, answer.stderr.count("\n")) == (2, 1), answer.stderr
        assert says in answer.stderr
