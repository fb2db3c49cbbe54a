"""Where to train next, and the spec of it."""

import pandas as pd
import pytest

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.statistics.refine import least_known
from grokjax.errors import AnalysisError


def grid_of(cells, names=("weight_decay", "hidden_size")):
    """A grid from {cell: phases}."""
    rows = [(*cell, phase) for cell, phases in cells.items() for phase in phases]
    runs = pd.DataFrame(rows, columns=[*names, "phase"])
    return phase_grid(runs, pd.Series(pd.Categorical(runs["phase"], categories=PHASES)), x=names[1], y=names[0])


def test_points_lie_halfway_between_cells_that_differ_the_most_mixed_and_widest_first():
    grid = grid_of(
        {
            (0.01, 16): ["memorize"] * 4,
            (0.1, 16): ["memorize"] * 4,
            (1.0, 16): ["grok"] * 4,
            (0.01, 64): ["memorize"] * 4,
            (0.1, 64): ["memorize"] * 3 + ["grok"],
            (1.0, 64): ["grok"] * 4,
        }
    )
    points = least_known(grid, grid.cell)
    # a bit over half of the axis; 0.954 bits (3 and 5 of 8) over half; 0.544 bits (1 and 7 of 8) over half, or over a whole axis
    assert points[["weight_decay", "hidden_size"]].to_numpy().tolist() == [[0.1, 32], [0.316, 16], [0.316, 64], [0.0316, 64]]
    assert points["score"].tolist() == pytest.approx([0.5436, 0.5, 0.4772, 0.2718], abs=1e-4)
    assert len(least_known(grid, grid.cell, count=1)) == 1


def test_whole_numbers_stay_whole_and_neighbours_with_nothing_between_give_none():
    grid = grid_of({(0.1, 3): ["grok"], (0.1, 4): ["fail"], (0.1, 8): ["grok"]})
    assert least_known(grid, grid.cell)["hidden_size"].tolist() == [6]


def test_where_nothing_is_unknown_it_says_so():
    with pytest.raises(AnalysisError, match="no two neighbouring cells differ"):
        least_known(grid := grid_of({(0.1, 16): ["grok"], (1.0, 16): ["grok"]}), grid.cell)
    texts = grid_of({("a", "x"): ["grok"], ("b", "x"): ["fail"]}, ("model", "task"))
    with pytest.raises(AnalysisError, match="model x task have no numeric axis"):
        least_known(texts, texts.cell)


def test_a_gap_that_is_planned_already_is_left_and_undecided_runs_count_for_nothing():
    there = {(0.1, 16): ["memorize"], (1.0, 16): ["grok"], (10.0, 16): ["fail"], (100.0, 16): ["undecided"]}
    grid = grid_of(there)
    assert sorted(least_known(grid, grid.cell)["weight_decay"]) == [0.316, 3.16]
    rows = [(*cell, phase) for cell, phases in there.items() for phase in phases]
    runs = pd.DataFrame(rows, columns=["weight_decay", "hidden_size", "phase"])
    planned = pd.DataFrame({"hidden_size": 16, "weight_decay": [0.1, 0.3, 1.0, 10.0, 100.0]})
    phases = pd.Series(pd.Categorical(runs["phase"], categories=PHASES))
    partial = phase_grid(runs, phases, x="hidden_size", y="weight_decay", planned=planned)
    assert least_known(partial, ["weight_decay", "hidden_size"])["weight_decay"].tolist() == [3.16]
