"""The runs of the page as columns of codes and numbers, with their names and meanings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from grokjax.analysis.labels.conventions import CONVENTIONS, in_nats
from grokjax.analysis.report.curves import NO_CODE, Array
from grokjax.analysis.tables.hyperparameters import SEEDS, hyperparameters, varied_hyperparameters
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS, crossing_columns

MOST_RUNS = 200_000
# The provenance columns on the page, which tell whether another machine would give the same numbers.
PROVENANCE = (
    *("trajectory_version", "grokjax_version", "commit", "jax_version"),
    *("device", "lane_width", "dot_library", "pack_id", "stopped_by"),
)
# The status of a run; page/sweep.js has the same codes.
TRAINED, MISSING, QUARANTINED = 0, 1, 2


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """A column with few distinct values: `codes` [R] are indices into `values`, or NO_CODE for null."""

    name: str
    meaning: str
    kind: str  # whole, number, truth or text
    values: tuple[Any, ...]
    codes: Array


@dataclass(frozen=True, eq=False)
class PageSweep:
    """The R runs of a page, missing ones included, sorted by the hyperparameters that vary and then by seed."""

    runs: pd.DataFrame
    hyperparameters: tuple[CodedColumn, ...]
    varied: tuple[str, ...]
    seeds: tuple[str, ...]  # in which the runs of a cell differ
    provenance: tuple[CodedColumn, ...]
    status: Array  # [R] TRAINED, MISSING or QUARANTINED
    outcomes: tuple[str, ...]
    loss_factors: Mapping[str, Array | None]  # [R] for each convention; None if the table cannot tell

    @property
    def trained(self) -> pd.DataFrame:
        """The rows of `runs` that were trained."""
        trained: pd.DataFrame = self.runs[self.status == TRAINED]
        return trained

    def numbers(self, name: str) -> Array:
        """The values [R] of an outcome, NaN for null."""
        return self.runs[name].to_numpy(dtype=np.float64, na_value=np.nan)


def page_sweep(runs: pd.DataFrame, missing: pd.DataFrame | None, quarantined: frozenset[str]) -> PageSweep:
    """The runs of a page.

    Args:
      runs: from `load_runs`.
      missing: run_id and hyperparameters of planned runs that are not finished; shown as rings unless they are in `runs`.
      quarantined: run_ids of packs in quarantine.

    Raises:
      AnalysisError: more runs than a page can hold.
    """
    names = hyperparameters(runs)
    every = _with_missing(runs, missing, names)
    if len(every) > MOST_RUNS:
        raise AnalysisError(f"{len(every):,} runs are more than the {MOST_RUNS:,} that a page can hold; choose some with where")
    varied = varied_hyperparameters(every)
    seeds = [name for name in SEEDS if name in every and every[name].nunique(dropna=False) > 1]
    seeds = [name for name in seeds if name == seeds[0] or not every[name].equals(every[seeds[0]].rename(name))]
    columns = {name: _coded(every, name, runs.attrs.get("meanings", {}).get(name, "")) for name in names}
    order = np.lexsort([columns[name].codes for name in reversed([*varied, *seeds])]) if varied or seeds else np.arange(len(every))
    every = every.iloc[order].reset_index(drop=True)
    trained = every["run_id"].isin(runs["run_id"]).to_numpy(dtype=bool)
    failed = every["run_id"].isin(quarantined).to_numpy(dtype=bool)
    return PageSweep(
        runs=every,
        hyperparameters=tuple(
            CodedColumn(each.name, each.meaning, each.kind, each.values, each.codes[order])
            for each in columns.values()
            if each.values
        ),
        varied=tuple(varied),
        seeds=tuple(seeds),
        provenance=tuple(_coded(every, name, "") for name in PROVENANCE if name in every),
        status=np.where(trained, TRAINED, np.where(failed, QUARANTINED, MISSING)).astype(np.uint8),
        outcomes=tuple(name for name in _numeric_outcomes() if name in every and every[name].notna().any()),
        loss_factors={name: _loss_factor(every, name) for name in CONVENTIONS},
    )


def crossings() -> list[dict[str, Any]]:
    """The crossings of the runs table: metric, threshold, and the columns of the first and of the sustained one."""
    names = {(metric, threshold, sustained): name for name, metric, threshold, sustained in crossing_columns()}
    pairs = dict.fromkeys((metric, threshold) for metric, threshold, _ in names)
    return [
        {"metric": metric, "threshold": at, "first": names[metric, at, False], "sustained": names[metric, at, True]}
        for metric, at in pairs
    ]


def _with_missing(runs: pd.DataFrame, missing: pd.DataFrame | None, names: Sequence[str]) -> pd.DataFrame:
    """The runs table with the missing runs appended."""
    if missing is None or missing.empty:
        return runs
    missing = missing[~missing["run_id"].isin(runs["run_id"])]  # those with fewer steps than asked for are in both
    known = {}
    for name in (name for name in ("run_id", *names) if name in missing):
        values = missing[name].astype(object).where(missing[name].notna(), None)
        known[name] = values.astype(runs[name].dtype)
    every = pd.concat([runs, pd.DataFrame(known)], ignore_index=True)
    every.attrs = runs.attrs
    return every


def _coded(runs: pd.DataFrame, name: str, meaning: str) -> CodedColumn:
    """A column as codes, with its sorted distinct values as plain Python numbers and strings."""
    values = runs[name]
    kinds = (
        (pd.api.types.is_bool_dtype, "truth"),
        (pd.api.types.is_integer_dtype, "whole"),
        (pd.api.types.is_float_dtype, "number"),
    )
    kind = next((kind for holds, kind in kinds if holds(values)), "text")
    codes, distinct = pd.factorize(values, sort=True)
    if len(distinct) >= NO_CODE:
        raise AnalysisError(f"{name} has {len(distinct):,} values, more than a page can hold; choose some with where")
    plain = {"truth": bool, "whole": int, "number": float, "text": str}[kind]
    return CodedColumn(
        name, meaning, kind, tuple(plain(value) for value in distinct), np.where(codes < 0, NO_CODE, codes).astype(np.uint16)
    )


def _loss_factor(runs: pd.DataFrame, convention: str) -> Array | None:
    try:
        return in_nats(1.0, convention, runs)
    except AnalysisError:
        return None


def _numeric_outcomes() -> list[str]:
    return [column.name for column in OUTCOME_COLUMNS if not pa.types.is_string(column.type)]
