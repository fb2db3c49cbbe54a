"""Claims: the published sweep's page has 1.3 MB, is written in 20 s, and answers within 100 ms; larger ones open in time.

A page of 20,000 runs opens within 5 s, one of 100,000 runs within 8 s.

The sweeps are synthetic (benchmarks/synthetic.py), written through the real schema and store; the largest has 21 logged steps
per run. Waiting times are measured inside Chromium, without a network, from the event to the second frame after the drawing:
from pointing at a cell to the curves of its seeds, from moving a slider to the new colours of the map, and from choosing an
earlier step to the map as of that step. Pointing at a part of the sweep for the first time also unpacks its curves.

    python -m benchmarks.report [published] [20000] [100000]
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import print_header, require
from benchmarks.synthetic import write_sweep
from grokjax.analysis.report.write import write_report
from grokjax.sweeps.spec.load import load_spec

SWEEPS = {
    "published": (),
    "20000": (
        "weight_decay=0.01..1 log 10",
        "hidden_size=16,24,32,48,64,96,128,258",
        "train_size=750..1650 step 100",
        "seed=0..24",
    ),
    "100000": (
        "weight_decay=0.01..1 log 10",
        "hidden_size=16,24,32,48,64,96,128,160,200,258",
        "train_size=750..1650 step 100",
        "seed=0..99",
        "log_every=1000",
    ),
}

DRAWN = "const drawn = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));"
POINT = f"""async () => {{
  {DRAWN}
  const body = document.getElementById("inspector-body");
  const cells = Array.from(document.querySelectorAll("[role=gridcell]:not(.none)"));
  const every = Math.max(1, Math.floor(cells.length / 60));
  const times = [];
  for (const cell of cells.filter((_, index) => index % every === 0)) {{
    body.dataset.shown = "";
    const start = performance.now();
    cell.dispatchEvent(new PointerEvent("pointerenter", {{ pointerType: "mouse" }}));
    while (body.dataset.shown === "") await new Promise((done) => setTimeout(done));
    await drawn();
    times.push(performance.now() - start);
  }}
  return times;
}}"""
SLIDE = f"""async () => {{
  {DRAWN}
  const slider = document.getElementById("threshold-loss_threshold");
  const times = [];
  for (let notch = 20; notch < 380; notch += 9) {{
    slider.value = notch;
    const start = performance.now();
    slider.dispatchEvent(new Event("input"));
    await drawn();
    times.push(performance.now() - start);
  }}
  return times;
}}"""

LOOK_BACK = f"""async () => {{
  {DRAWN}
  const slider = document.getElementById("budget");
  const times = [];
  for (let place = slider ? Number(slider.max) - 1 : -1; place >= 0; place--) {{
    slider.value = place;
    const text = document.querySelector("#budgets output");
    const before = text.textContent;
    const start = performance.now();
    slider.dispatchEvent(new Event("input"));
    while (text.textContent === before) await new Promise((done) => setTimeout(done));
    await drawn();
    times.push(performance.now() - start);
  }}
  return times;
}}"""


def main(names: list[str]) -> None:
    """Prints a row per sweep."""
    print_header("the page: how large, how quick")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    browser = chromium is not None and require("playwright", "the browser", "dev")
    print(f"{'sweep':>12} {'runs':>7} {'MB':>6} {'1 step in':>9} {'written':>9} {'opened':>8}", end=" ")
    print(" ".join(f"{what:>16}" for what in ("curves", "slider", "as of step")))
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            root, page = Path(folder) / "root", Path(folder) / "report.html"
            write_sweep(root, load_spec("parity-article", SWEEPS[name]), files=200 if name == "100000" else None)
            start = time.perf_counter()
            report = write_report(root, page)
            written = time.perf_counter() - start
            row = f"{name:>12} {report.runs:>7,} {report.size / 1e6:>6.1f} {report.every:>9} {written:>7.1f} s"
            print(f"{row} {_in_browser(page, str(chromium)) if browser else '(no Chromium)'}", flush=True)
    print("targets: published 1.3 MB, 20 s, curves and slider 100 ms; 20,000 runs opened in 5 s, 100,000 in 8 s.")
    print("The median of the times, and the longest.")


def _in_browser(page: Path, chromium: str) -> str:
    with _tab(chromium) as tab:
        start = time.perf_counter()
        tab.goto(f"file://{page}")
        tab.wait_for_selector("html[data-ready]")
        tab.evaluate(f"async () => {{ {DRAWN} await drawn(); }}")
        opened = time.perf_counter() - start
        return f"{opened:>6.2f} s {' '.join(_times(tab.evaluate(each)) for each in (POINT, SLIDE, LOOK_BACK))}"


def _times(milliseconds: list[float]) -> str:
    if not milliseconds:
        return f"{'none':>16}"
    return f"{statistics.median(milliseconds):>5.0f}, {max(milliseconds):>4.0f} ms"


@contextmanager
def _tab(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (may be missing)

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic"])
        context = browser.new_context(viewport={"width": 1440, "height": 900}, offline=True)
        context.set_default_timeout(120_000)
        yield context.new_page()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:] or list(SWEEPS))
