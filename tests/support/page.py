"""What tests do with the report page in a browser, and the curves of its small sweep."""

import time

import numpy as np
import pytest

from benchmarks.synthetic import plausible_curve
from grokjax.engine.lane_run import Curve


def counts(page):
    """The tally above the map, without the phases that no run has."""
    pairs = page.eval_on_selector_all(
        "#counts li", "all => all.map(each => [each.dataset.phase, each.querySelector('b').textContent])"
    )
    return {phase: int(number.replace(",", "")) for phase, number in pairs if number != "0"}


def fragment(rule, settings):
    """The part of the address that chooses a rule and its thresholds."""
    return "#" + "&".join([f"rule={rule}", *(f"threshold.{name}={value}" for name, value in settings.items())])


def go(page, to):
    """Follows a link within the page."""
    page.evaluate("to => { location.hash = to; }", to)
    page.evaluate("() => new Promise(done => setTimeout(() => requestAnimationFrame(done), 30))")


def until(page, true):
    """Waits until an expression is true. The page's policy lets no text be evaluated in it, as wait_for_function would."""
    deadline = time.monotonic() + 10
    while not page.evaluate(true):
        assert time.monotonic() < deadline, f"never: {true}"
        time.sleep(0.02)


def cell(page, panel=0, row=0, column=0):
    """A cell of the map."""
    return page.locator(f'[data-panel="{panel}"][data-row="{row}"][data-column="{column}"]')


def shown(page, at):
    """Waits until the curves of a cell, or a run, are drawn."""
    page.wait_for_selector(f'#inspector-body[data-shown="{at}"]')


def serious(page):
    """The serious violations of accessibility on the page, as axe finds them."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in found if each["impact"] in ("serious", "critical")]


def on_the_edge(config) -> Curve:
    """A plausible curve; those of the first seeds meet thresholds of the rules exactly, or end in NaN."""
    curve = plausible_curve(config)
    metrics = {name: values.copy() for name, values in curve.metrics.items()}
    if config.seed == 0:  # reaches both accuracies at steps exactly 1,000 apart, and stays at exactly 0.9
        metrics["train_accuracy"] = np.where(curve.step >= 300, np.float32(0.9), np.float32(0.5))
        metrics["test_accuracy"] = np.where(curve.step >= 1300, np.float32(0.9), np.float32(0.5))
    if config.seed == 1:  # losses at exactly 1e-5 in float32, and a ratio of exactly 1
        metrics["train_loss"], metrics["test_loss"] = (np.maximum(metrics[name], np.float32(1e-5)) for name in ("train_loss",) * 2)
    if config.seed == 2:
        metrics["test_loss"][-1] = np.nan
    if config.seed == 3:  # high accuracy that is lost again
        metrics["test_accuracy"] = np.where(np.isin(curve.step, (800, 900, 1000)), np.float32(1), np.float32(0.6))
    return Curve(curve.step, metrics)
