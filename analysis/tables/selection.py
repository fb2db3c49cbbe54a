"""Selects runs by conditions such as weight_decay=0.1: any runs, one cell, or one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from grokjax.analysis.tables.hyperparameters import SEEDS, values_of, varied_hyperparameters
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.spec.axes import parse_setting


def select(runs: pd.DataFrame, conditions: Sequence[str] = ()) -> pd.DataFrame:
    """The runs that meet every condition.

    Args:
      runs: a runs table.
      conditions: each written NAME=VALUE, NAME=A,B,C for one of several values, or NAME=0..8 for a range as in a spec.

    Raises:
      AnalysisError: a condition has an unknown column or no value, or no run meets it.
    """
    for condition in conditions:
        kept = runs[meets(runs, condition)]
        if kept.empty:
            name = condition.partition("=")[0]
            raise AnalysisError(f"where {condition}: no run has it; {name} is {_values(runs, name)}")
        runs = kept
    return runs


def meets(runs: pd.DataFrame, condition: str) -> pd.Series[bool]:
    """Whether each run meets the condition NAME=VALUE. Raises AnalysisError as `select` does, but not if no run meets it."""
    name, equals, text = condition.partition("=")
    if not equals:
        raise AnalysisError(f"where {condition}: write NAME=VALUE, such as weight_decay=0.1")
    if name not in runs:
        differ = ", ".join([*varied_hyperparameters(runs), *(seed for seed in SEEDS if seed in runs)])
        close = nearest(name, map(str, runs.columns)) or "; grokjax columns lists them all"
        raise AnalysisError(f"where {condition}: there is no column {name}; the runs differ in {differ}{close}")
    try:
        wanted = parse_setting(text)
    except ValueError as error:
        raise AnalysisError(f"where {condition}: {error}") from None
    values = wanted if isinstance(wanted, list) else [wanted]
    if pd.api.types.is_numeric_dtype(runs[name]) and any(isinstance(value, str) for value in values):
        raise AnalysisError(f"where {condition}: {name} holds numbers, got {text}")
    if pd.api.types.is_string_dtype(runs[name]):  # as they are written: a run_id such as 12e45 is not a number
        words = [str(value) for value in values] if ".." in text else [word.strip() for word in text.split(",")]
        values = [word.lower() if word.lower() in ("true", "false") else word for word in words]
    found: pd.Series[bool] = values_of(runs, name).isin(values)
    return found


def condition_names(conditions: Sequence[str]) -> list[str]:
    """The columns that conditions are about."""
    return [condition.partition("=")[0] for condition in conditions]


def one_cell(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of a single cell, in the order of their seeds. Raises AnalysisError if more than seeds vary among them."""
    if varied := varied_hyperparameters(runs):
        raise AnalysisError(f"choose one cell with where NAME=VALUE for {_choices(runs, varied)}")
    return runs.sort_values([name for name in SEEDS if name in runs])


def one_run(runs: pd.DataFrame) -> pd.Series[Any]:
    """The only run of a table. Raises AnalysisError if there are several, or none."""
    if runs.empty:
        raise AnalysisError("the table has no runs; choose other runs")
    if len(runs) > 1:
        varied = [*varied_hyperparameters(runs), *(name for name in SEEDS if name in runs and runs[name].nunique() > 1)]
        raise AnalysisError(f"choose one run with where NAME=VALUE for {_choices(runs, varied)}")
    return runs.iloc[0]


def seed_labels(runs: pd.DataFrame) -> list[str]:
    """A label for each run of a cell: the seeds in which the runs differ; its number if the table has no seeds."""
    if "seed" not in runs:
        return [f"run {number}" for number in range(1, len(runs) + 1)]
    names = [name for name in SEEDS if name in runs and runs[name].nunique() > 1] or ["seed"]
    if len(names) > 1 and (runs["seed"] == runs["data_seed"]).all():
        names = ["seed"]
    return [", ".join(f"{name} {run[name]}" for name in names) for run in runs[names].to_dict("records")]


def _choices(runs: pd.DataFrame, names: Sequence[str]) -> str:
    return "; ".join(f"{name}: {_values(runs, name)}" for name in names)


def _values(runs: pd.DataFrame, name: str) -> str:
    return ", ".join(map(str, pd.factorize(runs[name].dropna(), sort=True)[1]))
