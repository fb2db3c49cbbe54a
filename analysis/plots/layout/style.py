"""The one quiet style of all figures: colours, marks, sizes of paper, and how a figure is written."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.errors import AnalysisError

P = ParamSpec("P")

# The shapes tell the phases apart without any colour.
PHASE_MARKERS = {"memorize": "s", "grok": "o", "generalize": "^", "fail": "X", "diverged": "*", "undecided": "D"}
# Of areas, whose colours alone would be too much alike in grey.
PHASE_HATCHES = {"memorize": "", "grok": "", "generalize": "////", "fail": "xxxx", "diverged": "", "undecided": "...."}
TRAIN_COLOR, TEST_COLOR = "#0072B2", "#D55E00"
DASHED: Any = (0, (4, 1.5))
# Of lines that share a panel, in their order.
LINES: Any = (
    (TRAIN_COLOR, "-"), (TEST_COLOR, DASHED), ("#009E73", "-."), ("#CC79A7", ":"), ("#E69F00", "-"), ("#000000", DASHED)
)  # fmt: skip
# Of lines that share a panel, where each has a mark as well.
MARKS = ("o", "s", "^", "D", "v", "P")
FAINT, GREY, EMPTY = "#E4E4E4", "#666666", "#F4F4F4"
DIVERGING = "RdBu"

# Inches: a column of a paper, and both.
SINGLE, DOUBLE = 3.5, 7.2
TEXT, SMALL = 7.5, 6.5  # points

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that a figure is the same everywhere
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "axes.labelpad": 2.5,
    "axes.titlepad": 4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "savefig.dpi": 300,
    "svg.hashsalt": "grokjax",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


def styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """A function that makes a figure, in the style of all figures."""

    @functools.wraps(plot)
    def in_style(*args: P.args, **keywords: P.kwargs) -> Figure:
        with mpl.rc_context(STYLE):
            return plot(*args, **keywords)

    return in_style


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as the kind its suffix names (png, svg, pdf), without the date, so that the same figure is the same file.

    A PDF holds its fonts; in an SVG, words are text.
    """
    kind = figure_kind(path)
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            figure.savefig(path, metadata=dateless)
    except OSError as error:
        why = error.strerror or os.strerror(error.errno or 0)
        raise AnalysisError(f"cannot write {path}: {why}; choose another --out") from None
    return path


def figure_kind(path: Path) -> str:
    """png, svg or pdf, as the suffix names it. Raises AnalysisError for any other."""
    kind = path.suffix.lstrip(".").lower()
    if kind not in ("png", "svg", "pdf"):
        raise AnalysisError(f"cannot write {path}: a figure is a .png, .svg or .pdf file")
    return kind


def shades(color: str, begin: float = 0.0) -> LinearSegmentedColormap:
    """White, the colour, and the colour darkened: read alike in grey, since each is darker than the one before.

    begin: how far from white to the colour the first shade is.
    """
    full = to_rgb(color)
    first = tuple(0.98 + begin * (part - 0.98) for part in full)
    ends = [full, darkened(color, 0.4)] if max(full) > 0.2 else [(0.5, 0.5, 0.5), full]  # black has nothing darker
    return LinearSegmentedColormap.from_list("shades", [(first[0], first[1], first[2]), *ends])


def darkened(color: str, by: float = 0.75) -> tuple[float, float, float]:
    """A colour times a number below one: for words, which need more contrast than areas."""
    red, green, blue = to_rgb(color)
    return by * red, by * green, by * blue


def ink_on(color: Sequence[float]) -> str:
    """Black or white, whichever reads better on a colour."""
    red, green, blue = color[:3]
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else "black"


def phase_mark(phase: str) -> Line2D:
    """A phase's mark, for legends."""
    marker, color = PHASE_MARKERS[phase], PHASE_COLORS[phase]
    return Line2D([], [], ls="", marker=marker, color=color, markersize=4.5, markeredgewidth=0, label=phase)
