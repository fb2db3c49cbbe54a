"""The options `--out` and `--width`: which files a picture is written to, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter
from matplotlib.figure import Figure

from grokjax.analysis.plots import DOUBLE, SINGLE, figure_kind, save_figure
from grokjax.errors import UserError
from grokjax.sweeps.store.objects import is_address

NARROWEST, WIDEST = 2.0, 40.0  # inches
NAMED_WIDTHS = {"single": SINGLE, "double": DOUBLE}


@Parameter(name="*", group=Group("Picture", sort_key=26))
@dataclass(frozen=True, kw_only=True)
class Picture:
    """The files and the width of a picture, validated when the options are parsed, before any results are read."""

    out: Annotated[tuple[Path, ...], Parameter(metavar="FILE")] = ()
    """Draw to this file: .png, .svg or .pdf. Repeatable."""
    width: Annotated[str | None, Parameter(metavar="WIDTH", show_default="what the picture needs")] = None
    """Width of the picture: single or double (3.5 and 7.2 inches, the columns of a paper), or a number of inches."""

    def __post_init__(self) -> None:
        """Raises UserError for an unsupported file suffix or an invalid width."""
        for path in self.out:
            figure_kind(path)
        if self.width is not None and not NARROWEST <= (self.inches or 0) <= WIDEST:
            raise UserError(f"--width {self.width}: use single, double, or inches from {NARROWEST:g} to {WIDEST:g}")

    @property
    def inches(self) -> float | None:
        """The width in inches; None if no number was given."""
        try:
            return NAMED_WIDTHS.get(self.width or "") or float(self.width or "")
        except ValueError:
            return None

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that a plot function takes: the width, if one was given."""
        return {} if self.inches is None else {"width": self.inches}

    def write(self, figure: Figure, root: str, name: str) -> None:
        """Writes a figure to the given files; by default NAME.png and .svg in the root, or the working folder for an address."""
        folder = Path() if is_address(root) else Path(root)
        for path in self.out or (folder / f"{name}.png", folder / f"{name}.svg"):
            print(f"Wrote {save_figure(figure, path)}")
