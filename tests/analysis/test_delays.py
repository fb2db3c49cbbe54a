"""Delays against published survival analyses, as R prints them, and against a law they were drawn from."""

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.statistics.delay_law import delay_law
from grokjax.analysis.statistics.delays import Crossings, grokking_delays
from grokjax.analysis.statistics.logrank import log_rank
from grokjax.analysis.statistics.survival import median_delays, survival_curves
from grokjax.errors import AnalysisError
from tests.support.delays import AML, GEHAN, tables


def test_kaplan_meier_is_that_of_r():
    # summary(survfit(Surv(time, status) ~ x, aml)): survival and std.err of the maintained
    runs, delays = tables(AML)
    curve = survival_curves(runs, delays, ["group"]).query("group == 1 and generalized > 0")
    assert curve["delay"].tolist() == [9, 13, 18, 23, 31, 34, 48]
    survival = np.array([0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184])
    error = np.array([0.0867, 0.1163, 0.1397, 0.1526, 0.1642, 0.1627, 0.1535])
    np.testing.assert_allclose(curve["survival"], survival, atol=5e-4)
    # conf.type = "log-log": S ** exp(+-1.96 se / (S log S))
    for side, sign in (("low", -1), ("high", 1)):
        expected = survival ** np.exp(sign * 1.96 * error / (survival * np.log(survival)))
        np.testing.assert_allclose(curve[side], expected, atol=2e-3)
    assert curve["at_risk"].tolist() == [11, 10, 8, 7, 5, 4, 2]


def test_medians_are_those_of_r():
    medians = median_delays(*tables(AML), ["group"])
    assert medians["median"].tolist() == [23, 31]
    assert medians[["runs", "generalized"]].to_numpy().tolist() == [[12, 11], [11, 7]]
    assert np.isnan(medians["high"].iloc[1]), "R: NA"
    assert median_delays(*tables(GEHAN), ["group"])["median"].tolist() == [8, 23]


def test_log_rank_is_that_of_r():
    # survdiff: aml chisq 3.396 on 1 df; gehan 16.79 on 1 df. set.seed(1);
    # mean(replicate(5000, survdiff(Surv(time, status) ~ sample(x), aml)$chisq) >= 3.3963): see below
    aml, gehan = (log_rank(*tables(rows), ["group"]) for rows in (AML, GEHAN))
    assert (aml.statistic, aml.p) == (pytest.approx(3.396, abs=5e-4), pytest.approx(0.0775, abs=0.01))
    assert (gehan.statistic, gehan.p) == (pytest.approx(16.79, abs=5e-3), 1 / 5000)
    assert gehan.p_text == "p ≤ 0.0002", "no permutation was as extreme"
    assert (aml.degrees, gehan.degrees) == (1, 1)
    with pytest.raises(AnalysisError, match="makes 1 groups"):
        log_rank(*tables(AML[:11]), ["group"])


def test_the_law_is_the_weibull_regression_of_r():
    # survreg(Surv(time, status) ~ x, aml): intercept 3.180 + 0.929 x maintained, scale 0.791; with log(e ** x) = x
    runs, delays = tables(AML)
    law = delay_law(runs.assign(x=np.exp(runs["group"])), delays, ["x"])
    row = law.exponents.iloc[0]
    assert row["exponent"] == pytest.approx(0.929, abs=5e-4)
    error = 0.383 * np.sqrt(18 / 15)  # R's std. error; of 18 events three parameters
    assert row[["low", "high"]].tolist() == pytest.approx([0.929 - 2.1314 * error, 0.929 + 2.1314 * error], abs=2e-3)
    assert 0.0153 < row["p"] < 0.05, "by the normal law 0.0153"
    assert np.log(law.scale) == pytest.approx(3.180, abs=1e-3)
    assert 1 / law.shape == pytest.approx(0.791, abs=5e-4)
    assert (law.runs, law.generalized) == (23, 18)


