"""What the figures draw, number by number, against values worked out by hand."""

import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax.analysis.labels.rules import PHASES, ArticleRule
from grokjax.analysis.plots import (
    DOUBLE,
    PHASE_COLORS,
    SINGLE,
    plot_boundary,
    plot_curves,
    plot_delays,
    plot_fits,
    plot_phases,
    plot_scatter,
    plot_sensitivity,
    plot_shares,
    plot_spectra,
    plot_stars,
    plot_survival,
    plot_waves,
    plot_weights,
)
from grokjax.analysis.plots.layout.look import Look
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import PHASE_HATCHES, STYLE, shades
from grokjax.analysis.plots.layout.text import number_text, steps_text, text_width, value_texts, wrapped
from grokjax.analysis.plots.layout.ticks import decimal_ticks, scale_to_values
from grokjax.analysis.statistics.agreement import sensitivity
from grokjax.analysis.statistics.boundary import boundaries
from grokjax.analysis.statistics.delays import Crossings
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.analysis.statistics.logrank import LogRank
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.statistics.units import UnitMaps
from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError

AXES = {"x": "hidden_size", "y": "train_size", "facet": "weight_decay"}


def grid_of(cells, planned=None, names=("weight_decay", "train_size", "hidden_size")):
    """The grid of cells (facet, y, x) -> labels, in which `planned` runs a cell were asked for."""
    rows = [(*cell, label) for cell, labels in cells.items() for label in labels]
    runs = pd.DataFrame(rows, columns=[*names, "label"])
    phases = pd.Series(pd.Categorical(runs["label"], categories=PHASES), index=runs.index)
    asked = pd.DataFrame([cell for cell in cells for _ in range(planned)], columns=list(names)) if planned else None
    facet, y, x = names
    return phase_grid(runs, phases, x=x, y=y, facet=facet, planned=asked)


def shown(figure):
    return [panel for panel in figure.axes if panel.get_visible() and panel.get_label() != "<colorbar>"]


def reading(legend):
    """The words of a legend, line by line."""
    FigureCanvasAgg(legend.figure).draw()
    boxes = [(-round(text.get_window_extent().y0), text.get_window_extent().x0, text.get_text()) for text in legend.get_texts()]
    return [words for _, _, words in sorted(boxes)]


def note(figure):
    """The lines at the bottom of a figure, joined."""
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts)


def test_marks_stand_in_a_square_in_their_cell_phase_by_phase_and_rings_for_what_is_missing():
    grid = grid_of({(0.1, 100, 16): ["fail", "grok", "memorize"], (0.1, 100, 32): [], (0.1, 200, 16): ["grok"] * 4}, planned=4)
    (panel,) = shown(figure := plot_phases(grid, **AXES, width=SINGLE))
    marks = {to_hex(each.get_edgecolor()[0]): each.get_offsets() for each in panel.collections}
    counts = {color: len(places) for color, places in marks.items()}
    rings = counts.pop("#666666")
    assert counts == {PHASE_COLORS["memorize"].lower(): 1, PHASE_COLORS["grok"].lower(): 5, PHASE_COLORS["fail"].lower(): 1}
    assert rings == 1 + 4
    lower = marks[PHASE_COLORS["memorize"].lower()][0], marks[PHASE_COLORS["fail"].lower()][0]
    assert lower[0][0] < 0 < lower[0][1], "the first of a cell is at its upper left"
    assert lower[1][0] == pytest.approx(lower[0][0]), "the third below it"
    assert lower[1][1] == pytest.approx(-lower[0][1])
    upper = np.array([place for place in marks[PHASE_COLORS["grok"].lower()] if place[1] > 0.5])
    np.testing.assert_allclose(upper.mean(axis=0), [0, 1], atol=1e-12)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["memorize", "grok", "fail", "missing"]
    assert "7 runs in 2 cells, 3 to 4 runs in each." in note(figure)
    assert "1 cell without a run. Partial: 5 of 12 runs are still missing." in note(figure)


