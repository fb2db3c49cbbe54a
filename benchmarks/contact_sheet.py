"""The contact sheet of docs/howto/figures.md: every kind of figure from sweeps of many designs, in both widths and in grey.

    python -m benchmarks.contact_sheet ROOTS docs/images/contact-sheet.png

Trains five small sweeps into ROOTS, without Ray (a few minutes on 2 cores; what is there already is kept): one with a zero, words
and divergence on its axes, one on points of a Sobol sequence, one of two tasks and two optimizers, a partial and extended one, and
two modular networks with stored weights. Then draws every kind of figure from these, from docs/example, and from ROOTS/demo if that
is a root; a grey card has the reason where a design is refused. The pages to look at are in ROOTS/pages; the sheet has them small.
"""

from __future__ import annotations

import io
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageOps

import grokjax
from grokjax.analysis.plots import DOUBLE, SINGLE
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.errors import UserError
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.store.root import Root

DPI, GAP, THUMB, SHEET = 150, 6, 210, 1300  # dots per inch; pixels: between pictures, of a small one, of the sheet
EXAMPLE = Path(__file__).parents[1] / "docs" / "example"
PARITY: dict[str, Any] = {
    "task": "sparse_parity", "num_bits": 12, "parity_bits": 2, "test_size": 200, "train_size": 100, "model": "mlp",
    "hidden_size": 16, "optimizer": "adamw", "learning_rate": 1e-2, "weight_decay": 0.1, "b1": 0.9, "b2": 0.98,
    "loss": "clipped_binary_cross_entropy", "steps": 600, "log_every": 20,
}  # fmt: skip
MODULAR: dict[str, Any] = {
    "task": "modular_arithmetic", "operation": "add", "modulus": 67, "pairs": "a<=b", "train_fraction": 0.3, "model": "modular_mlp",
    "embedding": "circle", "circle_frequencies": "1",
    "embedding_size": 2, "hidden_size": 5, "optimizer": "adamw",
    "learning_rate": 1e-2,
    "weight_decay": 1e-3, "b1": 0.9, "b2": 0.98, "eps": 6.7e-7, "loss": "cross_entropy", "steps": 15_000, "log_every": 150,
    "snapshots": 101,
}  # fmt: skip
SPECS: dict[str, dict[str, Any]] = {
    "adversarial": {
        "run": PARITY,
        "axes": {
            "weight_decay": [0.0, 0.01, 0.1, 1.0],
            "learning_rate": [0.01, 1e4],
            "activation": ["relu", "tanh"],
            "seed": "0..2",
        },
    },
    "sobol": {
        "run": PARITY,
        "sample": {
            "method": "sobol",
            "count": 64,
            "seed": 0,
            "axes": {"weight_decay": "1e-3..10 log", "learning_rate": "1e-4..0.1 log"},
        },
        "axes": {"seed": [0]},
    },
    "tasks": {
        "run": PARITY | {"permuted": 3, "train_fraction": 0.6},
        "zipped": [
            {"task": ["sparse_parity", "permutation_composition"], "loss": ["clipped_binary_cross_entropy", "cross_entropy"]}
        ],
        "axes": {"optimizer": ["adamw", "muon"], "seed": "0..2"},
    },
    "extended": {"run": PARITY, "axes": {"weight_decay": [0.03, 0.3, 1.0], "train_size": [40, 80, 160], "seed": "0..2"}},
    "modular": {"run": MODULAR, "axes": {"seed": [0, 1]}},
}


def spec_of(name: str, **run: Any) -> dict[str, Any]:
    """A sweep's spec, without the defaults of those fields that vary, and with some of its fields changed."""
    tables = SPECS[name]
    varied = {
        *tables["axes"],
        *tables.get("sample", {}).get("axes", {}),
        *(key for each in tables.get("zipped", []) for key in each),
    }
    fixed = {key: value for key, value in (tables["run"] | run).items() if key not in varied}
    return {"name": name, "rule": "crossing", **tables, "run": fixed}


def train(roots: Path) -> None:
    """Trains what is missing of the sweeps. Of `extended`, a third is trained twice as long, and all the rest is asked for."""
    inline = grokjax.Execution(executor="inline")
    for name in SPECS:
        grokjax.run_sweep(spec_of(name), roots / name, inline)
    longer = spec_of("extended", steps=2 * PARITY["steps"])
    grokjax.run_sweep({**longer, "axes": {**longer["axes"], "train_size": [160]}}, roots / "extended", inline)
    enter_spec(Root.open(roots / "extended"), grokjax.load_spec({**longer, "name": "longer"}))


