"""How the tests themselves are laid out."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_test_modules_share_code_through_tests_support_alone(path):
    imported = [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert [name for name in imported if name.split(".")[0] == "tests" and not name.startswith("tests.support")] == []


SKIPPING = """
import pytest

def test_one():
    pytest.skip({reason!r})

def test_two():
    pass
"""


@pytest.mark.parametrize(
    ("variable", "reason", "says"),
    [
        ({}, "there is no Chromium on this machine", "1 passed, 1 skipped"),
        ({"CI": "true"}, "there is no Chromium on this machine", "test_one was skipped"),
        ({"GROKJAX_ALL_TESTS": "1"}, "there is no Chromium on this machine", "1 failed, 1 passed"),
        ({"CI": "true"}, "btrfs-progs is not installed", "1 passed, 1 skipped"),
    ],
)
def test_a_skip_that_is_not_expected_fails_where_all_tests_must_run(pytester, monkeypatch, variable, reason, says):
    for name in ("CI", "GROKJAX_ALL_TESTS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(SKIPPING.format(reason=reason))
    pytester.makeconftest((TESTS / "conftest.py").read_text())
    monkeypatch.setenv("PYTHONPATH", str(TESTS.parent))
    told = pytester.runpytest_subprocess("-p", "no:cacheprovider").stdout.str()
    assert says in told
