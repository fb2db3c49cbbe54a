"""The stratified log-rank test of equal delays, with p-values by permutation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.cells import check_cell
from grokjax.analysis.statistics.delays import Numbers, align_delays, codes_of
from grokjax.errors import AnalysisError

PERMUTATIONS = 4999
MANY = 50  # expected events in every group, from which on the statistic has its chi-squared distribution
LEAST_P = 0.05  # a test of which no permutation could give a smaller p is refused
WORK = 1e8  # permuted entries, runs x groups x permutations, above which there are fewer permutations
CHUNK = 2e6  # of these entries in memory at once


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of equal delays in all groups.

    A chi-squared `statistic` with its `degrees` of freedom, and `p`: the share of `permutations` of the groups among the runs of
    each stratum whose statistic is at least as large, or, if there are 0, that of the chi-squared distribution. `strata` names what
    was held fixed.
    """

    statistic: float
    degrees: int
    p: float
    permutations: int
    strata: tuple[str, ...] = ()

    @property
    def p_text(self) -> str:
        """The p-value as text; "p ≤ 0.0002" if no permutation reached the statistic."""
        least = 1 / (self.permutations + 1)
        return f"p ≤ {least:.1g}" if self.permutations and self.p <= least else f"p = {self.p:.2g}"

    @property
    def name(self) -> str:
        """The name of the test, with its strata."""
        return f"Log-rank test of equal delays{' within ' + ' x '.join(self.strata) if self.strata else ''}"


def log_rank(
    runs: pd.DataFrame,
    delays: pd.DataFrame,
    by: Sequence[str],
    strata: Sequence[str] = (),
    mix: Sequence[str] = (),
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> LogRank:
    """Tests whether the delays of the groups differ among runs of the same stratum (Mantel 1966; Peto and Peto 1972).

    The statistic is that of R's `survdiff`, with `strata(...)`. With the few runs a group that sweeps have, its chi-squared
    distribution gives far too small p-values: unless at least 50 events are expected in every group, the groups are permuted among
    the fitted runs of each stratum instead, as Neuhaus (1993) recommends.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, aligned by index.
      by: hyperparameters that make the groups.
      strata: hyperparameters that are held fixed: runs are compared only with runs that have the same values of them.
      mix: other hyperparameters that vary and are not held fixed.
      permutations: how many are drawn; fewer for tables of many thousand runs.
      seed: of the permutations.

    Raises:
      AnalysisError: other hyperparameters vary (see `check_cell`), fewer than two groups in every stratum, no run generalized, or
        so few runs that no outcome could give p < 0.05.
    """
    if permutations < 1:
        raise AnalysisError(f"a log-rank test needs at least one permutation, got {permutations}")
    check_cell(runs, [*by, *strata], mix)
    delays = align_delays(delays, runs.index)
    blocks = _blocks(runs, delays, by, strata)
    observed, rank, expected = _statistics([block.labels[None] for block in blocks], blocks)
    if expected.min() >= MANY:
        from scipy.stats import chi2  # noqa: PLC0415  (slow to load)

        return LogRank(float(observed[0]), rank, float(chi2.sf(observed[0], rank)), 0, tuple(strata))
    work = int(delays["delay"].notna().sum()) * blocks[0].groups  # of one permutation
    drawn = int(np.clip(WORK / work, 199, permutations))
    generator, reached = np.random.default_rng(seed), 0
    for size in _chunks(drawn, work):
        permuted = [generator.permuted(np.tile(block.labels, (size, 1)), axis=1) for block in blocks]
        reached += int((_statistics(permuted, blocks)[0] >= observed[0] * (1 - 1e-9)).sum())
    return LogRank(float(observed[0]), rank, (1 + reached) / (1 + drawn), drawn, tuple(strata))


def _blocks(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str], strata: Sequence[str]) -> list[_Block]:
    """The strata with fitted runs of two groups or more. Raises AnalysisError if they leave nothing to test."""
    fitted = delays["delay"].notna().to_numpy()
    group, stratum = (codes_of(runs[fitted], names) for names in (by, strata))
    groups = int(group.max(initial=-1)) + 1
    if groups < 2:
        raise AnalysisError(
            f"{' x '.join(by) or 'nothing'} makes {groups} groups of fitted runs, and a log-rank test compares two or more"
        )
    table = delays[fitted].assign(group=group, stratum=stratum)
    blocks = [_Block.of(rows, groups) for _, rows in table.groupby("stratum") if rows["group"].nunique() > 1]
    if not blocks:
        raise AnalysisError(
            f"no {' x '.join(strata)} has fitted runs of two groups, so there is nothing to compare; choose other strata"
        )
    if not any(len(block.deaths) for block in blocks):
        raise AnalysisError("no run generalized, so there is no event to test; train longer")
    ways = sum(block.log_ways for block in blocks)
    if ways < math.log(1 / LEAST_P):
        raise AnalysisError(
            f"the fitted runs can be assigned to the groups in only {round(math.exp(ways))} ways, "
            f"so no p can be below {LEAST_P:g}; train more seeds"
        )
    return blocks