def kinds(root: grokjax.Results, axis: str) -> dict[str, Callable[..., Figure]]:
    """The kinds of figures of runs, by name, as functions of their width. Boundaries and lines are along `axis`."""
    cell = [f"{name}={root.runs[name].iloc[-1]}" for name in varied_hyperparameters(root.runs)]
    line = root.select(*(words for words in cell if not words.startswith(f"{axis}=")))
    one = root.select(*cell)
    return {
        "phases": root.plot_phases,
        "true axes": lambda **look: root.plot_phases(true_axes=True, **look),
        "shares": root.plot_shares,
        "grok": lambda **look: root.plot_shares(phase="grok", **look),
        "map": lambda **look: root.plot_map("min_test_loss", **look),
        "difference": lambda **look: root.plot_difference(grokjax.open_root(root.root, root.where, budget=300), **look),
        "sensitivity": root.plot_sensitivity,
        "boundary": lambda **look: root.plot_boundary(axis, **look),
        "fits": lambda **look: root.plot_fits(axis, **look),
        "delays": root.plot_delays,
        "survival": root.plot_survival,
        "scatter": root.plot_scatter,
        "incidence": root.plot_incidence,
        "surface": root.plot_surface,
        "importance": root.plot_importance,
        "bands": lambda **look: line.plot_bands(axis, **look),
        "curves": one.plot_curves,
        "sheet": lambda **look: one.plot_curves(sheet=True, **look),
    }


def unit_kinds(root: grokjax.Results) -> dict[str, Callable[..., Figure]]:
    """The kinds of figures of weights."""
    run = root.select("seed=0")
    return {"weights": run.plot_weights, "waves": run.plot_waves, "stars": run.plot_stars, "spectra": run.plot_spectra}


def designs(roots: Path) -> dict[str, dict[str, Callable[..., Figure]]]:
    """The figures of every design, by the design's name."""
    found = {"docs/example": kinds(grokjax.open_root(EXAMPLE), "weight_decay")}
    if (roots / "demo").exists():
        found["demo"] = kinds(grokjax.open_root(roots / "demo"), "weight_decay")
    for name, where in (("adversarial", ["learning_rate=0.01"]), ("sobol", []), ("tasks", []), ("extended", [])):
        root = grokjax.open_root(roots / name, where, budget=PARITY["steps"] if name == "extended" else None)
        found[name] = kinds(root, "optimizer" if name == "tasks" else "weight_decay")
    diverged = grokjax.open_root(roots / "adversarial")
    found["adversarial, diverged"] = kinds(diverged, "weight_decay")
    return found | {"modular": unit_kinds(grokjax.open_root(roots / "modular"))}


def picture(draw: Callable[..., Figure], width: float) -> Image.Image:
    """A figure as an image; a grey card with the reason if the design refuses it."""
    try:
        figure = draw(width=width)
    except UserError as error:
        return card(f"refused: {error}", int(width * DPI))
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return Image.open(stream).convert("RGB")


def card(text: str, width: int) -> Image.Image:
    """A text on grey, broken into lines of `width` pixels."""
    lines = textwrap.wrap(text, max(20, width // 7))
    image = Image.new("RGB", (width, 14 * len(lines) + 12), "#EEEEEE")
    ImageDraw.Draw(image).multiline_text((6, 6), "\n".join(lines), fill="#444444")
    return image


def page(images: Sequence[Image.Image], width: int) -> Image.Image:
    """Images side by side, in as many rows as they need, on one page."""
    rows: list[list[Image.Image]] = [[]]
    for image in images:
        if rows[-1] and sum(each.width + GAP for each in rows[-1]) + image.width > width:
            rows.append([])
        rows[-1].append(image)
    whole = Image.new("RGB", (width, sum(max(image.height for image in row) + GAP for row in rows)), "white")
    top = 0
    for row in rows:
        left = 0
        for image in row:
            whole.paste(image, (left, top))
            left += image.width + GAP
        top += max(image.height for image in row) + GAP
    return whole


def main(roots: Path, sheet: Path) -> None:
    """Draws the pages to look at, and the sheet with one small picture of each kind and design at a single width."""
    train(roots)
    pages = roots / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir()
    small = []
    for name, figures in designs(roots).items():
        small.append(card(name, SHEET))
        for width in (SINGLE, DOUBLE):
            images = {kind: picture(draw, width) for kind, draw in figures.items()}
            labelled = [page([card(kind, image.width), image], image.width + GAP) for kind, image in images.items()]
            whole = page(labelled, 2 * int(DOUBLE * DPI) + 3 * GAP)
            whole.save(pages / f"{name.replace('/', '-')} {width}.png")
            ImageOps.grayscale(whole).save(pages / f"{name.replace('/', '-')} {width} grey.png")
            if width == SINGLE:
                small += [ImageOps.contain(image, (THUMB, THUMB)) for image in images.values() if image.height > 60]
    page(small, SHEET).quantize(128).save(sheet, optimize=True)
    print(f"Wrote {sheet} and {len(list(pages.iterdir()))} pages in {pages}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
