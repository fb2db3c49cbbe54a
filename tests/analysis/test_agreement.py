"""Several rules on one table: agreement, kappa, and how the map moves."""

import numpy as np
import pandas as pd
import pytest

import grokjax
from grokjax.analysis.labels.rules import PHASES, AccuracyDelayRule, ArticleRule, CrossingRule
from grokjax.analysis.statistics.agreement import agreement, cohens_kappa, describe_settings, most_moved, nearby, sensitivity
from grokjax.errors import AnalysisError


def phases_of(counts):
    """Two labellings of runs, from how many runs have each pair of phases."""
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return [pd.Series(pd.Categorical(labels, categories=PHASES)) for labels in zip(*pairs, strict=True)]


def test_kappa_is_that_of_the_textbook():
    # Cohen 1960, table 1: 200 subjects in three categories
    first, second = phases_of(
        {
            ("grok", "grok"): 88, ("grok", "fail"): 14, ("grok", "memorize"): 18,
            ("fail", "grok"): 10, ("fail", "fail"): 40, ("fail", "memorize"): 10,
            ("memorize", "grok"): 2, ("memorize", "fail"): 6, ("memorize", "memorize"): 12,
        }
    )  # fmt: skip
    assert cohens_kappa(first, second) == pytest.approx(0.492, abs=5e-4)
    # 20 and 15 of 50 agree: observed 0.7, by chance 0.5
    assert cohens_kappa(*phases_of({("grok", "grok"): 20, ("grok", "fail"): 5, ("fail", "grok"): 10, ("fail", "fail"): 15})) == 0.4
    assert np.isnan(cohens_kappa(*phases_of({("grok", "grok"): 5})))


@pytest.fixture
def runs():
    rows = [(400, 900, 16, 1), (400, 2000, 16, 1), (400, 5000, 64, 1), (400, None, 64, 1), (None, None, 64, 2)]
    table = pd.DataFrame(rows, columns=["first_step_train_accuracy_90", "first_step_test_accuracy_90", "hidden_size", "train_size"])
    return table.assign(
        **{f"first_step_{part}_accuracy_95": table[f"first_step_{part}_accuracy_90"] + 500 for part in ("train", "test")}
    )


def test_rules_are_compared_pair_by_pair(runs):
    strict, loose = AccuracyDelayRule(), AccuracyDelayRule(delay=2000)
    compared = agreement(runs, [strict, loose, CrossingRule("accuracy_90", "accuracy_90", "first")])
    assert compared.labels["accuracy_delay"].tolist() == ["generalize", "grok", "grok", "memorize", "fail"]
    assert compared.labels["accuracy_delay, delay 2000"].tolist() == ["generalize", "generalize", "grok", "memorize", "fail"]
    assert compared.table["agreement"].tolist() == [0.8, 1.0, 0.8]
    assert compared.table["kappa"].iloc[1] == 1
    counts = compared.confusion("accuracy_delay", "accuracy_delay, delay 2000")
    assert counts.loc["grok", "generalize"] == 1
    assert counts.loc["grok", "grok"] == 1
    assert counts.to_numpy().sum() == len(runs)
    assert compared.differing.index.tolist() == [1]
    with pytest.raises(AnalysisError, match="no rule final was compared"):
        compared.confusion("final", "accuracy_delay")
    with pytest.raises(AnalysisError, match="at least two different rules, got accuracy_delay, accuracy_delay"):
        agreement(runs, [strict, AccuracyDelayRule()])


def test_a_sensitivity_map_says_how_far_each_cell_moves(runs):
    moved = sensitivity(runs, AccuracyDelayRule(), {"delay": [1000, 2000]}, x="hidden_size", y="train_size")
    assert moved["delay"].tolist() == [1000] * 3 + [2000] * 3
    assert moved["distance"].tolist() == [0, 0, 0, 0.5, 0, 0], "one of two runs at width 16 is no grok any more"
    cells = most_moved(moved, ["train_size", "hidden_size"])
    assert cells.iloc[0][["hidden_size", "distance", "mean_distance", "phases"]].tolist() == [16, 0.5, 0.25, 2]
    with pytest.raises(AnalysisError, match=r"no threshold dellay; .* did you mean delay"):
        sensitivity(runs, AccuracyDelayRule(), {"dellay": [1]}, x="hidden_size", y="train_size")
    with pytest.raises(AnalysisError, match="too many"):
        sensitivity(runs, AccuracyDelayRule(), {"delay": range(1, 10**7)}, x="hidden_size", y="train_size")


def test_nearby_thresholds_span_two_decades_within_what_is_allowed():
    found = nearby(ArticleRule(), count=3)
    assert (found["loss_threshold"], found["ratio_threshold"]) == ((1e-6, 1e-5, 1e-4), (5e3, 5e4, 5e5))
    assert nearby(AccuracyDelayRule(delay=1), count=2)["delay"] == (1, 10)
    assert nearby(ArticleRule(ratio_threshold=1), count=3)["ratio_threshold"] == (1, 10), "each once"


def test_options_move_among_the_others_of_their_sort(runs):
    found = nearby(CrossingRule())
    assert found["train"] == found["test"] == ("accuracy_90", "accuracy_95", "accuracy_99", "accuracy_100")
    assert found["kind"] == ("first", "sustained", "held")
    assert nearby(CrossingRule(train="loss_1e_5"))["train"] == ("loss_1e_2", "loss_1e_5")
    assert nearby(ArticleRule())["loss_convention"] == ("per_example", "per_class", "bits")
    assert nearby(AccuracyDelayRule(), runs)["accuracy"] == (0.9, 0.95), "the table has columns for these two"


def test_labels_that_hang_on_the_accuracy_alone_are_not_called_insensitive():
    """Five runs of docs/example at weight_decay 3 fit to 95 % and never to 99 %: the delay does not matter to them."""
    results = grokjax.open_root("docs/example", ["weight_decay=3"], rule="crossing")
    moved = results.sensitivity(x="train_size", y="weight_decay")
    cells = most_moved(moved, ["weight_decay", "train_size"]).set_index("train_size")
    assert cells.loc[150, "distance"] == 1
    assert cells.loc[150, "alone"] == "train"
    only_delay = sensitivity(results.runs, CrossingRule(), {"delay": (100.0, 1000.0, 10000.0)}, x="train_size", y="weight_decay")
    assert only_delay["distance"].max() == 0


def test_tried_values_are_described():
    settings = {"train": ("accuracy_90", "accuracy_95"), "accuracy": (0.9, 0.95), "delay": (100.0, 1000.0, 10000.0)}
    assert describe_settings(settings) == "train accuracy_90, accuracy_95; accuracy 0.9, 0.95; delay 100 to 10000"