def test_panels_that_do_not_fit_side_by_side_stand_in_lines_and_labels_where_the_figure_ends():
    cells = {(w / 7, y, x): ["grok"] * 9 for w in range(5) for y in (1, 2, 3, 4, 5) for x in (16, 32, 64, 128, 258)}
    wide, narrow = plot_phases(grid_of(cells), **AXES, width=DOUBLE), plot_phases(grid_of(cells), **AXES, width=SINGLE)
    for figure, lines in ((wide, 1), (narrow, 3)):
        panels = shown(figure)
        assert len(panels) == 5
        assert len({round(panel.get_subplotspec().rowspan.start) for panel in panels}) == lines
        assert [panel.get_xlabel() for panel in panels[-2:]] == ["hidden_size"] * 2
        assert figure.get_figwidth() == (DOUBLE if lines == 1 else SINGLE)
    assert [panel.get_ylabel() for panel in shown(wide)] == ["train_size", "", "", "", ""]
    assert [panel.get_title() for panel in shown(wide)][1] == "weight_decay = 0.143"
    assert [panel.get_xlabel() for panel in shown(narrow)[:2]] == ["", ""]


def test_a_figure_without_a_width_takes_what_its_cells_need():
    few = {(w, y, x): ["grok"] for w in (0.1, 1.0) for y in (1, 2) for x in (1, 2)}
    many = {(w, y, x): ["grok"] * 9 for w in (0.1, 1.0) for y in (1, 2) for x in range(12)}
    crowded = {(0.1, 1, x): ["grok"] * 100 for x in range(40)}
    assert plot_phases(grid_of(few), **AXES).get_figwidth() == SINGLE
    assert plot_phases(grid_of(many), **AXES).get_figwidth() == DOUBLE
    assert plot_phases(grid_of(crowded), **AXES).get_figwidth() > DOUBLE
    with pytest.raises(
        AnalysisError, match=r"100 marks a cell: 40 values of hidden_size do not fit in 3\.5 inches; .* draw shares"
    ):
        plot_phases(grid_of(crowded), **AXES, width=SINGLE)
    assert plot_shares(grid_of(crowded), **AXES, width=DOUBLE).get_figwidth() == DOUBLE


@pytest.mark.parametrize("plot", [plot_phases, plot_shares])
def test_forty_facets_are_refused(plot):
    with pytest.raises(AnalysisError, match="weight_decay has 40 values, more than 24 panels can show; choose some with where"):
        plot(grid_of({(w, 1, 1): ["grok"] for w in range(40)}), **AXES)


def test_no_text_overlaps_another_whatever_the_labels():
    long = ("clipped_binary_cross_entropy", "mean_squared_error", "stable_max_cross_entropy")
    cells = {(w, y, x): ["grok", "memorize"] for w in (1e-6, 0.031623, 1.0) for y in long for x in long}
    for width in (SINGLE, DOUBLE):
        figure = plot_phases(grid_of(cells), **AXES, width=width)
        figure.draw_without_rendering()
        every = [label for panel in shown(figure) for label in (*panel.get_xticklabels(), *panel.get_yticklabels(), panel.title)]
        boxes = [text.get_window_extent() for text in (*every, *figure.texts) if text.get_text() and text.get_visible()]
        boxes = [box for box in boxes if box.width and box.height]
        hidden = [box for box in boxes if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1]
        assert not hidden
        for index, box in enumerate(boxes):
            for other in boxes[:index]:
                apart = box.x1 <= other.x0 + 1 or other.x1 <= box.x0 + 1 or box.y1 <= other.y0 + 1 or other.y1 <= box.y0 + 1
                assert apart, width


def test_bars_are_as_wide_as_the_shares_and_lie_one_after_another():
    (panel,) = shown(plot_shares(grid_of({(0.1, 1, 1): ["grok"] * 3 + ["memorize"], (0.1, 1, 2): ["fail"]}), **AXES))
    bars = [(bar.get_label(), bar.get_x(), bar.get_width(), bar.get_hatch()) for bar in panel.patches]
    assert [(name, hatch or "") for name, _, _, hatch in bars] == [
        (name, PHASE_HATCHES[name]) for name in ("memorize", "grok", "fail")
    ]
    np.testing.assert_allclose([bar[1:3] for bar in bars], [(-0.43, 0.215), (-0.215, 0.645), (0.57, 0.86)])


