"""What the page's tests share: a small sweep that nobody trained, and a browser with no network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.synthetic import write_sweep
from tests.support.page import on_the_edge
from tests.support.specs import spec_of


@pytest.fixture(scope="session")
def small_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("report") / "small"
    write_sweep(root, spec_of(), on_the_edge)
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed, so no browser can be driven")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine; apt-get install chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-quic"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser) -> Iterator:
    """Opens a file with the network off, and waits until it can be used; no page may ask for anything, or complain."""
    contexts, asked, said = [], [], []

    def opened(path, fragment="", *, quiet=True, **options):
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        context.set_offline(True)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: asked.append(request.url) if not request.url.startswith(f"file://{path}") else None)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(f"a dialog: {dialog.message}"))
        page.goto(f"file://{path}{fragment}")
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert asked == [], "the page asked for something"
    assert said == [], "the page complained"
