"""The settings that all figures share: title, note, names, the user's own rcParams, and the file formats."""

import inspect
import shutil

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.legend import Legend

import grokjax
from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.plots.layout.look import COMMON, SETTINGS, Look, Settings
from grokjax.analysis.plots.layout.text import text_width, wrapped
from grokjax.errors import AnalysisError

PLOTS = [name for name in grokjax.__all__ if name.startswith("plot_")]


def grid_of(labels=("grok", "fail", "memorize", "generalize"), facet=None):
    rows = [(0.1, y, x, label) for y in (1, 2) for x in (1, 2) for label in labels]
    runs = pd.DataFrame(rows, columns=["weight_decay", "train_size", "hidden_size", "label"])
    phases = pd.Series(pd.Categorical(runs["label"], categories=PHASES), index=runs.index)
    return grokjax.phase_grid(runs, phases, x="hidden_size", y="train_size", facet=facet)


def words(figure):
    texts = [text.get_text() for text in figure.texts]
    for panel in figure.axes:
        texts += [panel.get_title(), panel.get_xlabel(), panel.get_ylabel()]
    texts += [text.get_text() for legend in figure.findobj(Legend) for text in legend.get_texts()]
    return [text for text in texts if text]


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_function_takes_and_documents_the_common_settings(name):
    plot = getattr(grokjax, name)
    own = inspect.signature(plot).parameters
    assert [each.kind for each in own.values()][-1] is inspect.Parameter.VAR_KEYWORD
    assert not set(own) & set(SETTINGS), "declared once, in Look"
    assert (inspect.getdoc(plot) or "").endswith(COMMON)
    with pytest.raises(TypeError, match=f"{name} has no setting widht; .*did you mean width"):
        plot(None, widht=3)


def test_the_settings_are_those_of_look_and_each_is_described():
    assert set(Settings.__annotations__) == set(SETTINGS) == set(Look().__dict__)
    assert [line.strip().split(":")[0] for line in COMMON.splitlines() if line.startswith("  ")] == list(SETTINGS)


def test_a_title_and_a_note_can_be_replaced_or_left_out():
    grid = grid_of()
    assert words(grokjax.plot_phases(grid, title="(a)"))[0] == "(a)"
    assert any("16 runs" in text for text in words(grokjax.plot_phases(grid)))
    assert any(text.startswith("Warning: so.") for text in words(grokjax.plot_phases(grid, warning="so")))
    assert "see the caption" in words(grokjax.plot_phases(grid, note="see the caption"))
    bare = grokjax.plot_phases(grid, title=False, note=False, warning="so")
    assert bare.texts == []
    assert bare.get_figheight() < grokjax.plot_phases(grid, title="(a)").get_figheight(), "no room is left for them"


def test_hyperparameters_and_phases_are_drawn_under_their_new_names():
    names = {"hidden_size": "$N$", "train_size": "training set", "weight_decay": r"$\lambda$", "grok": "grokking"}
    shown = words(grokjax.plot_phases(grid_of(facet="weight_decay"), names=names))
    assert {"$N$", "training set", r"$\lambda$ = 0.1", "grokking"} <= set(shown)
    assert not [text for text in shown if "hidden_size" in text or "weight_decay" in text]
    shades = grokjax.plot_shares(grid_of(), phase="grok", names=names)
    assert "grokking (% of runs)" in [text.replace("\n", " ") for text in words(shades)]


def test_a_formula_is_measured_as_it_is_drawn_and_never_broken():
    assert text_width(r"$\lambda$") < text_width("lambda")
    assert wrapped(r"$a_b + c_d + e_f$ of_the_network", 0.2).split("\n")[0] == r"$a_b + c_d + e_f$"


@pytest.mark.parametrize("settings", [{"names": {"hidden_size": r"$\frac{1$"}}, {"title": r"$\lamda$"}])
def test_a_formula_that_cannot_be_set_is_refused_in_a_sentence(settings):
    with pytest.raises(AnalysisError, match=r"cannot be set as a formula: .*; write a formula of TeX between dollar signs"):
        grokjax.plot_phases(grid_of(), **settings)


@pytest.mark.parametrize("inside", [True, False])
def test_a_users_rcparams_are_kept(inside, tmp_path):
    with mpl.rc_context({"font.family": "serif", "font.size": 11, "axes.spines.top": True, "axes.linewidth": 2}):
        figure = grokjax.plot_phases(grid_of())
        if inside:
            figure.savefig(tmp_path / "a.svg")
    if not inside:
        figure.savefig(tmp_path / "a.svg")
    panel = figure.axes[0]
    assert panel.xaxis.label.get_fontfamily() == ["serif"]
    assert panel.xaxis.label.get_size() == 11
    assert panel.get_xticklabels()[0].get_size() == pytest.approx(11 * 6.5 / 7.5), "sizes that were not set follow font.size"
    assert panel.spines["left"].get_linewidth() == 2
    assert "serif" in (tmp_path / "a.svg").read_text()
    assert grokjax.plot_phases(grid_of()).axes[0].xaxis.label.get_fontfamily() == ["DejaVu Sans"]


def test_a_users_sans_serif_font_is_used():
    with mpl.rc_context({"font.sans-serif": ["DejaVu Sans Mono"]}):
        label = grokjax.plot_phases(grid_of()).axes[0].xaxis.label
        assert label.get_fontname() == "DejaVu Sans Mono"


@pytest.mark.parametrize("width", [1.6, 2.4])
def test_a_legend_is_filled_line_by_line(width):
    figure = grokjax.plot_phases(grid_of(("memorize", "grok", "generalize", "fail", "diverged")), width=width)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    boxes = [(-round(text.get_window_extent().y0), text.get_window_extent().x0, text.get_text()) for text in legend.get_texts()]
    assert [text for _, _, text in sorted(boxes)] == ["memorize", "grok", "generalize", "fail", "diverged"]


@pytest.mark.skipif(not any(map(shutil.which, ("xelatex", "lualatex", "pdflatex"))), reason="no LaTeX is installed")
def test_a_pgf_file_has_its_text_for_latex(tmp_path):
    written = grokjax.save_figure(grokjax.plot_phases(grid_of(), names={"hidden_size": r"$\lambda$"}), tmp_path / "a.pgf")
    text = written.read_text()
    assert r"\begin{pgfpicture}" in text
    assert "training" in text or r"train_size" in text.replace(r"\_", "_")


def test_without_latex_a_pgf_file_is_refused_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AnalysisError, match=r"a\.pgf: matplotlib measures the text of \.pgf files with LaTeX, and none of xelatex"):
        grokjax.save_figure(grokjax.plot_phases(grid_of()), tmp_path / "a.pgf")
    with pytest.raises(AnalysisError, match=r"a figure is a \.png, \.svg, \.pdf or \.pgf file"):
        grokjax.save_figure(Figure(), tmp_path / "a.eps")
