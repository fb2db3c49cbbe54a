"""The table of runs on the page: sorting, conditions, files; and the map coloured by a number."""

import io
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.rules import classify, make_rule
from grokjax.analysis.report.write import write_report
from grokjax.analysis.statistics.aggregate import cell_values
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.selection import select
from tests.support.page import cell, counts, go, serious, shown, until


@pytest.fixture(scope="module")
def small(small_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "report.html"
    write_report(small_root, path)
    return path


@pytest.fixture
def labelled(small_root):
    runs = load_runs(small_root)
    return runs.assign(phase=classify(runs, make_rule("article")).astype(str))


def ids(page):
    return page.eval_on_selector_all("#runs-host tbody tr", "all => all.map(each => each.dataset.run)")


def csv(page):
    with page.expect_download() as waiting:
        page.click("#save-csv")
    return waiting.value.suggested_filename, pd.read_csv(io.StringIO(Path(waiting.value.path()).read_text()), dtype={"run_id": str})


def where(page):
    page.click("#copy-where")
    until(page, "document.getElementById('copy-where').textContent === 'Copied'")
    words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert set(words[::2]) <= {"--where"}
    return words[1::2]


def test_the_table_sorts_by_any_column_and_the_link_knows_it(open_page, small, labelled):
    page = open_page(small)
    page.click("#runs > summary")
    page.wait_for_selector("#runs-host tbody tr")
    page.click("[data-sorts=min_test_loss]")
    until(page, "location.hash.includes('sort=min_test_loss')")
    values = labelled.set_index("run_id")["min_test_loss"]
    assert values[ids(page)].tolist() == sorted(values)[:100]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("min_test_loss")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('th[aria-sort=descending]') !== null")
    assert values[ids(page)].tolist() == sorted(values, reverse=True)[:100]
    page.click("#more-runs")
    assert len(ids(page)) == 108
    other = open_page(small, "#" + page.url.partition("#")[2])
    other.wait_for_selector("#runs-host tbody tr")
    assert ids(other) == ids(page)[:100]
    other.locator("#runs-host tbody button").first.click()
    shown(other, ids(page)[0])


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("phase=grok", "phase == 'grok'"),
        ("grok hidden_size=64", "phase == 'grok' and hidden_size == 64"),
        ("weight_decay=0.1,1 min_test_loss<1e-3", "weight_decay in (0.1, 1.0) and min_test_loss < 1e-3"),
        ("seed!=0 final_test_accuracy>=0.99", "seed != 0 and final_test_accuracy >= 0.99"),
        ("train_size>800", "train_size > 800"),
    ],
)
def test_conditions_and_their_files_choose_the_runs_that_pandas_chooses(open_page, small, labelled, text, query):
    page = open_page(small, "#runs=yes")
    page.fill("#find", text)
    until(page, "location.hash.includes('find=')")
    expected = labelled.query(query)
    assert page.locator("#runs-count").inner_text() == f"{len(expected)} runs"
    name, saved = csv(page)
    assert name == "small-runs.csv"
    assert set(saved["run_id"]) == set(expected["run_id"])
    both = saved.set_index("run_id").loc[expected["run_id"]]
    for column in ("min_test_loss", "weight_decay", "first_step_test_accuracy_99"):
        np.testing.assert_array_equal(both[column], expected[column].to_numpy(np.float64, na_value=np.nan))
    assert both["phase"].tolist() == expected["phase"].tolist()
    conditions = where(page)
    assert set(select(labelled, conditions)["run_id"]) == set(expected["run_id"])
    if text == "train_size>800":
        assert conditions == ["train_size=1250"]