def test_shades_of_one_phase_carry_its_share_and_its_interval():
    cells = {(0.1, 1, 1): ["grok"] * 3 + ["memorize"], (0.1, 1, 2): ["fail"] * 4, (0.1, 1, 3): []}
    (panel,) = shown(figure := plot_shares(grid_of(cells, planned=4), **AXES, phase="grok", width=DOUBLE))
    # Wilson: 3 of 4 and 0 of 4
    assert [text.get_text() for text in panel.texts] == ["75", "30 to 95", "0", "0 to 49"]
    colors = [patch.get_facecolor() for patch in panel.patches if patch.get_label() == "cell"]
    np.testing.assert_allclose(colors, [shades(PHASE_COLORS["grok"])(share) for share in (0.75, 0.0)])
    assert [patch.get_label() for patch in panel.patches].count("empty") == 1
    assert "Partial: 4 of 12" in note(figure)
    with pytest.raises(AnalysisError, match=r"there is no phase groks; .* did you mean grok\?"):
        plot_shares(grid_of(cells), **AXES, phase="groks")


def test_shades_grow_darker_in_grey_too():
    for color in PHASE_COLORS.values():
        grey = [np.dot(shades(color)(value)[:3], (0.2126, 0.7152, 0.0722)) for value in np.linspace(0, 1, 20)]
        assert (np.diff(grey) < 0).all()


MEDIANS = pd.DataFrame(
    [
        (0.1, 1, 1, 9, 9, 9, 1000.0, 800.0, 2500.0),
        (0.1, 1, 2, 9, 8, 5, 10_000.0, 4000.0, np.inf),
        (0.1, 2, 1, 9, 9, 3, np.inf, 5000.0, np.inf),
        (0.1, 2, 2, 9, 0, 0, np.nan, np.nan, np.nan),
        (0.1, 3, 2, 9, 9, 9, 0.0, 0.0, 100.0),
    ],
    columns=["weight_decay", "train_size", "hidden_size", "runs", "fitted", "generalized", "median", "low", "high"],
)


def test_delays_are_shaded_by_their_logarithm_and_what_is_not_known_says_so():
    (panel,) = shown(figure := plot_delays(MEDIANS, **AXES, missing=9, width=DOUBLE))
    assert [text.get_text() for text in panel.texts] == ["1k", "800 to 2.5k", "10k", "4k to ∞", "3/9", "0", "0 to 100"]
    cells = [patch for patch in panel.patches if patch.get_label() == "cell"]
    colors = shades(PHASE_COLORS["grok"], begin=0.15)
    for patch, share in zip(cells, (0, 1, None, 0), strict=True):  # of the way from 1k to 10k; a delay of 0 has the first shade
        np.testing.assert_allclose(patch.get_facecolor(), (1, 1, 1, 1) if share is None else colors(float(share)))
    assert [patch.get_label() for patch in panel.patches].count("none fitted") == 1
    assert len(panel.patches) == 5, "the sixth cell has no run and is left empty"
    assert "45 runs, 35 fitted: 26 of these generalized, 9 censored" in note(figure)
    assert "Partial: 9 of 54 runs are still missing." in note(figure)


SURVIVAL = pd.DataFrame(
    [
        (0.1, 0, 4, 0, 0, 1.0, 1.0, 1.0),
        (0.1, 100, 4, 1, 0, 0.75, 0.2, 0.95),
        (0.1, 200, 3, 0, 1, 0.75, 0.2, 0.95),
        (0.1, 400, 2, 1, 1, 0.375, 0.05, 0.7),
        (1.0, 0, 2, 0, 0, 1.0, 1.0, 1.0),
        (1.0, 300, 2, 1, 1, 0.5, 0.1, 0.9),
    ],
    columns=["weight_decay", "delay", "at_risk", "generalized", "censored", "survival", "low", "high"],
)


