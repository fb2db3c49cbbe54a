"""Compares a sweep with a published results table, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from grokjax.analysis.labels.rules import PHASES, Rule, classify
from grokjax.analysis.statistics.cells import cell_names
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.errors import AnalysisError


@dataclass(frozen=True)
class Comparison:
    """The cells that both tables have, with their most frequent phases and the distance of their shares."""

    cells: pd.DataFrame  # facet, y, x, seeds_sweep, seeds_published, phase_sweep, phase_published, distance
    only_sweep: int
    only_published: int

    @property
    def agreeing(self) -> int:
        """Cells whose most frequent phase is the same in both."""
        return int((self.cells["phase_sweep"].astype(str) == self.cells["phase_published"].astype(str)).sum())

    @property
    def mean_distance(self) -> float:
        """Mean over cells of the total-variation distance of the shares."""
        return float(self.cells["distance"].mean())

    @property
    def differing(self) -> pd.DataFrame:
        """The cells whose most frequent phases differ, the farthest apart first."""
        differ = self.cells["phase_sweep"].astype(str) != self.cells["phase_published"].astype(str)
        return self.cells[differ].sort_values("distance", ascending=False, ignore_index=True)


def compare(sweep: pd.DataFrame, published: pd.DataFrame, rule: Rule, *, x: str, y: str, facet: str | None = None) -> Comparison:
    """Compares two runs tables under one rule.

    The distance of a cell is the total-variation distance of its phase shares: half the sum over phases of |share - share|, from 0
    (the same) to 1 (nothing in common).

    Raises:
      AnalysisError: a column is missing in one of the tables, or they share no cell.
    """
    cell = cell_names(x, y, facet)
    grids = []
    for which, table in (("sweep", sweep), ("published table", published)):
        missing = [name for name in cell if name not in table]
        if missing:
            raise AnalysisError(f"the {which} has no column {missing[0]}; both need {', '.join(cell)} to tell cells apart")
        grid = phase_grid(table, classify(table, rule), x=x, y=y, facet=facet)
        numeric = [name for name in cell if pd.api.types.is_numeric_dtype(grid[name])]
        grids.append(grid.astype({name: float if name in numeric else str for name in cell}))
    for name in cell:
        if grids[0][name].dtype != grids[1][name].dtype:
            raise AnalysisError(f"{name} is a number in one table and a text in the other, so cells cannot be matched")
    both = grids[0].merge(grids[1], on=cell, suffixes=("_sweep", "_published"))
    if both.empty:
        raise AnalysisError(f"the tables share no cell of {' x '.join(cell)}")
    apart = sum((both[f"{phase}_share_sweep"] - both[f"{phase}_share_published"]).abs() for phase in PHASES)
    columns = [*cell, "seeds_sweep", "seeds_published", "phase_sweep", "phase_published"]
    return Comparison(both[columns].assign(distance=apart / 2), len(grids[0]) - len(both), len(grids[1]) - len(both))


def read_table(path: str | Path) -> pd.DataFrame:
    """A results table in a CSV file with the column names of the runs table.

    Raises:
      AnalysisError: it cannot be read as CSV.
    """
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise AnalysisError(f"cannot read {path} as a CSV table: {error}") from None
