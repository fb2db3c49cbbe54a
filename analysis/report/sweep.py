"""What the page is told of a sweep: its runs as columns of codes and numbers, and what those are called and mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from grokjax.analysis.labels.conventions import CONVENTIONS, in_nats
from grokjax.analysis.report.packing import NO_CODE, Array
from grokjax.analysis.tables.hyperparameters import SEEDS, varied_hyperparameters
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS, crossing_columns

MOST_RUNS = 50_000
# Of where a run comes from, what says whether another machine would give the same.
PROVENANCE = (
    *("trajectory_version", "grokjax_version", "commit", "jax_version"),
    *("device", "lane_width", "dot_library", "pack_id", "stopped_by"),
)
PRESENT, MISSING, SET_ASIDE = 0, 1, 2


@dataclass(frozen=True)
class Column:
    """A column of few values: `codes` [R] say which of `values` each run has; NO_CODE: none."""

    name: str
    meaning: str
    kind: str  # whole, number, truth or text
    values: tuple[Any, ...]
    codes: Array


@dataclass(frozen=True)
class Sweep:
    """R runs in the order of what varies, seeds last; those that were not made yet among them."""

    runs: pd.DataFrame
    hyperparameters: tuple[Column, ...]
    varied: tuple[str, ...]
    seeds: tuple[str, ...]  # in which the runs of a cell differ
    provenance: tuple[Column, ...]
    standing: Array  # [R] PRESENT, MISSING or SET_ASIDE
    outcomes: tuple[str, ...]
    loss_factors: Mapping[str, Array | None]  # [R] by convention; None where the table does not say

    def numbers(self, name: str) -> Array:
        """An outcome [R], NaN where there is none."""
        return self.runs[name].to_numpy(dtype=np.float64, na_value=np.nan)


def sweep_of(runs: pd.DataFrame, missing: pd.DataFrame | None, set_aside: frozenset[str]) -> Sweep:
    """The sweep of a runs table from `load_runs`, and of runs that are planned and not made: run_id and hyperparameters.

    Raises:
      AnalysisError: more runs than a page can hold.
    """
    names = [name for name in runs.attrs["hyperparameters"] if name in runs]
    every = _joined(runs, missing, names)
    if len(every) > MOST_RUNS:
        raise AnalysisError(f"{len(every):,} runs are more than the {MOST_RUNS:,} that a page can hold; choose some with --where")
    varied = varied_hyperparameters(every)
    seeds = [name for name in SEEDS if name in every and every[name].nunique(dropna=False) > 1]
    seeds = [name for name in seeds if name == seeds[0] or not every[name].equals(every[seeds[0]].rename(name))]
    columns = {name: _column(every, name, runs.attrs.get("meanings", {}).get(name, "")) for name in names}
    order = np.lexsort([columns[name].codes for name in reversed([*varied, *seeds])]) if varied or seeds else np.arange(len(every))
    every = every.iloc[order].reset_index(drop=True)
    made = every["run_id"].isin(runs["run_id"]).to_numpy(dtype=bool)
    aside = every["run_id"].isin(set_aside).to_numpy(dtype=bool)
    return Sweep(
        runs=every,
        hyperparameters=tuple(
            Column(each.name, each.meaning, each.kind, each.values, each.codes[order]) for each in columns.values() if each.values
        ),
        varied=tuple(varied),
        seeds=tuple(seeds),
        provenance=tuple(_column(every, name, "") for name in PROVENANCE if name in every),
        standing=np.where(made, PRESENT, np.where(aside, SET_ASIDE, MISSING)).astype(np.uint8),
        outcomes=tuple(name for name in _numeric_outcomes() if name in every and every[name].notna().any()),
        loss_factors={name: _factor(every, name) for name in CONVENTIONS},
    )


def milestones() -> list[dict[str, Any]]:
    """The crossings of the runs table: metric, threshold, and the columns of the first and of the sustained one."""
    names = {(metric, threshold, held): name for name, metric, threshold, held in crossing_columns()}
    pairs = dict.fromkeys((metric, threshold) for metric, threshold, _ in names)
    return [
        {"metric": metric, "threshold": at, "first": names[metric, at, False], "sustained": names[metric, at, True]}
        for metric, at in pairs
    ]


def _joined(runs: pd.DataFrame, missing: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    """The runs, and under them those that are missing."""
    if missing is None or missing.empty:
        return runs
    told = {}
    for name in (name for name in ("run_id", *names) if name in missing):
        values = missing[name].astype(object).where(missing[name].notna(), None)
        told[name] = values.astype(runs[name].dtype)
    every = pd.concat([runs, pd.DataFrame(told)], ignore_index=True)
    every.attrs = runs.attrs
    return every


def _column(runs: pd.DataFrame, name: str, meaning: str) -> Column:
    """A column by its values in order, as plain numbers and texts."""
    values = runs[name]
    kinds = (
        (pd.api.types.is_bool_dtype, "truth"),
        (pd.api.types.is_integer_dtype, "whole"),
        (pd.api.types.is_float_dtype, "number"),
    )
    kind = next((kind for holds, kind in kinds if holds(values)), "text")
    codes, different = pd.factorize(values, sort=True)
    if len(different) >= NO_CODE:
        raise AnalysisError(f"{name} has {len(different):,} values, more than a page can hold; choose some with --where")
    plain = {"truth": bool, "whole": int, "number": float, "text": str}[kind]
    known = np.where(codes < 0, NO_CODE, codes).astype(np.uint16)
    return Column(name, meaning, kind, tuple(plain(value) for value in different), known)


def _factor(runs: pd.DataFrame, convention: str) -> Array | None:
    try:
        return in_nats(1.0, convention, runs)
    except AnalysisError:
        return None


def _numeric_outcomes() -> list[str]:
    return [column.name for column in OUTCOME_COLUMNS if not pa.types.is_string(column.type)]
