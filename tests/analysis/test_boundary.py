"""Boundaries against fits that R prints, against closed forms, and by how often their bands hold what they should."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.boundary import boundaries, boundary, boundary_table, fit_boundary, other_hyperparameters
from grokjax.analysis.statistics.logistic import fit_logistic
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.errors import AnalysisError

DOSES = np.arange(6.0)  # log2 of micrograms
# Collett 1991, p. 75: tobacco budworms killed of 20 (R: MASS, chapter 7).
MALES, FEMALES = np.array([1, 4, 9, 13, 18, 20]), np.array([0, 2, 6, 10, 12, 16])


def test_the_fit_is_that_of_r():
    # glm(cbind(dead, 20 - dead) ~ sex * ldose, binomial): -2.9935 + 0.9060 ldose for females, + 0.1750 + 0.3529 ldose for males
    fit = fit_logistic(DOSES, np.stack([FEMALES, MALES]), np.full(6, 20), firth=False)
    np.testing.assert_allclose(-fit.slope * fit.center, [-2.9935, -2.9935 + 0.1750], atol=1e-4)
    np.testing.assert_allclose(fit.slope, [0.9060, 0.9060 + 0.3529], atol=1e-4)
    x = np.repeat(DOSES, 20)[:, None]
    y = np.concatenate([[1] * k + [0] * (20 - k) for k in MALES])
    library = LogisticRegression(C=np.inf, tol=1e-10).fit(x, y)
    assert fit.slope[1] == pytest.approx(library.coef_[0, 0], rel=1e-5)


def test_firths_penalty_adds_half_a_run_to_each_side_where_there_are_two_values():
    # the saturated model: Jeffreys' prior is a half in every count (Firth 1993, section 3.3)
    successes, trials = np.array([[2.0, 7.0], [0.0, 9.0]]), np.array([9.0, 9.0])
    fit = fit_logistic(np.array([10.0, 30.0]), successes, trials)
    np.testing.assert_allclose(fit.share(np.array([10.0, 30.0])), (successes + 0.5) / (trials + 1), rtol=1e-7)
    with pytest.raises(AnalysisError, match="did not converge: one phase is separated"):
        fit_logistic(np.array([10.0, 30.0]), successes[1], trials, firth=False)


def test_a_share_that_is_one_half_everywhere_has_a_fit_and_no_boundary():
    values, trials = np.array([1.0, 2.0]), np.array([4.0, 4.0])
    np.testing.assert_allclose(fit_logistic(values, np.array([[2.0, 2], [1, 1]]), trials).share(values), [[0.5, 0.5], [0.3, 0.3]])
    flat = boundary(*runs_along("train_size", {1000: 4, 1500: 5, 2000: 4, 2500: 5, 3000: 4}), "train_size")
    assert flat.status == "no trend"
    assert np.isfinite(flat.shares(np.array([1000.0, 3000.0])).to_numpy()).all()


def runs_along(axis, shares, others=None):
    """A table of nine seeds at each value of the axis, so many of which grok."""
    rows = [{axis: value, "grok": seed < count} for value, count in shares.items() for seed in range(9)]
    table = pd.DataFrame(rows)
    phases = np.where(table.pop("grok"), "grok", "memorize")
    return table.assign(**(others or {})), pd.Series(pd.Categorical(phases, categories=PHASES))


def test_a_boundary_lies_where_half_the_seeds_grok():
    found = boundary(*runs_along("weight_decay", {0.01: 0, 0.03: 1, 0.1: 5, 0.3: 8, 1.0: 9}), "weight_decay")
    assert found.scale.log
    assert found.status == "found"
    assert 0.03 < found.band[0] < found.at < found.band[1] < 0.3
    shares = found.shares(np.array([0.01, found.at, 1.0]))
    assert shares["share"].iloc[1] == pytest.approx(0.5)
    assert (shares["low"] < shares["share"]).all()
    assert (shares["high"] > shares["share"]).all()
    falling = boundary(*runs_along("train_size", {1000: 9, 1500: 5, 2000: 0}), "train_size")
    assert not falling.scale.log
    assert falling.slope < 0
    assert 1000 < falling.band[0] < falling.at < falling.band[1] < 2000


def test_separated_seeds_leave_the_boundary_between_two_values_and_the_slope_open():
    found = boundary(*runs_along("weight_decay", {0.01: 0, 0.1: 0, 1.0: 9, 10.0: 9}), "weight_decay")
    assert found.at == pytest.approx(10**-0.5)
    assert found.band[0] < 0.101, "any place between the two is as good"
    assert found.band[1] > 0.99
    assert np.isinf(found.slope_band[1])
    assert found.shares(np.array([0.01]))["low"].item() < 1e-9


def test_what_is_not_known_is_not_told_as_if_it_were():
    one = boundary(*runs_along("weight_decay", {0.1: 0, 1.0: 0}), "weight_decay")
    assert one.status == "one phase"
    assert np.isnan(one.at)
    flat = boundary(*runs_along("weight_decay", {0.1: 4, 0.3: 5, 1.0: 4}), "weight_decay")
    assert flat.status == "no trend"
    assert flat.band == (0, np.inf)
    outside = boundary(*runs_along("weight_decay", {0.01: 0, 0.1: 0, 1.0: 4}), "weight_decay")
    assert outside.status == "outside"
    assert outside.at > 1


def test_runs_that_say_nothing_of_the_boundary_are_left_out_and_counted():
    table, phases = runs_along("weight_decay", {0.1: 2, 0.3: 5, 1.0: 8})
    more = pd.concat([table, table.iloc[:4]], ignore_index=True)
    labels = pd.Series(pd.Categorical([*phases, "diverged", "undecided", "fail", "fail"], categories=PHASES))
    whole, pair = boundary(more, labels, "weight_decay"), boundary(more, labels, "weight_decay", against="memorize")
    assert (whole.left_out, pair.left_out) == (2, 4)
    assert pair.at == boundary(table, phases, "weight_decay").at
    assert whole.at > pair.at, "failed runs count as not grokked"


def test_a_boundary_each_for_other_hyperparameters():
    narrow, wide = (runs_along("weight_decay", {0.1: k, 0.3: 5, 1.0: 9}, {"hidden_size": size}) for k, size in ((0, 16), (3, 64)))
    runs, phases = pd.concat([narrow[0], wide[0]], ignore_index=True), pd.concat([narrow[1], wide[1]], ignore_index=True)
    found = boundaries(runs, phases, "weight_decay", ["hidden_size"])
    table = boundary_table(found, ["hidden_size"])
    assert table["hidden_size"].tolist() == [16, 64]
    assert table["runs"].tolist() == [27, 27]
    assert table["boundary"].tolist() == [found[16,].at, found[64,].at]
    assert table["boundary"].is_monotonic_decreasing
    runs.attrs["hyperparameters"] = ["weight_decay", "hidden_size"]
    with pytest.raises(AnalysisError, match="hidden_size also varies"):
        boundaries(runs, phases, "weight_decay", [])


def test_a_group_of_which_one_value_is_there_is_told_as_such():
    whole, few = (
        runs_along("train_size", {1000: 0, 1500: 9}, {"hidden_size": 16}),
        runs_along("train_size", {1000: 4}, {"hidden_size": 32}),
    )
    runs, phases = (pd.concat(parts, ignore_index=True) for parts in zip(whole, few, strict=True))
    found = boundaries(runs, phases.astype(whole[1].dtype), "train_size", ["hidden_size"])
    assert [each.status for each in found.values()] == ["found", "one value"]
    with pytest.raises(AnalysisError, match="train_size is 1000 in all runs"):
        boundary(*few, "train_size")


def test_an_axis_that_is_none_is_told():
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


def test_bands_hold_the_boundary_as_often_as_they_say():
    generator = np.random.default_rng(0)
    values, middle = np.geomspace(0.01, 1, 9), 0.15
    shares = 1 / (1 + np.exp(-2 * (np.log(values) - np.log(middle))))
    held, inside = 0, np.zeros(len(values))
    simulations = 300
    for seed, successes in enumerate(generator.binomial(9, shares, (simulations, len(values)))):
        cells = pd.DataFrame({"value": values, "successes": successes, "trials": 9})
        found = fit_boundary("weight_decay", cells, scale=AxisScale(log=True), resamples=200, seed=seed)
        held += found.band[0] <= middle <= found.band[1]
        band = found.shares(values)
        inside += ((band["low"] <= shares) & (shares <= band["high"])).to_numpy()
    assert held / simulations == pytest.approx(0.95, abs=0.02)
    assert inside.mean() / simulations == pytest.approx(0.95, abs=0.02)


def test_a_flat_share_has_no_trend_and_warns_of_nothing():
    cells = pd.DataFrame({"value": [0.1, 1.0, 10.0], "successes": [1, 1, 1], "trials": [2, 2, 2]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flat = fit_boundary("weight_decay", cells, scale=AxisScale(log=True))
        assert flat.slope == 0
        assert flat.status == "no trend"
        assert flat.band == (0, np.inf)
        assert flat.shares(np.array([0.1, 1.0]))["share"].tolist() == [0.5, 0.5]


def test_groups_beside_an_axis_are_what_else_varies_the_usual_axis_last():
    runs = pd.DataFrame({"hidden_size": [1, 2], "weight_decay": [1, 2], "l1": [1, 2], "b1": [1, 1], "train_size": [1, 2]})
    runs.attrs["hyperparameters"] = list(runs.columns)
    assert other_hyperparameters(runs, "train_size") == ["weight_decay", "l1", "hidden_size"]
    assert other_hyperparameters(runs[["l1"]], "l1") == []
