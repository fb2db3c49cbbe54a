"""The outcomes of the page's runs as of earlier steps, packed so that page/budgets.js restores them exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.report.curves import Array, packed, planes
from grokjax.analysis.report.sweep import PageSweep
from grokjax.analysis.tables.budget import run_lengths, summaries_as_of
from grokjax.sweeps.store.schema import crossing_columns

MOST_BUDGETS = 12
# Lengths of runs that are budgets whatever else is one.
MOST_LENGTHS = 4
# What the rules of this package read, and the last steps. Other outcomes are not on the page as of a step, to keep it small.
_CROSSINGS = frozenset(name for name, *_ in crossing_columns())
COLUMNS = (
    *("steps", "diverged_step", "min_train_loss", "min_test_loss", "max_loss_ratio"),
    *("final_train_accuracy", "final_test_accuracy", *sorted(_CROSSINGS)),
)


@dataclass(frozen=True)
class PackedBudgets:
    """The outcomes of R runs as of each of B ascending steps.

    A block holds the differing bits between the columns at its step and what is expected of them from the next block's, the last
    block from the table itself; columns that are as expected are left out. See `expected`.
    """

    names: tuple[str, ...]  # the columns that the page has as of a step
    steps: tuple[int, ...]
    columns: tuple[tuple[str, ...], ...]  # of each block
    blocks: tuple[str, ...]
    dropped: int  # budgets left out to keep the page small

    @property
    def size(self) -> int:
        """The size of the blocks in the page, in bytes."""
        return sum(map(len, self.blocks))

    def metadata(self, opening: int | None) -> dict[str, Any]:
        """What the page needs to read the blocks, as JSON; `opening` is the budget that it opens with."""
        at = {"steps": self.steps, "columns": self.columns, "names": self.names, "dropped": self.dropped}
        return {"budgets": at, "budget": opening}


def pack_budgets(sweep: PageSweep, curves: pd.DataFrame, budgets: Budgets, limit: float) -> PackedBudgets:
    """The outcomes as of some steps; of fewer steps, apart from those to keep at any size, if the blocks exceed `limit` bytes."""
    table = {name: sweep.numbers(name) for name in COLUMNS if name in sweep.outcomes}
    found = summaries_as_of(sweep.runs, budgets.steps, curves, list(table)) if budgets.steps else {}
    kept = [place for place, step in enumerate(budgets.steps) if step in budgets.keep]
    others = [place for place in range(len(budgets.steps)) if place not in kept]
    count = len(others)
    while True:
        picked = [others[int(index)] for index in np.linspace(0, len(others) - 1, count).round()]
        chosen = _packed(table, found, budgets.steps, sorted([*kept, *picked]))
        if chosen.size <= limit or not count:
            return chosen
        count = min(count - 1, int(count * limit / chosen.size))


@dataclass(frozen=True)
class Budgets:
    """Ascending steps as of which a page shows its sweep, those that it keeps at any size, and the one that it opens with."""

    steps: tuple[int, ...]
    keep: frozenset[int]
    opening: int | None  # None for the last step of each run

    @classmethod
    def of(cls, runs: pd.DataFrame, opening: int | None) -> Budgets:
        """About MOST_BUDGETS steps that every longer run logged, at about equal ratios, and the lengths of runs if these differ.

        Runs of different lengths are opened as of the longest, so that the shorter ones count as missing.
        """
        if "log_every" not in runs:
            return cls((), frozenset(), None)
        steps, every = (runs[name].dropna().to_numpy(np.int64) for name in ("steps", "log_every"))
        longest, spacing = int(steps.max(initial=0)), int(np.lcm.reduce(np.unique(every[every > 0]))) if len(every) else 1
        lengths = run_lengths(runs)
        if opening is None and len(lengths) > 1:
            opening = max(lengths)
        common = sorted(lengths, key=lambda length: -lengths[length])[:MOST_LENGTHS] if len(lengths) > 1 else []
        keep = {length for length in common if length % spacing == 0} | ({opening} if opening is not None else set())
        spread = np.geomspace(max(spacing, longest // 20), longest, MOST_BUDGETS + 1)[:-1] if spacing < longest else np.zeros(0)
        logged = {int(step) * spacing for step in np.rint(spread / spacing)}
        return cls(tuple(sorted({step for step in logged if 0 < step < longest} | keep)), frozenset(keep), opening)


def expected(name: str, later: Array, budget: int) -> Array:
    """What a column [R] is expected to be as of a step, from what it is later: a crossing after the step is not known yet."""
    if name == "steps":
        return np.minimum(later, budget)
    if name == "diverged_step" or name in _CROSSINGS:
        return np.where(later <= budget, later, np.nan)
    return later


def _packed(table: Mapping[str, Array], found: Mapping[str, Array], steps: Sequence[int], places: Sequence[int]) -> PackedBudgets:
    later, columns, blocks = {name: _bits(values) for name, values in table.items()}, [], []
    for place in reversed(places):
        absent = np.isnan(found["steps"][:, place])
        changed = {}
        for name, values in found.items():
            before = _bits(expected(name, later[name].view(np.float64), steps[place]))
            now = np.where(absent, before, _bits(values[:, place]))  # the page knows itself which runs are missing
            if (now != before).any():
                changed[name] = now ^ before
            later[name] = now
        columns.append(tuple(changed))
        blocks.append(packed(b"".join(map(planes, changed.values()))))
    kept = tuple(steps[place] for place in places)
    return PackedBudgets(tuple(table), kept, tuple(reversed(columns)), tuple(reversed(blocks)), len(steps) - len(places))


def _bits(values: Array) -> Array:
    """The bits of numbers, the same for every NaN."""
    return np.where(np.isnan(values), np.nan, values).view(np.uint64)
