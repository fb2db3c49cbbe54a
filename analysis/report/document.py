"""Assembles the page's HTML: styles, scripts and data in one document, with a Content-Security-Policy against anything else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib import resources
from typing import Any

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.analysis.plots.layout.style import TEST_COLOR, TRAIN_COLOR

# The page's own files in the order of their imports: each after those that it imports.
STYLES = ("colors.css", "page.css", "map.css", "inspector.css", "narrow.css", "print.css")
SCRIPTS = (
    *("dom.js", "numbers.js", "bytes.js", "sweep.js", "rules.js", "budgets.js", "values.js", "columns.js"),
    *("color.js", "state.js", "cells.js", "marks.js", "find.js", "where.js"),
    *("groups.js", "pen.js", "evidence.js", "charts.js", "legend.js", "figure.js", "download.js", "command.js", "film.js"),
    *("map.js", "tiles.js", "cell.js", "run.js", "inspector.js", "thresholds.js", "budget_slider.js"),
    *("controls.js", "table.js", "run_table.js", "notes.js", "main.js"),
)
LIBRARY = "uplot"
# The colours of the figures, and lighter ones for the dark theme.
DARK: Mapping[str, str] = {
    "memorize": "#F0B030",
    "grok": "#4BA3E3",
    "generalize": "#22B98B",
    "fail": "#9A9A9A",
    "diverged": "#F4F4F4",
    "undecided": "#DE93BB",
    "train": "#4BA3E3",
    "test": "#F08B4B",
}
LIGHT: Mapping[str, str] = {**PHASE_COLORS, "train": TRAIN_COLOR, "test": TEST_COLOR}


def document(title: str, data: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    """The HTML of the page.

    Args:
      title: the window's title.
      data: the JSON data for the scripts.
      blocks: packed bytes by name, in base64.
    """
    library, script = _read("vendor", LIBRARY, "uPlot.iife.min.js"), _module()
    styles = [_read("vendor", LIBRARY, "uPlot.min.css"), _palette(), *(_short(_read("page", name)) for name in STYLES)]
    style = "\n".join(styles)
    parts = {
        "title": html.escape(title),
        "policy": html.escape(_policy([library, script], style)),
        "licence": html.escape(_read("vendor", LIBRARY, "LICENSE")),
        "style": style,
        "library": library,
        "script": script,
        "data": "\n".join([_json("metadata", data), *(_block(name, data) for name, data in blocks.items())]),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read("page", "page.html"))


def _policy(scripts: list[str], style: str) -> str:
    """A Content-Security-Policy that allows only these scripts and this style, no requests, and no parsing of text as markup."""
    hashes = " ".join(map(_hash, scripts))
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _module() -> str:
    """The scripts as one module, without imports and exports, as they share one scope, and without indents and comments."""
    imports = re.compile(r"^import\s[^;]*;\n", re.MULTILINE)
    exports = re.compile(r"^export (?=async function|function|const|class)", re.MULTILINE)
    scripts = (exports.sub("", imports.sub("", _short(_read("page", name)))) for name in SCRIPTS)
    return "\n".join(["// Written from the commented scripts in analysis/report/page of grokjax.", *scripts])


def _short(text: str) -> str:
    """A script or a style without indents, and without comments that have lines of their own."""
    return re.sub(r"^\s+", "", re.sub(r"^ *(//.*|/\*[\s\S]*?\*/)$", "", text, flags=re.MULTILINE), flags=re.MULTILINE)


def _palette() -> str:
    names = "\n".join(f"  --{name}: light-dark({LIGHT[name]}, {DARK[name]});" for name in LIGHT)
    return f":root {{\n{names}\n}}"


def _json(name: str, data: Mapping[str, Any]) -> str:
    """A script element with JSON, escaped so that no text in it can end the element."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", r"\u003c")
    return f'<script type="application/json" id="{name}">{text}</script>'


def _block(name: str, data: str) -> str:
    return f'<script type="application/octet-stream" id="{name}">{data}</script>'


def _read(*path: str) -> str:
    return resources.files("grokjax.analysis.report").joinpath(*path).read_text("utf-8")
