"""The settings that every plot function takes: title, note, names, size and place, declared and documented once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, ParamSpec, TypedDict

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.style import current_style
from grokjax.analysis.plots.layout.text import missing_note, text_width
from grokjax.errors import AnalysisError, nearest

P = ParamSpec("P")

COMMON = """Settings of every figure:
  title: a text above the figure; False for none.
  note: a text in place of the note below the figure; False for none. Figures in `ax` never have a note.
  names: labels for hyperparameters, metrics and phases: {"weight_decay": "$\\\\lambda$", "grok": "grokking"}.
  missing: number of planned runs that have not been trained yet, for the note.
  warning: a sentence to begin the note with, such as one from `misfit`.
  remark: a sentence to end the note with, such as one from `marginal_note`.
  width: of the figure in inches: 3.5 and 7.2 are one and two columns of a paper. None for what the panels need.
  ax: an Axes of your own to draw into, if there is one panel; its figure is returned."""


class Settings(TypedDict, total=False):
    """The keywords that every plot function takes; `COMMON` says what they mean, `Look` has their defaults."""

    title: str | Literal[False] | None
    note: str | Literal[False] | None
    names: Mapping[str, str]
    missing: int
    warning: str | None
    remark: str | None
    width: float | None
    ax: Axes | None


@dataclass(frozen=True)
class Look:
    """The common settings of one figure. The attributes are described in `COMMON`."""

    title: str | Literal[False] | None = None
    note: str | Literal[False] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    warning: str | None = None
    remark: str | None = None
    width: float | None = None
    ax: Axes | None = None

    def __post_init__(self) -> None:
        """Raises AnalysisError if the title or a name has a formula that matplotlib cannot set."""
        for text in (self.title or "", *self.names.values()):
            try:
                text_width(text)
            except ValueError as error:
                reason = str(error).strip().splitlines()[-1]
                raise AnalysisError(
                    f"{text} cannot be set as a formula: {reason}; write a formula of TeX between dollar signs, such as $\\lambda$"
                ) from None

    def name(self, column: str) -> str:
        """The label of a hyperparameter, metric or phase: its new name, or the name itself."""
        return self.names.get(column, column)

    def pair(self, column: str, value: str) -> str:
        """A hyperparameter and its value as a label: weight_decay = 0.1."""
        return f"{self.name(column)} = {value}"

    def heading(self, *lines: str) -> str:
        """The title, with further lines below it; empty if there is none."""
        return "\n".join(line for line in (self.title or "", *lines) if line)

    def full_note(self, note: str, shown: int) -> str:
        """The text below the figure.

        Args:
          note: what the figure says about itself.
          shown: number of runs that it shows, beside the missing ones.
        """
        if self.note is not None:
            return self.note or ""
        caution = f"Warning: {self.warning.rstrip('.')}." if self.warning else ""
        return " ".join(part for part in (caution, note.strip(), missing_note(self.missing, shown), self.remark) if part)


SETTINGS = tuple(each.name for each in fields(Look))


def styled(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorator of a plot function: documents the common settings, and applies the style unless it draws into the caller's Axes."""
    own = inspect.signature(plot).parameters.values()
    known = [*(each.name for each in own if each.kind is not each.VAR_KEYWORD), *SETTINGS]

    @functools.wraps(plot)
    def in_style(*args: P.args, **keywords: P.kwargs) -> Figure:
        for name in keywords:
            if name not in known:
                raise TypeError(f"{plot.__name__} has no setting {name}; it has {', '.join(known)}{nearest(name, known)}")
        with mpl.rc_context(current_style() if keywords.get("ax") is None else {}):
            return plot(*args, **keywords)

    in_style.__doc__ = f"{inspect.cleandoc(plot.__doc__ or '')}\n\n{COMMON}"
    return in_style