def test_a_condition_that_cannot_be_read_is_said(open_page, small):
    page = open_page(small, "#runs=yes")
    for text, said in [
        ("weight_decai=1", "there is no column weight_decai; did you mean weight_decay?"),
        ("phase<3", "compares numbers"),
        ("zzz", "zzz is no condition"),
    ]:
        page.fill("#find", text)
        assert said in page.locator("#find-complaint").inner_text()
        assert page.get_attribute("#find", "aria-invalid") == "true"
    page.fill("#find", "")
    assert page.locator("#find-complaint").inner_text() == ""


def test_filters_of_the_map_and_pinned_cells_narrow_the_selection(open_page, small, labelled):
    page = open_page(small, "#runs=yes&only.weight_decay=0.1&cell=0.1&cell=750&cell=16")
    assert page.locator("#runs-count").inner_text() == "36 runs"
    assert where(page) == ["weight_decay=0.1"]
    page.check("text=pinned cells only")
    assert page.locator("#runs-count").inner_text() == "9 runs"
    until(page, "location.hash.includes('pinnedOnly=yes')")
    chosen = select(labelled, where(page))
    assert len(chosen) == 9
    assert set(chosen["train_size"]) == {750}
    cell(page, 0, 1, 1).click(modifiers=["Shift"])
    until(page, "document.getElementById('runs-count').textContent === '18 runs'")
    two = where(page)
    assert two[0].startswith("run_id="), "no conditions on hyperparameters choose just these two cells"
    assert len(select(labelled, two)) == 18


def fills(page, selector):
    return page.eval_on_selector_all(selector, "all => all.map(each => each.getAttribute('fill'))")


def test_the_map_is_coloured_by_a_number_and_its_aggregate(open_page, small, labelled):
    page = open_page(small)
    page.select_option("#color-by", "final_test_accuracy")
    until(page, "document.querySelectorAll('#map path[fill]').length === 108")
    assert len(set(fills(page, "#map path[fill]"))) > 20
    page.check("input[name=view][value=shares]", force=True)
    page.select_option("#color-of", "greatest")
    until(page, "location.hash.includes('of=greatest')")
    best = labelled.groupby(["weight_decay", "train_size", "hidden_size"])["final_test_accuracy"].max()
    label = cell(page, 1, 1, 1).get_attribute("aria-label")
    assert label.endswith(f"greatest of final_test_accuracy {best[0.1, 1250, 64]:.3g}")
    assert "greatest of final_test_accuracy" in page.locator("#legend").inner_text()
    before = counts(page)
    go(page, "#color=first_step_test_accuracy_99&of=median&view=shares")
    medians = cell_values(labelled, "first_step_test_accuracy_99", x="hidden_size", y="train_size", facet="weight_decay")["value"]
    assert page.locator("#map .mark.missing").count() == int(np.isinf(medians).sum()), "no median where half the runs never crossed"
    lacking = int(labelled["first_step_test_accuracy_99"].isna().sum())
    assert f"{lacking} runs without a value, as rings" in page.locator("#legend").inner_text()
    assert counts(page) == before
    go(page, "#color=no_such")
    assert "color = no_such; this page has no such column of numbers" in page.locator("#notice").inner_text()
    assert not page.locator("#legend").is_visible()


def test_a_column_that_is_known_for_the_last_step_only_is_said_to_be_so(open_page, small):
    page = open_page(small, "#color=final_test_loss")
    page.focus("#budget")
    page.keyboard.press("Home")
    until(page, "document.getElementById('legend').textContent.includes('known')")
    assert "final_test_loss is known for the last step only" in page.locator("#legend").inner_text()
    assert page.locator("#map path[fill]").count() == 0
    page.select_option("#color-by", "min_test_loss")
    until(page, "document.querySelectorAll('#map path[fill]').length === 108")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_tables_colours_and_two_cells_have_no_serious_accessibility_violation(open_page, small, width, scheme):
    state = "#runs=yes&sort=seed&color=final_test_loss&view=shares&cell=0.1&cell=750&cell=16&beside=1&beside=750&beside=16"
    page = open_page(small, state, viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    shown(page, "0.1,750,16|1,750,16")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
