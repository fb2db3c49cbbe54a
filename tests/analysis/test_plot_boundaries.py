"""Figures of boundaries on both sides of a phase: every boundary is drawn, and the legend has what is drawn alone."""

import math

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.plots import plot_boundary, plot_fits
from grokjax.analysis.statistics.boundary import boundaries


def sweep(counts, seeds=5, sizes=(1,)):
    """Runs at weight decays 1, 10, 100, ... of which the given number of seeds grok; with their phases."""
    rows = [
        (10.0**place, size, seed, "grok" if seed < count else "memorize")
        for size in sizes
        for place, count in enumerate(counts)
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows, columns=["weight_decay", "train_size", "seed", "label"])
    return runs.drop(columns="label"), pd.Series(pd.Categorical(runs["label"], categories=PHASES))


def drawn_in(axes, label):
    return [line for line in axes.lines if line.get_label() == label]


def column(counts, **settings):
    """The figure of the boundaries along weight decay of one train size."""
    return plot_boundary(boundaries(*sweep(counts), "weight_decay", ["train_size"], **settings), by=["train_size"], phase="grok")


def legend(figure):
    return [text.get_text() for each in figure.legends for text in each.texts]


def test_both_boundaries_of_a_column_are_drawn_and_the_legend_has_what_is_drawn_alone():
    figure = column([0, 0, 5, 0, 0])
    assert [round(math.log10(line.get_ydata()[0]), 1) for line in drawn_in(figure.axes[0], "boundary")] == [1.5, 2.5]
    assert legend(figure) == ["half of the runs", "95 % band"]
    assert legend(column([0, 2, 5, 3, 0])) == ["weak evidence", "95 % band"]
    assert legend(column([1, 2, 1, 2, 1])) == []
    below = column([3, 4, 4, 5, 5], confidence=0.3)
    assert legend(below) == ["30 % band", "below these values"]
    assert [line.get_marker() for line in drawn_in(below.axes[0], "outside")] == ["v"]


def test_fits_end_where_the_next_begins_and_a_group_without_a_boundary_has_none():
    (panel,) = plot_fits(boundaries(*sweep([0, 0, 5, 0, 0]), "weight_decay", []), by=[], phase="grok").axes
    rise, fall = drawn_in(panel, "fit")
    assert rise.get_xdata()[-1] == pytest.approx(fall.get_xdata()[0])
    assert (np.diff(rise.get_ydata()) > 0).all()
    assert (np.diff(fall.get_ydata()) < 0).all()
    (flat,) = plot_fits(boundaries(*sweep([1, 2, 1, 2, 1]), "weight_decay", []), by=[], phase="grok").axes
    assert not drawn_in(flat, "fit")
    misfit = boundaries(*sweep([0, 0, 9, 5, 5, 6, 9], seeds=9), "weight_decay", [])
    (poor,) = plot_fits(misfit, by=[], phase="grok").axes
    assert [line.get_linestyle() for line in drawn_in(poor, "fit")] == [":"]


def test_lines_of_the_same_share_do_not_cover_one_another():
    found = boundaries(*sweep([0, 0, 0], sizes=(1, 2, 3)), "weight_decay", ["train_size"])
    (panel,) = plot_fits(found, by=["train_size"], phase="grok").axes
    panel.figure.draw_without_rendering()
    heights = {round(line.get_transform().transform((1.0, 0.0))[1], 2) for line in panel.lines if len(line.get_xdata()) == 3}
    assert len(heights) == 3
