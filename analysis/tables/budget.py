"""The runs of a table as they stood at a step, so that runs of different lengths are compared at the same one."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.analysis.labels.columns import numbers
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS, crossing_columns
from grokjax.sweeps.store.summaries import summaries

Array = np.ndarray[Any, Any]

USER = "a budget needs"  # in messages

_CROSSINGS = frozenset(name for name, *_ in crossing_columns())
_EXTREMES = {
    "min_train_loss": ("train_loss",),
    "min_test_loss": ("test_loss",),
    "max_loss_ratio": ("train_loss", "test_loss"),
    "max_test_accuracy": ("test_accuracy",),
}
_METRICS = {name: (metric,) for name, metric, *_ in crossing_columns()} | _EXTREMES


def runs_as_of(runs: pd.DataFrame, budget: int, curves: pd.DataFrame | None = None) -> pd.DataFrame:
    """The runs table as it stood at a step: that of a sweep whose runs were trained for `budget` steps.

    Extremes, final values, crossings, `steps`, `diverged_step` and `stopped_by` are those up to the budget; hyperparameters and
    provenance stay. Runs that made fewer steps, and neither diverged nor were stopped early, are left out: they are missing.

    Args:
      runs: a runs table.
      budget: the step [training steps]; a logged one.
      curves: from `load_curves`, with the runs of `longer_runs` and the metrics of `needed_metrics`; may be left out if no run
        made more steps than the budget.

    Raises:
      AnalysisError: the budget is not a positive whole number or not a logged step, no run made so many steps, or a curve is
        missing.
    """
    check_budget(runs, budget)
    kept = runs[~_cut_short(runs, budget)]
    found = summaries_as_of(kept, [budget], curves)
    columns = {name: _like(kept[name], values[:, 0]) for name, values in found.items()}
    if "stopped_by" in kept:
        columns["stopped_by"] = kept["stopped_by"].mask(_steps(kept, "steps") >= budget)
    table = kept.assign(**columns)
    table.attrs = dict(runs.attrs)
    return table


def load_as_of(
    root: str | Path | Root, budget: int, runs: pd.DataFrame | None = None, on_bad_file: OnBadFile = "raise"
) -> pd.DataFrame:
    """The runs of a root as of a step; reads the curves that it needs.

    Args:
      root: where the sweep was run to.
      budget: the step, as for `runs_as_of`.
      runs: from `load_runs`, or some of its rows; all when None.
      on_bad_file: as for `load_runs`; runs whose curves are needed and left out are left out too.

    Raises:
      StoreError: `root` holds no sweep, or a file is bad.
      AnalysisError: as `runs_as_of`.
    """
    runs = load_runs(root, on_bad_file=on_bad_file) if runs is None else runs
    check_budget(runs, budget)
    longer, curves = longer_runs(runs, budget), None
    if longer:
        curves = load_curves(root, longer, needed_metrics(runs), on_bad_file)
        unreadable = set(longer).difference(curves["run_id"])
        runs = runs[~runs["run_id"].isin(unreadable)]
    return runs_as_of(runs, budget, curves)


def summaries_as_of(
    runs: pd.DataFrame, budgets: Sequence[int], curves: pd.DataFrame | None = None, columns: Collection[str] | None = None
) -> dict[str, Array]:
    """The outcomes of runs as they stood at each of several steps, for about the cost of one.

    A crossing column alone says what a crossing was at any step before; curves are read for all other columns, and for sustained
    crossings that came after a budget.

    Args:
      runs: a runs table of R runs.
      budgets: B steps, ascending; logged ones.
      curves: as for `runs_as_of`.
      columns: the outcomes that are wanted; all numeric ones of the table when None.

    Returns:
      A float64 array [R, B] by column; NaN for null. All columns are NaN where a run made fewer steps than the budget, and neither
      diverged nor was stopped early: it is missing there.

    Raises:
      AnalysisError: as `runs_as_of`.
    """
    _check_budgets(runs, budgets)
    at, names = np.asarray(budgets, np.int64), _outcomes(runs, columns)
    steps = _steps(runs, "steps")
    longer = steps[:, None] > at  # [R, B]
    absent = np.stack([_cut_short(runs, budget) for budget in budgets], axis=1)
    found = {name: np.repeat(numbers(runs, name, USER)[:, None], len(at), axis=1) for name in names}
    unknown: dict[str, Array] = {}
    for name, values in found.items():
        if name == "steps":
            values[longer] = np.broadcast_to(at, values.shape)[longer]
        elif name == "diverged_step" or name in _CROSSINGS:
            values[values > at] = np.nan
        if name not in ("steps", "diverged_step") and not name.startswith("first_step_"):
            unknown[name] = longer & _not_in_columns(runs, name, values, at)
    unknown = {name: rows for name, rows in unknown.items() if rows.any()}
    if unknown:
        _fill(found, unknown, runs, at, curves)
    for values in found.values():
        values[absent] = np.nan
    return found


def longer_runs(runs: pd.DataFrame, budget: int) -> list[str]:
    """The run_ids of the runs with more steps than a budget, whose curves `runs_as_of` reads."""
    ids: list[str] = runs.loc[_steps(runs, "steps") > budget, "run_id"].tolist()
    return ids


def needed_metrics(runs: pd.DataFrame, columns: Collection[str] | None = None) -> list[str]:
    """The metrics whose curves `runs_as_of` reads: those that the outcome columns of a runs table summarize."""
    return list(dict.fromkeys(metric for name in _outcomes(runs, columns) for metric in _metrics(runs, name)))


def run_lengths(runs: pd.DataFrame) -> dict[int, int]:
    """How many runs made how many steps, of those that neither diverged nor were stopped early, by ascending steps."""
    if "steps" not in runs:
        return {}
    steps = _steps(runs, "steps")
    lengths, counts = np.unique(steps[~_ended(runs) & ~np.isnan(steps)], return_counts=True)
    return dict(zip(lengths.astype(int).tolist(), counts.tolist(), strict=True))


def check_lengths(runs: pd.DataFrame) -> None:
    """Raises AnalysisError unless all runs that neither diverged nor were stopped early made the same number of steps."""
    lengths = run_lengths(runs)
    if len(lengths) > 1:
        made = ", ".join(f"{count:,} runs made {steps:,}" for steps, count in lengths.items())
        raise AnalysisError(
            f"runs of different lengths cannot be compared ({made} steps); read them as of the same step, with "
            f"a budget of {min(lengths)}, or choose runs of one length"
        )


def check_budget(runs: pd.DataFrame, budget: int) -> None:
    """Raises AnalysisError unless the budget is a positive whole number of steps that some run made, and a logged step."""
    if isinstance(budget, bool) or not isinstance(budget, int | np.integer) or budget < 1:
        raise AnalysisError(f"a budget is a positive whole number of steps, got {budget}")
    if "steps" not in runs:
        raise AnalysisError("a budget needs the column steps, and the table has none")
    if len(runs) and _cut_short(runs, budget).all():
        longest = int(np.nanmax(_steps(runs, "steps")))
        raise AnalysisError(f"no run made {budget:,} steps; the longest made {longest:,}: choose a smaller budget, or train longer")
    if "log_every" in runs:
        spacing = _steps(runs[_steps(runs, "steps") > budget], "log_every")
        for every in np.unique(spacing[spacing > 0]).astype(int):
            if below := budget % every:
                near = [step for step in (budget - below, budget - below + every) if step]
                raise AnalysisError(
                    f"step {budget:,} was not logged, because runs log every {every:,} steps; choose the budget "
                    + " or ".join(f"{step:,}" for step in near)
                )


def _check_budgets(runs: pd.DataFrame, budgets: Sequence[int]) -> None:
    if not len(budgets) or any(low >= high for low, high in itertools.pairwise(budgets)):
        raise AnalysisError(f"budgets are ascending steps, at least one, got {', '.join(map(str, budgets)) or 'none'}")
    for budget in budgets:
        check_budget(runs, budget)


def _fill(
    found: dict[str, Array], unknown: dict[str, Array], runs: pd.DataFrame, budgets: Array, curves: pd.DataFrame | None
) -> None:
    """Sets the unknown entries [R, B] of columns from curves."""
    rows = np.flatnonzero(np.any([each.any(axis=1) for each in unknown.values()], axis=0))
    metrics = list(dict.fromkeys(metric for name in unknown for metric in _metrics(runs, name)))
    step, places, values = _logged(runs.iloc[rows], metrics, budgets, curves)
    read = summaries(step, values, places, budgets)
    for name, entries in unknown.items():
        found[name][entries] = read[name][entries[rows]]


def _logged(
    runs: pd.DataFrame, metrics: Sequence[str], budgets: Array, curves: pd.DataFrame | None
) -> tuple[Array, Array, dict[str, Array]]:
    """The step, the place in `runs` and the metrics of the logged rows of these runs, one run after the other."""
    first = runs["run_id"].iloc[0]
    if curves is None:
        raise AnalysisError(
            f"run {first} and {len(runs) - 1:,} more made more steps than the budget, so their curves are needed; give curves=, "
            "such as load_curves(root)"
        )
    for name in ("run_id", "step", *metrics):
        if name not in curves:
            raise AnalysisError(f"a budget needs the column {name} of the curves, which have {', '.join(map(str, curves))}")
    found = pc.index_in(pa.array(curves["run_id"]).cast(pa.string()), value_set=pa.array(runs["run_id"]).cast(pa.string()))
    places = np.asarray(found.to_numpy(zero_copy_only=False), np.float64)
    step = _steps(curves, "step")
    kept = np.flatnonzero(~np.isnan(places) & (step <= budgets[-1]))
    places, step = places[kept].astype(np.int64), step[kept].astype(np.int64)
    if (np.diff(places) < 0).any() or (np.diff(step)[np.diff(places) == 0] <= 0).any():
        order = np.lexsort((step, places))
        kept, places, step = kept[order], places[order], step[order]
    made = _steps(runs, "steps")
    for budget in budgets:
        absent = made > budget
        absent[places[step == budget]] = False
        if absent.any():
            raise AnalysisError(f"the curves have no row of run {runs['run_id'].iloc[int(np.argmax(absent))]} at step {budget:,}")
    return step, places, {name: numbers(curves, name, USER, np.float32)[kept] for name in metrics}


def _not_in_columns(runs: pd.DataFrame, name: str, values: Array, budgets: Array) -> Array:
    """Where a column [R, B] of runs that went on is not known from columns alone."""
    if name not in _CROSSINGS:  # an extreme or a final value; a metric that a run never logged stays null
        logged = ~np.asarray(pa.array(runs[name]).is_null().to_numpy(zero_copy_only=False), bool)
        return np.broadcast_to(logged[:, None], values.shape)
    first = name.replace("sustained", "first", 1)
    crossed = numbers(runs, first, USER)[:, None] <= budgets if first in runs else np.ones(values.shape, bool)
    return np.isnan(values) & crossed


def _outcomes(runs: pd.DataFrame, columns: Collection[str] | None) -> list[str]:
    """The outcome columns of a runs table that are numbers and depend on the budget, those asked for alone."""
    known = {column.name for column in OUTCOME_COLUMNS if column.name != "stopped_by"}
    names = [str(name) for name in runs if name in known or str(name).startswith("final_")]
    return [name for name in names if columns is None or name in columns]


def _metrics(runs: pd.DataFrame, name: str) -> Sequence[str]:
    """The metrics that an outcome column summarizes; none for a metric that no run logged."""
    if name.startswith("final_"):
        return [name.removeprefix("final_")] if runs[name].notna().any() else []
    return _METRICS.get(name, ())


def _ended(runs: pd.DataFrame) -> Array:
    """Which runs [R] diverged or were stopped early, so that more steps would not have been made."""
    ended = np.zeros(len(runs), bool)
    for name in ("diverged_step", "stopped_by"):
        if name in runs:
            ended |= runs[name].notna().to_numpy(bool)
    return ended


def _cut_short(runs: pd.DataFrame, budget: int) -> Array:
    """Which runs [R] made fewer steps than the budget and had not ended."""
    return (_steps(runs, "steps") < budget) & ~_ended(runs)


def _steps(table: pd.DataFrame, name: str) -> Array:
    """A column of steps as floats, with NaN for null. Raises AnalysisError for numbers that are none."""
    steps = numbers(table, name, USER)
    if (~(np.abs(steps) < 2**53) & ~np.isnan(steps)).any():
        raise AnalysisError(f"the column {name} holds numbers that are no steps, such as {np.nanmax(np.abs(steps)):g}")
    return steps


def _like(column: pd.Series[Any], values: Array) -> pd.Series[Any]:
    """Values [R] as a column of the same type and with the same index; NaN stands for null where the type has no NaN."""
    if not isinstance(column.dtype, pd.ArrowDtype):
        return pd.Series(values, index=column.index)
    kind = column.dtype.pyarrow_dtype
    if pa.types.is_floating(kind):
        absent = np.asarray(pa.array(column).is_null().to_numpy(zero_copy_only=False), bool) & np.isnan(values)
        array = pa.array(values, kind, mask=absent)
    else:
        array = pa.array(values, pa.float64(), from_pandas=True).cast(kind)
    return pd.Series(pd.arrays.ArrowExtensionArray(array), index=column.index)
