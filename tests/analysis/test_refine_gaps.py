"""Gaps in which `least_known` finds no point, or needs more digits."""

import pandas as pd
import pytest

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.statistics.refine import least_known
from grokjax.errors import AnalysisError


def grid_along(name, phases):
    """A grid of three runs in each cell along one axis, beside a second axis of one value; from {value: phase}."""
    runs = pd.DataFrame(
        [(value, 1, phase) for value, phase in phases.items() for _ in range(3)], columns=[name, "train_size", "phase"]
    )
    return phase_grid(runs, pd.Series(pd.Categorical(runs["phase"], categories=PHASES)), x=name, y="train_size")


@pytest.mark.parametrize(
    ("low", "high", "middle"),
    [(0.1, 0.2, 0.15), (0.1001, 0.1004, 0.10025), (0.001, 0.001004, 0.001002), (1.0, 1.0 + 1e-9, 1.0 + 5e-10)],
)
def test_a_narrow_gap_has_a_midpoint_with_as_many_digits_as_it_needs(low, high, middle):
    grid = grid_along("weight_decay", {low: "memorize", high: "grok"})
    (point,) = least_known(grid, grid.cell)["weight_decay"]
    assert low < point < high
    assert point == pytest.approx(middle, rel=1e-4)


def test_cells_that_differ_with_nothing_between_them_are_not_said_to_agree():
    grid = grid_along("hidden_size", {16: "memorize", 17: "grok", 18: "grok"})
    with pytest.raises(AnalysisError, match="differ across 1 gap between neighbouring values of hidden_size, and no further value"):
        least_known(grid, grid.cell)
    with pytest.raises(AnalysisError, match="no two neighbouring cells differ in their phases"):
        least_known(grid := grid_along("hidden_size", {16: "grok", 18: "grok"}), grid.cell)