def test_survival_falls_in_steps_with_ticks_at_censored_runs_and_those_at_risk_below():
    test = LogRank(4.0, 1, 0.0456, 999)
    figure = plot_survival(SURVIVAL, by=["weight_decay"], runs=7, test=test, missing=1)
    above, below = shown(figure)
    curve = above.lines[0]
    assert curve.get_drawstyle() == "steps-post"
    assert list(zip(*curve.get_data(), strict=True)) == [(0, 1), (0, 1), (100, 0.75), (200, 0.75), (400, 0.375)]
    assert list(zip(*above.lines[1].get_data(), strict=True)) == [(200, 0.75), (400, 0.375)]
    ticks = [tick for tick in above.get_xticks() if 0 <= tick <= 400]
    by_hand = {0: ("4", "2"), 100: ("4", "2"), 200: ("3", "2"), 300: ("2", "2"), 400: ("2", "0")}
    told = {(text.get_position()[0], text.get_position()[1]): text.get_text() for text in below.texts}
    assert told == {(tick, line): by_hand[tick][line] for tick in ticks for line in (0, 1)}
    assert [label.get_text() for label in below.get_yticklabels()] == ["0.1", "1"]
    assert len(above.collections) == 2, "a band each"
    assert note(figure) == (
        "7 runs, 6 fitted: 3 generalized, 3 censored (ticks). Log-rank test of equal delays: p = 0.046. "
        "Partial: 1 of 8 runs are still missing."
    )
    many = pd.concat([SURVIVAL.assign(weight_decay=w) for w in range(7)])
    with pytest.raises(AnalysisError, match="weight_decay makes 7 groups, and 6 can be told apart"):
        plot_survival(many, by=["weight_decay"], runs=1)
    four = plot_survival(many[many["weight_decay"] < 4], by=["weight_decay"], runs=1)
    assert not shown(four)[0].collections
    assert "Intervals left out." in note(four)


def test_the_scatter_has_runs_at_their_steps_censored_ones_in_the_strip_and_counts_the_others():
    runs = pd.DataFrame(
        {
            "first_step_train_accuracy_99": [100, 200, 0, 300, None, 200],
            "first_step_test_accuracy_99": [1000, 200, 50, None, None, None],
        }
    )
    phases = pd.Series(pd.Categorical(["grok", "generalize", "generalize", "memorize", "fail", "memorize"], categories=PHASES))
    figure = plot_scatter(runs, phases, crossings=Crossings(kind="first"), missing=2)
    strip, panel = shown(figure)
    marks = sorted((each.get_label(), *each.get_offsets().tolist()[0]) for each in panel.collections)
    assert marks == [("generalize", 25, 50), ("generalize", 200, 200), ("grok", 100, 1000)], "step 0 at half of the least"
    assert [each.get_offsets().tolist() for each in strip.collections] == [[[300, 0], [200, 0]]]
    assert [text.get_text() for text in strip.texts] == ["2"]
    assert panel.get_xscale() == panel.get_yscale() == "log"
    assert note(figure) == (
        "6 runs: 3 cross both thresholds, 2 only that of the train metric (strip above), 1 neither (not shown). "
        "First crossings count, whatever comes after them. Partial: 2 of 8 runs are still missing."
    )
    with pytest.raises(AnalysisError, match="need the column first_step_train_loss_1e_5"):
        plot_scatter(runs, phases, crossings=Crossings(train="loss_1e_5", kind="first"))


def test_sensitivity_tells_the_most_that_moves():
    runs = pd.DataFrame({"hidden_size": [1, 1, 2, 2], "train_size": 5, "min_train_loss": 1e-7, "max_loss_ratio": 1e6})
    runs["min_test_loss"] = [1e-7, 3e-5, 1e-7, 1e-7]
    settings = {"loss_threshold": (1e-5, 1e-4)}
    moved = sensitivity(runs, ArticleRule(), settings, x="hidden_size", y="train_size")
    (panel,) = shown(figure := plot_sensitivity(moved, settings, x="hidden_size", y="train_size", runs=4, width=DOUBLE))
    assert [text.get_text() for text in panel.texts] == ["50", "2 phases", "0"]
    assert note(figure).strip() == "4 runs in 2 cells. Tried: loss_threshold 1e-5 to 0.0001."


