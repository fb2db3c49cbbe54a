"""Compares two runs tables cell by cell, with the distance that two samples of one truth would have as a yardstick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES, Rule, classify
from grokjax.analysis.statistics.cells import cell_names, cells_of, check_cell
from grokjax.analysis.tables.hyperparameters import SEEDS, hyperparameters, is_number
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]

# Numbers of the two tables that differ by less are one value: rounding to three digits changes a number by 0.5 % at most.
TOLERANCE = 0.005
PERMUTATIONS = 2000

Unit = Literal["pairs", "seeds", "runs"]


@dataclass(frozen=True)
class Comparison:
    """The cells that two tables have in common, how far apart they are, and how far two samples of one truth would be.

    `cells` has a row per cell: facet, y, x, and for each table (`_first`, `_second`) the number of `seeds`, the most frequent
    `phase`, and for each phase p its share `p_share`; `distance` is the total-variation distance of the shares, from 0 (the same)
    to 1 (nothing in common).
    """

    cells: pd.DataFrame
    only_first: int  # cells
    only_second: int
    matched: pd.DataFrame  # hyperparameter, first, second: numbers that are not equal and count as one
    differing_settings: (
        pd.DataFrame
    )  # hyperparameter, first, second: values that are the same in all runs of a table, but not in both
    pairs: pd.DataFrame  # phase, both, only_first, only_second, neither, p: see `paired_counts`; empty without pairs
    null_distances: Array  # the mean distances of tables whose units were exchanged at random
    unit: Unit  # what was exchanged between the tables

    @property
    def agreeing(self) -> int:
        """Cells whose most frequent phase is the same in both."""
        return int((self.cells["phase_first"].astype(str) == self.cells["phase_second"].astype(str)).sum())

    @property
    def mean_distance(self) -> float:
        """Mean over cells of the total-variation distance of the shares."""
        return float(self.cells["distance"].mean())

    @property
    def expected_distance(self) -> float:
        """The mean distance that two samples of one truth would have, on average."""
        return float(self.null_distances.mean()) if len(self.null_distances) else np.nan

    @property
    def null_interval(self) -> tuple[float, float]:
        """The range of the mean distances of 95 % of the samples of one truth."""
        low, high = np.quantile(self.null_distances, [0.025, 0.975]) if len(self.null_distances) else (np.nan, np.nan)
        return float(low), float(high)

    @property
    def p(self) -> float:
        """The share of exchanged tables that are at least as far apart as these two: the p-value of one truth behind both."""
        farther = int((self.null_distances >= self.mean_distance - 1e-12).sum())
        return (1 + farther) / (1 + len(self.null_distances))

    @property
    def differing(self) -> pd.DataFrame:
        """The cells whose most frequent phases differ, the farthest apart first."""
        differ = self.cells["phase_first"].astype(str) != self.cells["phase_second"].astype(str)
        names = [name for name in self.cells if not str(name).endswith(("_share_first", "_share_second"))]
        return self.cells.loc[differ, names].sort_values("distance", ascending=False, ignore_index=True)

    def _repr_html_(self) -> str:
        return self.cells.to_html(notebook=True)


def compare(
    first: pd.DataFrame,
    second: pd.DataFrame,
    rule: Rule,
    *,
    x: str,
    y: str,
    facet: str | None = None,
    paired: bool | None = None,
    mix: Sequence[str] = (),
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Comparison:
    """Compares two runs tables under one rule.

    Numbers of an axis that differ by less than 0.5 %, as 0.0316 and 0.0316228 do, are one value; whole numbers only if equal.

    The yardstick is a permutation test of the mean distance: what belongs to which table is drawn anew, `permutations` times.
    Runs of one cell with the same seed are exchanged with each other where they are paired; otherwise whole seeds are dealt out
    anew to the two tables, with all their cells, because the runs of one seed resemble each other; or runs within their cells,
    where a table has no seeds.

    Args:
      first, second: runs tables, or published ones.
      rule: labels both.
      x, y, facet: the hyperparameters that make a cell.
      paired: whether equal seeds mean the same data and first weights; None means that they do if both tables have run_ids, as
        tables of this package have.
      mix: other hyperparameters whose values a cell may mix, of those that a table has.
      permutations, seed: how many tables are drawn, and the seed of the draws.

    Raises:
      AnalysisError: a column is missing in one of the tables, a cell would mix runs, or the tables share no cell.
    """
    if permutations < 1:
        raise AnalysisError(f"a comparison needs at least one permutation, got {permutations}")
    cell, tables = cell_names(x, y, facet), (first, second)
    _check_tables(tables, cell, mix)
    values, matched = _matched_values(first, second, cell)
    codes, cells = cells_of(pd.concat(values, ignore_index=True))
    present, both = _present(codes, len(first), cell)
    runs = _runs_of(tables, rule, codes, both)
    paired = all("run_id" in table for table in tables) if paired is None else paired
    pairs = runs.pairs() if paired else np.zeros((0, 2), np.int64)
    unit, exchange = runs.exchange(pairs)
    random = np.random.default_rng(seed)
    null = np.array([runs.mean_distance(exchange(random)) for _ in range(permutations)])
    table, only = _cell_table(cells.loc[both].reset_index(drop=True), runs), (present & ~both).sum(axis=1)
    counts = paired_counts(*(np.array(PHASES)[runs.labels[of]] for of in pairs.T))
    differing = _differing_settings(first, second, cell)
    return Comparison(table, int(only[0]), int(only[1]), matched, differing, counts, null[~np.isnan(null)], unit)


def _present(codes: Array, first: int, cell: Sequence[str]) -> tuple[Array, Array]:
    """Which cells each table has, [2, C], and which both have, [C]; the first runs are those of the first table."""
    present = np.stack([np.bincount(each, minlength=int(codes.max()) + 1) > 0 for each in np.split(codes, [first])])
    both: Array = np.logical_and(*present)
    if not both.any():
        raise AnalysisError(f"the tables share no cell of {' x '.join(cell)}")
    return present, both


def _runs_of(tables: Sequence[pd.DataFrame], rule: Rule, codes: Array, both: Array) -> _Runs:
    """The labelled runs of the cells that both tables have, from the cells [R] of all runs and a mask [C] of these cells."""
    labels = np.concatenate([classify(table, rule).cat.codes for table in tables]).astype(np.int64)
    side = np.repeat([0, 1], [len(table) for table in tables])
    kept = both[codes]
    return _Runs(np.cumsum(both)[codes[kept]] - 1, labels[kept], side[kept], _seeds(tables)[kept])


def paired_counts(first: Sequence[str] | Array, second: Sequence[str] | Array) -> pd.DataFrame:
    """How often the two runs of a pair have a phase, a row per phase that occurs.

    Returns:
      `phase`, the pairs in which `both` runs have it, `only_first`, `only_second`, `neither`, and `p` of McNemar's exact test of
      equal shares (McNemar 1947), which asks how unequally the discordant pairs are split.
    """
    from scipy.stats import binomtest  # noqa: PLC0415

    one, other, rows = np.asarray(first, object), np.asarray(second, object), []
    for phase in PHASES:
        here, there = one == phase, other == phase
        if (here | there).any():
            only = int((here & ~there).sum()), int((there & ~here).sum())
            p = float(binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
            rows.append((phase, int((here & there).sum()), *only, int((~here & ~there).sum()), p))
    return pd.DataFrame(rows, columns=["phase", "both", "only_first", "only_second", "neither", "p"])


@dataclass(frozen=True, eq=False)
class _Runs:
    """The N runs of both tables in their common cells."""

    cells: Array  # [N] codes
    labels: Array  # [N] indices of PHASES
    side: Array  # [N] 0 for the first table, 1 for the second
    seeds: Array  # [N] codes; -1 in tables without seeds

    def counts(self, side: Array) -> Array:
        """The number of runs by table, cell and phase, [2, C, P], if run n belongs to table `side[n]`."""
        shape = (2, int(self.cells.max()) + 1, len(PHASES))
        places = (side * shape[1] + self.cells) * len(PHASES) + self.labels
        return np.bincount(places, minlength=int(np.prod(shape))).reshape(shape)

    def distances(self, side: Array) -> Array:
        """The total-variation distance in each cell, [C]; NaN where a table has no run left."""
        counts = self.counts(side)
        with np.errstate(invalid="ignore"):
            shares = counts / counts.sum(axis=2, keepdims=True)
        distances: Array = np.abs(shares[0] - shares[1]).sum(axis=1) / 2
        return distances

    def mean_distance(self, side: Array) -> float:
        """The mean of `distances` over the cells in which both tables have runs; NaN where there is none."""
        distances = self.distances(side)
        known = distances[~np.isnan(distances)]
        return float(known.mean()) if len(known) else np.nan

    def pairs(self) -> Array:
        """The rows of the two runs of each pair, [K, 2]: one run of each table, of one cell and seed."""
        table = pd.DataFrame({"cell": self.cells, "seed": self.seeds, "side": self.side, "row": np.arange(len(self.side))})
        table = table[table["seed"] >= 0].drop_duplicates(["cell", "seed", "side"], keep=False)
        both = table[table["side"] == 0].merge(table[table["side"] == 1], on=["cell", "seed"])
        return both[["row_x", "row_y"]].to_numpy(np.int64)

    def exchange(self, pairs: Array) -> tuple[Unit, Callable[[np.random.Generator], Array]]:
        """What is exchanged, and a function that draws the table of each run, [N]."""
        alone = np.setdiff1d(np.arange(len(self.side)), pairs)
        if len(pairs):
            return "pairs", lambda random: self._swap_pairs(pairs, alone, random)
        if (self.seeds >= 0).all():
            units, place = np.unique(self.side * (self.seeds.max() + 1) + self.seeds, return_inverse=True)
            table_of_unit = units // (self.seeds.max() + 1)
            return "seeds", lambda random: random.permutation(table_of_unit)[place]
        return "runs", lambda random: self._deal_out(np.arange(len(self.side)), random)

    def _swap_pairs(self, pairs: Array, alone: Array, random: np.random.Generator) -> Array:
        side = self._deal_out(alone, random)
        swapped = random.random(len(pairs)) < 0.5
        side[pairs[:, 0]], side[pairs[:, 1]] = swapped, ~swapped
        return side

    def _deal_out(self, rows: Array, random: np.random.Generator) -> Array:
        """The tables after the given runs were dealt out anew within their cells."""
        side = self.side.copy()
        order = np.lexsort((random.random(len(rows)), self.cells[rows]))
        side[rows[np.argsort(self.cells[rows], kind="stable")]] = self.side[rows[order]]
        return side


def _check_tables(tables: Sequence[pd.DataFrame], cell: Sequence[str], mix: Sequence[str]) -> None:
    for which, table in zip(("first", "second"), tables, strict=True):
        missing = [name for name in cell if name not in table]
        if missing:
            raise AnalysisError(f"the {which} table has no column {missing[0]}; both need {', '.join(cell)} to tell cells apart")
        check_cell(table, cell, [name for name in mix if name in table or not any(name in each for each in tables)])


def _cell_table(cells: pd.DataFrame, runs: _Runs) -> pd.DataFrame:
    counts = runs.counts(runs.side)
    columns: dict[str, Any] = {}
    for of, which in zip(counts, ("first", "second"), strict=True):
        columns[f"seeds_{which}"] = of.sum(axis=1)
        columns[f"phase_{which}"] = pd.Categorical.from_codes(of.argmax(axis=1), dtype=pd.CategoricalDtype(list(PHASES)))
        columns |= {f"{phase}_share_{which}": of[:, place] / of.sum(axis=1) for place, phase in enumerate(PHASES)}
    return pd.concat([cells, pd.DataFrame(columns)], axis=1).assign(distance=runs.distances(runs.side))


def _seeds(tables: Sequence[pd.DataFrame]) -> Array:
    """A code for the seeds of each run of both tables; -1 unless both have the same columns of seeds, none of them null."""
    names = [name for name in SEEDS if all(name in table for table in tables)]
    every = [pd.concat([table[name].astype(object) for table in tables], ignore_index=True) for name in names]
    if not names or any(column.isna().any() for column in every):
        return np.full(sum(map(len, tables)), -1)
    codes: Array = pd.MultiIndex.from_arrays(every).factorize()[0]
    return codes


def _matched_values(first: pd.DataFrame, second: pd.DataFrame, cell: Sequence[str]) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """The columns of the cell in both tables, equal where they count as one value, and those of them that were not equal."""
    columns: tuple[dict[str, Any], dict[str, Any]] = {}, {}
    rows = []
    for name in cell:
        numeric = [is_number(table[name]) for table in (first, second)]
        if numeric[0] != numeric[1]:
            raise AnalysisError(f"{name} is a number in one table and a text in the other, so cells cannot be matched")
        one, other = (
            table[name].to_numpy(np.float64, na_value=np.nan) if numeric[0] else _texts(table[name]) for table in (first, second)
        )
        if numeric[0]:
            replaced = _nearly_equal(np.unique(one), np.unique(other))
            rows += [(name, near, value) for value, near in replaced.items()]
            for value, near in replaced.items():
                other = np.where(other == value, near, other)
            if all(pd.api.types.is_integer_dtype(table[name]) and table[name].notna().all() for table in (first, second)):
                one, other = one.astype(np.int64), other.astype(np.int64)
        columns[0][name], columns[1][name] = one, other
    return [pd.DataFrame(each) for each in columns], pd.DataFrame(rows, columns=["hyperparameter", "first", "second"])


def _texts(values: pd.Series[Any]) -> Array:
    """The values as texts, None where there is none: Arrow and CSV files have another null each."""
    texts: Array = values.to_numpy(str).astype(object)
    texts[values.isna().to_numpy()] = None
    return texts


def _nearly_equal(first: Array, second: Array) -> dict[float, float]:
    """The values [M] that count as one of the first table's [N], with that one: the nearest, if it has no other partner."""
    first, second = first[np.isfinite(first)], second[np.isfinite(second)]
    gaps = np.abs(first[:, None] - second) / np.maximum(np.maximum(np.abs(first)[:, None], np.abs(second)), 1e-300)  # [N, M]
    whole = (first == np.round(first))[:, None] & (second == np.round(second))
    close = (gaps < TOLERANCE) & ~(whole & (gaps > 0))
    alone = close & (close.sum(axis=0) == 1) & (close.sum(axis=1) == 1)[:, None] & (gaps > 0)
    return {float(second[there]): float(first[here]) for here, there in zip(*np.nonzero(alone), strict=True)}


