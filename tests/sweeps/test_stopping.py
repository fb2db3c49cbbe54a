import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.sweeps.store.summaries import summarize
from tests.support.curves import curve

# Losses around the thresholds, so that every order of reaching them comes up; at times not finite.
LOSSES = st.sampled_from([1.0, 0.6, 1.1e-5, 1e-5, 9e-6, 1e-6, 1.2e-7, np.inf, np.nan])
CURVES = st.lists(st.tuples(LOSSES, LOSSES), min_size=1, max_size=12)


def metrics_of(losses):
    train, test = np.array(losses, np.float32).T
    return curve(train, test, np.ones(len(losses)), np.ones(len(losses)))


def article_decided(metrics, chunk=None):
    """After how many rows a run is decided, its rows given in chunks; None if it never is."""
    decider, rows = ArticleRule.decider(), len(metrics["train_loss"])
    for start in range(0, rows, chunk or rows):
        at = decider({name: values[start : start + (chunk or rows)] for name, values in metrics.items()})
        if at is not None:
            return start + at + 1
    return None


def label(metrics, rows):
    """The label after so many rows; as the engine does, none after the first that is not finite."""
    finite = np.isfinite(metrics["train_loss"]) & np.isfinite(metrics["test_loss"])
    rows = min(rows, len(finite) if finite.all() else int(np.argmin(finite)) + 1)
    summary = summarize(np.arange(rows) * 100, {name: values[:rows] for name, values in metrics.items()})
    return classify(pd.DataFrame([summary]), ArticleRule()).item()


@settings(max_examples=500, deadline=None)
@given(CURVES, st.integers(1, 5))
def test_a_decided_run_keeps_its_label_whatever_comes_and_no_earlier_row_decides_it(losses, chunk):
    metrics = metrics_of(losses)
    until = article_decided(metrics, chunk)
    labels = [label(metrics, rows) for rows in range(1, len(losses) + 1)]
    before_a_bad_row = [row for row, (train, test) in enumerate(losses) if not np.isfinite(train + test)]
    ends = before_a_bad_row[0] if before_a_bad_row else len(losses)
    if until is None or until > ends:
        assert "grok" not in labels[:ends]
    else:
        assert set(labels[until - 1 :]) == {"grok"}
        assert "grok" not in labels[: until - 1]
        assert article_decided({name: values[:until] for name, values in metrics.items()}) == until


def test_by_hand():
    assert article_decided(metrics_of([(1, 1), (1e-6, 1), (1e-6, 1e-5)])) == 3  # the ratio first, the test loss last
    assert article_decided(metrics_of([(1, 1), (1e-5, 1e-5), (1e-5, 0.4), (1e-5, 0.6)])) == 4  # the ratio last
    assert article_decided(metrics_of([(1, 1), (1e-6, 1e-6)])) is None