def along(shares, **others):
    """Runs along an axis of 1, 10, 100 of which the given number of 9 grok; with their phases."""
    rows = [
        (value, "grok" if seed < count else "memorize")
        for value, count in zip((1, 10, 100), shares, strict=True)
        for seed in range(9)
    ]
    runs = pd.DataFrame(rows, columns=["weight_decay", "label"]).assign(**others)
    return runs, pd.Series(pd.Categorical(runs["label"], categories=PHASES), index=runs.index)


def test_the_boundary_is_drawn_where_it_was_found_over_its_cells():
    parts = [along((0, 3, 9), hidden_size=16, train_size=1), along((0, 0, 0), hidden_size=32, train_size=1)]
    runs, phases = (pd.concat(each, ignore_index=True) for each in zip(*parts, strict=True))
    phases = pd.Series(pd.Categorical(phases, categories=PHASES))
    found = boundaries(runs, phases, "weight_decay", ["hidden_size"])
    (panel,) = shown(figure := plot_boundary(found, by=["hidden_size"], phase="grok"))
    (line,) = (line for line in panel.lines if line.get_label() == "boundary")
    assert list(line.get_ydata()) == [found[(16,)][0].at] * 2
    assert 10 < found[(16,)][0].at < 100
    assert np.mean(line.get_xdata()) == 0
    (box,) = (patch for patch in panel.patches if patch.get_label() == "band")
    assert (box.get_y(), box.get_y() + box.get_height()) == pytest.approx(found[(16,)][0].band)
    discs = [each for each in panel.collections if each.get_label() == "cells"]
    assert [each.get_offsets().tolist() for each in discs] == [[[0, 1], [0, 10], [0, 100]], [[1, 1], [1, 10], [1, 100]]]
    np.testing.assert_allclose(discs[0].get_facecolors(), [shades(PHASE_COLORS["grok"])(share) for share in (0.0, 1 / 3, 1.0)])
    assert panel.get_yscale() == "log"
    assert "54 runs in 2 groups; boundaries: 1 found. None in 1 group with a single phase." in note(figure)
    with pytest.raises(AnalysisError, match="has one other hyperparameter, or two, got none; draw fits"):
        plot_boundary({(): found[(16,)]}, by=[], phase="grok")


def test_fits_are_the_boundarys_with_its_shares_and_wilson_intervals():
    found = boundaries(*along((0, 3, 9)), "weight_decay", [])
    (panel,) = shown(plot_fits(found, by=[], phase="grok"))
    (each,) = found[()]
    (curve,) = (line for line in panel.lines if line.get_label() == "fit")
    at = np.array([2.0, 10, 50])
    np.testing.assert_allclose(np.interp(at, *curve.get_data()), each.shares(at)["share"], atol=2e-3)
    (mark,) = (line for line in panel.lines if line.get_label() == "boundary")
    assert (float(mark.get_xdata()[0]), mark.get_ydata()[0]) == (each.at, 0.5)
    bars = panel.containers[0]
    np.testing.assert_allclose(bars[0].get_ydata(), [0, 1 / 3, 1])
    ends = [segment[:, 1] for segment in bars[2][0].get_segments()]
    np.testing.assert_allclose(ends, [(0, 0.2991), (0.1206, 0.6458), (0.7009, 1)], atol=1e-4)  # Wilson: 0, 3, 9 of 9


CURVES = pd.DataFrame(
    {
        "run_id": ["a", "a", "a", "b"],
        "step": [0, 100, 200, 0],
        "train_loss": [1.0, 0.1, np.nan, 0.7],
        "test_loss": [1.0, 2.0, 0.0, 0.7],
        "train_accuracy": [0.5, 1.0, 1.0, 0.5],
        "weight_l2_norm": [3.0, 4.0, 5.0, 3.0],
    }
)