def test_a_law_is_found_again_through_censoring():
    generator = np.random.default_rng(0)
    weight_decay, learning_rate = generator.choice([0.1, 0.3, 1.0], 2000), generator.choice([1e-4, 1e-3], 2000)
    delay = 30 * weight_decay**-1.0 * learning_rate**-0.5 * generator.weibull(2, 2000)
    runs = pd.DataFrame({"weight_decay": weight_decay, "learning_rate": learning_rate})
    censored = pd.DataFrame({"delay": np.minimum(delay, 5000), "generalized": delay < 5000})
    assert 0.2 < 1 - censored["generalized"].mean() < 0.8
    law = delay_law(runs, censored)
    assert law.exponents["exponent"].tolist() == pytest.approx([-1.0, -0.5], abs=0.06)
    assert (law.exponents["low"] < [-1.0, -0.5]).all()
    assert (law.exponents["high"] > [-1.0, -0.5]).all()
    assert law.median(weight_decay=1.0, learning_rate=1e-3) == pytest.approx(30 * 1e-3**-0.5 * np.log(2) ** 0.5, rel=0.06)


def test_a_delay_runs_from_fitting_to_generalizing_or_to_the_end():
    runs = pd.DataFrame(
        {
            "first_step_train_accuracy_99": [400, 400, None, 900, None],
            "first_step_test_accuracy_99": [5000, None, None, 300, 300],
            "steps": [20_000, 15_000, 20_000, 20_000, 20_000],
            "log_every": 100,
        }
    )
    delays = grokking_delays(runs, Crossings(kind="first"))
    np.testing.assert_array_equal(delays["delay"], [4600, 14_600, np.nan, 0, np.nan])
    assert delays["generalized"].tolist() == [True, False, False, True, False]
    sustained = runs.rename(columns=lambda name: name.replace("first", "sustained"))
    assert grokking_delays(sustained, Crossings(kind="sustained"))["generalized"].tolist() == [True, False, False, True, False]
    with pytest.raises(AnalysisError, match="delays need the column first_step_train_loss_1e_5"):
        grokking_delays(runs, Crossings(train="loss_1e_5", kind="first"))
    with pytest.raises(AnalysisError, match="train = accuracy_97 is out of range; use accuracy_90"):
        grokking_delays(runs, Crossings(train="accuracy_97"))


def test_a_group_in_which_no_run_fitted_is_there_without_a_median():
    runs = pd.DataFrame({"weight_decay": [0.1, 0.1, 1.0]})
    delays = pd.DataFrame({"delay": [100.0, 300.0, np.nan], "generalized": [True, True, False]})
    table = median_delays(runs, delays, ["weight_decay"])
    assert table[["runs", "fitted", "generalized"]].to_numpy().tolist() == [[2, 2, 2], [1, 0, 0]]
    assert table["median"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ({"weight_decay": [0.0, 0.1]}, "needs weight_decay above 0"),
        ({"weight_decay": [0.1, 0.1]}, "weight_decay is 0.1 in all fitted runs"),
        ({"learning_rate": [0.1, 0.2]}, "weight_decay is not in the table"),
    ],
)
def test_what_has_no_law_is_told(runs, says):
    delays = pd.DataFrame({"delay": [100.0, 200.0], "generalized": [True, True]})
    with pytest.raises(AnalysisError, match=says):
        delay_law(pd.DataFrame(runs), delays, ["weight_decay"])
    with pytest.raises(AnalysisError, match="no run generalized"):
        delay_law(pd.DataFrame(runs), delays.assign(generalized=False), ["weight_decay"])


def test_runs_without_the_hyperparameter_are_a_group_of_their_own():
    runs, delays = tables([("sgd", 10, True), ("sgd", 20, True), ("adamw", 30, True), ("adamw", 40, False)] * 2)
    runs = runs.assign(momentum=pd.array([0.9, 0.9, None, None] * 2, dtype="Float64"))
    medians = median_delays(runs, delays, ["momentum"])
    assert medians["runs"].tolist() == [4, 4]
    assert medians["momentum"].isna().tolist() == [False, True]
    assert survival_curves(runs, delays, ["momentum"])["momentum"].isna().any()
    assert log_rank(runs, delays, ["momentum"]).degrees == 1
