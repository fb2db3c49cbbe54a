"""Rules that other packages add: seen everywhere by name, and not needed to read what was trained elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
GROKJAX = Path(sys.executable).with_name("grokjax")


def install(folder, module, entry="low = low:LowLossRule"):
    """What installing a package of one module leaves in a folder; returns the environment in which it is found."""
    information = folder / "low-0.1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: low\nVersion: 0.1\n")
    (information / "entry_points.txt").write_text(f"[grokjax.rules]\n{entry}\n")
    (folder / "low.py").write_text(module)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def example():
    """The rule of docs/reference/phases.md."""
    (module,) = re.findall(
        r"```python\n(from dataclasses.*?)```", (TOP / "docs" / "reference" / "phases.md").read_text(), re.DOTALL
    )
    return module


def run(command, environment=None):
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_rule_of_a_package_labels_runs_by_name_everywhere(small_root, tmp_path):
    environment = install(tmp_path / "site", example())
    code = f"""
from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import classify, is_built_in, rules
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.query import query
runs = load_runs({str(small_root)!r})
rule = choose_rule({str(small_root)!r}, runs, "low_loss", ["threshold=0.7"])
print(list(rules()), is_built_in(rule), set(classify(runs, rule)))
print(list(query({str(small_root)!r}, "FROM labels", rule)))
"""
    answer = run([sys.executable, "-c", code], environment)
    assert answer.returncode == 0, answer.stderr
    assert "'final', 'low_loss'] False" in answer.stdout
    assert "'final', 'low_loss']\n" in answer.stdout
    map_of = [GROKJAX, "phases", small_root, "--rule", "low_loss", "--threshold", "threshold=0.7", "--out", tmp_path / "map.png"]
    answer = run(map_of, environment)
    assert (answer.returncode, answer.stdout.partition("\n")[0]) == (0, "rule low_loss, threshold 0.7"), answer.stderr
    assert "there is no rule low_loss" in run(map_of).stderr


def test_a_spec_may_name_it_and_its_root_can_be_read_without_the_package(small_root, tmp_path):
    environment = install(tmp_path / "site", example())
    spec = (TOP / "docs" / "example.toml").read_text().replace('rule = "crossing"', 'rule = "low_loss"')
    (tmp_path / "own.toml").write_text(spec)
    plan = [GROKJAX, "plan", tmp_path / "own.toml"]
    assert run(plan, environment).returncode == 0
    assert "own.toml: there is no rule low_loss; the rules are article, " in run(plan).stderr
    root = tmp_path / "root"
    shutil.copytree(small_root, root)
    (entry,) = (root / "specs").iterdir()
    entry.write_text(entry.read_text().replace('"rule": null', '"rule": "low_loss"'))
    assert run([GROKJAX, "phases", root, "--out", tmp_path / "map.png"], environment).stdout.startswith("rule low_loss\n")
    said = run([GROKJAX, "phases", root, "--out", tmp_path / "map.png"]).stderr
    assert (
        "names the rule low_loss, which is not installed; install the package that provides it, or choose a rule: article" in said
    )
    assert run([GROKJAX, "phases", root, "--rule", "article", "--out", tmp_path / "map.png"]).returncode == 0
    assert run([GROKJAX, "query", root, "SELECT count(*) FROM runs"]).returncode == 0


@pytest.mark.parametrize(
    ("module", "entry", "says"),
    [
        (
            "import nonexist",
            "low = low:LowLossRule",
            "low:LowLossRule, which an installed package names under grokjax.rules, fails: ",
        ),
        (
            "def low(runs): ...",
            "low = low:low",
            "low:low, .* is not a rule: a rule is a class with a name, derived from .*NamedRule",
        ),
        (
            "from grokjax.analysis.labels.rules import NamedRule\nclass Low(NamedRule): name = 'low'",
            "low = low:Low",
            "low:Low, .* lacks columns and __call__",
        ),
        (
            "from grokjax.analysis.labels.rules import NamedRule\n"
            "class Low(NamedRule):\n    name, decides, columns = 'low', True, ()\n    def __call__(self, runs): ...",
            "low = low:Low",
            "low:Low, .* lacks decider",
        ),
        (
            "from grokjax.analysis.labels.rules import FinalRule\nclass Low(FinalRule): name = 'final'",
            "low = low:Low",
            "has the name final, which another rule has",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_of_a_package_is_told_in_a_sentence(small_root, tmp_path, module, entry, says):
    environment = install(tmp_path, module, entry)
    answer = run([GROKJAX, "phases", small_root, "--rule", "low", "--out", tmp_path / "map.png"], environment)
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1), answer.stderr
    assert re.search(says, answer.stderr)
