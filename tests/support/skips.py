"""The rule that a test which is skipped where all tests must run fails, as hooks for a conftest.py. Imports nothing of grokjax."""

import os
import re
from collections.abc import Generator, Mapping
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

EXPECTED_SKIPS = (
    "the published files are not beside this checkout",  # they are no part of the repository
    "could not import 'torch'",  # 2 GB, and compared with in benchmarks alone
    "root may write anywhere",  # as in a container
    "this machine lets no test mount a file system",  # as in a container without privileges
    "btrfs-progs is not installed",
    "no LaTeX is installed",  # hundreds of MB, and used for .pgf files alone
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets a test fail that must not be skipped."""
    return must_not_skip((yield), os.environ)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Lets a module fail that must not be skipped."""
    return must_not_skip((yield), os.environ)


def must_not_skip(report: Report, environment: Mapping[str, str]) -> Report:
    """The report, as a failure if CI=true or GROKJAX_ALL_TESTS=1 and it was skipped for none of EXPECTED_SKIPS."""
    all_tests = environment.get("CI") == "true" or environment.get("GROKJAX_ALL_TESTS") == "1"
    if all_tests and report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = re.sub(r"^Skipped: ", "", report.longrepr[2])
        if not reason.startswith(EXPECTED_SKIPS):
            report.outcome = "failed"
            unexpected = "was skipped, which EXPECTED_SKIPS in tests/support/skips.py does not expect"
            report.longrepr = f"{report.nodeid} {unexpected}: {reason}"
    return report
