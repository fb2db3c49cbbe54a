"""Delays against R's survival package, and what is refused. The R commands that made the values are in tests/analysis/reference."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from grokjax.analysis.labels.rules import CrossingRule
from grokjax.analysis.results import open_root
from grokjax.analysis.statistics.delay_law import delay_law
from grokjax.analysis.statistics.delay_ratios import delay_ratios
from grokjax.analysis.statistics.delays import Crossings, align_delays, grokking_delays
from grokjax.analysis.statistics.incidence import cumulative_incidence, run_outcomes
from grokjax.analysis.statistics.logrank import LogRank, log_rank
from grokjax.analysis.statistics.survival import median_delays, survival_curves
from grokjax.errors import AnalysisError, UserError
from tests.support.delays import AML, tables

REFERENCE = Path(__file__).parent / "reference"


def of_delays(*delays, **columns):
    """A table of runs with hyperparameters, and their delays: a negative number is a run that was censored at that delay."""
    numbers = np.array(delays, float)
    return pd.DataFrame(columns, index=range(len(numbers))), pd.DataFrame({"delay": abs(numbers), "generalized": numbers >= 0})


def test_medians_and_intervals_of_200_random_groups_are_those_of_r():
    for line in (REFERENCE / "survfit.txt").read_text().splitlines():
        observed, expected = (part.split() for part in line.split("|"))
        delays = pd.DataFrame({
            "delay": [100.0 * float(each.rstrip("+")) for each in observed], "generalized": ["+" not in each for each in observed],
        })  # fmt: skip
        median, low, high = (np.nan if each == "NA" else 100 * float(each) for each in expected)
        row = median_delays(pd.DataFrame(index=delays.index), delays, [], fewest=1).iloc[0]
        told = row[["median", "low", "high"]].tolist()
        np.testing.assert_equal(told, [np.inf if np.isnan(median) else median, low, high], err_msg=line)


def test_a_median_of_a_half_is_in_the_middle_and_ends_that_nobody_knows_are_unknown():
    alone, pair = of_delays(100), of_delays(100, 200)
    assert median_delays(*alone, [])[["median", "low", "high"]].iloc[0].tolist() == pytest.approx(
        [100, np.nan, np.nan], nan_ok=True
    )
    assert median_delays(*pair, [])["median"].tolist() == [150], "lifelines: 100"
    assert median_delays(*of_delays(*range(100, 700, 100)), [])["median"].tolist() == [350], "lifelines: 400"
    five = median_delays(*of_delays(100, 200, 300, 400, 500), []).iloc[0]
    assert five[["median", "low", "high"]].tolist() == pytest.approx([300, 100, np.nan], nan_ok=True)
    censored = median_delays(*of_delays(*[-100] * 9), []).iloc[0]
    assert censored[["median", "low", "high"]].tolist() == pytest.approx([np.inf, np.nan, np.nan], nan_ok=True)


def test_curves_have_no_band_where_nothing_is_known():
    curve = survival_curves(*of_delays(-50, 100, 200), [])
    assert curve["survival"].tolist() == pytest.approx([1, 0.5, 0])
    assert curve["low"].isna().tolist() == [True, False, True]
    assert curve[["at_risk", "generalized", "censored"]].to_numpy().tolist() == [[3, 0, 1], [2, 1, 0], [1, 1, 0]]


def test_held_delays_are_those_by_which_the_rule_crossing_labels():
    root = open_root("docs/example")
    for kind in ("held", "first", "sustained"):
        delays, phases = root.with_crossings(Crossings(kind=kind)).delays(), root.label("crossing", kind=kind)
        late = delays["generalized"] & (delays["delay"] >= CrossingRule().delay)
        assert (late == (phases == "grok")).all()
        assert (delays["generalized"] == phases.isin(["grok", "generalize"])).all()
    assert root.delays().equals(grokking_delays(root.runs, Crossings(kind="held"))), "the default"


def test_runs_that_were_stopped_when_their_phase_was_decided_are_refused():
    runs = open_root("docs/example").runs
    runs = runs.assign(stopped_by=["article"] * 3 + [None] * (len(runs) - 3))
    for kind in ("held", "sustained"):
        with pytest.raises(AnalysisError, match=r"3 of 75 runs were stopped as soon as .* use crossings of the kind first"):
            grokking_delays(runs, Crossings(kind=kind))
    lacking = runs.assign(first_step_test_accuracy_99=None)
    with pytest.raises(AnalysisError, match="choose thresholds that are reached before"):
        grokking_delays(lacking, Crossings(kind="first"))
    crossed = runs.assign(first_step_train_accuracy_99=100, first_step_test_accuracy_99=200)
    assert grokking_delays(crossed, Crossings(kind="first"))["generalized"].all(), "seen before they were stopped"


def test_the_order_of_the_runs_makes_no_difference():
    root = open_root("docs/example")
    runs, delays, axes = root.runs, root.delays(), ["train_size", "weight_decay"]
    shuffled = runs.sample(frac=1, random_state=1)
    for function in (median_delays, survival_curves):
        pd.testing.assert_frame_equal(function(shuffled, delays, axes), function(runs, delays, axes))
    one, other = (log_rank(table, delays, axes[1:], axes[:1]).statistic for table in (shuffled, runs))
    assert one == pytest.approx(other)
    some = runs[runs["weight_decay"] < 3]
    assert delay_law(some, delays).exponents["exponent"].notna().all(), "delays of more runs than asked for"
    with pytest.raises(AnalysisError, match="75 of 75 runs have no delay: delays and runs have different indexes"):
        median_delays(runs, delays.set_axis(runs["run_id"]), axes)
    with pytest.raises(AnalysisError, match="with the columns delay and generalized, from grokking_delays; got Series"):
        median_delays(runs, delays["delay"], axes)


def test_other_hyperparameters_that_vary_are_refused_by_name():
    root = open_root("docs/example")
    delays = root.delays()
    for compute in (
        lambda **mix: median_delays(root.runs, delays, ["weight_decay"], **mix),
        lambda **mix: survival_curves(root.runs, delays, ["weight_decay"], **mix),
        lambda **mix: log_rank(root.runs, delays, ["weight_decay"], permutations=9, **mix),
        lambda **mix: delay_law(root.runs, delays, ["weight_decay"], **mix),
        lambda **mix: delay_ratios(root.runs, delays, "weight_decay", **mix),
        lambda **mix: cumulative_incidence(root.runs, run_outcomes(root.runs), ["weight_decay"], **mix),
    ):
        with pytest.raises(AnalysisError, match=r"train_size also varies \(100, 150, 250\)"):
            compute()
        assert compute(mix=["train_size"]) is not None


def test_the_stratified_log_rank_statistic_is_that_of_r():
    runs, delays = tables(AML)
    odd = runs.assign(odd=np.arange(1, 24) % 2)
    assert log_rank(odd, delays, ["group"], ["odd"]).statistic == pytest.approx(2.7207594, abs=1e-6)


def test_what_can_not_be_compared_says_why():
    runs, delays = of_delays(*range(100, 900, 100), wd=[0.1] * 4 + [1.0] * 4, lr=[1] * 4 + [2] * 4)
    assert log_rank(runs, delays, ["wd"]).p < 0.05
    with pytest.raises(AnalysisError, match="no run generalized, so there is no event to test"):
        log_rank(runs, delays.assign(generalized=False), ["wd"])
    with pytest.raises(AnalysisError, match=r"in only 6 ways, so no p can be below 0\.05; train more seeds"):
        log_rank(runs.iloc[2:6], delays, ["wd"])
    with pytest.raises(AnalysisError, match="wd makes 1 groups of fitted runs"):
        log_rank(runs.iloc[:4], delays, ["wd"])
    with pytest.raises(AnalysisError, match="no lr has fitted runs of two groups"):
        log_rank(runs, delays, ["wd"], ["lr"])


def test_an_effect_that_delays_of_zero_leave_infinite_is_unknown():
    runs, delays = of_delays(0, 0, 0, 5, 5, 6, 10, 11, 13, weight_decay=[0.1] * 3 + [1.0] * 3 + [10.0] * 3, seed=[0, 1, 2] * 3)
    ratios = delay_ratios(runs, delays, "weight_decay").set_index(["value", "reference"])["ratio"]
    assert ratios.isna().tolist() == [True, True, False]
    assert ratios[10.0, 1.0] == pytest.approx(2.157, abs=1e-3)
    with pytest.raises(AnalysisError, match="no finite solution"):
        delay_law(runs[:6], delays[:6], ["weight_decay"])


def test_numbers_that_no_statistic_can_use_are_refused():
    runs, delays = of_delays(1, 2, 3, 4, 6, 7, weight_decay=[0.1] * 3 + [1.0] * 3, seed=[0, 1, 2] * 2)
    for confidence in (0, 1, 95, np.nan, "0.9"):
        for statistic in (median_delays, survival_curves, delay_law):
            with pytest.raises(AnalysisError, match="use a number between 0 and 1"):
                statistic(runs, delays, ["weight_decay"], confidence=confidence)
        with pytest.raises(AnalysisError, match="use a number between 0 and 1"):
            delay_ratios(runs, delays, "weight_decay", confidence=confidence)
    with pytest.raises(AnalysisError, match="at least one permutation, got -3"):
        log_rank(runs, delays, ["weight_decay"], permutations=-3)
    outcomes = pd.DataFrame({"step": range(6), "outcome": ["grok", "groked", None, "diverged", None, "grok"]})
    with pytest.raises(AnalysisError, match="'groked' is no outcome; outcomes are grok, generalize, diverged, or null"):
        cumulative_incidence(runs, outcomes, ["weight_decay"])


def test_with_many_events_in_every_group_the_chi_squared_distribution_is_used():
    generator = np.random.default_rng(0)
    runs, delays = of_delays(*generator.weibull(2, 240), wd=np.repeat([0.1, 1.0, 3.0], 80))
    test = log_rank(runs, delays, ["wd"])
    permuted = log_rank(runs.iloc[::2], delays, ["wd"])
    assert (test.permutations, permuted.permutations) == (0, 4999)
    assert 0 < test.p <= 1


def test_the_p_value_of_a_test_is_what_its_permutations_can_tell():
    assert LogRank(3.0, 1, 0.0317, 999).p_text == "p = 0.032"
    assert LogRank(30.0, 1, 0.001, 999).p_text == "p ≤ 0.001"
    assert LogRank(80.0, 1, 1e-18, 0, ("train_size",)).p_text == "p = 1e-18"


def test_cumulative_incidence_is_that_of_r():
    step = [1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 8]
    outcome = ["grok", None, "generalize", "diverged", "grok", None, "generalize", None, "grok", "grok", None, None]
    outcomes = pd.DataFrame({"step": step, "outcome": outcome})
    found = cumulative_incidence(outcomes[[]], outcomes).pivot_table(index="step", columns="outcome", values=["incidence", "error"])
    grok = [0.08333333, 0.08333333, 0.08333333, 0.17592593, 0.17592593, 0.17592593, 0.31095679, 0.44598765]
    np.testing.assert_allclose(found["incidence", "grok"], grok, atol=1e-8)
    np.testing.assert_allclose(found["incidence", "generalize"], [0, *[0.08333333] * 3, *[0.19135802] * 4], atol=1e-8)
    np.testing.assert_allclose(found["incidence", "diverged"], [0, 0, *[0.09259259] * 6], atol=1e-8)
    errors = [0.07978559, 0.07978559, 0.07978559, 0.11332878, 0.11332878, 0.11332878, 0.15418118, 0.16901064]
    np.testing.assert_allclose(found["error", "grok"], errors, atol=1e-8)
    np.testing.assert_allclose(found["error", "generalize"], [0, *[0.07978559] * 3, *[0.12310478] * 4], atol=1e-8)


def test_without_censoring_the_incidence_ends_at_the_shares_of_the_phases_with_their_intervals():
    root = open_root("docs/example")
    grid = root.with_rule("crossing").grid(x="train_size", y="weight_decay")
    found = root.incidence()
    last = found[found["step"] == found.groupby(["train_size", "weight_decay"])["step"].transform("max")]
    for outcome in ("grok", "generalize"):
        ends = last[last["outcome"] == outcome].set_index(["train_size", "weight_decay"])
        cells = pd.DataFrame(grid).set_index(["train_size", "weight_decay"]).loc[ends.index]
        for name, column in (("incidence", "share"), ("low", "low"), ("high", "high")):
            np.testing.assert_allclose(ends[name], cells[f"{outcome}_{column}"], atol=1e-9)


def test_outcomes_are_the_phases_that_begin_at_a_step():
    runs = pd.DataFrame({
        "first_step_train_accuracy_99": [100, 900, 100, None, None, 300],
        "first_step_test_accuracy_99": [5000, 500, None, None, 700, 400],
        "diverged_step": [None, None, 3000, 2000, None, 350], "steps": 10_000,
    })  # fmt: skip
    outcomes = run_outcomes(runs, Crossings(kind="first"))
    assert outcomes["outcome"].astype(object).where(outcomes["outcome"].notna(), "none").tolist() == [
        "grok", "generalize", "diverged", "diverged", "none", "generalize",
    ]  # fmt: skip
    assert outcomes["step"].tolist() == [5000, 900, 3000, 2000, 10_000, 400], "both are crossed at the later one"


def test_the_law_with_strata_and_with_delays_of_zero_is_that_of_r():
    runs, delays = tables(AML)
    runs = runs.assign(x=np.exp(runs["group"]), odd=np.arange(1, 24) % 2, log_every=5).drop(columns="group")
    law = delay_law(runs, delays, ["x"], strata=["odd"])
    assert law.exponents["exponent"].tolist() == pytest.approx([0.81293546], abs=1e-6)
    assert 1 / law.shape == pytest.approx(np.exp(-0.28978818), abs=1e-6)
    delays.loc[[0, 11, 12], "delay"] = 0
    law = delay_law(runs.drop(columns="odd"), delays, ["x"])
    assert law.exponents["exponent"].tolist() == pytest.approx([0.947195633], abs=1e-6)
    assert (np.log(law.scale), 1 / law.shape) == pytest.approx((3.139206076, np.exp(-0.085263513)), abs=1e-6)


def test_the_default_law_has_every_hyperparameter_that_varies_and_says_where_it_does_not_fit():
    root = open_root("docs/example")
    law = root.select("weight_decay=0.01,0.1,0.3,1").delay_law()
    assert law.exponents["hyperparameter"].tolist() == ["train_size", "weight_decay"]
    assert law.curvature < 0.01, "delays are shortest in the middle of the weight decays"
    with pytest.raises(AnalysisError, match="the law needs values of train_size, weight_decay; got train_size"):
        law.median(train_size=100)


def test_a_law_that_cannot_be_fitted_says_why():
    generator = np.random.default_rng(0)
    wd = np.tile([0.1, 0.3, 1.0], 10)
    runs, delays = of_delays(*(100 / wd * generator.weibull(2, 30)), wd=wd)
    with pytest.raises(AnalysisError, match="wd and lr vary together in these runs, so their effects cannot be separated"):
        delay_law(runs.assign(lr=1 / wd), delays, ["wd", "lr"])
    with pytest.raises(AnalysisError, match="wd is fixed by arm in these runs"):
        delay_law(runs.assign(arm=wd.astype(str)), delays, ["wd"], ["arm"])
    with pytest.raises(AnalysisError, match="have no scatter about the fitted law"):
        delay_law(runs, delays.assign(delay=100 / wd), ["wd"])
    with pytest.raises(AnalysisError, match="3 runs generalized, too few to fit 3 parameters"):
        delay_law(runs, delays.assign(generalized=np.arange(30) < 3), ["wd"])
    with pytest.raises(AnalysisError, match=r"arm is not a number, .* put it into the strata"):
        delay_law(runs.assign(arm=wd.astype(str)), delays, ["arm"])


def test_ratios_of_delays_are_those_they_were_drawn_with_and_hold_together():
    generator = np.random.default_rng(0)
    wd, size = np.tile(np.repeat([0.1, 0.3, 1.0], 60), 2), np.repeat([100, 200], 180)
    true = {0.1: 1.0, 0.3: 0.5, 1.0: 0.25}
    delay = np.array([true[each] for each in wd]) * size * generator.weibull(2, 360)
    runs, delays = of_delays(*np.where(delay > 150, -150, delay), wd=wd, size=size)
    ratios = delay_ratios(runs, delays, "wd", ["size"])
    assert ratios[["value", "reference"]].to_numpy().tolist() == [[0.3, 0.1], [1.0, 0.1], [1.0, 0.3]]
    assert ratios["ratio"].tolist() == pytest.approx([0.5, 0.25, 0.5], rel=0.15)
    assert ((ratios["low"] < [0.5, 0.25, 0.5]) & (ratios["high"] > [0.5, 0.25, 0.5])).all()
    against = delay_ratios(runs, delays, "wd", ["size"], reference=0.3)
    assert against["value"].tolist() == [0.1, 1.0]
    assert against["ratio"].iloc[0] == pytest.approx(1 / ratios["ratio"].iloc[0])
    one = delay_ratios(runs, delays, "wd", ["size"], reference=0.3).iloc[0]
    assert one["high"] / one["low"] < (ratios["high"] / ratios["low"]).iloc[0], "two comparisons in place of three"
    none = delay_ratios(runs, delays.assign(generalized=delays["generalized"] & (wd < 1)), "wd", ["size"])
    assert none["ratio"].isna().tolist() == [False, True, True]
    with pytest.raises(AnalysisError, match=r"no fitted run has wd = 0.2; compare with one of 0.1, 0.3, 1.0"):
        delay_ratios(runs, delays, "wd", ["size"], reference=0.2)


CELLS = st.sampled_from([None, 0, 1, 100, 5000, -3, "x", float("inf"), True])
STEPS = [f"{kind}_step_{metric}_accuracy_99" for kind in ("first", "sustained") for metric in ("train", "test")]
COLUMNS = (*STEPS, "diverged_step", "steps", "weight_decay", "seed", "stopped_by", "log_every")


def frames(runs):
    columns = dict.fromkeys(COLUMNS, st.lists(CELLS, min_size=runs, max_size=runs))
    return st.fixed_dictionaries({}, optional=columns).map(pd.DataFrame)


@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 5).flatmap(frames), st.sampled_from(["held", "first", "last"]))
def test_no_table_is_answered_by_a_traceback(runs, kind):
    for compute in (
        lambda: median_delays(runs, grokking_delays(runs, Crossings(kind=kind)), ["weight_decay"]),
        lambda: survival_curves(runs, grokking_delays(runs, Crossings(kind=kind)), ["weight_decay"]),
        lambda: log_rank(runs, grokking_delays(runs, Crossings(kind=kind)), ["weight_decay"], permutations=9),
        lambda: delay_law(runs, grokking_delays(runs, Crossings(kind=kind)), ["weight_decay"]),
        lambda: delay_ratios(runs, grokking_delays(runs, Crossings(kind=kind)), "weight_decay"),
        lambda: cumulative_incidence(runs, run_outcomes(runs, Crossings(kind=kind)), ["weight_decay"]),
        lambda: align_delays(runs, runs.index),
    ):
        with contextlib.suppress(UserError):
            compute()
