"""The charts of the page in a browser: what the rule looks at, what the pointer reads, and two cells side by side."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.synthetic import write_sweep
from grokjax.analysis.report.write import write_report
from grokjax.analysis.tables.load import load_runs
from tests.support.page import cell, counts, shown, until
from tests.support.specs import spec_of


@pytest.fixture(scope="module")
def small(small_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("charts") / "report.html"
    write_report(small_root, path)
    return path


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A sweep of two tasks and two optimizers, each with hyperparameters that the other lacks."""
    root = tmp_path_factory.mktemp("tasks") / "root"
    axes = {
        "task": ("sparse_parity", "modular_arithmetic"),
        "optimizer": ("adamw", "adam_l1"),
        "train_size": (100, 200),
        "weight_decay": (0.1, 1.0),
        "l1_penalty": (1e-4, 1e-3),
        "seed": (0, 1),
    }
    write_sweep(root, spec_of(axes, modulus=11, train_fraction=0.5, hidden_size=16, loss="cross_entropy"))
    write_report(root, root / "report.html")
    return root / "report.html"


LABELS = """all => all.map(each => {
  const label = each.firstChild.getBoundingClientRect(), column = each.cellIndex;
  const cell = each.closest("table").rows[0].cells[column].getBoundingClientRect();
  const below = each.closest("table").tBodies[0].getBoundingClientRect().bottom;
  const aside = (label.left + label.right - cell.left - cell.right) / 2;
  return [label.top - below, aside, label.bottom - each.getBoundingClientRect().bottom];
})"""


def test_long_labels_of_columns_lie_below_the_middle_of_their_columns(open_page, tasks):
    page = open_page(tasks, "#x=task&y=optimizer")
    assert page.locator("#map.slanted").count() == 1
    places = page.eval_on_selector_all("tfoot th", LABELS)
    assert len(places) == 2
    for above, aside, below in places:
        assert above >= 0, "over the map"
        assert abs(aside) < 3
        assert below < 1


def test_a_sweep_of_two_tasks_opens_with_runs_of_both(open_page, tasks):
    page = open_page(tasks)
    assert [page.input_value(f"#axis-{place}") for place in ("x", "y", "facet")] == ["task", "optimizer", ""]
    assert page.locator("[role=gridcell]:not(.none)").count() == 4
    assert sum(counts(page).values()) == 8, "two seeds a cell"
    assert "none" not in page.locator("#map th").all_inner_texts()
    said = re.findall(r"Only (\w+) ", page.locator("#map-notes").inner_text())
    assert sorted(said) == ["l1_penalty", "train_size", "weight_decay"]


def test_the_page_opens_on_the_metrics_that_the_rule_looks_at(open_page, small):
    page = open_page(small)
    assert page.input_value("input[name=curves]:checked") == "loss"
    page.select_option("#rule", "accuracy_delay")
    until(page, "document.querySelector('input[name=curves]:checked').value === 'accuracy'")
    assert "curves=" not in page.url
    page.select_option("#threshold-accuracy", "0.99")
    page.select_option("#rule", "crossing")
    page.select_option("#threshold-train", "loss_1e_5")
    until(page, "document.querySelector('input[name=curves]:checked').value === 'loss'")
    page.check("input[name=curves][value=norms]", force=True)
    page.select_option("#rule", "article")
    until(page, "document.querySelector('input[name=curves]:checked').value === 'norms'")


def saved(page, selector):
    with page.expect_download() as waiting:
        page.click(selector)
    download = waiting.value
    return download.suggested_filename, Path(download.path()).read_text()


SVG = "{http://www.w3.org/2000/svg}"


def figure(page):
    """The saved figure: its texts, and the places of the paths that go straight up."""
    name, text = saved(page, "#save-svg")
    root = ElementTree.fromstring(text)
    upright = [each for each in root.iter(f"{SVG}path") if re.fullmatch(r"M(\S+) \S+L\1 \S+", each.get("d"))]
    return name, root, [each.text for each in root.iter(f"{SVG}text")], upright


