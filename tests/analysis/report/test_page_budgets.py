"""The page as of earlier steps: every label equals Python's, and the slider, the link and the charts follow."""

import json
import random
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import grokjax
from benchmarks.synthetic import write_sweep
from grokjax.analysis.labels.rules import PHASES, RULES, classify, make_rule
from grokjax.analysis.report import write
from grokjax.analysis.report.budgets import Budgets, expected, pack_budgets
from grokjax.analysis.report.sweep import page_sweep
from grokjax.analysis.report.write import write_report
from grokjax.analysis.tables.budget import runs_as_of, summaries_as_of
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError
from tests.support.page import counts, go, on_the_edge, shown, until
from tests.support.specs import AXES, spec_of

STATES = 500


@pytest.fixture(scope="module")
def mixed_root(tmp_path_factory):
    """The small sweep with runs of half its length, and runs that a rule stopped."""
    root = tmp_path_factory.mktemp("mixed") / "root"
    write_sweep(root, spec_of(AXES | {"weight_decay": (0.3,)}, name="shorter", steps=1000), on_the_edge)
    write_sweep(root, spec_of(), on_the_edge)
    for file in (root / "runs").iterdir():
        runs = pq.read_table(file)
        stopped = pa.array(["article" if seed == 4 else None for seed in runs["seed"].to_pylist()], pa.string())
        pq.write_table(runs.set_column(runs.schema.get_field_index("stopped_by"), runs.schema.field("stopped_by"), stopped), file)
    return root


@pytest.fixture(scope="module")
def mixed(mixed_root):
    write_report(mixed_root, mixed_root / "report.html")
    return mixed_root / "report.html"


@pytest.fixture
def inside(open_page, tmp_path):
    """Opens a page with its own functions within reach, as `window.inside`; the page itself keeps them to itself."""

    def opened(path):
        text = path.read_text().replace("Content-Security-Policy", "no-policy")
        functions = "readSweep, Budgets, classify, conditionsOf, whereText, csvText"
        before, script, after = text.rpartition("</script>")
        (tmp_path / "inside.html").write_text(f"{before}\nwindow.inside = {{ {functions} }};\n{script}{after}")
        page = open_page(tmp_path / "inside.html")
        page.evaluate("async () => { inside.sweep = await inside.readSweep(); inside.budgets = new inside.Budgets(inside.sweep); }")
        return page

    return opened


def random_settings(chosen, name, runs):
    """Thresholds of a rule, half of them exactly at what some run has, where labels differ by a bit."""

    def near(column, low, high):
        values = runs[column].dropna().to_numpy(np.float64)
        exact = [value for value in values if low <= value <= high]
        return (
            float(chosen.choice(exact)) if exact and chosen.random() < 0.5 else float(np.exp(chosen.uniform(*np.log([low, high]))))
        )

    crossings = ["accuracy_90", "accuracy_95", "accuracy_99", "accuracy_100", "loss_1e_2", "loss_1e_5"]
    delay = chosen.choice([1.0, 100.0, 200.0, 500.0, 1000.0, 999.5])
    if name == "article":
        return {
            "loss_threshold": near("min_test_loss", 1e-8, 10.0),
            "ratio_threshold": near("max_loss_ratio", 1.0, 1e8),
            "loss_convention": chosen.choice(["per_example", "per_class", "bits"]),
        }
    if name == "accuracy_delay":
        budget = float(chosen.choice([300, 1000, 1300, 1299, 1e5]))
        return {"accuracy": chosen.choice([0.9, 0.95, 0.99, 1.0]), "delay": delay, "budget": budget}
    if name == "crossing":
        kind = chosen.choice(["first", "sustained", "held"])
        return {"train": chosen.choice(crossings), "test": chosen.choice(crossings), "kind": kind, "delay": delay}
    shares = {part: min(1.0, near(f"final_{part}", 0.4, 1.0)) for part in ("train_accuracy", "test_accuracy")}
    return {**shares, "ratio_threshold": near("max_loss_ratio", 1.0, 1e8)}


LABELS = """async (states) => {
  const found = [];
  for (const [rule, settings, budget] of states) {
    const labels = inside.classify(await inside.budgets.at(budget), rule, settings);
    found.push(Array.from(labels, (label) => inside.sweep.phases[label]?.name ?? "missing").join(" "));
  }
  return [inside.sweep.runIds, found];
}"""


def test_page_and_python_agree_in_every_label_of_500_random_states(inside, mixed, mixed_root):
    runs, curves, page = load_runs(mixed_root), load_curves(mixed_root), inside(mixed)
    budgets = page.evaluate("inside.budgets.steps")
    assert len(budgets) >= 5
    assert {1000, 2000} <= set(budgets), "the lengths of the runs"
    tables = {budget: runs_as_of(runs, budget, curves) for budget in budgets}
    chosen = random.Random(16)
    states = []
    for index in range(STATES):
        name, budget = list(RULES)[index % len(RULES)], chosen.choice(budgets)
        states.append((name, random_settings(chosen, name, tables[budget]), budget))
    ids, found = page.evaluate(LABELS, states)
    seen, absent = set(), 0
    for (name, settings, budget), labels in zip(states, found, strict=True):
        expected_labels = pd.Series(
            classify(tables[budget], make_rule(name, settings)).astype(str).tolist(), tables[budget]["run_id"]
        )
        wanted = expected_labels.reindex(ids, fill_value="missing").tolist()
        assert labels.split() == wanted, (name, settings, budget)
        seen |= set(wanted)
        absent += wanted.count("missing")
    assert seen == {*PHASES, "missing"}
    assert absent


