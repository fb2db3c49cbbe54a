"""The map: the share of each phase in every cell of the hyperparameter grid."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from analysis.load import AnalysisError
from analysis.rules import PHASES
from sweeps.errors import nearest

# Columns in which the seeds of a cell differ.
SEEDS = ("seed", "data_seed")


def phase_grid(
    runs: pd.DataFrame, phases: pd.Series[str], *, x: str, y: str, facet: str | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """Shares of the phases in each cell, a row a cell.

    Args:
      runs: a runs table, or a published one; one row a run.
      phases: the phase of each run, from `rules.classify`, on the same index.
      x, y, facet: the hyperparameters that make a cell.
      confidence: of the intervals.

    Returns:
      The columns facet, y, x, `seeds` (runs in the cell), `phase` (the most frequent one; the earlier in PHASES of equals), and for
      each phase p of PHASES `p_count`, `p_share`, `p_low` and `p_high`: the Wilson score interval of the share (Wilson 1927).

    Raises:
      AnalysisError: a hyperparameter that the table lacks, or one more that varies, so that its values would be mixed in a cell.
    """
    cell = [name for name in (facet, y, x) if name is not None]
    check_cell(runs, cell)
    if not phases.index.equals(runs.index):
        raise AnalysisError(
            "phases and runs have different indexes; classify the same table, in the same order, that the grid is of"
        )
    counts = pd.crosstab([runs[name] for name in cell], phases.to_numpy(), dropna=True).reindex(columns=list(PHASES), fill_value=0)
    seeds = counts.sum(axis=1)
    grid = pd.DataFrame({"seeds": seeds, "phase": counts.to_numpy().argmax(axis=1)}, index=counts.index)
    grid["phase"] = pd.Categorical([PHASES[index] for index in grid["phase"]], categories=PHASES)
    for phase in PHASES:
        intervals = np.array([wilson_interval(k, n, confidence) for k, n in zip(counts[phase], seeds, strict=True)])
        grid[f"{phase}_count"] = counts[phase]
        grid[f"{phase}_share"] = counts[phase] / seeds
        grid[f"{phase}_low"], grid[f"{phase}_high"] = intervals.T
    return grid.reset_index()


def check_cell(runs: pd.DataFrame, cell: Sequence[str]) -> None:
    """Raises AnalysisError unless the hyperparameters `cell` tell all runs apart but for their seeds."""
    for name in cell:
        if cell.count(name) > 1:
            raise AnalysisError(f"{name} is asked for twice in {' x '.join(cell)}; choose another hyperparameter for one of them")
        if name not in runs:
            there = ", ".join(varied_hyperparameters(runs)) or ", ".join(map(str, runs.columns[:20]))
            raise AnalysisError(f"{name} is not in the table; there are {there}{nearest(name, map(str, runs.columns))}")
        if missing := int(runs[name].isna().sum()):
            raise AnalysisError(
                f"{missing} of {len(runs)} runs have no {name}; choose another hyperparameter, or runs that have it"
            )
    for name in varied_hyperparameters(runs):
        if name not in cell and name not in [_followed(runs, column) for column in cell]:
            values = ", ".join(str(value) for value in sorted(runs[name].dropna().unique()))
            raise AnalysisError(
                f"{name} also varies ({values}), and {' x '.join(cell)} would mix its values in one cell; "
                f"choose one with --where {name}=VALUE or put it on an axis"
            )


def varied_hyperparameters(runs: pd.DataFrame) -> list[str]:
    """The hyperparameters, seeds aside, that have more than one value in a table from `load_runs`; none known for other tables.

    One that follows another in every run, such as embedding_learning_rate where only learning_rate was given, does not count.
    """
    hyperparameters = [name for name in runs.attrs.get("hyperparameters", ()) if name in runs and name not in SEEDS]
    return [name for name in hyperparameters if runs[name].nunique(dropna=False) > 1 and _followed(runs, name) is None]


def _followed(runs: pd.DataFrame, name: str) -> str | None:
    """The hyperparameter that `name` follows in every run."""
    followed: str | None = runs.attrs.get("follows", {}).get(name)
    return followed if followed in runs and runs[name].equals(runs[followed].rename(name)) else None


def choose_axes(runs: pd.DataFrame, x: str | None, y: str | None, facet: str | None) -> tuple[str, str, str]:
    """Hyperparameters for x, y and facet: those asked for, else the article's that the sweep varies, else others that it varies."""
    varied = varied_hyperparameters(runs)
    chosen = [x, y, facet]
    usual = ("hidden_size", "train_size", "weight_decay")
    for place, name in enumerate(usual):
        if chosen[place] is None and name in varied and name not in chosen:
            chosen[place] = name
    told = [name for name in runs.attrs.get("hyperparameters", ()) if name not in SEEDS and runs[name].notna().all()]
    numbers = [name for name in told if pd.api.types.is_numeric_dtype(runs[name]) and not pd.api.types.is_bool_dtype(runs[name])]
    preferred = dict.fromkeys((*varied, *(name for name in usual if name in numbers), *numbers))
    others = [name for name in preferred if name not in chosen]
    filled = [name if name is not None else others.pop(0) for name in chosen]
    return filled[0], filled[1], filled[2]


@functools.cache
def wilson_interval(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """The Wilson score interval of a proportion."""
    interval = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
