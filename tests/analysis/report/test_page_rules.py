"""The rules on the page: those of other packages are labelled in Python, and a rule that does not fit the task is warned of."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grokjax.analysis.labels import rules as label_rules
from grokjax.analysis.labels.default_rule import misfit
from grokjax.analysis.labels.events import EVENTS
from grokjax.analysis.labels.rules import PHASES, RULES, ArticleRule, NamedRule, classify, make_rule
from grokjax.analysis.labels.thresholds import number
from grokjax.analysis.plots import plot_phases, plot_shares
from grokjax.analysis.report import page_data
from grokjax.analysis.report.write import write_report
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.tables.load import load_runs
from tests.support.page import counts

TOP = Path(__file__).parents[3]
EXAMPLE = TOP / "docs" / "example"
STRICT = ArticleRule(loss_threshold=1e-12)


@dataclass(frozen=True)
class LowLossRule(NamedRule):
    """A run groks if its test loss ends low."""

    name: ClassVar[str] = "low_loss"
    source: ClassVar[str] = "a test"
    threshold: float = number(0.1, 1e-9, 10, "test loss", "nats")

    @property
    def columns(self):
        return ("final_test_loss", "hidden_size")

    def __call__(self, runs):
        return pd.Series(np.where(runs["final_test_loss"] < self.threshold, "grok", "memorize"), index=runs.index)


@dataclass(frozen=True)
class BrokenRule(LowLossRule):
    name: ClassVar[str] = "broken"

    def __call__(self, runs):
        return runs["no such column"]


@pytest.fixture
def installed(monkeypatch):
    """As if two packages were installed that add a rule each."""
    monkeypatch.setattr(page_data, "rules", lambda: {**RULES, "low_loss": LowLossRule, "broken": BrokenRule})


def metadata(page):
    return json.loads(re.search(r'<script type="application/json" id="metadata">(.*?)</script>', page.read_text())[1])


def test_a_rule_that_cannot_label_the_runs_is_left_out_with_a_warning(installed, small_root, tmp_path):
    with pytest.warns(UserWarning, match="the rule broken cannot label these runs and is not on the page: 'no such column'"):
        write_report(small_root, tmp_path / "page.html")
    rules = {each["name"]: each for each in metadata(tmp_path / "page.html")["rules"]}
    assert list(rules) == [*RULES, "low_loss"]
    assert rules["low_loss"]["fields"] == []
    assert rules["article"]["columns"] is None
    with pytest.raises(KeyError, match="no such column"):
        write_report(small_root, tmp_path / "page.html", rule=BrokenRule())


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore:the rule broken")
def test_the_page_shows_the_labels_of_a_package_rule_and_no_sliders_for_it(installed, open_page, small_root, tmp_path):
    runs, rule = load_runs(small_root), LowLossRule(threshold=0.3)
    write_report(small_root, tmp_path / "page.html", rule=rule)
    page = open_page(tmp_path / "page.html")
    assert page.input_value("#rule") == "low_loss"
    expected = classify(runs, rule).value_counts()
    assert counts(page) == {phase: count for phase, count in expected.items() if count}
    assert len(counts(page)) == 2
    assert page.locator("#thresholds input").count() == 0
    assert "Its labels (low_loss, threshold 0.3) were computed when this page was written" in page.inner_text("#thresholds")
    page.locator("[role=gridcell]").first.click()
    page.locator(".tile").first.click()
    page.wait_for_selector("text=What the rule low_loss reads")
    page.select_option("#rule", "article")
    assert counts(page) == {phase: count for phase, count in classify(runs, ArticleRule()).value_counts().items() if count}
    assert page.locator("#thresholds input[type=range]").count() == 2


@pytest.fixture(scope="module")
def modular_root(tmp_path_factory):
    """The example of the docs as if its runs were of another task."""
    root = tmp_path_factory.mktemp("modular") / "root"
    shutil.copytree(EXAMPLE, root)
    for file in (root / "runs").iterdir():
        runs = pq.read_table(file)
        place = runs.schema.get_field_index("task")
        pq.write_table(runs.set_column(place, runs.schema.field(place), pa.array(["other"] * len(runs))), file)
    return root


def test_a_rule_that_does_not_fit_the_task_is_warned_of_on_page_and_figure(modular_root, tmp_path):
    runs = load_runs(modular_root)
    warning = misfit(runs, STRICT)
    write_report(modular_root, tmp_path / "page.html", rule=STRICT)
    rules = {each["name"]: each["warning"] for each in metadata(tmp_path / "page.html")["rules"]}
    assert rules["article"] == warning
    assert rules["crossing"] is None
    grid = phase_grid(runs, classify(runs, STRICT), x="weight_decay", y="train_size")
    for figure in (plot_phases(grid, warning=warning), plot_shares(grid, phase="fail", warning=warning)):
        note = " ".join(text.get_text().replace("\n", " ") for text in figure.texts)
        assert note.startswith(f"Warning: {warning}. 75 runs in 15 cells")


@pytest.mark.browser
def test_the_warning_is_read_on_the_page_until_the_thresholds_are_moved(open_page, modular_root, tmp_path):
    write_report(modular_root, tmp_path / "page.html", rule=STRICT)
    page = open_page(tmp_path / "page.html")
    assert page.locator("#misfit").inner_text().startswith("Warning: the rule article was made for sparse_parity, not for ")
    page.fill("input[aria-label='loss threshold, exactly']", "0.1")
    page.keyboard.press("Enter")
    assert not page.locator("#misfit").is_visible()
    page.select_option("#rule", "crossing")
    assert not page.locator("#misfit").is_visible()
    page.select_option("#rule", "article")
    assert page.locator("#misfit").is_visible()
    assert page.input_value("input[aria-label='loss threshold, exactly']") == "1e-12"


def test_a_page_is_written_without_docstrings_and_knows_what_its_events_mean(tmp_path):
    page = tmp_path / "page.html"
    code = f"from grokjax.analysis.report.write import write_report; write_report({str(EXAMPLE)!r}, {str(page)!r})"
    subprocess.run([sys.executable, "-OO", "-c", code], check=True, cwd=TOP)
    assert metadata(page)["kinds"] == [{"name": name, "meaning": meaning} for name, meaning in EVENTS.items()]
    assert all(EVENTS.values())


@pytest.mark.browser
def test_a_page_says_that_it_is_being_drawn_until_it_is_whole(browser, small_root, tmp_path):
    write_report(small_root, tmp_path / "page.html")
    context = browser.new_context()
    context.add_init_script("DecompressionStream = class { constructor() { throw new Error('too old'); } }")
    page = context.new_page()
    page.goto(f"file://{tmp_path / 'page.html'}")
    page.wait_for_selector("text=This page could not be drawn (too old). It needs a browser of 2024 or later.")
    assert not page.locator("main").is_visible(), "no labels with empty boxes"
    context.close()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"file://{tmp_path / 'page.html'}")
    page.wait_for_selector("html[data-ready]")
    assert not page.locator("#drawing").is_visible()
    assert page.locator("#inspector-body canvas").count() == 9, "the curves are there too"
    context.close()


def test_all_phases_have_a_code_below_that_of_a_run_without_a_label():
    assert len(PHASES) < page_data.NO_LABEL
    assert make_rule("final").name in label_rules.RULES