def test_runs_of_different_lengths_are_opened_as_of_the_longest(open_page, mixed, mixed_root):
    page = open_page(mixed)
    assert page.locator("#budgets output").inner_text() == "2,000"
    assert "from 1,000 to 2,000. They are shown as of one step, 2,000" in page.locator("#notice").inner_text()
    assert counts(page)["missing"] == 4 * 7, "runs that diverged or were stopped would not have become longer"
    page.focus("#budget")
    while page.locator("#budgets output").inner_text() != "1,000":
        page.keyboard.press("ArrowLeft")
    until(page, "location.hash.includes('budget=1000')")
    until(page, "document.querySelector('[data-phase=missing]') === null")
    results = grokjax.open_root(mixed_root, budget=1000)
    expected_counts = results.label("article").value_counts()
    assert counts(page) == {phase: count for phase, count in expected_counts.items() if count}
    go(page, "#budget=all")
    assert "The link asks for budget = all; this page has the steps" in page.locator("#notice").inner_text()


def test_charts_and_runs_end_at_the_budget(open_page, mixed, mixed_root):
    runs = load_runs(mixed_root)
    run = runs[(runs["weight_decay"] == 0.1) & (runs["seed"] == 0)].iloc[0]["run_id"]
    page = open_page(mixed, f"#budget=1000&run={run}&rule=accuracy_delay")
    shown(page, run)
    box = page.locator("#inspector-body .u-over").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 40)
    until(page, "document.getElementById('readout').textContent === 'step 1,000'")
    text = page.locator("#inspector-body").inner_text()
    assert "first_step_train_accuracy_90\t300" in text
    assert "first_step_test_accuracy_90\t\N{EN DASH}" in text, "reached at step 1,300"
    shorter = runs[(runs["weight_decay"] == 0.3) & (runs["seed"] == 0)].iloc[0]["run_id"]
    go(page, f"#run={shorter}")
    shown(page, shorter)
    assert "This run made fewer steps than the step" in page.locator("#inspector-body").inner_text()


def test_a_report_with_a_budget_opens_with_it_and_keeps_the_later_steps(open_page, mixed_root, tmp_path):
    results = grokjax.open_root(mixed_root, budget=500)
    results.report(tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    assert page.locator("#budgets output").inner_text() == "500"
    expected_counts = results.label().value_counts()
    assert counts(page) == {phase: count for phase, count in expected_counts.items() if count}
    page.focus("#budget")
    page.keyboard.press("End")
    until(page, "document.querySelector('#budgets output').textContent === '2,000'")
    with pytest.raises(AnalysisError, match="step 150 was not logged"):
        write_report(mixed_root, tmp_path / "page.html", budget=150)


def test_equal_lengths_need_no_budget_and_the_last_step_stands_at_the_end(open_page, small_root, tmp_path):
    write_report(small_root, tmp_path / "page.html")
    page = open_page(tmp_path / "page.html")
    assert page.locator("#budgets output").inner_text() == "2,000 (all)"
    assert not page.locator("#notice").is_visible()
    page.focus("#budget")
    page.keyboard.press("Home")
    until(page, "location.hash.includes('budget=100')")


def test_fewer_budgets_are_kept_where_they_would_be_too_large(mixed_root):
    runs, curves = load_runs(mixed_root), load_curves(mixed_root)
    sweep, budgets = page_sweep(runs, None, frozenset()), Budgets.of(runs, None)
    assert (budgets.opening, budgets.keep) == (2000, {1000, 2000})
    everything = pack_budgets(sweep, curves, budgets, 1e9)
    assert everything.steps == budgets.steps
    fewer = pack_budgets(sweep, curves, budgets, everything.size / 2)
    assert fewer.size <= everything.size / 2
    assert {1000, 2000} <= set(fewer.steps) < set(budgets.steps)
    assert fewer.dropped == len(budgets.steps) - len(fewer.steps)
    none = pack_budgets(sweep, curves, budgets, 0)
    assert none.steps == (1000, 2000)


def test_most_crossings_are_as_expected_and_cost_nothing(mixed_root):
    runs, curves = load_runs(mixed_root), load_curves(mixed_root)
    found = summaries_as_of(runs, [500], curves)
    for name in ("first_step_train_accuracy_99", "diverged_step", "steps"):
        table = runs[name].to_numpy(np.float64, na_value=np.nan)
        np.testing.assert_array_equal(expected(name, table, 500), found[name][:, 0])


def test_earlier_steps_take_no_more_than_what_is_left_of_the_size(small_root, tmp_path, monkeypatch):
    for name in ("FEW_BYTES", "BYTES_BESIDE"):
        monkeypatch.setattr(write, name, 0)
    assert budget_steps(small_root, tmp_path / "page.html", 16)
    assert not budget_steps(small_root, tmp_path / "page.html", 0.0001)


def budget_steps(root, path, megabytes):
    write.write_report(root, path, megabytes=megabytes)
    data = re.search(r'<script type="application/json" id="metadata">(.*?)</script>', path.read_text())[1]
    return json.loads(data)["budgets"]["steps"]
