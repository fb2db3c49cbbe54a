"""Hand-drawn curves: the label and the events that each must get. And what no curve may do to a label."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.analysis.labels.events import EVENTS, METRICS, EventRule, events, run_events
from grokjax.analysis.labels.rules import RULES, ArticleRule, classify
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.summaries import summarize

EVERY, LAST = 100, 20_000


def drawn(train, test, last=LAST):
    """A curve from corners (step, progress): as progress goes from 0 to 1, accuracies go from 0.5 to 1, losses from 0.7 to 7e-8."""
    step = np.arange(0, last + 1, EVERY)
    metrics = {}
    for part, corners in (("train", train), ("test", test)):
        progress = np.interp(step, *zip(*corners, strict=True))
        metrics[f"{part}_accuracy"] = (0.5 + 0.5 * progress).astype(np.float32)
        metrics[f"{part}_loss"] = (0.7 * 10 ** (-7 * progress)).astype(np.float32)
    return step, metrics


def with_nan(curve, at):
    step, metrics = curve
    kept = step <= at
    return step[kept], {name: np.where(step[kept] == at, np.nan, values[kept]) for name, values in metrics.items()}


SPIKE = [(13_900, 1), (14_000, 0.1), (14_100, 1)]
FITS, STAYS = [(0, 0), (2000, 1)], [(0, 0.0)]
LATE = [(8000, 0.0), (10_000, 1)]
CURVES = {
    "never fits": drawn([(0, 0), (LAST, 0.3)], STAYS),
    "fits only": drawn(FITS, STAYS),
    "falls together": drawn(FITS, [(0, 0), (2300, 1)]),
    "falls together, spikes": drawn([*FITS, *SPIKE], [(0, 0), (2300, 1), *SPIKE]),
    "groks late": drawn(FITS, LATE),
    "ungroks": drawn(FITS, [*LATE, (15_000, 1), (16_000, 0)]),
    "groks twice": drawn(FITS, [*LATE, (12_000, 1), (13_000, 0), (15_000, 0), (16_000, 1)]),
    "spikes": drawn([*FITS, *SPIKE], [*LATE, *SPIKE]),
    "groks in part": drawn(FITS, [(8000, 0), (10_000, 0.6)]),
    "loses its fit": drawn([*FITS, (12_000, 1), (13_000, 0)], STAYS),
    "NaN": with_nan(drawn(FITS, STAYS), 5000),
    "NaN after grokking": with_nan(drawn(FITS, LATE), 15_000),
    "cut short": drawn(FITS, STAYS, last=5000),
    "constant": drawn(STAYS, STAYS),
    "one logged step": drawn(STAYS, STAYS, last=0),
}
# For each, the phases under article, accuracy_delay, crossing and final, and the events with their steps.
EXPECTED = {
    "never fits": ("fail fail fail fail", []),
    "fits only": ("memorize memorize memorize memorize", [(2000, "memorized")]),
    "falls together": ("generalize generalize generalize generalize", [(2300, "generalized")]),
    "falls together, spikes": ("generalize generalize generalize generalize", [(2300, "generalized"), (14_000, "spike")]),
    "groks late": ("grok grok grok grok", [(2000, "memorized"), (10_000, "generalized")]),
    "ungroks": ("grok grok memorize memorize", [(2000, "memorized"), (10_000, "generalized"), (15_300, "ungrokked")]),
    "groks twice": (
        "grok grok grok grok",
        [(2000, "memorized"), (10_000, "generalized"), (12_300, "ungrokked"), (16_000, "regrokked")],
    ),
    "spikes": ("grok grok grok grok", [(2000, "memorized"), (10_000, "generalized"), (14_000, "spike")]),
    "groks in part": ("memorize memorize memorize memorize", [(2000, "memorized"), (9400, "semi-grokked")]),
    "loses its fit": ("memorize memorize fail fail", [(2000, "memorized")]),
    "NaN": ("diverged diverged diverged diverged", [(2000, "memorized"), (5000, "diverged")]),
    "NaN after grokking": ("grok grok diverged diverged", [(2000, "memorized"), (10_000, "generalized"), (15_000, "diverged")]),
    "cut short": ("undecided undecided undecided undecided", [(2000, "memorized")]),
    "constant": ("fail fail fail fail", []),
    "one logged step": ("fail fail fail fail", []),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_drawn_curve_has_its_phases_and_events(name):
    curve, (phases, happened) = CURVES[name], EXPECTED[name]
    runs = pd.DataFrame([summarize(*curve) | {"stopped_by": "article" if name == "cut short" else None}])
    assert [classify(runs, rule())[0] for rule in RULES.values()] == phases.split()
    assert run_events(*curve) == happened


def test_a_loss_exactly_at_the_threshold_is_below_it():
    step = np.array([0, 100, 200])
    accuracy = np.ones(3, np.float32)
    curve = {
        "train_loss": np.array([1e-5] * 3),
        "test_loss": np.array([0.6, 0.6, 1e-5]),
        "train_accuracy": accuracy,
        "test_accuracy": accuracy,
    }
    assert classify(pd.DataFrame([summarize(step, curve)]), ArticleRule()).tolist() == ["grok"]
    above = curve | {"train_loss": np.array([1.0000001e-5] * 3)}
    assert classify(pd.DataFrame([summarize(step, above)]), ArticleRule()).tolist() == ["fail"]


def test_events_of_many_runs_are_those_of_each():
    frames = [pd.DataFrame({"run_id": name, "step": step, **metrics}) for name, (step, metrics) in CURVES.items()]
    curves = pd.concat(frames).sample(frac=1, random_state=0)
    found = events(curves)
    assert found["event"].cat.categories.tolist() == list(EVENTS)
    for name, (_, happened) in EXPECTED.items():
        rows = found[found["run_id"] == name]
        assert list(zip(rows["step"], rows["event"], strict=True)) == happened, name
    assert events(curves.iloc[:0]).empty


def test_low_accuracy_that_does_not_last_is_no_ungrokking():
    step, metrics = CURVES["spikes"]
    assert (15_000, "ungrokked") not in run_events(step, metrics)
    assert (14_000, "ungrokked") in run_events(step, metrics, EventRule(hold=1))
    assert (14_100, "regrokked") in run_events(step, metrics, EventRule(hold=1))


def test_a_missing_metric_is_named():
    with pytest.raises(AnalysisError, match="events need the column train_loss"):
        events(pd.DataFrame({"run_id": ["a"], "step": [0]}))


any_loss = st.floats(2.0**-30, 10, width=32)


@given(st.lists(st.tuples(any_loss, any_loss), min_size=2, max_size=30), st.data())
def test_more_steps_never_turn_grok_into_memorize(rows, data):
    step = np.arange(len(rows)) * 100
    train, test = (np.array(values, np.float32) for values in zip(*rows, strict=True))
    accuracy = np.ones(len(rows), np.float32)
    metrics = {"train_loss": train, "test_loss": test, "train_accuracy": accuracy, "test_accuracy": accuracy}
    cut = data.draw(st.integers(1, len(rows)))
    rule = ArticleRule(loss_threshold=data.draw(st.floats(1e-6, 1)), ratio_threshold=data.draw(st.floats(1, 1e4)))
    shorter, longer = (
        classify(pd.DataFrame([summarize(step[:end], {name: values[:end] for name, values in metrics.items()})]), rule)[0]
        for end in (cut, len(rows))
    )
    assert shorter != "grok" or longer == "grok"
    assert not (shorter == "memorize" and longer == "fail")


@settings(max_examples=10)
@given(st.permutations(list(CURVES)))
def test_permuting_runs_changes_no_label(order):
    runs = pd.DataFrame([summarize(*CURVES[name]) for name in CURVES], index=list(CURVES))
    for rule in RULES.values():
        pd.testing.assert_series_equal(classify(runs, rule()).loc[order], classify(runs.loc[order], rule()))


def test_every_metric_that_events_need_is_in_every_curve():
    assert set(METRICS) <= set(CURVES["constant"][1])
