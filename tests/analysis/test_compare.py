"""Two tables compared: pairs, the yardstick, values that count as one, and what is refused."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import grokjax
from grokjax.analysis.statistics.compare import compare, paired_counts, read_table
from grokjax.errors import AnalysisError

PHASES = ("memorize", "grok", "generalize", "fail")


def read_labels(runs):
    return runs["label"]


def table(shares, seeds, random, **columns):
    """Runs of a cell a row of `shares`, drawn independently."""
    rows = [
        {"x": float(x), "y": 1, "seed": seed, "label": PHASES[random.choice(len(row), p=row)]}
        for x, row in enumerate(shares, start=1)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows).assign(**columns)


def compared(first, second, **settings):
    return compare(first, second, read_labels, x="x", y="y", **{"permutations": 200} | settings)


MIXED = [(0.5, 0.5), (0.2, 0.8), (0.9, 0.1), (0.0, 1.0)]


def test_the_yardstick_of_one_truth_is_the_distance_that_two_samples_have():
    random = np.random.default_rng(0)
    found = [compared(table(MIXED, 9, random), table(MIXED, 9, random), seed=seed) for seed in range(60)]
    seen = np.mean([each.mean_distance for each in found])
    assert {each.unit for each in found} == {"seeds"}
    assert np.mean([each.expected_distance for each in found]) == pytest.approx(seen, rel=0.1)
    assert 0.005 <= np.mean([each.p < 0.05 for each in found]) <= 0.15


def test_two_truths_are_told_apart():
    random = np.random.default_rng(0)
    other = [row[::-1] for row in MIXED]
    assert compared(table(MIXED, 9, random), table(other, 9, random)).p < 0.01


def test_runs_without_seeds_are_dealt_out_within_their_cells():
    random = np.random.default_rng(0)
    first, second = (table(MIXED, 9, random).drop(columns="seed") for _ in range(2))
    assert compared(first, second).unit == "runs"


def test_equal_seeds_of_two_roots_are_pairs():
    random = np.random.default_rng(1)
    runs = table(MIXED, 9, random)
    runs["run_id"] = runs.index.astype(str)
    other = runs.assign(label=runs["label"].mask(runs.index == 0, "fail"))
    found = compared(runs, other)
    assert found.unit == "pairs"
    assert found.mean_distance == pytest.approx(1 / 9 / 4)
    assert found.null_distances.tolist() == [pytest.approx(1 / 9 / 4)] * 200, "one pair differs, whichever table has which"
    assert found.pairs[["both", "only_first", "only_second", "neither"]].sum(axis=1).tolist() == [36] * len(found.pairs)
    assert compared(runs, other, paired=False).unit == "seeds"


def test_mcnemar_is_that_of_r():
    """R 4.2: binom.test(9, 10)$p.value and binom.test(1, 10)$p.value give 0.02148438."""
    first = ["grok"] * 9 + ["fail"] + ["grok"] * 5
    second = ["fail"] * 9 + ["grok"] + ["grok"] * 5
    found = paired_counts(first, second).set_index("phase")
    assert found.loc["grok"].tolist() == [5, 9, 1, 0, pytest.approx(0.02148438)]
    assert found.loc["fail"].tolist() == [0, 1, 9, 5, pytest.approx(0.02148438)]


def test_rounded_numbers_count_as_one_value_and_are_named():
    random = np.random.default_rng(0)
    first = table(MIXED, 3, random).replace({"x": {1.0: 0.0316, 2.0: 0.1, 3.0: 0.316, 4.0: 1000.0}})
    second = first.replace({"x": {0.0316: 0.0316228, 0.316: 0.3162278, 1000.0: 1004.0}})
    found = compared(first, second)
    assert found.matched.to_numpy().tolist() == [["x", 0.0316, 0.0316228], ["x", 0.316, 0.3162278]]
    assert (len(found.cells), found.only_first, found.only_second) == (3, 1, 1), "whole numbers match only if they are equal"
    assert found.mean_distance == 0


def test_a_value_with_two_neighbours_is_matched_with_neither():
    random = np.random.default_rng(0)
    first = table(MIXED[:2], 3, random).replace({"x": {1.0: 0.1, 2.0: 0.5}})
    second = table(MIXED[:3], 3, random).replace({"x": {1.0: 0.1001, 2.0: 0.1002, 3.0: 0.5}})
    found = compared(first, second)
    assert found.matched.empty
    assert found.cells["x"].tolist() == [0.5]


def test_a_table_of_two_learning_rates_is_refused(small_root):
    results = grokjax.open_root(small_root)
    published = pd.DataFrame(
        {name: results.runs[name].to_numpy() for name in ("weight_decay", "hidden_size", "learning_rate", "seed")}
    )
    with pytest.raises(AnalysisError, match="learning_rate also varies"):
        compare(
            results.select("learning_rate=0.001").runs,
            published.assign(label="grok"),
            lambda runs: ["grok"] * len(runs),
            x="hidden_size",
            y="weight_decay",
        )


def test_settings_that_differ_are_named_and_halves_of_a_root_compared(small_root):
    results = grokjax.open_root(small_root)
    first, second = (results.select(f"learning_rate={value}").with_rule("crossing") for value in (0.001, 0.003))
    found = first.compare(second, x="hidden_size", y="weight_decay")
    assert found.unit == "pairs"
    assert found.differing_settings.to_numpy().tolist() == [["learning_rate", 0.001, 0.003]]
    assert found.only_first == found.only_second == 0


def test_roots_with_null_hyperparameters_are_compared():
    """component_versions is null where all versions are 1, and null is not equal to itself in Arrow columns."""
    results = grokjax.open_root("docs/example", rule="crossing")
    found = results.compare(results)
    assert (found.mean_distance, found.p, found.differing_settings.empty) == (0, 1, True)


def test_a_parquet_table_is_read(tmp_path):
    pd.DataFrame({"x": [1.0]}).to_parquet(tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet")["x"].tolist() == [1.0]
    with pytest.raises(AnalysisError, match="as a Parquet table"):
        read_table(tmp_path / "no.parquet")


VALUES = st.one_of(st.none(), st.floats(), st.integers(-3, 3), st.text(max_size=2))
ROWS = st.lists(
    st.fixed_dictionaries({"x": VALUES, "y": VALUES, "seed": VALUES, "label": st.sampled_from([*PHASES, None, "no"])}), max_size=5
)


@settings(max_examples=60)
@given(ROWS, ROWS, st.booleans())
def test_bad_tables_are_compared_or_refused_in_a_sentence(first, second, with_ids):
    tables = [pd.DataFrame(rows, columns=["x", "y", "seed", "label"]) for rows in (first, second)]
    if with_ids:
        tables = [each.assign(run_id=each.index.astype(str)) for each in tables]
    with contextlib.suppress(AnalysisError):
        found = compared(*tables, permutations=3)
        assert 0 < found.p <= 1


def test_a_cell_without_a_text_is_the_same_in_a_root_and_in_a_csv_file(tmp_path):
    runs = table(MIXED, 2, np.random.default_rng(0)).assign(y=["relu", "relu", "tanh", "tanh", None, None, None, None])
    runs.to_csv(tmp_path / "runs.csv", index=False)
    found = compared(runs.convert_dtypes(dtype_backend="pyarrow"), read_table(tmp_path / "runs.csv"))
    assert (found.only_first, found.only_second, len(found.cells), found.mean_distance) == (0, 0, 4, 0)
    assert found.cells["y"].isna().sum() == 2