def test_a_sheet_has_panels_a_unit_and_marks_events_where_they_happen():
    metrics = ["train_loss", "test_loss", "train_accuracy", "weight_l2_norm"]
    events = pd.DataFrame({"run_id": ["a"], "step": [100], "event": ["memorized"]})
    figure = plot_curves(
        CURVES,
        {"a": "seed 0", "b": "seed 1"},
        metrics=metrics,
        title="t",
        phases={"a": "grok", "b": "fail"},
        events=events,
        missing=1,
    )
    loss, _, accuracy, _, norm, _ = shown(figure)
    assert [panel.get_ylabel() for panel in (loss, accuracy, norm)] == ["loss\n(nats)", "train accuracy\n(share)", "weight l2 norm"]
    assert [panel.get_yscale() for panel in (loss, accuracy, norm)] == ["log", "linear", "log"]
    np.testing.assert_array_equal(loss.lines[0].get_data(), [[0, 100, 200], [1.0, 0.1, np.nan]])
    np.testing.assert_array_equal(norm.lines[0].get_ydata(), [3, 4, 5])
    (mark,) = (line for line in loss.lines if line.get_label() == "memorized")
    assert mark.get_xdata() == [100]
    assert all(any(list(line.get_xdata()) == [100, 100] for line in panel.lines) for panel in (loss, accuracy, norm))
    assert loss.lines[0].get_color() == accuracy.lines[0].get_color() != norm.lines[0].get_color()
    assert reading(figure.legends[0]) == ["train_loss, train_accuracy", "test_loss", "weight_l2_norm", "memorized"]
    assert note(figure).endswith("2 runs, logged up to step 200. Partial: 1 of 3 runs are still missing.")
    with pytest.raises(AnalysisError, match=r"there is no metric train_los to draw; .* did you mean train_loss\?"):
        plot_curves(CURVES, {"a": ""}, metrics=["train_los"], title="", phases={"a": "grok"})


def test_many_weights_are_drawn_as_their_median_and_quantiles():
    values = np.random.default_rng(0).normal(size=(5, 40, 3))
    curve = pd.DataFrame({"step": [0, 40], "train_loss": [1.0, 0.1], "test_loss": [1.0, 2.0]})
    figure = plot_weights(Weights(np.arange(0, 50, 10), {"hidden": values}), "hidden", curve, signal=1, width=SINGLE)
    losses, paths, *_ = shown(figure)
    (median,) = (line for line in paths.lines if line.get_label() == "median")
    np.testing.assert_allclose(median.get_ydata(), np.median(values[:, :, 1:].reshape(5, -1), axis=1))
    assert sum(line.get_label().startswith("_") for line in paths.lines if len(line.get_xdata()) == 5) == 40, "the signal's weights"
    assert [each.get_label() for each in paths.collections] == ["band", "band"]
    colors = {
        to_hex(line.get_color())
        for panel in (losses, paths)
        for line in panel.lines
        if len(line.get_xdata()) > 2 or panel is losses
    }
    assert len(colors) == 4, "no two kinds of line have one colour"
    assert "Bands: half and 90 % of the weights at a step" in note(figure)


def test_weights_are_drawn_path_by_path_and_at_four_steps():
    values = np.arange(5 * 2 * 3, dtype=float).reshape(5, 2, 3)
    curve = pd.DataFrame({"step": [0, 40], "train_loss": [1.0, 0.1], "test_loss": [1.0, 2.0]})
    weights = Weights(np.arange(0, 50, 10), {"hidden": values})
    figure = plot_weights(weights, "hidden", curve, signal=1, title="t", width=SINGLE)
    _, paths, *maps = shown(figure)
    drawn = {tuple(line.get_ydata()) for line in paths.lines if len(line.get_xdata()) == 5}
    assert drawn == {tuple(values[:, row, column]) for row in range(2) for column in range(3)}
    assert [panel.get_title() for panel in maps] == ["step 0", "step 10", "step 30", "step 40"]
    np.testing.assert_array_equal(maps[2].images[0].get_array(), values[3])
    assert "1 run; 6 weights at 5 steps, 4 of them as pictures." in note(figure)


