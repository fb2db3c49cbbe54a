"""Boundaries on both sides of a phase: where they are, how sure they are, and when there is none."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import grokjax
from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.boundary import (
    STATUSES,
    SURE,
    boundaries,
    boundary,
    boundary_table,
    fit_boundaries,
    other_hyperparameters,
)
from grokjax.analysis.statistics.logistic import fit_logistic
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.statistics.segments import constant_p, crossings
from grokjax.errors import AnalysisError

DOSES = np.arange(6.0)  # log2 of micrograms
# Collett 1991, p. 75: tobacco budworms killed of 20 (R: MASS, chapter 7).
MALES, FEMALES = np.array([1, 4, 9, 13, 18, 20]), np.array([0, 2, 6, 10, 12, 16])


def test_the_fit_without_penalty_is_that_of_r():
    # glm(cbind(dead, 20 - dead) ~ sex * ldose, binomial): -2.9935 + 0.9060 ldose for females, + 0.1750 + 0.3529 ldose for males
    fit = fit_logistic(DOSES, np.stack([FEMALES, MALES]), np.full(6, 20), firth=False)
    np.testing.assert_allclose(-fit.slope * fit.center, [-2.9935, -2.9935 + 0.1750], atol=1e-4)
    np.testing.assert_allclose(fit.slope, [0.9060, 0.9060 + 0.3529], atol=1e-4)
    x = np.repeat(DOSES, 20)[:, None]
    y = np.concatenate([[1] * k + [0] * (20 - k) for k in MALES])
    library = LogisticRegression(C=np.inf, tol=1e-10).fit(x, y)
    assert fit.slope[1] == pytest.approx(library.coef_[0, 0], rel=1e-5)


def runs_along(axis, shares, others=None, seeds=9):
    """A table of nine seeds at each value of the axis, so many of which grok; with their phases."""
    rows = [{axis: value, "seed": seed, "grok": seed < count} for value, count in shares.items() for seed in range(seeds)]
    table = pd.DataFrame(rows)
    phases = np.where(table.pop("grok"), "grok", "memorize")
    return table.assign(**(others or {})), pd.Series(pd.Categorical(phases, categories=PHASES))


def island(shares, seeds=5, values=None):
    """The boundaries of cells in which these counts of seeds grok."""
    values = 10.0 ** np.arange(len(shares)) if values is None else values
    return boundary(*runs_along("weight_decay", dict(zip(values, shares, strict=True)), seeds=seeds), "weight_decay")


def test_a_middle_range_has_a_boundary_on_either_side():
    found = island([0, 0, 0, 0, 5, 5, 5, 5, 5, 0, 0], values=10.0 ** np.linspace(-3, 1, 11))
    assert [(each.direction, each.status) for each in found] == [("rise", "found"), ("fall", "found")]
    rise, fall = found
    assert 0.0158 < rise.at < 0.0398
    assert rise.band == pytest.approx((0.01585, 0.03981), rel=1e-3)
    assert 1.58 < fall.at < 3.98
    assert fall.band == pytest.approx((1.585, 3.981), rel=1e-3)
    assert found.p <= SURE
    table = boundary_table({(): found}, [])
    assert table["direction"].tolist() == ["rise", "fall"]
    assert table["boundary"].tolist() == [rise.at, fall.at]


def test_the_boundaries_that_the_shares_of_the_example_show_are_reported():
    root = grokjax.open_root("docs/example")
    found = root.boundaries("weight_decay")
    assert [[each.direction for each in group] for group in found.values()] == [["rise", "fall"], ["rise", "fall"], []]
    assert [each.status for each in found[(100,)]] == ["found", "found"]
    assert [each.status for each in found[(150,)]] == ["weak", "weak"]
    assert found[(250,)].status == "one phase"
    fall = root.boundaries("weight_decay", "memorize")[(100,)][0]
    assert (fall.direction, fall.status) == ("fall", "found")


def test_a_valley_and_repeated_changes_have_a_boundary_each():
    assert [each.direction for each in island([5, 5, 0, 0, 5, 5])] == ["fall", "rise"]
    assert [each.direction for each in island([0, 5, 0, 5, 0, 5])] == ["rise", "fall"] * 2 + ["rise"]


def test_a_sure_rise_does_not_vouch_for_a_last_cell_that_is_low_by_chance():
    # at a share of 0.6 a last cell has 2 of 9 or fewer in one sweep of 40
    found = island([0, 0, 0, 0, 6, 6, 8, 7, 2], seeds=9)
    assert [(each.direction, each.status) for each in found] == [("rise", "found"), ("fall", "weak")]
    assert found.p <= SURE
    assert [each.status for each in island([0, 0, 0, 0, 9, 9, 9, 9, 0], seeds=9)] == ["found", "found"]


@pytest.mark.parametrize("shares", [[0, 0, 3, 0, 0, 3, 3], [0, 0, 3, 0, 3, 3, 3, 3], [3, 0, 0, 0, 0, 3, 3, 3]])
def test_nothing_is_found_where_a_whole_cell_lies_on_the_wrong_side(shares):
    for each in island(shares, seeds=3):
        sign = 1 if each.direction == "rise" else -1
        wrong = (each.cells["successes"] == 3) & (sign * each.cells["value"] < sign * each.at)
        assert each.status != "found" or not wrong.any()
    assert not any(each.status == "found" and shares[2] == 3 and each.at > 1000 for each in island(shares, seeds=3))


def test_a_curve_that_does_not_fit_is_said_not_to():
    # 9 seeds: a plateau of 6 of 9 to the right of a step, which no logistic curve through 9 of 9 has
    found = island([0, 0, 9, 5, 5, 6, 9], seeds=9)
    assert [each.status for each in found] == ["misfit"]
    assert found[0].misfit < 0.01
    assert "follow no logistic curve" in STATUSES["misfit"]


@pytest.mark.parametrize(
    ("shares", "windows"),
    [
        ([0, 0, 5, 0, 0], [range(3), range(2, 5)]),
        ([0, 2, 5, 3, 0], [range(3), range(2, 5)]),
        ([0, 5, 5, 5, 0], [range(4), range(1, 5)]),
        ([5, 0, 0, 5, 5], [range(3), range(1, 5)]),
    ],
)
def test_a_boundary_is_fitted_on_the_cells_along_which_the_share_only_rises_or_only_falls(shares, windows):
    assert [each.window for each in crossings(np.array(shares, float), np.full(5, 5.0))] == windows


def test_the_chance_of_a_constant_share_is_exact_for_small_designs():
    # 0 of 4 beside 4 of 4, or the reverse: 2 in 256 at a share of one half
    assert constant_p(np.array([0.0, 4.0]), np.array([4.0, 4.0])) == pytest.approx(2 / 256)
    assert island([0, 4], seeds=4)[0].status == "weak"
    assert constant_p(np.array([0.0, 9, 9, 9, 0]), np.full(5, 9.0)) < SURE, "simulated for larger ones"


def test_a_constant_share_has_no_boundary():
    generator = np.random.default_rng(1)
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        for _ in range(20):
            grokked = (generator.random((5, 7)) < share).astype(float)
            found = fit_boundaries("x", np.arange(7.0), grokked, np.ones((5, 7)), scale=AxisScale())
            assert not any(each.status == "found" for each in found)
    assert island([4, 5, 4], seeds=9).status == "no change"


def test_a_boundary_lies_where_half_the_seeds_grok():
    (found,) = boundary(*runs_along("weight_decay", {0.01: 0, 0.03: 1, 0.1: 5, 0.3: 8, 1.0: 9}), "weight_decay")
    assert found.scale.log
    assert (found.direction, found.status) == ("rise", "found")
    assert 0.03 < found.band[0] < found.at < found.band[1] < 0.3
    shares = found.shares(np.array([0.01, found.at, 1.0]))
    assert shares["share"].iloc[1] == pytest.approx(0.5)
    assert (shares["low"] < shares["share"]).all()
    assert (shares["high"] > shares["share"]).all()
    (falling,) = boundary(*runs_along("train_size", {1000: 9, 1500: 5, 2000: 0}), "train_size")
    assert not falling.scale.log
    assert falling.direction == "fall"
    assert falling.slope < 0
    assert falling.slope_band[0] < falling.slope < falling.slope_band[1] < 0
    assert 1000 < falling.band[0] < falling.at < falling.band[1] < 2000


def test_separated_seeds_leave_the_boundary_between_two_values_and_the_slope_open():
    (found,) = boundary(*runs_along("weight_decay", {0.01: 0, 0.1: 0, 1.0: 9, 10.0: 9}), "weight_decay")
    assert found.status == "found"
    assert found.at == pytest.approx(10**-0.5)
    assert found.band == pytest.approx((0.1, 1.0))
    assert found.slope_band[1] == np.inf


def test_seeds_with_a_threshold_of_their_own_widen_the_band():
    values, seeds = np.arange(17.0), 5
    grokked = (values > np.array([3, 6, 8, 10, 13])[:, None]).astype(float)
    (shared,) = fit_boundaries("x", values, grokked, np.ones(grokked.shape), scale=AxisScale())
    generator = np.random.default_rng(0)
    shuffled = np.stack([generator.permutation(column) for column in grokked.T], axis=1)
    (independent,) = fit_boundaries("x", values, shuffled, np.ones(grokked.shape), scale=AxisScale())
    assert shared.at == independent.at
    assert np.diff(shared.band) > 1.3 * np.diff(independent.band)
    assert shared.band[0] < 8 - 2 * np.std([3, 6, 8, 10, 13], ddof=1) / seeds**0.5


def test_what_is_not_known_is_not_told_as_if_it_were():
    one = boundary(*runs_along("weight_decay", {0.1: 0, 1.0: 0}), "weight_decay")
    assert (one.status, len(one)) == ("one phase", 0)
    flat = boundary(*runs_along("weight_decay", {0.1: 4, 0.3: 5, 1.0: 4}), "weight_decay")
    assert (flat.status, len(flat)) == ("no change", 0)
    (outside,) = boundary(*runs_along("weight_decay", {0.01: 0, 0.1: 0, 1.0: 4}), "weight_decay")
    assert outside.status == "outside"
    assert outside.at > 1
    low = boundary(*runs_along("weight_decay", {0.01: 0, 0.1: 4, 1.0: 0}), "weight_decay")
    assert low.status == "no crossing"
    table = boundary_table({(): low}, [])
    assert table[["direction", "boundary", "status"]].isna().to_numpy().tolist() == [[True, True, False]]


def test_runs_that_say_nothing_of_the_boundary_are_left_out_and_counted():
    table, phases = runs_along("weight_decay", {0.1: 0, 0.3: 5, 1.0: 9})
    more = pd.concat([table, table.iloc[:4]], ignore_index=True)
    labels = pd.Series(pd.Categorical([*phases, "diverged", "undecided", "fail", "fail"], categories=PHASES))
    whole, pair = boundary(more, labels, "weight_decay"), boundary(more, labels, "weight_decay", against="memorize")
    assert (whole.left_out, pair.left_out) == (2, 4)
    assert pair[0].at == boundary(table, phases, "weight_decay")[0].at
    assert whole[0].at > pair[0].at, "failed runs count as not grokked"


def test_a_boundary_each_for_other_hyperparameters():
    narrow, wide = (runs_along("weight_decay", {0.1: k, 0.3: 5, 1.0: 9}, {"hidden_size": size}) for k, size in ((0, 16), (2, 64)))
    runs, phases = pd.concat([narrow[0], wide[0]], ignore_index=True), pd.concat([narrow[1], wide[1]], ignore_index=True)
    found = boundaries(runs, phases, "weight_decay", ["hidden_size"])
    table = boundary_table(found, ["hidden_size"])
    assert table["hidden_size"].tolist() == [16, 64]
    assert table["runs"].tolist() == [27, 27]
    assert table["boundary"].tolist() == [found[16,][0].at, found[64,][0].at]
    assert table["boundary"].is_monotonic_decreasing
    runs.attrs["hyperparameters"] = ["weight_decay", "hidden_size"]
    with pytest.raises(AnalysisError, match="hidden_size also varies"):
        boundaries(runs, phases, "weight_decay", [])
    with pytest.raises(AnalysisError, match="hidden_size also varies"):
        boundary(runs, phases, "weight_decay")
    assert len(boundary(runs, phases, "weight_decay", mix=["hidden_size"])) == 1


def test_a_root_that_is_being_filled_has_boundaries_for_the_groups_that_have_runs():
    whole = runs_along("train_size", {1000: 0, 1500: 9}, {"hidden_size": 16})
    few = runs_along("train_size", {1000: 4}, {"hidden_size": 32})
    unequal = pd.DataFrame({"train_size": [1000] * 5 + [1500], "seed": [0, 1, 2, 3, 4, 0], "hidden_size": 64})
    labels = pd.Series(pd.Categorical(["memorize"] * 5 + ["grok"], categories=PHASES))
    runs = pd.concat([whole[0], few[0], unequal], ignore_index=True)
    phases = pd.concat([whole[1], few[1], labels], ignore_index=True)
    found = boundaries(runs, phases.astype(whole[1].dtype), "train_size", ["hidden_size"])
    assert [each.status for each in found.values()] == ["", "one value", "no change"]
    with pytest.raises(AnalysisError, match="train_size is 1000 in all runs"):
        boundary(*few, "train_size")


def test_what_is_not_an_axis_is_refused_in_a_sentence():
    runs, phases = runs_along("weight_decay", {0.1: 0, 1.0: 9}, {"model": "mlp", "hidden_size": 16})
    for axis, says in (
        ("weight_deca", "did you mean weight_decay"),
        ("model", "holds 'mlp'"),
        ("hidden_size", "is 16 in all runs"),
    ):
        with pytest.raises(AnalysisError, match=says):
            boundary(runs, phases, axis)
    with pytest.raises(AnalysisError, match="no phase groks"):
        boundary(runs, phases, "weight_decay", phase="groks")
    with pytest.raises(AnalysisError, match="a log scale needs values above 0"):
        boundary(runs.assign(weight_decay=runs["weight_decay"] - 0.2), phases, "weight_decay", log=True)
    with pytest.raises(AnalysisError, match="weight_decay is infinite in 9 of 18 runs"):
        boundary(runs.replace({"weight_decay": {1.0: np.inf}}), phases, "weight_decay")
    with pytest.raises(AnalysisError, match="confidence = 1 is out of range"):
        boundary(runs, phases, "weight_decay", confidence=1)
    with pytest.raises(AnalysisError, match="the table has no runs"):
        boundary(runs.iloc[:0], phases.iloc[:0], "weight_decay")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 1e-3, 0.1, 1.0, 30.0]), st.integers(0, 3), st.sampled_from(PHASES)), max_size=40))
def test_any_table_has_boundaries_or_is_refused(rows):
    table = pd.DataFrame(rows, columns=["weight_decay", "seed", "label"]).drop_duplicates(["weight_decay", "seed"])
    phases = pd.Series(pd.Categorical(table["label"], categories=PHASES), index=table.index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = boundary(table, phases, "weight_decay")
        except AnalysisError:
            assert table["weight_decay"].nunique() < 2
            return
    for each in found:
        assert each.band[0] <= each.at <= each.band[1]
        assert each.status in STATUSES
        assert np.isfinite(each.shares(np.array([0.0, 0.5]))[["share", "low", "high"]].to_numpy()).all()


def test_bands_hold_the_boundary_as_often_as_they_say():
    generator = np.random.default_rng(0)
    values, middle = np.geomspace(0.01, 1, 9), 0.15
    shares = 1 / (1 + np.exp(-2 * (np.log(values) - np.log(middle))))
    bands = []
    for _ in range(60):
        grokked = (generator.random((9, 9)) < shares).astype(float)
        for each in fit_boundaries("x", values, grokked, np.ones((9, 9)), scale=AxisScale(log=True)):
            bands.append(each.band)
    assert len(bands) == 60
    assert 54 <= sum(low <= middle <= high for low, high in bands) <= 60
    assert sum(low <= middle * 2.5 <= high for low, high in bands) < 12


def test_groups_beside_an_axis_are_what_else_varies_the_usual_axis_last():
    runs = pd.DataFrame({"hidden_size": [1, 2], "weight_decay": [1, 2], "l1": [1, 2], "b1": [1, 1], "train_size": [1, 2]})
    runs.attrs["hyperparameters"] = list(runs.columns)
    assert other_hyperparameters(runs, "train_size") == ["weight_decay", "l1", "hidden_size"]
    assert other_hyperparameters(runs[["l1"]], "l1") == []
