"""Formats and prints tables and numbers."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

MISSING = ("nan", "<NA>", "NaT")  # as NumPy and pandas write them; pandas itself would slow every start of a sweep
WIDTH_OF_FILES = 140  # columns, so that tables in a file or a pipe do not break words


def console() -> Console:
    """The console for tables: as wide as the terminal, or `WIDTH_OF_FILES` in a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES)


def print_table(
    names: Iterable[object], rows: Iterable[Sequence[object]], *, numbers: Iterable[object] = (), title: str | None = None
) -> None:
    """Prints a table with a row of column names.

    Args:
      names: column names.
      rows: cells of each row, formatted by `text`.
      numbers: names of the columns that are aligned to the right.
      title: printed above the table.
    """
    right = {str(name) for name in numbers}
    columns = [Column(str(name), justify="right" if str(name) in right else "left") for name in names]
    table = Table(*columns, box=None, padding=(0, 2), title=title, title_justify="left")
    for row in rows:
        table.add_row(*map(text, row))
    console().print(table, highlight=False, markup=False)


def text(value: Any) -> str:
    """The text of a table cell: floats with six significant digits, empty for a missing value."""
    if value is None or (not isinstance(value, str) and str(value) in MISSING):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def value_text(value: Any) -> str:
    """The text of a hyperparameter's value: "none" for runs that do not have it."""
    return text(value) or "none"


def clock(seconds: float) -> str:
    """A duration, as h:mm:ss or m:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
