"""The map: the share of each phase in every cell of the hyperparameter grid."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES
from grokjax.errors import AnalysisError, nearest

Codes = np.ndarray[Any, np.dtype[np.int64]]

# Columns in which the seeds of a cell differ.
SEEDS = ("seed", "data_seed")


class PhaseGrid(pd.DataFrame):
    """The frame of `phase_grid`, which a notebook shows as a map. What is cut from it is a plain frame."""

    _metadata: ClassVar[list[str]] = ["cell"]
    cell: tuple[str, ...]  # facet, y, x

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        from grokjax.analysis.labels.notebook import grid_html  # noqa: PLC0415  (which imports this module's neighbours)

        return grid_html(self, self.cell)


def phase_grid(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    *,
    x: str,
    y: str,
    facet: str | None = None,
    confidence: float = 0.95,
    planned: pd.DataFrame | None = None,
) -> PhaseGrid:
    """Shares of the phases in each cell, a row a cell.

    Args:
      runs: a runs table, or a published one; one row a run.
      phases: the phase of each run, from `rules.classify`, on the same index.
      x, y, facet: the hyperparameters that make a cell.
      confidence: of the intervals.
      planned: the same hyperparameters of every run that the sweep asks for, a row a run, where some are still missing.

    Returns:
      The columns facet, y, x, `seeds` (runs in the cell), `planned` (runs that should be in it; those in it if not given), `phase`
      (the most frequent one; the earlier in PHASES of equals), `entropy` of the shares in bits, and for each phase p of PHASES
      `p_count`, `p_share`, `p_low` and `p_high`: the Wilson score interval of the share. A planned cell without a run has no
      phase, and shares and entropy that are NaN.

    Raises:
      AnalysisError: a hyperparameter that the table lacks, or one more that varies, so that its values would be mixed in a cell.
    """
    cell = [name for name in (facet, y, x) if name is not None]
    check_cell(runs, cell)
    if not phases.index.equals(runs.index):
        raise AnalysisError(
            "phases and runs have different indexes; classify the same table, in the same order, that the grid is of"
        )
    planned = None if planned is None else planned.dropna(subset=cell)  # of other kinds of runs, which have no place on this map
    every = runs[cell] if planned is None else pd.concat([runs[cell], planned[cell].astype(runs[cell].dtypes)])
    codes, cells = cells_of(every)
    counts = count_phases(codes[: len(runs)], len(cells), phases)
    seeds = counts.sum(axis=1)
    asked = seeds if planned is None else np.maximum(seeds, np.bincount(codes[len(runs) :], minlength=len(cells)))
    likeliest = pd.Categorical.from_codes(np.where(seeds > 0, counts.argmax(axis=1), -1), dtype=pd.CategoricalDtype(list(PHASES)))
    with np.errstate(invalid="ignore"):
        shares = counts / seeds[:, None]
    columns = {"seeds": seeds, "planned": asked, "phase": likeliest, "entropy": entropy(shares)}
    for index, phase in enumerate(PHASES):
        low, high = wilson_interval(counts[:, index], seeds, confidence)
        columns |= {
            f"{phase}_count": counts[:, index],
            f"{phase}_share": shares[:, index],
            f"{phase}_low": low,
            f"{phase}_high": high,
        }
    grid = PhaseGrid(pd.concat([cells, pd.DataFrame(columns)], axis=1))
    grid.cell = tuple(cell)
    return grid


def count_phases(codes: Codes, cells: int, phases: pd.Series[str]) -> Codes:
    """How many runs of each cell have each phase, [C, P]: codes [R] of the cells, from `cells_of`, and phases [R]."""
    labels = pd.Categorical(phases, categories=PHASES).codes
    return np.bincount(codes * len(PHASES) + labels, minlength=cells * len(PHASES)).reshape(-1, len(PHASES))


def cells_of(every: pd.DataFrame) -> tuple[Codes, pd.DataFrame]:
    """Which cell each row [R] is in, and the hyperparameters of the C cells that there are, a row each, in their order."""
    key, values = np.zeros(len(every), np.int64), []
    for name in every:
        codes, distinct = pd.factorize(every[name], sort=True)
        key = key * len(distinct) + codes
        values.append(distinct)
    kept, codes = np.unique(key, return_inverse=True)
    places = np.unravel_index(kept, [len(distinct) for distinct in values])
    names = [str(name) for name in every]
    return codes, pd.DataFrame(
        {name: pd.Series(distinct).take(place).array for name, distinct, place in zip(names, values, places, strict=True)}
    )


def entropy(shares: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The Shannon entropy of shares [..., P] that sum to one, in bits [...]: 0 where all seeds agree; NaN where there are none."""
    with np.errstate(divide="ignore"):
        logs = np.where(shares > 0, np.log2(shares), 0.0)
    bits: np.ndarray[Any, Any] = np.abs(-(shares * logs).sum(axis=-1))
    return bits


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
    """Hyperparameters for x, y and facet: those asked for, else the article's that the sweep varies, else others that it varies.

    Where it varies two, they are x and y, and facet is one that is the same in all runs.
    """
    varied = varied_hyperparameters(runs)
    chosen = [x, y, facet]
    usual = ("hidden_size", "train_size", "weight_decay")
    for place, name in enumerate(usual):
        if chosen[place] is None and name in varied and name not in chosen:
            chosen[place] = name
    for place in (0, 1):  # panels are for what is left
        if chosen[place] is None and facet is None and set(varied) <= set(chosen):
            chosen[place], chosen[2] = chosen[2], None
    told = [name for name in runs.attrs.get("hyperparameters", ()) if name not in SEEDS and runs[name].notna().all()]
    numbers = [name for name in told if pd.api.types.is_numeric_dtype(runs[name]) and not pd.api.types.is_bool_dtype(runs[name])]
    preferred = dict.fromkeys((*varied, *(name for name in usual if name in numbers), *numbers))
    others = [name for name in preferred if name not in chosen]
    filled = [name if name is not None else others.pop(0) for name in chosen]
    return filled[0], filled[1], filled[2]


def wilson_interval(successes: Any, trials: Any, confidence: float) -> tuple[Any, Any]:
    """The Wilson score interval of proportions, its low and its high ends (Wilson 1927, eq. 8); NaN where there are no trials.

    successes, trials: numbers, or arrays of one shape.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.true_divide(successes, trials)
        centre = (successes + z**2 / 2) / (trials + np.square(z))
        half = z / (trials + np.square(z)) * np.sqrt(trials * share * (1 - share) + z**2 / 4)
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)
