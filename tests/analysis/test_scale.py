"""The scale of an axis: logarithmic by its positive values, with a place for 0."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.plots import plot_boundary, plot_fits
from grokjax.analysis.plots.layout.ticks import scale_to_values
from grokjax.analysis.statistics.boundary import boundaries, boundary
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.statistics.refine import least_known
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.errors import AnalysisError

DECAYS = [0, 1e-4, 1e-3, 1e-2, 0.1, 1]


def sweep(decays, phases, **others):
    """Five runs at each weight decay, all in the given phase; with their phases."""
    runs = pd.DataFrame({"weight_decay": np.repeat(decays, 5), **others})
    return runs, pd.Series(pd.Categorical(np.repeat(phases, 5), categories=PHASES))


@pytest.mark.parametrize(
    ("values", "log", "places"),
    [
        ([1, 10, 100], True, np.log([1, 10, 100])),
        ([0, 1, 10, 100], True, np.log([0.1, 1, 10, 100])),
        ([0, 0.3, 1, 3, 10], True, [np.log(0.3) - np.median(np.log([10 / 3, 3, 10 / 3])), *np.log([0.3, 1, 3, 10])]),
        ([1000, 1500, 2000], False, [1000, 1500, 2000]),
        ([0, 0.1], False, [0, 0.1]),
        ([0], False, [0]),
        ([-1, 10, 1000], False, [-1, 10, 1000]),
    ],
)
def test_the_positive_values_decide_and_zero_is_one_step_below_them(values, log, places):
    scale = AxisScale.of([*reversed(values), values[0]])
    assert scale.log == log
    np.testing.assert_allclose(scale.to_scale(values), places, rtol=1e-12)


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=9), st.booleans(), st.booleans())
def test_values_come_back_from_their_places_in_order(values, zero, log):
    values = np.unique([0.0, *values] if zero else values)
    scale = AxisScale.of(values, log)
    places = scale.to_scale(values)
    assert (np.diff(places) >= 0).all()
    np.testing.assert_allclose(scale.from_scale(places), values, rtol=1e-9, atol=1e-9 * scale.least if scale.zero else 0)


def test_a_log_scale_of_negative_values_is_refused():
    with pytest.raises(AnalysisError, match="a log scale needs values above 0"):
        AxisScale.of([-1.0, 1.0, 10.0], log=True)
    with pytest.raises(AnalysisError, match="but there is none"):
        AxisScale.of([], log=True)


def test_a_control_at_zero_leaves_the_boundary_where_it_was():
    phases = ["memorize"] * 3 + ["grok"] * 3
    (found,) = boundary(*sweep(DECAYS, phases), "weight_decay")
    (without,) = boundary(*sweep(DECAYS[1:], phases[1:]), "weight_decay")
    assert without.at == pytest.approx(10**-2.5, rel=0.01)
    assert found.at == pytest.approx(10**-2.5, rel=0.01)
    assert found.band == pytest.approx((1e-3, 1e-2))
    (low,) = boundary(*sweep(DECAYS, ["memorize"] + ["grok"] * 5), "weight_decay")
    assert low.band == pytest.approx((0, 1e-4), abs=1e-12)
    assert 0 < low.at < 1e-4


def test_the_next_points_lie_in_the_gap_and_not_between_zero_and_the_largest_values():
    runs, phases = sweep(DECAYS, ["memorize", "memorize", "memorize", "grok", "grok", "fail"], hidden_size=16)
    points = least_known(phase_grid(runs, phases, x="weight_decay", y="hidden_size"), ["hidden_size", "weight_decay"])
    assert points["weight_decay"].tolist() == [0.00316, 0.316]
    assert points["score"].tolist() == pytest.approx([0.2, 0.2])
    runs, phases = sweep(DECAYS, ["memorize"] + ["grok"] * 5, hidden_size=16)
    points = least_known(phase_grid(runs, phases, x="weight_decay", y="hidden_size"), ["hidden_size", "weight_decay"])
    assert points["weight_decay"].tolist() == [5e-5]


def test_figures_have_zero_as_a_tick_of_its_own():
    panel = Figure(figsize=(6, 2)).subplots()
    scale_to_values(panel, "x", DECAYS, 5.0, AxisScale.of(DECAYS))
    panel.figure.draw_without_rendering()
    assert [label.get_text() for label in panel.get_xticklabels()] == ["0", "1e-4", "0.001", "0.01", "0.1", "1"]
    pixels = panel.transData.transform([(value, 0) for value in DECAYS])[:, 0]
    np.testing.assert_allclose(np.diff(pixels), np.diff(pixels)[0], rtol=1e-6)


def test_both_figures_of_a_boundary_draw_zero_one_step_below_the_least_value():
    runs, phases = sweep(DECAYS, ["memorize"] * 3 + ["grok"] * 3, hidden_size=16)
    found = boundaries(runs, phases, "weight_decay", ["hidden_size"])
    for figure, which in (
        (plot_boundary(found, by=["hidden_size"], phase="grok"), 1),
        (plot_fits(found, by=["hidden_size"], phase="grok"), 0),
    ):
        panel = figure.axes[0]
        places = panel.transData.transform([(value, value) for value in DECAYS])[:, which]
        assert np.diff(places).min() == pytest.approx(np.diff(places).max(), rel=1e-6)
