"""Figures of designs that are no grids: maps over true axes, surfaces, importances."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from scipy.stats import qmc

from grokjax.analysis.plots import DOUBLE, SINGLE, plot_importance, plot_phases, plot_shares, plot_surface
from grokjax.analysis.plots.layout.cells import map_cells
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.statistics.importance import importance
from grokjax.analysis.statistics.surface import surface
from grokjax.errors import AnalysisError

NAMES = ["weight_decay", "train_size"]


def drawn(count=32, seeds=2):
    places = np.repeat(qmc.Sobol(2, rng=np.random.default_rng(0)).random(32)[:count], seeds, axis=0)
    runs = pd.DataFrame({"weight_decay": 10 ** (3 * places[:, 0] - 3), "train_size": 100 + 200 * places[:, 1]})
    return runs, pd.Series(np.where(places[:, 0] > 0.5, "grok", "memorize"))


def grid(count=32, seeds=2):
    return phase_grid(*drawn(count, seeds), x="weight_decay", y="train_size")


def centers(panel):
    """The drawn marks of a panel of true axes, as values of its axes: their means by phase."""
    (marks,) = panel.child_axes
    places = [each.get_offsets() for each in marks.collections if isinstance(each, PathCollection)]
    return [panel.transData.inverted().transform(marks.transData.transform(each)) for each in places]


def test_drawn_points_stand_at_their_true_places_on_a_log_axis():
    figure = plot_phases(grid())
    figure.draw_without_rendering()
    (panel,) = figure.axes
    assert panel.get_xscale() == "log"
    assert panel.get_yscale() == "linear"
    memorized, grokked = centers(panel)
    runs, phases = drawn()
    for found, phase in ((memorized, "memorize"), (grokked, "grok")):
        true = runs[phases == phase]
        assert len(found) == len(true)
        np.testing.assert_allclose(np.sort(np.log10(found[:, 0])), np.sort(np.log10(true["weight_decay"])), atol=0.15)
        np.testing.assert_allclose(np.sort(found[:, 1]), np.sort(true["train_size"]), atol=12)
    assert "64 runs in 32 points, 2 runs in each." in " ".join(text.get_text() for text in figure.texts)


def test_a_control_at_zero_has_its_tick_one_step_below():
    runs, phases = drawn()
    runs = pd.concat([runs, pd.DataFrame({"weight_decay": 0.0, "train_size": [150.0, 250.0]})], ignore_index=True)
    phases = pd.concat([phases, pd.Series(["memorize", "memorize"])], ignore_index=True)
    figure = plot_phases(phase_grid(runs, phases, x="weight_decay", y="train_size"))
    figure.draw_without_rendering()
    (panel,) = figure.axes
    assert "0" in [label.get_text() for label in panel.get_xticklabels()]
    low, high = panel.get_xlim()
    assert low < 0 < high


@pytest.mark.parametrize("phase", [None, "grok"])
def test_shares_of_points_are_drawn_at_their_places_with_a_colour_bar_beside_them(phase):
    figure = plot_shares(grid(), phase=phase, width=SINGLE)
    figure.draw_without_rendering()
    panel = figure.axes[0]
    (marks,) = panel.child_axes
    assert len(marks.patches) == 32
    if phase:
        assert figure.axes[1].get_position().x0 >= panel.get_position().x1


def test_points_are_drawn_into_a_users_axes_with_the_values_as_coordinates():
    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.subplots()
    assert plot_phases(grid(), ax=ax) is figure
    assert ax.get_xlim()[0] < drawn()[0]["weight_decay"].min() < drawn()[0]["weight_decay"].max() < ax.get_xlim()[1]


def test_points_with_several_rows_are_no_more_points():
    table = pd.DataFrame(grid())
    once, twice = (map_cells(each, *NAMES, None) for each in (table, pd.concat([table, table])))
    assert once.side == twice.side


def test_too_many_points_for_the_width_are_refused_and_a_small_grid_stays_a_grid():
    runs = pd.DataFrame(qmc.Sobol(2, rng=np.random.default_rng(0)).random(2**13) + 1, columns=NAMES)
    many = phase_grid(runs, pd.Series(["grok"] * len(runs)), x=NAMES[0], y=NAMES[1])
    with pytest.raises(AnalysisError, match=r"8192 points do not fit in 3\.5 inches"):
        plot_phases(many, width=SINGLE)
    small = pd.DataFrame({"weight_decay": [1, 2, 3], "train_size": [1, 2, 3]})
    assert not plot_phases(phase_grid(small, pd.Series(["grok"] * 3), x="weight_decay", y="train_size")).axes[0].child_axes


@pytest.fixture(scope="module")
def found():
    return surface(*drawn(), *NAMES)


@pytest.mark.parametrize("width", [SINGLE, DOUBLE])
def test_a_surface_has_its_curve_its_band_and_its_points(found, width):
    figure = plot_surface(found, width=width, names={"weight_decay": r"$\lambda$", "grok": "grokking"})
    figure.draw_without_rendering()
    panel, bar = figure.axes
    lines = {line.get_label() for line in panel.lines}
    assert lines == {"share", "low", "high"}
    (points,) = (each for each in panel.collections if each.get_label() == "points")
    assert len(points.get_offsets()) == 32
    assert panel.get_xlabel() == r"$\lambda$"
    assert "grokking" in bar.get_ylabel()
    assert "64 runs at 32 points" in " ".join(text.get_text() for text in figure.texts)
    assert figure.get_figwidth() == width


def test_a_surface_is_drawn_into_a_users_axes(found):
    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.subplots()
    assert plot_surface(found, ax=ax) is figure
    assert ax.get_xlabel() == "weight_decay"
    assert not figure.texts


def test_importances_have_a_bar_an_interval_and_a_mark_each():
    result = importance(*drawn(32, 3), NAMES)
    figure = plot_importance(result, names={"train_size": "N"})
    figure.draw_without_rendering()
    (panel,) = figure.axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ["weight_decay", "N"]
    np.testing.assert_allclose([bar.get_width() for bar in panel.patches], result.effects["total"])
    (segments,) = (each.get_segments() for each in panel.collections)
    np.testing.assert_allclose([ends[0, 0] for ends in segments], result.effects["total_low"])
    ax = Figure(figsize=(4, 3), layout="constrained").subplots()
    assert plot_importance(result, ax=ax).axes[0] is ax