def pentagon():
    """Five units at frequency 2 of 11 tokens, at twice the phase in what they write; a sixth without power."""
    angle = 2 * np.pi * np.arange(11) / 11
    phases = 2 * np.pi * np.array([3, 0, 4, 1, 2]) / 5 + 0.1
    reads = np.concatenate([1 + 3 * np.cos(2 * angle[:, None] - phases), np.zeros((11, 1))], axis=1)
    writes = np.concatenate([np.cos(2 * angle[:, None] - 2 * phases), np.zeros((11, 1))], axis=1).T
    return UnitMaps(np.array([0, 700]), np.stack([reads, reads])[:, None], np.stack([writes, writes]))


def test_waves_are_the_weights_and_their_part_at_the_frequency_in_the_order_of_the_phase():
    figure = plot_waves(pentagon(), width=DOUBLE)
    reads_map, writes_map, reads, _ = shown(figure)
    maps = pentagon()
    in_order = [1, 3, 4, 0, 2]  # phases 0, 1, 2, 3, 4 fifths
    np.testing.assert_array_equal(reads_map.images[0].get_array(), maps.reads[1, 0][:, in_order].T)
    np.testing.assert_array_equal(writes_map.images[0].get_array(), maps.writes[1][in_order])
    lines, dots = reads.lines[0:10:2], reads.lines[1:10:2]
    for line, unit, turn in zip(lines, dots, range(5), strict=True):
        along_circle, wave = line.get_data()
        np.testing.assert_allclose(wave, 1 + 3 * np.cos(2 * np.pi * (along_circle / 11 - turn / 5) - 0.1), atol=1e-9)
        assert sorted(unit.get_xdata()) == list(range(11))
        np.testing.assert_allclose(np.interp(unit.get_xdata(), along_circle, wave), unit.get_ydata(), atol=2e-3)
    assert reads_map.get_ylabel() == "k = 2\n5 units"
    assert note(figure).startswith("1 run, at step 700: 5 of its 6 hidden units; 1 without half of their power")
    assert len(shown(plot_waves(pentagon(), width=SINGLE))) == 2
    dead = UnitMaps(np.array([0]), np.zeros((1, 1, 11, 2)), np.zeros((1, 2, 11)))
    with pytest.raises(AnalysisError, match="no hidden unit has half of its power in one frequency"):
        plot_waves(dead)


def test_units_at_twice_their_phase_make_a_pentagon_and_a_pentagram():
    reads, writes = shown(plot_stars(pentagon()))
    for panel, amplitude, times in ((reads, 3, 1), (writes, 1, 2)):
        (star,) = (line for line in panel.lines if len(line.get_xdata()) == 6)
        angles = times * (2 * np.pi * np.arange(6) / 5 + 0.1)
        np.testing.assert_allclose(star.get_data(), [amplitude * np.cos(angles), amplitude * np.sin(angles)], atol=1e-9)
        assert [text.get_text() for text in panel.texts] == ["1", "2", "3", "4", "5"]
    assert (reads.get_xlim(), reads.get_ylabel()) == (writes.get_xlim(), "reads a and b\nalong sin")


def test_spectra_are_the_power_by_frequency_and_each_units_shares_of_it():
    figure = plot_spectra(pentagon(), width=DOUBLE)
    bars, _, written, _, shares, *_ = shown(figure)
    heights = [bar.get_height() for bar in bars.patches]
    np.testing.assert_allclose(heights, [0, 5 * 9 * 11 / 2, 0, 0, 0], atol=1e-9)  # amplitude 3: 9 V / 2 a unit
    np.testing.assert_allclose([bar.get_height() for bar in written.patches], [0, 5 * 11 / 2, 0, 0, 0], atol=1e-9)
    image = shares.images[0]
    assert image.get_extent() == [0.5, 5.5, 6.5, 0.5]
    rows = np.zeros((6, 5))
    rows[1:, 1] = 1  # the unit without a frequency comes first
    np.testing.assert_allclose(image.get_array(), rows, atol=1e-9)
    assert [panel.get_title() for panel in shown(figure)[:4]] == [
        "reads, step 0", "reads, step 700", "writes, step 0", "writes, step 700"
    ]  # fmt: skip
    assert note(figure) == "1 run, 6 hidden units, at step 700 of 1 frequency: 2."


