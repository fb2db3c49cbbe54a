"""Rules that other packages add: seen everywhere by name, and not needed to read what was trained elsewhere."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from grokjax import entry_points
from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import classify, is_built_in, make_rule, rules
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.query import query
from grokjax.errors import AnalysisError
from tests.support.command import GROKJAX, grokjax
from tests.support.packages import install, on_path

TOP = Path(__file__).parents[2]
LOW = "[grokjax.rules]\nlow = low:LowLossRule\n"


@pytest.fixture
def example(tmp_path):
    """A folder with the rule of docs/howto/own-rule.md, installed."""
    text = (TOP / "docs" / "howto" / "own-rule.md").read_text()
    (module,) = re.findall(r"```python\n(from dataclasses.*?)```", text, re.DOTALL)
    install(tmp_path / "site", LOW, low=module)
    return tmp_path / "site"


def test_a_rule_of_a_package_labels_runs_by_name_everywhere(small_root, tmp_path, example):
    command = ["phases", small_root, "--rule", "low_loss", "--threshold", "threshold=0.7", "--out", tmp_path / "map.png"]
    with on_path(example):
        runs = load_runs(small_root)
        rule = choose_rule(small_root, runs, "low_loss", ["threshold=0.7"])
        assert list(rules())[-1] == "low_loss"
        assert not is_built_in(rule)
        assert set(classify(runs, rule)) <= {"generalize", "fail", "memorize", "grok"}
        assert "low_loss" in query(small_root, "FROM labels", rule)
        done = grokjax(*command)
        assert (done.returncode, done.stdout.partition("\n")[0]) == (0, "rule low_loss, threshold 0.7"), done.stderr
    assert "there is no rule low_loss" in grokjax(*command).stderr


def test_a_spec_may_name_it_and_its_root_can_be_read_without_the_package(small_root, tmp_path, example):
    spec = (TOP / "docs" / "example.toml").read_text().replace('rule = "crossing"', 'rule = "low_loss"')
    (tmp_path / "own.toml").write_text(spec)
    root, plan, draw = tmp_path / "root", ["plan", tmp_path / "own.toml"], ["--out", tmp_path / "map.png"]
    shutil.copytree(small_root, root)
    (entry,) = (root / "specs").iterdir()
    entry.write_text(entry.read_text().replace('"rule": null', '"rule": "low_loss"'))
    with on_path(example):
        assert grokjax(*plan).returncode == 0
        assert grokjax("phases", root, *draw).stdout.startswith("rule low_loss\n")
    assert "own.toml: there is no rule low_loss; the rules are article, " in grokjax(*plan).stderr
    assert (
        "names the rule low_loss, which is not installed; install the package that provides it, or choose a rule: article"
        in grokjax("phases", root, *draw).stderr
    )
    assert grokjax("phases", root, "--rule", "article", *draw).returncode == 0
    assert grokjax("query", root, "SELECT count(*) FROM runs").returncode == 0


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a module `low`, whose `Low` is named as a rule, in this process."""
    monkeypatch.setattr(entry_points, "_left_out", {})
    (tmp_path / "site").mkdir()
    with on_path(tmp_path / "site"):
        yield lambda module: install(tmp_path / "site", "[grokjax.rules]\nlow = low:Low\n", low=module)


RULE = """
from dataclasses import dataclass
from grokjax.analysis.labels.rules import NamedRule
from grokjax.analysis.labels.thresholds import number

@dataclass(frozen=True)
class Low(NamedRule):
    name, columns = "low", ()
    def __call__(self, runs): ...
"""


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import nonexist", r"fails: ModuleNotFoundError\("),
        ("def Low(runs): ...", "is not a rule: a rule is a class with a name, derived from .*NamedRule"),
        ("from grokjax.analysis.labels.rules import NamedRule\nclass Low(NamedRule): name = 'low'", "lacks columns and __call__"),
        (RULE.replace("name, columns = ", "decides, name, columns = True, "), "lacks decider"),
        (RULE.replace('"low"', '"final"'), "has the name final, which another rule has"),
        (RULE + "    loss: float = 1.0\n", "declares loss without its allowed values; use thresholds.number or thresholds.option"),
        (RULE + "    loss: float = number(0, 1, 2, 'loss')\n", r"fails: AnalysisError\('loss = 0 is out of range"),
    ],
    ids=["import", "type", "methods", "decider", "taken", "plain field", "default"],
)
def test_a_rule_that_cannot_be_used_is_left_out_with_a_warning_that_says_why(installed, capsys, module, reason):
    installed(module)
    assert "low" not in rules()
    warning = capsys.readouterr().err
    assert warning.count("\n") == 1
    about = "low:Low, which an installed package names under grokjax.rules, "
    assert re.match(f"grokjax: left out: {about}{reason}", warning), warning
    with pytest.raises(AnalysisError, match=f"there is no rule low; the rules are article, .*; {about}{reason}"):
        make_rule("low")
    assert (make_rule("article").name, capsys.readouterr().err) == ("article", ""), "the warning is given once"


def test_the_rule_of_which_the_others_are_defective_copies_is_used(installed):
    installed(RULE + "    loss: float = number(1, 1, 2, 'loss')\n")
    assert make_rule("low", ["loss=2"]).loss == 2


def test_commands_work_beside_a_package_whose_rule_cannot_be_loaded(small_root, tmp_path):
    environment = install(tmp_path / "site", LOW, low="import nonexist")
    for command in (["status", small_root], ["phases", small_root, "--rule", "article", "--out", tmp_path / "map.png"]):
        done = subprocess.run([GROKJAX, *command], capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("grokjax: left out: low:LowLossRule, ") == (command[0] == "phases"), done.stderr
