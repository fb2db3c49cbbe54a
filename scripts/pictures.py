"""The options of a picture: which files it is written to, how wide it is, and its title, note and labels."""

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
RENAMED = "NAME=LABEL"
NAMED_WIDTHS = {"single": SINGLE, "double": DOUBLE}


@Parameter(name="*", group=Group("Picture", sort_key=26))
@dataclass(frozen=True, kw_only=True)
class Picture:
    """The files, width and texts of a picture, validated when the options are parsed, before any results are read."""

    out: Annotated[tuple[Path, ...], Parameter(metavar="FILE")] = ()
    """Draw to this file: .png, .svg, .pdf, or .pgf for LaTeX. Repeatable."""
    width: Annotated[str | None, Parameter(metavar="WIDTH", show_default="what the picture needs")] = None
    """Width of the picture: single or double (3.5 and 7.2 inches, the columns of a paper), or a number of inches."""
    title: Annotated[str | None, Parameter(show_default="the conditions and the rule")] = None
    """Title above the picture; "" leaves it out."""
    no_note: bool = False
    """Leave out the note below the picture, with the numbers of runs, where a caption says so."""
    label: Annotated[tuple[str, ...], Parameter(metavar=RENAMED)] = ()
    """Rename a hyperparameter, metric or phase in the picture, such as weight_decay=λ. Repeatable."""

    def __post_init__(self) -> None:
        """Raises UserError for an unsupported file suffix, an invalid width, or a label without a name."""
        for path in self.out:
            figure_kind(path)
        if self.width is not None and not NARROWEST <= (self.inches or 0) <= WIDEST:
            raise UserError(f"--width {self.width}: use single, double, or inches from {NARROWEST:g} to {WIDEST:g}")
        for words in self.label:
            if not all(words.partition("=")):
                raise UserError(f"--label {words}: write {RENAMED}, such as weight_decay=λ")

    @property
    def inches(self) -> float | None:
        """The width in inches; None if no number was given."""
        try:
            return NAMED_WIDTHS.get(self.width or "") or float(self.width or "")
        except ValueError:
            return None

    @property
    def settings(self) -> dict[str, Any]:
        """The common settings of a plot function that were given."""
        names = dict(words.split("=", 1) for words in self.label)
        given = {"width": self.inches, "title": None if self.title is None else self.title or False, "names": names or None}
        return {name: value for name, value in given.items() if value is not None} | ({"note": False} if self.no_note else {})

    def write(self, figure: Figure, root: str, name: str) -> None:
        """Writes a figure to the given files; by default NAME.png and .svg in the root, or the working folder for an address."""
        folder = Path() if is_address(root) else Path(root)
        for path in self.out or (folder / f"{name}.png", folder / f"{name}.svg"):
            print(f"Wrote {save_figure(figure, path)}")


@Parameter(name="*", group=Group("Picture", sort_key=26))
@dataclass(frozen=True, kw_only=True)
class MapPicture(Picture):
    """The options of a picture that is a map."""

    true_axes: Annotated[bool | None, Parameter(negative="", show_default="for points that are no grid")] = None
    """Draw each cell where its values are on numeric axes, without numbers on the marks."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a plot function of a map that were given."""
        return {**super().settings, "true_axes": self.true_axes}
