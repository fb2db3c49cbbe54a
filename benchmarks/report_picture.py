"""The picture of the report page in docs/reference/report.md: on a desktop, and beside it on a phone in the dark theme.

    python -m benchmarks.report_picture results/demo docs/images/report.png

Needs Chromium and playwright (of the extra `dev`).
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image

from grokjax.analysis.report.write import write_report

GAP, COLORS, HEIGHT = 24, 256, 900  # pixels between the two; colours of the picture; pixels
VIEWS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1440, "light"), (390, "dark"))
CELL = "[role=gridcell][data-panel='1'][data-row='0'][data-column='1']"


def main(root: Path, picture: Path) -> None:
    """Writes the page of a root with panels, pins a cell, and photographs it twice."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (may be missing)

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page = Path(folder) / "report.html"
        write_report(root, page)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-quic"])
        shots = []
        for width, scheme in VIEWS:
            context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, offline=True)
            tab = context.new_page()
            tab.goto(f"file://{page}")
            tab.wait_for_selector("html[data-ready]")
            if width > HEIGHT:
                tab.click(CELL)
            tab.wait_for_timeout(1000)  # until the charts are drawn
            shots.append(Image.open(io.BytesIO(tab.screenshot())).convert("RGB"))
        browser.close()
    whole = Image.new("RGB", (sum(shot.width for shot in shots) + GAP, HEIGHT), "white")
    whole.paste(shots[0], (0, 0))
    whole.paste(shots[1], (shots[0].width + GAP, 0))
    whole.quantize(COLORS).save(picture, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