def _differing_settings(first: pd.DataFrame, second: pd.DataFrame, cell: Sequence[str]) -> pd.DataFrame:
    """The hyperparameters with a single value in each of the tables, but not the same in both."""
    rows, follows = [], first.attrs.get("follows", {})
    for name in hyperparameters(first):
        follower = all(_follows(table, name, follows.get(name)) for table in (first, second))
        if name in second and name not in (*cell, *SEEDS) and not follower:
            values = [table[name].dropna().unique() for table in (first, second)]
            if len(values[0]) == len(values[1]) == 1 and str(values[0][0]) != str(values[1][0]):
                numeric = is_number(first[name]) and is_number(second[name])
                if not (numeric and np.isclose(float(values[0][0]), float(values[1][0]))):
                    rows.append((name, values[0][0], values[1][0]))
    return pd.DataFrame(rows, columns=["hyperparameter", "first", "second"])


def _follows(table: pd.DataFrame, name: str, followed: str | None) -> bool:
    """Whether a hyperparameter has the value of the one that it follows, in all runs."""
    return followed in table and name in table and bool(table[name].equals(table[followed].rename(name)))


def read_table(path: str | Path) -> pd.DataFrame:
    """A results table in a .csv or .parquet file with the column names of the runs table.

    Raises:
      AnalysisError: it cannot be read as such.
    """
    kind = "Parquet" if Path(path).suffix == ".parquet" else "CSV"
    try:
        return pd.read_parquet(path, dtype_backend="pyarrow") if kind == "Parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise AnalysisError(f"cannot read {path} as a {kind} table: {error}") from None
