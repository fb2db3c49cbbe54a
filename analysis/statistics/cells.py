"""Cells: groups of runs with the same hyperparameters, and the check that the runs of a cell differ in their seeds alone."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.analysis.tables.budget import check_lengths
from grokjax.analysis.tables.hyperparameters import values_of, varied_hyperparameters
from grokjax.errors import AnalysisError, nearest
from grokjax.fields import COMPONENTS

Codes = np.ndarray[Any, np.dtype[np.int64]]

MOST_SHOWN = 8  # values in a message


def check_cell(runs: pd.DataFrame, cell: Sequence[str], mix: Sequence[str] = ()) -> None:
    """Raises AnalysisError unless the runs of each cell differ in their seeds alone, are of one length, and are in the table once.

    Every function that pools the runs of a cell calls this first. Hyperparameters are known by name, whatever was done to the
    table (see `hyperparameters`). Null is not another value: a hyperparameter that only one of two models has is not mixed. On an
    axis of the cell, null makes cells of its own.

    Args:
      runs: a runs table.
      cell: the hyperparameters that make a cell.
      mix: hyperparameters whose values a cell may mix.

    Raises:
      AnalysisError: a hyperparameter varies within a cell and is not in `mix`; a run_id is in one cell twice; a name is not in
        the table, is given twice, or has no value in any run; or the table is empty.
    """
    if not len(runs):
        raise AnalysisError("the table has no runs; choose other runs")
    check_lengths(runs)
    check_names(runs, cell, mix)
    others = [name for name in varied_hyperparameters(runs) if name not in (*cell, *mix)]
    codes = cell_codes(runs[list(cell)])
    _check_copies(runs, codes, mix)
    for name in others:
        if _differs(runs, name, codes):
            where = f"{' x '.join(cell)} would mix its values in one cell" if cell else "its values would be mixed"
            raise AnalysisError(
                f"{name} also varies ({_shown(_factorize(values_of(runs, name))[1])}), and {where}; choose one with "
                f"where {name}=VALUE, put it on an axis, or name it in mix if its values may be pooled"
            )


def check_confidence(confidence: float) -> None:
    """Raises AnalysisError unless the confidence of an interval is a number between 0 and 1."""
    if not isinstance(confidence, Real) or not 0 < confidence < 1:
        raise AnalysisError(f"confidence = {confidence} is out of range; use a number between 0 and 1, such as 0.95")


def check_count(count: int) -> None:
    """Raises AnalysisError unless a number of points is at least 1."""
    if count < 1:
        raise AnalysisError(f"count = {count} is out of range; ask for 1 point or more")


def varies_within(runs: pd.DataFrame, name: str, cell: Sequence[str]) -> bool:
    """Whether a hyperparameter has several values in one cell; null does not count as a value."""
    return _differs(runs, name, cell_codes(runs[list(cell)]))


def cell_names(x: str, y: str, facet: str | None) -> list[str]:
    """The hyperparameters that make a cell, in the order of a grid's columns: facet (if any), y, x."""
    return [y, x] if facet is None else [facet, y, x]


def cell_codes(every: pd.DataFrame) -> Codes:
    """A number for the cell of each row, [R]: equal where all columns are equal, and in their order. Null is equal to null."""
    key, size = np.zeros(len(every), np.int64), 1
    for name in every:
        factors, distinct = _factorize(every[name])
        factors = np.where(factors < 0, len(distinct), factors)  # null comes last
        if size * (len(distinct) + 1) > np.iinfo(np.int64).max:
            _, key = np.unique(key, return_inverse=True)
            size = len(every)
        key, size = key * (len(distinct) + 1) + factors, size * (len(distinct) + 1)
    return key


