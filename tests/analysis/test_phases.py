"""The map: entropy, missing cells, and how it shows itself."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import PHASES, RULES
from grokjax.analysis.labels.thresholds import thresholds_of
from grokjax.analysis.statistics.grid import entropy, phase_grid, wilson_interval


def labelled(cells):
    """Runs in cells {(x, y): phases}, and their phases."""
    runs = pd.DataFrame([{"x": x, "y": y, "phase": phase} for (x, y), phases in cells.items() for phase in phases])
    return runs, pd.Series(pd.Categorical(runs.pop("phase"), categories=PHASES), index=runs.index)


def test_entropy_is_nothing_where_seeds_agree_and_a_bit_where_two_phases_are_even():
    runs, phases = labelled({(1, 1): ["grok"] * 4, (2, 1): ["grok", "fail"], (3, 1): ["grok", "fail", "memorize", "generalize"]})
    grid = phase_grid(runs, phases, x="x", y="y")
    assert grid["entropy"].tolist() == [0, 1, 2]
    assert entropy(np.array([0.25, 0.75])) == pytest.approx(0.811278, abs=1e-6)


def test_planned_cells_without_runs_are_missing_and_say_so():
    runs, phases = labelled({(1, 1): ["grok", "grok"], (2, 1): ["fail"]})
    planned = pd.DataFrame([(1, 1), (1, 1), (2, 1), (2, 1), (3, 1), (3, 1)], columns=["x", "y"])
    grid = phase_grid(runs, phases, x="x", y="y", planned=planned)
    assert grid[["x", "seeds", "planned"]].to_numpy().tolist() == [[1, 2, 2], [2, 1, 2], [3, 0, 2]]
    assert grid["phase"].isna().tolist() == [False, False, True]
    missing = grid.iloc[2]
    assert missing[["entropy", "grok_share", "grok_low", "grok_high"]].isna().all()
    assert phase_grid(runs, phases, x="x", y="y")["planned"].tolist() == [2, 1]
    html = grid._repr_html_()
    assert html.count("missing") == 1
    assert "fail 1 (1 of 2 seeds)" in html


@given(st.floats(0.02, 0.98), st.integers(1, 30))
def test_another_seed_narrows_the_interval_on_average(share, seeds):
    def mean_width(n):
        ks = np.arange(n + 1)
        low, high = wilson_interval(ks, np.full(n + 1, n), 0.95)
        chances = np.array([np.exp(_log_choose(n, k)) * share**k * (1 - share) ** (n - k) for k in ks])
        return float(chances @ (high - low))

    assert mean_width(seeds + 1) < mean_width(seeds)


def _log_choose(n, k):
    return float(sum(np.log(np.arange(1, n + 1))) - sum(np.log(np.arange(1, k + 1))) - sum(np.log(np.arange(1, n - k + 1))))


def test_a_notebook_shows_text_as_text():
    runs, phases = labelled({("<img src=x onerror=alert(1)>", 1): ["grok"]})
    html = phase_grid(runs.rename(columns={"y": "<b>"}), phases, x="x", y="<b>")._repr_html_()
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;img" in html


def test_a_grid_shows_itself_as_a_map_and_what_is_no_map_as_a_table():
    runs, phases = labelled({(1, 1): ["grok"], (2, 1): ["fail"]})
    grid = phase_grid(runs, phases, x="x", y="y")
    assert "grok 1" in grid[grid["grok_share"] > 0]._repr_html_()
    assert "fail 1" not in grid[grid["grok_share"] > 0]._repr_html_()
    for table in (grid[["x", "seeds"]], pd.concat([grid, grid]), grid.merge(grid, on="x")):
        assert "inline-table" not in table._repr_html_()
    wide, many = labelled({(x, y): ["grok"] for x in range(50) for y in range(50)})
    assert "inline-table" not in phase_grid(wide, many, x="x", y="y")._repr_html_(), "too many cells for a map"


def test_a_grid_remembers_its_axes_in_copies_and_selections():
    runs, phases = labelled({(1, 1): ["grok"], (2, 1): ["fail"]})
    grid = phase_grid(runs.assign(w=0), phases, x="x", y="y", facet="w")
    for same in (
        grid,
        grid.copy(),
        copy.copy(grid),
        pickle.loads(pickle.dumps(grid)),
        grid[grid["seeds"] > 0],
        grid.sort_values("x"),
    ):
        assert (same.x, same.y, same.facet, same.cell) == ("x", "y", "w", ("w", "y", "x"))
    assert pd.concat([grid, grid]).x is None


@pytest.mark.parametrize("name", RULES)
def test_a_rule_shows_its_source_and_thresholds(name):
    html = RULES[name]()._repr_html_()
    assert RULES[name].source in html
    assert html.count("<th scope='row'>") == len(thresholds_of(RULES[name]))
