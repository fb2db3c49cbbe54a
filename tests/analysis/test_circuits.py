"""What single runs have learned: contributions of frequencies, pruning of distracting weights, and the figures of both."""

import numpy as np
import pandas as pd
import pytest

import grokjax
from grokjax.analysis.plots.layout.style import DOUBLE
from grokjax.analysis.statistics.units import UnitMaps
from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError

TOKENS = 23
RUN = {"operation": "add", "activation": "quadratic"}


def circle(*frequencies, units=5, scale=1.0):
    """The closed-form solution at some frequencies, the first with one unit more; `scale` is of the output weights of the last."""
    tokens = 2 * np.pi * np.arange(TOKENS) / TOKENS
    reads, writes = [], []
    for index, key in enumerate(frequencies):
        count = units + (index == 0) * 2
        for phase in 2 * np.pi * np.arange(count) / count:
            reads.append(np.cos(key * tokens - phase))
            writes.append((scale if key == frequencies[-1] else 1) * np.cos(key * tokens - 2 * phase))
    return UnitMaps(np.array([0]), np.array(reads).T[None, None], np.array(writes)[None])


def test_contributions_of_the_closed_form_are_waves_and_add_up():
    found = grokjax.contributions(circle(2, 5), RUN)
    assert found.frequencies == [2, 5]
    assert found.units.tolist() == [7, 5]
    offsets = np.arange(TOKENS)
    for row, key in zip(found.by_offset, (2, 5), strict=True):
        wave = np.cos(2 * np.pi * key * offsets / TOKENS)
        np.testing.assert_allclose(row, row[0] * wave, atol=1e-9)
    # exact, but larger for some pairs than for others: cos^2 of half their difference
    weight = np.cos(np.pi * 2 * np.subtract.outer(offsets, offsets) / TOKENS) ** 2
    np.testing.assert_allclose(found.correlation[0], weight.mean() / np.sqrt((weight**2).mean()), atol=1e-9)
    assert found.accuracy == 1
    assert (found.accuracy_alone == 1).all()
    assert (found.loss_without > found.loss).all()


def test_a_frequency_that_carries_everything_is_missed():
    found = grokjax.contributions(circle(2, 5, scale=1e-9), RUN)
    without = dict(zip(found.frequencies, found.accuracy_without, strict=True))
    assert without[5] == 1
    dead = grokjax.contributions(circle(5), RUN)
    assert dead.frequencies == [5]
    assert dead.accuracy_without[0] == 0, "all outputs are zero, and a tie is wrong"
    assert dead.loss_without[0] == pytest.approx(np.log(TOKENS))


@pytest.mark.parametrize("change", [{"operation": "multiply"}, {"activation": "gelu"}])
def test_contributions_refuse_other_operations_and_activations(change):
    with pytest.raises(AnalysisError, match=r"need operation = 'add' and one of relu, quadratic, tanh"):
        grokjax.contributions(circle(2), RUN | change)


def test_contributions_refuse_weights_without_power():
    with pytest.raises(AnalysisError, match="no hidden unit has any power at a frequency"):
        grokjax.contributions(UnitMaps(np.array([0]), np.zeros((1, 1, TOKENS, 2)), np.zeros((1, 2, TOKENS))), RUN)


def test_the_figure_of_contributions_has_a_panel_for_each_frequency_and_bars_without_each():
    found = grokjax.contributions(circle(2, 5), RUN)
    figure = grokjax.plot_contributions(found, step=700, width=DOUBLE)
    first, second, accuracy, loss = figure.axes
    assert [first.get_title(), second.get_title()] == ["k = 2: 7 units", "k = 5: 5 units"]
    offsets, drawn = first.lines[0].get_data()
    np.testing.assert_allclose(drawn, found.by_offset[0][np.asarray(offsets) % TOKENS])
    assert offsets[0] == -(TOKENS // 2)
    assert [bar.get_height() for bar in accuracy.patches] == [1, *found.accuracy_without]
    assert [bar.get_height() for bar in loss.patches] == [found.loss, *found.loss_without]
    assert [label.get_text() for label in loss.get_xticklabels()] == ["all", "not 2", "not 5"]


def parity_weights(distracting):
    """Two hidden units on one signal and one distracting input, and the constant, at three steps; the second unit's output is 0."""
    hidden = np.array([[[2.0, each, 9.0], [5.0, 5.0, 0.0]] for each in distracting], np.float32)
    return Weights(np.array([0, 100, 200]), {"hidden": hidden, "output": np.array([[[1.0, 0.0]]] * 3, np.float32)})


@pytest.mark.parametrize(
    ("distracting", "pruned"),
    [((1, 0.5, 0.01), 200), ((1, 0.01, 0.5), None), ((0.01, 0.5, 0.01), 200), ((0.01, 0.01, -0.01), 0), ((1, 0.099, 0.0), 100)],
)
def test_the_last_distracting_weight_is_pruned_once_it_stays_below_a_twentieth(distracting, pruned):
    found = grokjax.pruning(parity_weights(distracting), 1)
    assert found.threshold == pytest.approx(0.1)
    assert (found.pruned, found.units_left) == (pruned, 1)
    assert found.distracting.shape == (3, 2, 1), "the constant input is none"


def test_pruning_refuses_other_networks():
    deep = parity_weights((1, 1, 1))
    with pytest.raises(AnalysisError, match="pruning needs the weights of an mlp with one hidden layer"):
        grokjax.pruning(Weights(deep.step, deep.arrays | {"hidden_2": np.zeros((3, 2, 2))}), 1)
    with pytest.raises(AnalysisError, match="pruning needs"):
        grokjax.pruning(deep, 0)


def test_the_figure_of_pruning_marks_the_step_and_counts_units():
    curve = pd.DataFrame({"step": [0, 100, 200], "train_accuracy": [0.5, 1, 1], "test_accuracy": [0.5, 0.5, 1]})
    figure = grokjax.plot_pruning(grokjax.pruning(parity_weights((1, 0.5, 0.01)), 1), curve)
    accuracy, sizes, units = figure.axes
    np.testing.assert_allclose(sizes.lines[1].get_ydata(), [1, 0.5, 0.01], rtol=1e-6)
    assert units.lines[0].get_ydata().tolist() == [1, 1, 0]
    assert [panel.lines[-1].get_xdata()[0] for panel in (accuracy, sizes, units)] == [200] * 3
    never = grokjax.plot_pruning(grokjax.pruning(parity_weights((1, 1, 1)), 1), curve)
    assert "The last distracting weight is not pruned; 1 hidden unit left" in never.texts[-1].get_text().replace("\n", " ")


def test_frequencies_are_marks_whose_area_is_the_number_of_units():
    units = pd.DataFrame({"run": [0, 0, 0, 1, 1], "frequency": [3, 3, 7, 5, 0]})
    figure = grokjax.plot_frequencies(units, ["seed 0", "seed 4"], ["grok", "memorize"], highest=11)
    (panel,) = figure.axes
    areas = {
        tuple(place): size
        for marks in panel.collections
        for place, size in zip(marks.get_offsets().tolist(), marks.get_sizes(), strict=True)
    }
    assert set(areas) == {(3, 0), (7, 0), (5, 1)}
    assert areas[3, 0] == pytest.approx(2 * areas[7, 0])
    assert [label.get_text() for label in panel.get_yticklabels()] == ["seed 0", "seed 4"]
    with pytest.raises(AnalysisError, match="0 runs; this figure shows 1 to 100"):
        grokjax.plot_frequencies(units[:0], [], [], highest=11)
