"""Numbers summarized over the seeds: any column of the runs in each cell, and metrics over steps as medians with quartiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.cells import cell_names, check_cell
from grokjax.analysis.tables.hyperparameters import is_number
from grokjax.errors import AnalysisError, nearest

Array = np.ndarray[Any, Any]

QUARTILES = (0.25, 0.75)


def _spread(values: Array) -> float:
    """The distance of the quartiles of values [n]; NaN if the lower one is infinite."""
    low, high = np.quantile(values, QUARTILES, method="inverted_cdf" if np.isinf(values).any() else "linear")
    return float(high - low) if np.isfinite(low) else np.nan


# How the runs of a cell are summarized. `mean` of a column of true and false is the share of true.
AGGREGATES: MappingProxyType[str, Callable[[Array], float]] = MappingProxyType({
    "median": np.median, "mean": np.mean, "min": np.min, "max": np.max, "spread": _spread,
})  # fmt: skip
AGGREGATE_WORDS = MappingProxyType({"spread": "quartile distance"})  # where the name is not what a reader calls it
CROSSED = ("first_step_", "sustained_step_", "diverged_step")  # columns that are null where it never happened


def cell_values(
    runs: pd.DataFrame, column: str, *, x: str, y: str, facet: str | None = None, aggregate: str = "median", mix: Sequence[str] = ()
) -> pd.DataFrame:
    """One number for each cell: a column of its runs, summarized over their seeds.

    A run without a value is left out, except in columns of steps at which something happened (`first_step_...`): there it counts
    as later than all steps, so that the median is infinite where it did not happen in most runs.

    Args:
      runs: a runs table.
      column: a column of numbers, or of true and false (then 1 and 0).
      x, y, facet: the hyperparameters that make a cell.
      aggregate: one of `AGGREGATES`; "spread" is the distance of the quartiles.
      mix: hyperparameters whose values a cell may mix.

    Returns:
      A row per cell: facet, y, x, `value` (NaN if no run has one, infinite if it is not reached), `known` (runs with a value) and
      `runs`. `attrs` has the `column` and the `aggregate`.

    Raises:
      AnalysisError: no such column or aggregate, no numbers in it, or a cell would mix hyperparameters.
    """
    _check_column(runs, column)
    if aggregate not in AGGREGATES:
        raise AnalysisError(f"there is no aggregate {aggregate}; there are {', '.join(AGGREGATES)}{nearest(aggregate, AGGREGATES)}")
    check_cell(runs, cell := cell_names(x, y, facet), mix)
    numbers = pd.Series(runs[column].to_numpy(float, na_value=np.nan), index=runs.index)
    counted = runs[cell].assign(value=numbers.fillna(np.inf) if column.startswith(CROSSED) else numbers, known=numbers.notna())
    groups = counted.groupby(cell, observed=True, sort=True, dropna=False)
    table = groups.agg(
        value=("value", lambda values: _summary(values.to_numpy(float), aggregate)), known=("known", "sum"), runs=("value", "size")
    ).reset_index()
    table.attrs = {"column": column, "aggregate": aggregate, "unit": runs.attrs.get("units", {}).get(column, "")}
    return table


def curve_bands(
    curves: pd.DataFrame, runs: pd.DataFrame, by: str | None, metrics: Sequence[str], *, mix: Sequence[str] = ()
) -> pd.DataFrame:
    """The median and quartiles of metrics over the seeds, at each logged step, for each value of a hyperparameter.

    A value that is not finite is left out. A step is left out once fewer than half of a group's runs have a value there, because
    runs diverged or were stopped: from the first run that ends, the quantiles are those of the runs that go on.

    Args:
      curves: from `load_curves`, with the metrics.
      runs: the runs table of these curves.
      by: the hyperparameter that makes groups; None for one group.
      metrics: columns of the curves.
      mix: further hyperparameters whose values a group may mix.

    Returns:
      A row per value, metric and step: `by` (if any), `metric`, `step`, `median`, `low` and `high` (the quartiles), `known` (runs
      with a value) and `runs` (in the group).

    Raises:
      AnalysisError: a group would mix hyperparameters, or the curves lack a metric or any run.
    """
    check_cell(runs, [] if by is None else [by], mix)
    for metric in metrics:
        if metric not in curves or not is_number(curves[metric]):
            numbers = [str(name) for name in curves if name != "step" and is_number(curves[name])]
            raise AnalysisError(f"there is no metric {metric}; there are {', '.join(numbers)}{nearest(metric, numbers)}")
    if curves.empty:
        raise AnalysisError("none of the curves of these runs can be read")
    group = pd.Series("", index=runs["run_id"]) if by is None else runs.set_index("run_id")[by]
    name = "group" if by is None else by
    table = curves[["run_id", "step"]].assign(**{name: curves["run_id"].map(group)})
    sizes = group.value_counts()
    parts = [_metric_bands(table.assign(value=curves[metric].to_numpy(float, na_value=np.nan)), name, metric) for metric in metrics]
    found = pd.concat(parts, ignore_index=True)
    found["runs"] = found[name].map(sizes).astype(int)
    found = found[2 * found["known"] >= found["runs"]]
    kept = found.drop(columns=name if by is None else []).reset_index(drop=True)
    kept.attrs = {"units": curves.attrs.get("units", {})}
    return kept


def _metric_bands(table: pd.DataFrame, by: str, metric: str) -> pd.DataFrame:
    finite = table[np.isfinite(table["value"]) & table[by].notna()]
    if finite.empty:
        raise AnalysisError(f"no run of the table has a finite {metric} at any step; choose another metric, or other runs")
    groups = finite.groupby([by, "step"], observed=True, sort=True)["value"]
    quantiles: pd.DataFrame = groups.quantile([0.5, *QUARTILES]).unstack().set_axis(["median", "low", "high"], axis=1)
    return quantiles.assign(known=groups.size()).reset_index().assign(metric=metric)


def _summary(values: Array, aggregate: str) -> float:
    """The aggregate of the values [n] that are not NaN; NaN if there are none, or where it is a difference of infinite ones."""
    known = values[~np.isnan(values)]
    with np.errstate(invalid="ignore"):
        return float(AGGREGATES[aggregate](known)) if len(known) else np.nan


def _check_column(runs: pd.DataFrame, column: str) -> None:
    if column not in runs:
        raise AnalysisError(f"{column} is not in the table; grokjax columns lists its columns{nearest(column, map(str, runs))}")
    if not (is_number(runs[column]) or pd.api.types.is_bool_dtype(runs[column])):
        raise AnalysisError(f"{column} holds no numbers, so its values cannot be summarized; choose a column of numbers")
