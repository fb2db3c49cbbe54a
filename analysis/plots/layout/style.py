"""The style that all figures share: colours, markers, paper sizes, the figure class, and how a figure is saved."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASE_COLORS
from grokjax.errors import AnalysisError

# Shapes that distinguish the phases without colour.
PHASE_MARKERS = {"memorize": "s", "grok": "o", "generalize": "^", "fail": "X", "diverged": "*", "undecided": "D"}
# Hatches for areas: their colours alone look too similar in greyscale.
PHASE_HATCHES = {"memorize": "", "grok": "", "generalize": "////", "fail": "xxxx", "diverged": "", "undecided": "...."}
TRAIN_COLOR, TEST_COLOR = "#0072B2", "#D55E00"
DASHED: Any = (0, (4, 1.5))
# Colour and dash pattern of the first, second, ... line of a panel.
LINES: Any = (
    (TRAIN_COLOR, "-"), (TEST_COLOR, DASHED), ("#009E73", "-."), ("#CC79A7", ":"), ("#E69F00", "-"), ("#000000", DASHED)
)  # fmt: skip
# Their markers, where lines have markers too.
MARKS = ("o", "s", "^", "D", "v", "P")
FAINT, GREY, EMPTY = "#E4E4E4", "#666666", "#F4F4F4"
DIVERGING = "RdBu"

# Widths of one and of two columns of a paper, in inches.
SINGLE, DOUBLE = 3.5, 7.2
TEXT, SMALL = 7.5, 6.5  # font sizes, in points
SCREEN = 125  # CSS pixels per inch at which a notebook shows a figure; its PNG has twice as many

STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so a figure looks the same everywhere
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
    "text.hinting": "none",  # hinted letters are up to 6 % wider than measured, and notes ran over the edge
    "legend.frameon": False,
    "legend.fontsize": TEXT,
    "savefig.dpi": 300,
    "svg.hashsalt": "grokjax",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "pgf.rcfonts": False,  # the fonts of the document that includes it
}
# The parameters that set a size of text, and those that matter when a figure is drawn or saved, after the plot function returned.
SIZES = ("font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize")
DRAWING, SAVING = ("font.", "mathtext.", "text.", "hatch.", "axes."), ("savefig.", "svg.", "pdf.", "pgf.")
TEX_SYSTEMS = ("xelatex", "lualatex", "pdflatex")


def current_style() -> Any:
    """The package's style without the rcParams that the user has changed; text sizes follow a changed "font.size"."""
    changed = {name for name in mpl.rcParams if mpl.rcParams[name] != mpl.rcParamsDefault[name]}
    if {"font.sans-serif", "font.family"} & changed:
        changed.add("font.family")
    scale = mpl.rcParams["font.size"] / TEXT if "font.size" in changed else 1.0
    return {name: value * scale if name in SIZES else value for name, value in STYLE.items() if name not in changed}


class PaperFigure(Figure):
    """A matplotlib figure that is saved in the style it was made in, and that notebooks display without `%matplotlib`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._made_in: Any = {name: value for name, value in mpl.rcParams.items() if name.startswith(DRAWING)}

    def savefig(self, fname: Any, *, transparent: bool | None = None, **options: Any) -> None:
        """`Figure.savefig` in the style of the figure."""
        saving = {name: value for name, value in current_style().items() if name.startswith(SAVING)}
        with mpl.rc_context({**self._made_in, **saving}):
            super().savefig(fname, transparent=transparent, **options)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The PNG that Jupyter shows, and its display size in CSS pixels."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=2 * SCREEN)
        return picture.getvalue(), {"width": round(self.get_figwidth() * SCREEN), "height": round(self.get_figheight() * SCREEN)}


def save_figure(figure: Figure, path: str | Path) -> Path:
    r"""Writes a figure to a .png, .svg, .pdf or .pgf file and returns the path.

    No date is written, so the same figure gives the same file. PDFs embed their fonts; text in an SVG stays text. A .pgf file is
    for LaTeX documents, which set its text in their own font: \usepackage{pgf} in the preamble, \input{figure.pgf} in the text.

    Raises:
      AnalysisError: the suffix is not one of the four, the file cannot be written, or LaTeX is needed and not installed.
    """
    path = Path(path)
    kind = figure_kind(path)
    options: Any = {"svg": {"metadata": {"Date": None}}, "pdf": {"metadata": {"CreationDate": None}}}.get(kind, {})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context({"pgf.texsystem": _tex_system(path)} if kind == "pgf" else {}):
            figure.savefig(path, **options)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise AnalysisError(f"cannot write {path}: {reason}; choose another file") from None
    return path


def _tex_system(path: Path) -> str:
    """The LaTeX program that measures the text of a .pgf file: the rcParam's if it is installed, else another that is."""
    for program in (mpl.rcParams["pgf.texsystem"], *TEX_SYSTEMS):
        if shutil.which(program):
            return str(program)
    raise AnalysisError(
        f"cannot write {path}: matplotlib measures the text of .pgf files with LaTeX, and none of {', '.join(TEX_SYSTEMS)} is "
        "installed; install one, or write a .pdf"
    )


def figure_kind(path: Path) -> str:
    """The format that the suffix names: png, svg, pdf or pgf. Raises AnalysisError for any other."""
    kind = path.suffix.lstrip(".").lower()
    if kind not in ("png", "svg", "pdf", "pgf"):
        raise AnalysisError(f"cannot write {path}: a figure is a .png, .svg, .pdf or .pgf file")
    return kind


def shades(color: str, begin: float = 0.0) -> LinearSegmentedColormap:
    """A colormap from white through a colour to a darker one; it darkens steadily in greyscale too.

    Args:
      color: the colour in the middle of the map.
        begin: where the map starts, from 0 (white) to 1 (`color`).
    """
    full = to_rgb(color)
    red, green, blue = (0.98 + begin * (channel - 0.98) for channel in full)
    ends = [full, darkened(color, 0.4)] if max(full) > 0.2 else [(0.5, 0.5, 0.5), full]  # nothing is darker than black
    return LinearSegmentedColormap.from_list("shades", [(red, green, blue), *ends])


def darkened(color: str, by: float = 0.75) -> tuple[float, float, float]:
    """A darker colour for text, which needs more contrast than areas: RGB channels multiplied by a factor below one."""
    red, green, blue = to_rgb(color)
    return by * red, by * green, by * blue


def ink_on(color: Sequence[float]) -> str:
    """The text colour, black or white, that reads better on a background colour."""
    red, green, blue = color[:3]
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else "black"


def phase_mark(phase: str, label: str) -> Line2D:
    """The legend entry of a phase that is drawn as markers."""
    marker, color = PHASE_MARKERS[phase], PHASE_COLORS[phase]
    return Line2D([], [], ls="", marker=marker, color=color, markersize=4.5, markeredgewidth=0, label=label)