def cells_of(every: pd.DataFrame) -> tuple[Codes, pd.DataFrame]:
    """The cell of each row, as a code [R], and the hyperparameters of the C cells, a row per cell, in order."""
    codes, distinct = pd.factorize(cell_codes(every), sort=True)
    first = np.zeros(len(distinct), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several rows of a cell, the first is written last
    return np.asarray(codes, np.int64), every.iloc[first].reset_index(drop=True)


def distinct_values(values: pd.Series[Any]) -> list[Any]:
    """The distinct values of a hyperparameter, ascending; None last, if some runs do not have it."""
    return [*_factorize(values)[1], *[None] * bool(values.isna().any())]


def places_of(values: pd.Series[Any], distinct: Sequence[Any]) -> list[int]:
    """The index [R] of each value in `distinct_values`."""
    index = {value: place for place, value in enumerate(distinct)}
    return [index[None if pd.isna(value) else value] for value in values]


def without(runs: pd.DataFrame, name: str) -> str:
    """Which runs have no value of a hyperparameter, as a condition such as "optimizer=sgd"; empty if no text tells them apart."""
    missing = runs[name].isna().to_numpy()
    for part in COMPONENTS:
        if part in runs:
            lacking, having = set(runs.loc[missing, part].dropna()), set(runs.loc[~missing, part].dropna())
            if lacking and not lacking & having:
                return f"{part}={','.join(sorted(map(str, lacking)))}"
    return ""


def check_names(runs: pd.DataFrame, cell: Sequence[str], mix: Sequence[str] = ()) -> None:
    """Raises AnalysisError unless the hyperparameters of a cell are in the table, have values, and are given once each."""
    for name in (*cell, *mix):
        if name not in runs:
            known = ", ".join(varied_hyperparameters(runs)) or ", ".join(map(str, runs.columns[:20]))
            raise AnalysisError(f"{name} is not in the table; there are {known}{nearest(name, map(str, runs.columns))}")
    for name in cell:
        if list(cell).count(name) > 1:
            raise AnalysisError(f"{name} is given twice in {' x '.join(cell)}; choose another hyperparameter for one of them")
        if runs[name].isna().all():
            raise AnalysisError(f"no run has a value of {name}; choose another hyperparameter")


def _check_copies(runs: pd.DataFrame, codes: Codes, mix: Sequence[str]) -> None:
    """Raises AnalysisError if a cell has a run twice, as after a concatenation or a merge, unless `mix` tells the copies apart."""
    if "run_id" not in runs or _is_increasing(runs["run_id"]):
        return
    copies = runs["run_id"].duplicated().to_numpy() & runs["run_id"].notna().to_numpy()
    if copies.any():  # seldom, so that the rest may take its time
        repeated = runs[["run_id", *mix]].assign(cell=codes)
        copies = repeated.duplicated().to_numpy() & repeated["run_id"].notna().to_numpy()
    if copies.any():
        raise AnalysisError(
            f"{int(copies.sum())} of {len(runs)} rows repeat a run that is already in the table, such as "
            f"{runs['run_id'][copies].iloc[0]}, so its seed would count twice; keep one with runs.drop_duplicates('run_id')"
        )


def _is_increasing(ids: pd.Series[Any]) -> bool:
    """Whether each run_id is greater than the one before it, as from `load_runs`: known in a tenth of the time of a search."""
    if not isinstance(ids.dtype, pd.ArrowDtype) or pa.types.is_null(ids.dtype.pyarrow_dtype):
        return False
    array = pa.chunked_array(pa.array(ids))
    return bool(pc.all(pc.less(array[:-1], array[1:]), skip_nulls=False).as_py())


def _differs(runs: pd.DataFrame, name: str, codes: Codes) -> bool:
    factors, distinct = _factorize(values_of(runs, name))
    present = factors >= 0
    pairs = codes[present] * len(distinct) + factors[present]
    return len(pd.unique(pairs)) > len(pd.unique(codes[present]))


def _factorize(values: pd.Series[Any]) -> tuple[Codes, pd.Index[Any]]:
    """Codes [R] of the sorted distinct values, -1 for null. Raises AnalysisError for values that are not numbers or texts."""
    try:
        codes, distinct = pd.factorize(values, sort=True)
    except TypeError:
        raise AnalysisError(
            f"{values.name} holds values that are neither numbers nor texts; choose another hyperparameter"
        ) from None
    return np.asarray(codes, np.int64), pd.Index(distinct)


def _shown(distinct: pd.Index[Any]) -> str:
    shown = ", ".join(map(str, distinct[:MOST_SHOWN]))
    return shown if len(distinct) <= MOST_SHOWN else f"{shown} and {len(distinct) - MOST_SHOWN} more"
