"""Figures of many panels: tables of panels, titles and labels that do not touch, maps over true axes."""

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.transforms import Bbox

from grokjax.analysis.plots import DOUBLE, SINGLE, plot_delays, plot_incidence, plot_map, plot_phases, plot_shares
from grokjax.analysis.plots.layout.look import Look
from grokjax.analysis.plots.layout.panels import Panels
from grokjax.analysis.results import open_root
from grokjax.errors import AnalysisError

EXAMPLE = open_root("docs/example")


def shown(figure):
    return [panel for panel in figure.axes if panel.get_visible()]


def texts_of(figure):
    figure.draw_without_rendering()
    every = [*figure.texts]
    for panel in shown(figure):
        for axis, (low, high) in ((panel.xaxis, panel.get_xlim()), (panel.yaxis, panel.get_ylim())):
            every += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        every += [panel.xaxis.label, panel.yaxis.label, panel.title, panel._left_title]
    return [text for text in every if text.get_text().strip() and text.get_visible() and text.get_window_extent().width]


def ink(text):
    """The extent of a text without the empty lines at its end."""
    box, words = text.get_window_extent(), text.get_text()
    empty = words.count("\n") - words.rstrip("\n").count("\n")
    return Bbox([[box.x0, box.y0 + box.height * empty / (words.count("\n") + 1)], [box.x1, box.y1]])


def incidence(names, keys):
    """A table in which a run of each group groks at step 50."""
    rows = [(*key, "grok", 50, 1, 1, 1.0, 0.1, 1.0) for key in keys]
    return pd.DataFrame(rows, columns=[*names, "outcome", "step", "at_risk", "events", "incidence", "low", "high"])


LONG = ("permutation_composition", "modular_arithmetic")


@pytest.mark.parametrize("width", [3.25, DOUBLE])
@pytest.mark.parametrize(("names", "keys"), [
    (["train_size", "weight_decay"], list(itertools.product((100, 150, 250), (0.01, 0.1, 0.3, 1.0, 3.0)))),
    (["task", "loss"], list(itertools.product(LONG, ("clipped_binary_cross_entropy", "cross_entropy")))),
    (["task"], [(name,) for name in LONG]),
    (["task", "loss"], [(LONG[0], "cross_entropy"), (LONG[1], "mean_squared_error"), ("sparse_parity", "hinge")]),
])  # fmt: skip
def test_no_title_and_no_tick_label_touches_that_of_another_panel(names, keys, width):
    figure = plot_incidence(incidence(names, keys), by=names, width=width)
    assert len(shown(figure)) == len(keys)
    texts = texts_of(figure)
    boxes = [ink(text) for text in texts]
    for (index, box), text in zip(enumerate(boxes), texts, strict=True):
        assert -1 <= box.x0 < box.x1 <= figure.bbox.x1 + 1, text
        for other, words in zip(boxes[:index], texts, strict=False):
            apart = box.x1 <= other.x0 + 1 or other.x1 <= box.x0 + 1 or box.y1 <= other.y0 + 1 or other.y1 <= box.y0 + 1
            assert apart, (text, words)


def test_panels_of_two_hyperparameters_are_a_table_that_fits_a_column():
    figure = EXAMPLE.plot_incidence(width=SINGLE)
    assert figure.get_figheight() < 4.5, "fifteen panels"
    assert len({round(panel.get_position().x0, 3) for panel in shown(figure)}) == 5
    rows = [panel._left_title.get_text().strip() for panel in shown(figure)[::5]]
    assert rows == ["train_size = 100", "train_size = 150", "train_size = 250"]


def test_the_hyperparameter_with_most_values_makes_the_columns_and_missing_panels_leave_a_gap():
    keys = [(size, word) for size in ("1", "2", "3") for word in ("a", "b") if (size, word) != ("3", "b")]
    placed = Panels.arranged(keys, ["size", "word"], Look(), 6.0, 1.0)
    assert (placed.across, placed.down, placed.rows) == (3, 2, ("word = a", "word = b"))
    assert placed.places == (0, 3, 1, 4, 2)
    scattered = Panels.arranged([("1", "a"), ("2", "b"), ("3", "c")], ["size", "word"], Look(), 6.0, 1.0)
    assert (scattered.across, scattered.rows) == (3, ()), "a third of the combinations is no table"


def grid():
    runs = pd.DataFrame(list(itertools.product((0.01, 0.1, 3.0), (100, 250))), columns=["weight_decay", "train_size"])
    return runs.assign(runs=5, known=5, value=range(6))


def test_a_grid_is_drawn_over_true_axes_if_asked():
    even, true = (plot_map(grid(), x="weight_decay", y="train_size", true_axes=each) for each in (None, True))
    assert not shown(even)[0].child_axes
    panel = shown(true)[0]
    true.draw_without_rendering()
    (marks,) = panel.child_axes
    assert not marks.texts, "no numbers"
    assert all(min(patch.get_edgecolor()[:3]) < 0.5 for patch in marks.patches), "pale shades have an outline"
    middle = marks.patches[2].get_x() + 0.5
    place = panel.transData.inverted().transform(marks.transData.transform((middle, 0)))
    assert np.log10(place[0]) == pytest.approx(-1, abs=0.01)
    words = grid().assign(weight_decay=list("aabbcc"))
    with pytest.raises(AnalysisError, match="weight_decay holds 'a'; choose a numeric hyperparameter"):
        plot_map(words, x="weight_decay", y="train_size", true_axes=True)


def test_marks_over_true_axes_do_not_cover_the_axes():
    figure = EXAMPLE.plot_shares(phase="grok", true_axes=True)
    figure.draw_without_rendering()
    panel = shown(figure)[0]
    boxes = [patch.get_window_extent() for patch in panel.child_axes[0].patches]
    assert min(box.x0 for box in boxes) > panel.get_window_extent().x0 + 1
    assert min(box.y0 for box in boxes) > panel.get_window_extent().y0 + 1


def test_combinations_that_do_not_exist_are_left_white():
    values = grid().iloc[1:]
    medians = values.assign(fitted=5, generalized=5, median=100.0, low=90.0, high=110.0)
    for figure in (
        plot_map(values, x="weight_decay", y="train_size"),
        plot_delays(medians, x="weight_decay", y="train_size"),
    ):
        assert len(shown(figure)[0].patches) == 5


def test_titles_of_curves_have_one_size():
    figure = EXAMPLE.select("train_size=150", "weight_decay=1").plot_curves(width=SINGLE)
    titles = [panel.title for panel in shown(figure)]
    assert {title.get_text() for title in titles} >= {"seed 0: generalize", "seed 1: grok"}
    assert len({title.get_fontsize() for title in titles}) == 1


def test_a_difference_of_budgets_says_each_step_once():
    root = open_root("docs/example", budget=2000)
    figure = root.plot_difference(open_root("docs/example", budget=300))
    title = figure.texts[0].get_text().replace("\n", " ")
    assert title == "share of grok: example as of step 300 minus example as of step 2,000; rule crossing"


@pytest.mark.parametrize("plot", [EXAMPLE.plot_phases, EXAMPLE.plot_shares])
def test_maps_of_results_pass_true_axes_on(plot):
    assert shown(plot(true_axes=True))[0].child_axes
    assert plot_phases.__doc__.count("true_axes") == plot_shares.__doc__.count("true_axes") == 1
