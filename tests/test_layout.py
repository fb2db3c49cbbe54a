"""How the tests themselves are laid out."""

import ast
from pathlib import Path

import pytest

from tests.support.skips import must_not_skip

TESTS = Path(__file__).parent


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_test_modules_share_code_through_tests_support_alone(path):
    imported = [node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert [name for name in imported if name.split(".")[0] == "tests" and not name.startswith("tests.support")] == []


@pytest.mark.parametrize(
    ("environment", "reason", "outcome"),
    [
        ({}, "there is no Chromium on this machine", "skipped"),
        ({"CI": "true"}, "there is no Chromium on this machine", "failed"),
        ({"GROKJAX_ALL_TESTS": "1"}, "there is no Chromium on this machine", "failed"),
        ({"CI": "true"}, "btrfs-progs is not installed", "skipped"),
    ],
)
def test_a_skip_that_is_not_expected_fails_where_all_tests_must_run(environment, reason, outcome):
    skipped = pytest.TestReport("test_one", ("", 0, ""), {}, "skipped", ("", 0, f"Skipped: {reason}"), "call")
    report = must_not_skip(skipped, environment)
    assert report.outcome == outcome
    assert ("does not expect" in str(report.longrepr)) == (outcome == "failed")


def test_the_hooks_apply_that_rule(pytester, monkeypatch):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PYTHONPATH", str(TESTS.parent))
    pytester.makeconftest("from tests.support.skips import pytest_make_collect_report, pytest_runtest_makereport")
    pytester.makepyfile("import pytest\n\ndef test_one():\n    pytest.skip('no reason')\n\ndef test_two():\n    pass\n")
    pytester.makepyfile(test_module="import pytest\n\npytest.skip('no reason', allow_module_level=True)\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--continue-on-collection-errors")
    result.assert_outcomes(passed=1, failed=1, errors=1)
