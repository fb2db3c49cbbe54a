"""Text on figures: its measured size, line breaks, and the format of numbers and counts."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.textpath import TextPath

from grokjax.analysis.plots.layout.style import SMALL

POINTS = 72  # per inch
Sizes = Literal["font.size", "axes.titlesize", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize"]


def text_width(text: str, size: float = SMALL) -> float:
    """Width in inches of a text's widest line, set in the current font at `size` points."""
    return _width(text, size, str(findfont(FontProperties())))


@functools.lru_cache(maxsize=4096)
def _width(text: str, size: float, file: str) -> float:
    font = FontProperties(fname=file)
    lines = (line for line in text.split("\n") if line.strip())
    return max((TextPath((0, 0), line, size=size, prop=font).get_extents().width for line in lines), default=0.0) / POINTS


def text_height(text: str, size: float = SMALL) -> float:
    """Height of a text in inches, over all its lines."""
    return (text.count("\n") + 1) * 1.25 * size / POINTS


def font_size(parameter: Sizes) -> float:
    """The font size in points of an rcParam, which may be a word such as "medium"."""
    return float(FontProperties(size=mpl.rcParams[parameter]).get_size_in_points())


def wrapped(text: str, width: float, size: float = SMALL, breaks: str = " _+") -> str:
    """The text wrapped to `width` inches, broken after any of the characters in `breaks`, but not in words, formulas or "95 %"."""
    lines = [""]
    for piece in re.findall(rf"(?:\$[^$]*\$|.)+?(?:[{breaks}](?!%)|$)", text):
        if lines[-1] and text_width((lines[-1] + piece).rstrip(), size) > width:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip(" ") for line in lines)


def value_texts(values: Iterable[Any]) -> list[str]:
    """The values of a column as labels: floats with three significant digits, or as many as keep them distinct; null is "none"."""
    listed = [value for value in values if not pd.isna(value)]
    texts = iter(_texts(listed))
    return ["none" if pd.isna(value) else next(texts) for value in values]


def _texts(listed: Sequence[Any]) -> list[str]:
    if not all(isinstance(value, float) for value in listed):
        return [str(value) for value in listed]
    for digits in range(3, 18):
        texts = [number_text(value, digits) for value in listed]
        if len(set(texts)) == len(set(listed)):
            break
    return texts


def group_texts(table: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, ...]]:
    """The values of hyperparameters in each group of a table's rows, as text, in the order of the rows; "none" for null."""
    if not names:
        return [()]
    groups, columns = table.drop_duplicates(list(names)), []
    for name in names:
        known = groups[name].dropna().drop_duplicates().tolist()
        texts = dict(zip(known, value_texts(known), strict=True))
        columns.append([texts.get(value, "none") for value in groups[name]])
    return list(zip(*columns, strict=True))


def group_rows(table: pd.DataFrame, names: Sequence[str]) -> list[pd.DataFrame]:
    """The rows of each group, in the order of `group_texts`."""
    if not names:
        return [table]
    return [rows for _, rows in table.groupby(list(names), observed=True, sort=False, dropna=False)]


def number_text(value: float, digits: int = 3) -> str:
    """A number rounded to `digits` significant digits: 0.0316, 5000, 1e-6."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return np.format_float_positional(value, precision=digits, fractional=False, trim="-")
    return np.format_float_scientific(value, precision=digits - 1, trim="-", exp_digits=1)


def steps_text(steps: float) -> str:
    """A number of steps rounded to two significant digits: 300, 4.2k, 13k, ∞ if it is infinite, ? if it is unknown."""
    if not np.isfinite(steps):
        return "∞" if steps > 0 else "?"
    steps *= 1 + 1e-9  # 2550 is 2.6k, as a reader rounds, though 2.55 is stored as slightly less
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if steps >= 0.995 * size:
            return f"{number_text(steps / size, 2)}{unit}"
    return number_text(steps, 2)


def counted(count: int, what: str) -> str:
    """A count and its noun: 1 run, 1,125 runs."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def ranged(counts: Sequence[int] | pd.Series[int], what: str) -> str:
    """The range of several counts: 9 seeds, or 7 to 9 seeds."""
    least, most = int(min(counts)), int(max(counts))
    return counted(most, what) if least == most else f"{least:,} to {most:,} {what}s"


def missing_note(missing: int, shown: int) -> str:
    """A sentence for a figure's note on planned runs that are not trained yet; empty if there are none."""
    return f"Partial: {missing:,} of {missing + shown:,} runs are still missing." if missing else ""