def test_numbers_have_as_many_digits_as_tell_them_apart():
    assert value_texts([0.01, 0.0316227, 1.0]) == ["0.01", "0.0316", "1"]
    assert value_texts([0.12341, 0.12342]) == ["0.12341", "0.12342"]
    assert value_texts([1e-6, 1e-4, 5e4]) == ["1e-6", "1e-4", "50000"]
    assert value_texts([True, "x", 3]) == ["True", "x", "3"]
    assert [number_text(value, 2) for value in (0.0, 0.0456, 2.2e-6, 1234.0)] == ["0", "0.046", "2.2e-6", "1200"]
    assert [steps_text(value) for value in (0, 300, 999, 4230, 12_800, 2e6, np.inf)] == ["0", "300", "1k", "4.2k", "13k", "2M", "∞"]


def test_long_words_are_broken_and_short_ones_are_not():
    assert wrapped("clipped_binary_cross_entropy", 0.9) == "clipped_binary_\ncross_entropy"
    assert wrapped("grok", 0.1) == "grok"
    assert wrapped("a_b c", 0.05, breaks=" ") == "a_b\nc"
    assert max(text_width(line) for line in wrapped("one two three four five six seven", 1.0).split("\n")) <= 1.0


def axes():
    return Figure().subplots()


@pytest.mark.parametrize(
    ("values", "inches", "log", "labelled"),
    [
        ((0.01, 0.03, 0.1, 0.3, 1.0), 3.0, True, ["0.01", "0.03", "0.1", "0.3", "1"]),
        ((16, 32, 64, 128, 258), 0.8, True, ["16", "258"]),
        ((750, 1000, 1750), 3.0, False, ["750", "1000", "1750"]),
        ((3,), 1.0, False, ["3"]),
    ],
)
def test_ticks_stand_at_the_values_as_far_as_their_labels_have_room(values, inches, log, labelled):
    panel = axes()
    scale_to_values(panel, "x", [float(value) for value in values], inches, AxisScale(log))
    panel.figure.draw_without_rendering()
    texts = [label.get_text() for label in panel.get_xticklabels()]
    assert (texts[0], texts[-1]) == (labelled[0], labelled[-1])
    assert len(texts) >= len(labelled)
    assert panel.get_xscale() == ("log" if log else "linear")
    assert sorted([*panel.get_xticks(), *panel.get_xticks(minor=True)]) == sorted(values)
    gaps = np.diff([math.log(float(text)) if log else float(text) for text in texts])
    assert (gaps > 0).all()


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [(0.3, 4.0, ["0.3", "0.5", "1", "2", "3"]), (2e-4, 8e-3, ["0.0002", "0.0005", "0.001", "0.002", "0.005"]), (1e-6, 1.0, None)],
)
def test_a_log_axis_of_less_than_two_decades_has_decimal_ticks(low, high, texts):
    panel = axes()
    panel.set(yscale="log", ylim=(low, high))
    decimal_ticks(panel.yaxis, low, high)
    panel.figure.draw_without_rendering()
    drawn = [label.get_text() for label in panel.get_yticklabels() if low <= label.get_position()[1] <= high]
    assert drawn == texts if texts else all("10^" in text for text in drawn)


def test_the_style_is_not_left_behind():
    before = dict(mpl.rcParams)
    plot_phases(grid_of({(0.1, 1, 1): ["grok"]}), **AXES)
    assert dict(mpl.rcParams) == before
    assert len({to_rgb(color) for color in PHASE_COLORS.values()}) == len(PHASES)


@pytest.mark.parametrize("width", [2.0, 3.5, 4.4, 5.3, 7.2])
def test_a_legend_of_uneven_columns_stays_within_the_figure(width):
    names = [
        "train_loss, train_accuracy",
        "test_loss",
        *(f"{name}_norm" for name in ("weight", "signal", "other")),
        "memorized",
        "x",
    ]
    with mpl.rc_context(STYLE):
        figure = new_figure(width, 1.0, Look(), legend=[Line2D([], [], label=name) for name in names])
        FigureCanvasAgg(figure).draw()
        box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