def test_both_crossing_steps_are_marked_on_every_chart(open_page, small, small_root):
    runs = load_runs(small_root)
    chosen = runs[(runs["weight_decay"] == 0.1) & (runs["hidden_size"] == 64) & (runs["train_size"] == 1250) & (runs["seed"] == 0)]
    run = chosen.iloc[0]
    assert (run["first_step_train_accuracy_90"], run["first_step_test_accuracy_90"]) == (300, 1300)
    page = open_page(small, f"#rule=accuracy_delay&run={run['run_id']}")
    shown(page, run["run_id"])
    name, _, _, upright = figure(page)
    assert name == f"small-{run['run_id']}.svg"
    charts = page.locator("#inspector-body .chart canvas").count()
    assert charts == 4
    colors = {
        each: page.evaluate(f"getComputedStyle(document.querySelector('.sample.{each}')).stroke") for each in ("train", "test")
    }
    for part, step in (("train", 300), ("test", 1300)):
        marks = [each for each in upright if each.get("stroke") == colors[part]]
        assert len(marks) == charts, "one a chart"
        at = float(re.match(r"M(\S+)", marks[0].get("d"))[1])
        width = page.locator("#inspector-body .u-over").first.bounding_box()["width"]
        assert at - 36 == pytest.approx(width * step / 2000, abs=1)


def test_a_figure_has_the_curves_the_legend_and_the_phases_of_the_cell(open_page, small):
    page = open_page(small, "#cell=0.1&cell=1250&cell=64")
    shown(page, "0.1,1250,64")
    name, root, texts, _ = figure(page)
    assert name == "small-0.1-1250-64.svg"
    assert {"train loss", "test loss", "weight_decay 0.1, train_size 1250, hidden_size 64"} <= set(texts)
    assert sum(text.startswith("seed ") for text in texts) == 9
    circles = root.findall(f".//{SVG}circle")
    assert len(circles) == 18, "the least train and test loss, which the rule reads"
    curves = [each for each in root.iter(f"{SVG}path") if each.get("d").count("L") > 10]
    assert len(curves) == 18
    page.select_option("#rule", "crossing")
    page.check("text=seeds together")
    until(page, "document.querySelectorAll('#inspector-body canvas').length === 1")
    assert "9 runs" in figure(page)[2]


def test_the_pointer_reads_values_beside_the_names_of_their_lines(open_page, small):
    page = open_page(small, "#cell=0.1&cell=1250&cell=64")
    shown(page, "0.1,1250,64")
    page.locator(".tile").nth(4).hover()
    until(page, "document.getElementById('readout').textContent.startsWith('step ')")
    key = page.locator(".linekey li").all_inner_texts()
    assert [re.fullmatch(r"(\w+ loss)\s+\S+", text)[1] for text in key] == ["train loss", "test loss"]
    page.mouse.move(5, 5)
    until(page, "document.querySelector('.linekey output').textContent === ''")
    page.check("text=seeds together")
    until(page, "document.querySelectorAll('#inspector-body canvas').length === 1")
    page.locator("#inspector-body .u-over").hover()
    until(page, "document.querySelector('.linekey output').textContent.includes(' to ')")


def test_the_plots_of_all_seeds_are_equally_high(open_page, small):
    page = open_page(small, "#rule=crossing&only.seed=0&only.seed=1&only.seed=2&only.seed=3&only.seed=4")
    page.wait_for_selector(".tile canvas")
    places = page.eval_on_selector_all(".tile .u-over", "all => all.map(each => each.getBoundingClientRect().toJSON())")
    assert len({each["height"] for each in places}) == 1
    assert len(places) == 5
    assert len({each["top"] for each in places}) == 2


def test_two_cells_stand_side_by_side_and_the_link_has_both(open_page, small):
    page = open_page(small)
    cell(page, 0, 0, 0).click()
    shown(page, "0.01,750,16")
    cell(page, 1, 1, 1).click(modifiers=["Shift"])
    shown(page, "0.01,750,16|0.1,1250,64")
    assert page.locator(".pinned").count() == 2
    assert page.locator(".tile canvas").count() == 18
    cell(page, 2, 1, 1).hover()
    left, right = (page.locator(".beside > .tiles").nth(index).bounding_box() for index in (0, 1))
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    other = open_page(small, "#" + page.url.partition("#")[2])
    shown(other, "0.01,750,16|0.1,1250,64")
    page.mouse.move(5, 5)
    page.keyboard.press("Escape")
    shown(page, "0.01,750,16")
    page.click("#inspector-compare")
    cell(page, 0, 0, 0).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    shown(page, "0.01,750,16|0.01,1250,16")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    shown(page, "0.01,1250,64")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+Enter")
    shown(page, "0.01,1250,64|0.01,1250,16")


def test_two_cells_fit_a_phone(open_page, small):
    page = open_page(small, "#cell=0.1&cell=1250&cell=64&beside=0.1&beside=1250&beside=16", viewport={"width": 390, "height": 844})
    shown(page, "0.1,1250,64|0.1,1250,16")
    assert page.evaluate("document.getElementById('inspector').scrollWidth <= innerWidth")
    assert page.locator(".tile canvas").count() == 18