@dataclass(frozen=True, eq=False)
class _Block:
    """The n fitted runs of a stratum, latest delay first: their groups [n], and the J delays at which any generalized."""

    groups: int
    labels: np.ndarray[Any, np.dtype[np.int64]]
    seen: np.ndarray[Any, np.dtype[np.bool_]]
    last: np.ndarray[Any, np.dtype[np.int64]]  # of each such delay: the last run still at risk [J]
    deaths: Numbers  # the runs that generalized at it [J]

    @classmethod
    def of(cls, rows: pd.DataFrame, groups: int) -> _Block:
        rows = rows.sort_values("delay", ascending=False)
        delay, seen = rows["delay"].to_numpy(np.float64), rows["generalized"].to_numpy(bool)
        times, deaths = np.unique(delay[seen], return_counts=True)
        last = np.searchsorted(-delay, -times, side="right") - 1
        return cls(groups, rows["group"].to_numpy(np.int64), seen, last, deaths.astype(np.float64))

    @property
    def log_ways(self) -> float:
        """The logarithm of the number of ways to assign the runs to the groups."""
        sizes = np.bincount(self.labels)
        return math.lgamma(len(self.labels) + 1) - sum(math.lgamma(size + 1) for size in sizes)

    def events(self, labels: np.ndarray[Any, Any]) -> tuple[Numbers, Numbers, Numbers]:
        """The observed and expected events of each group [B, G], for B assignments of the runs to groups [B, n].

        The third array is the hypergeometric covariance of the observed ones, [B, G, G].
        """
        member = labels[:, :, None] == np.arange(self.groups)
        risk = np.cumsum(member, axis=1, dtype=np.float64)[:, self.last]  # [B, J, G]
        total = self.last + 1.0
        expected = np.einsum("j,bjg->bg", self.deaths / total, risk)
        weight = self.deaths * (total - self.deaths) / np.maximum(total - 1, 1) / total
        covariance = -np.matmul((risk * (weight / total)[:, None]).transpose(0, 2, 1), risk)
        diagonal = np.arange(self.groups)
        covariance[:, diagonal, diagonal] += np.einsum("j,bjg->bg", weight, risk)
        return member[:, self.seen].sum(axis=1, dtype=np.float64), expected, covariance


def _statistics(labels: Sequence[np.ndarray[Any, Any]], blocks: Sequence[_Block]) -> tuple[Numbers, int, Numbers]:
    """The statistic of each assignment [B]; the rank of the first one's covariance, and the events that it expects [G]."""
    parts = [block.events(assigned) for block, assigned in zip(blocks, labels, strict=True)]
    observed, expected, covariance = (np.sum([part[place] for part in parts], axis=0) for place in range(3))
    score = observed - expected
    rank = int(np.linalg.matrix_rank(covariance[0], hermitian=True))
    # The score is orthogonal to the covariance's null space, so any positive multiple of it can be added before solving.
    size = np.trace(covariance, axis1=1, axis2=2)[:, None, None] + np.finfo(np.float64).tiny
    groups = blocks[0].groups
    regular = covariance + size / groups * (np.ones((groups, groups)) + 1e-9 * np.eye(groups))
    return np.einsum("bg,bg->b", score, np.linalg.solve(regular, score[:, :, None])[:, :, 0]), rank, expected[0]


def _chunks(count: int, entries: int) -> list[int]:
    size = max(1, int(CHUNK / entries))
    return [size] * (count // size) + [count % size] * bool(count % size)
