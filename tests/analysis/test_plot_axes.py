"""Figures in a user's hands: in a notebook without magic, and drawn into Axes of a figure of theirs."""

import base64
import struct

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from grokjax.analysis.labels.rules import PHASES, ArticleRule
from grokjax.analysis.plots import (
    SINGLE,
    plot_boundary,
    plot_curves,
    plot_delays,
    plot_fits,
    plot_phases,
    plot_scatter,
    plot_sensitivity,
    plot_shares,
    plot_survival,
)
from grokjax.analysis.statistics.agreement import sensitivity
from grokjax.analysis.statistics.boundary import boundaries
from grokjax.analysis.statistics.delays import Crossings
from grokjax.analysis.statistics.grid import phase_grid
from grokjax.errors import AnalysisError

CELL = """
import pandas as pd
from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.plots import plot_phases
from grokjax.analysis.statistics.delays import Crossings
from grokjax.analysis.statistics.grid import phase_grid

runs = pd.DataFrame({"hidden_size": [16, 16, 32], "train_size": 100})
phases = pd.Series(pd.Categorical(["grok", "fail", "grok"], categories=PHASES))
plot_phases(phase_grid(runs, phases, x="hidden_size", y="train_size"))
"""


def test_a_figure_is_a_picture_as_the_last_line_of_a_notebook_cell_without_any_magic(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    (shown,) = notebook.cells[0].outputs
    picture = base64.b64decode(shown["data"]["image/png"])
    assert picture.startswith(b"\x89PNG")
    across, _ = struct.unpack(">II", picture[16:24])
    width = shown["metadata"]["image/png"]["width"]
    assert across >= 2 * width - 1, "sharp on a screen of twice the density"
    assert width == round(SINGLE * 125)


def labelled(rows, names):
    """A runs table with a row for each of (values..., phase), and its phases."""
    runs = pd.DataFrame(rows, columns=[*names, "label"])
    return runs, pd.Series(pd.Categorical(runs["label"], categories=PHASES), index=runs.index)


def two_by_two(facets=(0.1,)):
    rows = [(facet, y, x, "grok" if x > y else "fail") for facet in facets for y in (1, 2) for x in (1, 2, 3) for _ in range(4)]
    return labelled(rows, ["weight_decay", "train_size", "hidden_size"])


def grid_of(facets=(0.1,), *, facet="weight_decay"):
    return phase_grid(*two_by_two(facets), x="hidden_size", y="train_size", facet=facet)


def found(by):
    rows = [(value, size, "grok" if seed < count else "memorize")
            for size in (1, 2) for value, count in zip((1, 10, 100), (0, 3, 9), strict=True) for seed in range(9)]  # fmt: skip
    runs, phases = labelled(rows, ["weight_decay", "train_size"])
    return boundaries(runs, phases, "weight_decay", by)


MEDIANS = pd.DataFrame({
    "train_size": [1, 1], "hidden_size": [1, 2], "runs": 9, "fitted": [9, 9], "generalized": [9, 3], "median": [1000.0, np.inf],
    "low": [800.0, 5000.0], "high": [2500.0, np.inf],
})  # fmt: skip
SURVIVAL = pd.DataFrame({
    "weight_decay": 0.1, "delay": [0, 100, 200], "at_risk": [4, 4, 3], "generalized": [0, 1, 0], "censored": [0, 0, 3],
    "survival": [1, 0.75, 0.75], "low": [1, 0.2, 0.2], "high": [1, 0.95, 0.95],
})  # fmt: skip
CROSSINGS = pd.DataFrame({"first_step_train_accuracy_99": [100, 200, 150], "first_step_test_accuracy_99": [1000, 250, None]})
CURVE = pd.DataFrame({"run_id": "a", "step": [0, 100], "train_loss": [1.0, 0.1], "test_loss": [1.0, 2.0]})
SETTINGS = {"loss_threshold": (1e-5, 1e-4)}


def moved():
    runs = pd.DataFrame({"hidden_size": [1, 1, 2, 2], "train_size": 5, "min_train_loss": 1e-7, "max_loss_ratio": 1e6})
    runs["min_test_loss"] = [1e-7, 3e-5, 1e-7, 1e-7]
    return sensitivity(runs, ArticleRule(), SETTINGS, x="hidden_size", y="train_size")


def phases_of(*names):
    return pd.Series(pd.Categorical(names, categories=PHASES))


AXES = {"x": "hidden_size", "y": "train_size"}
KINDS = {
    "phases": lambda ax: plot_phases(grid_of(), ax=ax),
    "shares": lambda ax: plot_shares(grid_of(), ax=ax),
    "shares of one phase": lambda ax: plot_shares(grid_of(), phase="grok", ax=ax),
    "sensitivity": lambda ax: plot_sensitivity(moved(), SETTINGS, **AXES, runs=4, ax=ax),
    "delays": lambda ax: plot_delays(MEDIANS, **AXES, ax=ax),
    "survival": lambda ax: plot_survival(SURVIVAL, by=["weight_decay"], runs=4, ax=ax),
    "scatter": lambda ax: plot_scatter(
        CROSSINGS, phases_of("grok", "generalize", "memorize"), crossings=Crossings(kind="first"), ax=ax
    ),
    "boundary": lambda ax: plot_boundary(found(["train_size"]), by=["train_size"], phase="grok", ax=ax),
    "fits": lambda ax: plot_fits(found(["train_size"]), by=["train_size"], phase="grok", ax=ax),
    "curves": lambda ax: plot_curves(
        CURVE, {"a": "seed 0"}, metrics=["train_loss", "test_loss"], title="", phases={"a": "grok"}, ax=ax
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_of_one_panel_is_drawn_into_a_users_axes_in_the_users_style(kind):
    with mpl.rc_context({"font.size": 11, "axes.facecolor": "#FFFFEE"}):
        figure = Figure(figsize=(11, 5), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot([0, 1], [0, 1])
        assert KINDS[kind](right) is figure
        assert right.has_data()
        assert right.get_facecolor() == mpl.colors.to_rgba("#FFFFEE")
        assert right.xaxis.label.get_size() == 11
    assert right.get_xlabel()
    assert right.get_ylabel()
    assert not [text for text in figure.texts if "run" in text.get_text()], "the note belongs to figures of their own"
    assert figure.get_figwidth() == 11
    assert left.get_position().x1 < right.get_position().x0


@pytest.mark.parametrize("kind", ["phases", "fits", "scatter", "survival"])
def test_the_legend_stands_above_the_axes_and_covers_nothing(kind):
    figure = Figure(figsize=(5, 5), layout="constrained")
    ax = figure.subplots()
    KINDS[kind](ax)
    figure.draw_without_rendering()
    (legend,) = figure.findobj(mpl.legend.Legend)
    assert legend.get_window_extent().y0 >= ax.get_window_extent().y1
    assert legend.get_window_extent().y1 <= figure.bbox.y1 + 1


def test_two_kinds_stand_side_by_side_in_a_figure_of_the_users():
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_phases(grid_of(), ax=left, title="(a)")
    plot_fits(found(["train_size"]), by=["train_size"], phase="grok", ax=right, title="(b)")
    figure.draw_without_rendering()
    assert left.get_title() == "(a)\nweight_decay = 0.1"
    assert right.get_title() == "(b)"
    for panel in (left, right):
        for part in (panel.title, panel.xaxis.label, panel.yaxis.label, panel.get_legend()):
            box = part.get_window_extent()
            assert -1 <= box.x0 < box.x1 <= figure.bbox.x1 + 1, part
            assert -1 <= box.y0 < box.y1 <= figure.bbox.y1 + 1, part
    assert sum(len(each.get_offsets()) for each in left.collections) == 24, "one marker for each run"


def test_what_needs_several_panels_says_how_many_and_what_to_narrow():
    ax = Figure().subplots()
    with pytest.raises(
        AnalysisError, match="this figure needs 3 panels, and ax is one; choose the runs of one weight_decay, or leave"
    ):
        plot_phases(grid_of((0.1, 0.3, 1.0)), ax=ax)
    one = found(["train_size"])[1,]
    with pytest.raises(AnalysisError, match="needs 2 panels, and ax is one; choose the boundaries of one train_size"):
        plot_fits({(1, 2): one, (2, 2): one}, by=["train_size", "hidden_size"], phase="grok", ax=ax)
    with pytest.raises(AnalysisError, match="needs 2 panels, and ax is one; choose the boundaries of one train_size"):
        plot_boundary({(1, 2): one, (2, 2): one}, by=["train_size", "hidden_size"], phase="grok", ax=ax)
    with pytest.raises(AnalysisError, match="needs 2 panels, and ax is one; choose one run and metrics of one unit"):
        plot_curves(CURVE.assign(train_accuracy=0.5), {"a": ""}, metrics=["train_loss", "train_accuracy"], title="",
                    phases={"a": "grok"}, ax=ax)  # fmt: skip
    assert not ax.has_data()


def test_cells_that_are_too_small_for_their_marks_are_refused_by_the_size_of_the_axes():
    runs, phases = labelled([(x, 1, "grok") for x in range(40) for _ in range(100)], ["hidden_size", "train_size"])
    grid = phase_grid(runs, phases, **AXES)
    ax = Figure(figsize=(4, 4)).subplots()
    with pytest.raises(
        AnalysisError, match=r"40 values of hidden_size and 1 of train_size do not fit in 3\.1 inches; make ax larger"
    ):
        plot_phases(grid, ax=ax)


@pytest.mark.parametrize("plot", [plot_phases, plot_shares])
def test_a_map_is_drawn_on_the_axes_that_its_grid_was_made_with(plot):
    grid = grid_of((0.1, 0.3))
    figure = plot(grid)
    assert [panel.get_title() for panel in figure.axes] == ["weight_decay = 0.1", "weight_decay = 0.3"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("hidden_size", "train_size")
    turned = plot(grid, x="train_size", y="hidden_size", facet="weight_decay")
    assert turned.axes[0].get_xlabel() == "train_size", "others may be asked for"
    with pytest.raises(AnalysisError, match="a map needs x and y; name two hyperparameters of the table"):
        plot(pd.DataFrame(grid))


def test_a_figure_that_a_user_saves_has_the_fonts_and_hatches_of_the_package(tmp_path):
    before = dict(mpl.rcParams)
    plot_shares(grid_of()).savefig(tmp_path / "map.pdf")
    assert b"/FontFile2" in (tmp_path / "map.pdf").read_bytes(), "TrueType, which journals take, and not Type 3"
    assert dict(mpl.rcParams) == before


def test_the_arrow_of_a_boundary_beyond_the_values_is_beside_its_discs():
    runs, phases = labelled(
        [(value, 1, "grok" if seed < count else "memorize") for value, count in ((1, 5), (10, 6), (100, 8)) for seed in range(9)],
        ["weight_decay", "train_size"],
    )
    beyond = boundaries(runs, phases, "weight_decay", ["train_size"], confidence=0.5)
    assert [each.status for group in beyond.values() for each in group] == ["outside"]
    (panel, _) = plot_boundary(beyond, by=["train_size"], phase="grok").axes
    (arrow,) = (line for line in panel.lines if line.get_label() == "outside")
    (discs,) = (each for each in panel.collections if each.get_label() == "cells")
    apart = panel.transData.transform((arrow.get_xdata()[0], 1))[0] - panel.transData.transform((discs.get_offsets()[0][0], 1))[0]
    assert apart > (discs.get_sizes()[0] ** 0.5 / 2 + 2) * panel.figure.dpi / 72
