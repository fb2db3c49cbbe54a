"""Shares of variants and contrasts between the values of a hyperparameter: by hand, and how often the intervals cover."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import grokjax
from grokjax.analysis.statistics.variants import _contrast
from grokjax.errors import AnalysisError
from tests.support.command import grokjax as command


def table(counts, seeds=4):
    """Runs of widths 1 and 2 under weight decays 0.1 and 1, and their phases: `counts` of each cell's seeds grok."""
    rows = [
        (width, decay, seed, "grok" if seed < counts[index] else "memorize")
        for index, (width, decay) in enumerate(itertools.product((1, 2), (0.1, 1.0)))
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows, columns=["hidden_size", "weight_decay", "seed", "phase"])
    return runs.drop(columns="phase"), runs["phase"]


def test_variants_are_sorted_by_the_share_that_generalizes():
    found = grokjax.variant_shares(*table((0, 2, 3, 4)), ["hidden_size"], mix=["weight_decay"])
    assert found["hidden_size"].tolist() == [2, 1]
    assert found["share"].tolist() == [7 / 8, 2 / 8]
    assert found["grok_share"].tolist() == [7 / 8, 2 / 8]
    assert found["memorize_share"].tolist() == [1 / 8, 6 / 8]
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()


def test_a_contrast_compares_within_strata():
    (row,) = grokjax.share_contrasts(*table((0, 2, 3, 1)), "hidden_size", ["weight_decay"]).to_dict("records")
    assert (row["value"], row["reference"], row["difference"]) == (2, 1, pytest.approx(((3 - 0) / 4 + (1 - 2) / 4) / 2))
    assert (row["strata"], row["higher"], row["lower"]) == (2, 1, 1)


def test_an_unbalanced_design_is_not_confused_with_a_difference():
    """Width 2 has most of its runs where all grok; within strata the widths are alike."""
    runs, phases = table((0, 4, 0, 4))
    kept = ~((runs["hidden_size"] == 2) & (runs["weight_decay"] == 0.1) & (runs["seed"] > 0))
    (row,) = grokjax.share_contrasts(runs[kept], phases[kept], "hidden_size", ["weight_decay"]).to_dict("records")
    assert row["difference"] == 0
    assert (row["higher"], row["lower"]) == (0, 0)


def test_strata_have_the_weights_of_mantel_and_haenszel():
    row = _contrast(np.array([[1.0, 0.0], [4.0, 1.0]]), np.array([[2.0, 6.0], [8.0, 4.0]]), 0.95)
    first, second = 2 * 6 / 8, 8 * 4 / 12
    assert row["difference"] == pytest.approx((first * 1 / 2 + second * 1 / 4) / (first + second))


def test_one_stratum_is_newcombes_interval():
    """56 of 70 and 48 of 80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    row = _contrast(np.array([[56.0, 48.0]]), np.array([[70.0, 80.0]]), 0.95)
    assert (round(row["difference"], 4), round(row["low"], 4), round(row["high"], 4)) == (0.2, 0.0524, 0.3339)


def test_intervals_cover_small_designs_and_do_not_shrink_to_a_point():
    rng, covered, trials = np.random.default_rng(0), 0, 2000
    size = np.full((6, 2), 4.0)
    for _ in range(trials):
        truth = rng.uniform(0, 0.7, 6)[:, None] + np.array([0.3, 0.0])
        row = _contrast(rng.binomial(4, truth).astype(float), size, 0.95)
        covered += row["low"] <= 0.3 <= row["high"]
    assert 0.94 <= covered / trials <= 1
    none = _contrast(np.zeros((6, 2)), size, 0.95)
    assert none["low"] < -0.05 < 0.05 < none["high"]


@given(counts=st.tuples(*[st.integers(0, 4)] * 4))
def test_exchanging_the_values_changes_the_sign_alone(counts):
    count, size = np.array(counts, float).reshape(2, 2), np.full((2, 2), 4.0)
    one, other = _contrast(count, size, 0.9), _contrast(count[:, ::-1], size, 0.9)
    assert one["difference"] == pytest.approx(-other["difference"])
    assert (one["low"], one["high"]) == pytest.approx((-other["high"], -other["low"]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "seed", "strata": []}, "also varies"),
        ({"strata": []}, "weight_decay also varies"),
        ({"of": ["grokk"]}, "there is no phase grokk; .* did you mean grok"),
        ({"of": []}, "there is no phase"),
        ({"confidence": 95}, "confidence"),
    ],
)
def test_contrasts_refuse_in_a_sentence(changes, says):
    settings = {"name": "hidden_size", "strata": ["weight_decay"]} | changes
    with pytest.raises(AnalysisError, match=says):
        grokjax.share_contrasts(*table((1, 1, 1, 1)), settings.pop("name"), **settings)


def test_values_that_never_meet_are_not_compared():
    runs, phases = table((1, 1, 1, 1))
    apart = (runs["hidden_size"] == 1) == (runs["weight_decay"] == 1)
    with pytest.raises(AnalysisError, match="no two values of hidden_size have runs with the same weight_decay"):
        grokjax.share_contrasts(runs[apart], phases[apart], "hidden_size", ["weight_decay"])


def test_the_bars_are_the_shares():
    shares = grokjax.variant_shares(*table((0, 2, 3, 4)), ["hidden_size"], mix=["weight_decay"])
    (panel,) = grokjax.plot_variants(shares, by=["hidden_size"]).axes
    bars = {(bar.get_y() + 0.4, round(bar.get_x(), 3), round(bar.get_width(), 3)) for bar in panel.patches}
    assert bars == {(0, 0, 0.125), (0, 0.125, 0.875), (1, 0, 0.75), (1, 0.75, 0.25)}
    assert [label.get_text() for label in panel.get_yticklabels()] == ["2", "1"]
    with pytest.raises(AnalysisError, match="0 combinations of hidden_size"):
        grokjax.plot_variants(shares[:0], by=["hidden_size"])


def test_the_command_prints_variants_and_contrasts(tmp_path):
    done = command("variants", "docs/example", "weight_decay,train_size", "--out", tmp_path / "variants.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "variants.png").stat().st_size > 0
    assert "95 % intervals" in done.stdout
    assert "higher in" in done.stdout
    failed = command("variants", "docs/example", "weight_decai")
    assert failed.returncode != 0
    assert "did you mean weight_decay" in failed.stderr
