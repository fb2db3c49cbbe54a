"""Texts are as wide when drawn as `text_width` says, whatever the resolution: lines are wrapped and labels placed by it."""

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grokjax.analysis.plots.layout.style import SMALL, current_style
from grokjax.analysis.plots.layout.text import text_width, wrapped

NOTE = "75 runs. generalize: test accuracy ≥ 99 %; grok: at least 1,000 steps after train accuracy ≥ 99 %. A crossing counts if it"


@pytest.mark.parametrize("dpi", [100, 250, 300])
def test_a_line_is_as_wide_as_measured(dpi):
    with mpl.rc_context(current_style()):
        figure = Figure(dpi=dpi)
        text = figure.text(0, 0, NOTE, fontsize=SMALL)
        drawn = text.get_window_extent(FigureCanvasAgg(figure).get_renderer()).width / dpi
        assert drawn == pytest.approx(text_width(NOTE), rel=0.005)


def test_a_percentage_stays_on_one_line():
    assert all("95 %" in wrapped("bands of 95 % width", width / 20) for width in range(1, 40))
