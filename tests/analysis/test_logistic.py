"""Firth's fit against R, against closed forms, and over every outcome of small designs; intervals by the likelihood of curves."""

import itertools

import numpy as np
import pytest

from grokjax.analysis.statistics.logistic import fit_logistic, likely_curves
from grokjax.errors import AnalysisError

# values, successes, trials, intercept, slope of 50 random designs; R 4.2 with brglm 0.7.2, for P values at x, k of n:
#   set.seed(1); for (i in 1:50) { P <- sample(2:5, 1); x <- sort(sample(0:9, P)); n <- sample(1:9, P, replace=TRUE)
#   k <- sapply(n, function(m) sample(0:m, 1)); print(coef(brglm(cbind(k, n - k) ~ x, family=binomial,
#   control.brglm=brglm.control(br.epsilon=1e-12, br.maxit=1000)))) }
BRGLM = [
    ([3, 6], [0, 2], [1, 2], -3.806662490, 0.902683400),
    ([0, 1, 2, 4], [4, 4, 0, 8], [5, 6, 7, 9], -0.004177550, 0.172446048),
    ([1, 4, 9], [2, 1, 1], [9, 1, 4], -0.915295590, 0.033665968),
    ([3, 5, 8], [0, 7, 3], [4, 9, 7], -0.713887752, 0.126159195),
    ([6, 7], [2, 1], [6, 7], 4.683515758, -0.878550404),
    ([1, 4, 7], [0, 2, 2], [2, 6, 6], -1.583823142, 0.160386942),
    ([3, 5, 6, 8, 9], [8, 7, 0, 3, 6], [8, 7, 1, 4, 8], 4.106814447, -0.369001052),
    ([0, 5], [0, 0], [5, 6], -2.397895273, -0.033410817),
    ([1, 2, 5, 6], [2, 2, 1, 0], [7, 3, 2, 1], -0.415433380, 0.004207036),
    ([3, 4, 7], [3, 5, 0], [7, 8, 5], 1.929527625, -0.537741926),
    ([0, 2, 8, 9], [4, 4, 0, 2], [6, 6, 4, 9], 0.834359034, -0.261373988),
    ([2, 5, 6], [0, 3, 1], [3, 3, 1], -4.508001595, 1.292883347),
    ([0, 1, 2, 5, 6], [4, 2, 3, 1, 3], [7, 4, 9, 8, 3], -0.132427293, -0.067148517),
    ([6, 8], [2, 0], [2, 2], 11.266065387, -1.609437912),
    ([2, 5, 9], [1, 7, 9], [3, 8, 9], -1.668228016, 0.637234055),
    ([0, 3, 4, 8], [7, 1, 0, 2], [7, 5, 6, 4], 0.840216832, -0.326789123),
    ([0, 3, 4, 5, 8], [8, 4, 4, 0, 0], [9, 5, 8, 4, 1], 2.321578964, -0.649525328),
    ([4, 6, 7, 8, 9], [5, 5, 1, 0, 4], [6, 6, 2, 2, 8], 3.042258820, -0.371444387),
    ([0, 3, 6, 7, 9], [3, 2, 2, 8, 8], [4, 9, 9, 9, 9], -0.888797403, 0.213445200),
    ([3, 4, 7, 8], [0, 3, 3, 1], [7, 4, 4, 8], -1.119865822, 0.064692695),
    ([0, 3, 9], [0, 4, 3], [4, 5, 5], -0.719905815, 0.166540959),
    ([0, 1, 4, 9], [8, 3, 1, 0], [8, 7, 7, 2], 1.495469668, -0.840139096),
    ([1, 3], [1, 0], [3, 6], 0.516236243, -1.027061867),
    ([3, 4, 5, 6], [2, 1, 0, 1], [5, 1, 1, 1], -1.158327555, 0.300419376),
    ([0, 5, 6, 7, 8], [0, 0, 2, 5, 0], [4, 2, 3, 6, 7], -1.601778700, 0.155514318),
    ([1, 3, 4, 6], [8, 1, 0, 7], [8, 2, 4, 8], 1.495511178, -0.164159746),
    ([5, 8], [2, 2], [8, 3], -3.399406560, 0.488779023),
    ([3, 9], [0, 4], [1, 8], -1.647918433, 0.183102048),
    ([2, 6, 8], [0, 2, 2], [5, 3, 4], -2.793204069, 0.405676814),
    ([0, 3, 5, 7], [4, 2, 2, 2], [6, 3, 2, 7], 0.879599724, -0.176445909),
    ([0, 2, 4, 6], [4, 2, 4, 5], [4, 9, 9, 5], -0.175134907, 0.124133758),
    ([1, 5, 7, 9], [0, 5, 0, 0], [2, 5, 1, 1], -0.119427332, 0.063979711),
    ([0, 1, 7], [8, 3, 3], [9, 8, 8], 0.733892506, -0.190087826),
    ([3, 9], [6, 1], [7, 8], 3.004224559, -0.512629164),
    ([4, 8], [4, 8], [5, 8], -0.635988767, 0.433650264),
    ([1, 2, 4, 5, 9], [2, 1, 6, 0, 0], [4, 1, 6, 8, 1], 1.434939282, -0.420317460),
    ([5, 6, 7], [1, 0, 4], [4, 3, 5], -7.115927673, 1.110467619),
    ([1, 2, 4, 5, 8], [4, 1, 2, 0, 5], [7, 1, 9, 8, 6], -0.680994291, 0.057717173),
    ([1, 5], [2, 3], [4, 5], -0.084118059, 0.084118059),
    ([1, 2, 3, 5, 6], [3, 1, 4, 0, 1], [3, 2, 6, 3, 4], 2.368630193, -0.667429128),
    ([4, 7], [3, 6], [3, 7], 2.585340923, -0.159857693),
    ([2, 5], [3, 1], [8, 4], -0.188443299, -0.131770912),
    ([0, 4, 5, 6, 9], [0, 5, 3, 5, 0], [5, 9, 4, 6, 4], -0.597278168, 0.101182917),
    ([0, 4, 5, 6, 8], [5, 0, 2, 2, 1], [6, 2, 3, 8, 7], 1.210060623, -0.354634244),
    ([1, 8], [2, 5], [7, 8], -0.965663430, 0.177206069),
    ([1, 2, 5, 7], [1, 0, 0, 0], [7, 6, 9, 1], -1.544917106, -0.346900237),
    ([1, 4, 6, 9], [5, 4, 4, 6], [5, 9, 5, 7], 0.799543085, 0.022817113),
    ([0, 9], [0, 3], [8, 3], -2.833213344, 0.531013721),
    ([0, 3, 4, 6, 9], [1, 0, 1, 3, 1], [1, 1, 2, 8, 4], 0.597199225, -0.182641233),
    ([1, 2, 3, 9], [1, 4, 0, 1], [2, 4, 3, 7], 0.847892402, -0.274353743),
]


@pytest.mark.parametrize(("values", "successes", "trials", "intercept", "slope"), BRGLM)
def test_the_fit_is_that_of_brglm(values, successes, trials, intercept, slope):
    fit = fit_logistic(np.array(values, float), np.array(successes), np.array(trials))
    logits = intercept + slope * np.array(values)
    np.testing.assert_allclose(fit.logit(np.array(values)), logits, atol=1e-6)
    assert fit.slope == pytest.approx(slope, abs=1e-6)


def test_every_outcome_of_two_values_has_the_fit_that_half_a_run_more_on_each_side_gives():
    for trials in itertools.product(range(1, 10), repeat=2):
        outcomes = np.array(list(itertools.product(*(range(count + 1) for count in trials))))
        fit = fit_logistic(np.array([0.01, 0.1]), outcomes, np.array(trials))
        np.testing.assert_allclose(fit.share(np.array([0.01, 0.1])), (outcomes + 0.5) / (np.array(trials) + 1), rtol=1e-8)


def test_every_outcome_of_three_values_has_a_fit_where_the_score_is_zero():
    values = np.array([0.0, 1.0, 3.0])
    designs = list(itertools.product(range(1, 6), repeat=3))
    outcomes = [np.array(list(itertools.product(*(range(count + 1) for count in trials)))) for trials in designs]
    trials = np.concatenate([np.tile(each, (len(counts), 1)) for each, counts in zip(designs, outcomes, strict=True)])
    successes = np.concatenate(outcomes)
    share = fit_logistic(values, successes, trials).share(values)
    weight = trials * share * (1 - share)
    design = np.stack([np.ones(3), values], axis=1)
    information = np.einsum("bp,pi,pj->bij", weight, design, design)
    leverage = weight * np.einsum("pi,bij,pj->bp", design, np.linalg.inv(information), design)
    score = np.einsum("bp,pi->bi", successes - trials * share + leverage * (0.5 - share), design)
    assert np.abs(score).max() < 1e-6


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(AnalysisError, match="one phase is separated from the other; fit with Firth's penalty"):
        fit_logistic(np.array([0.0, 1.0]), np.array([0, 5]), np.array([5, 5]), firth=False)
    with pytest.raises(AnalysisError, match="two different values or more"):
        fit_logistic(np.array([1.0, 1.0]), np.array([0, 5]), np.array([5, 5]))
    with pytest.raises(AnalysisError, match="it needs runs at two values or more"):
        fit_logistic(np.array([0.0, 1.0]), np.array([0, 3]), np.array([0, 5]))


def curves(successes, trials, values, direction=1, loss=1.9207):
    center = float(fit_logistic(values, successes, trials).center)
    return likely_curves(values, successes, trials, direction=direction, loss=loss, center=center)


def test_the_center_of_separated_runs_is_anywhere_between_them_and_the_slope_has_no_upper_end():
    likely = curves(np.array([0, 0, 5, 5]), np.full(4, 5), np.arange(4.0))
    assert (likely.low, likely.high) == (1, 2)
    assert np.isinf(likely.steepest.max())
    falling = curves(np.array([5, 5, 0]), np.full(3, 5), np.arange(3.0), direction=-1)
    assert (falling.low, falling.high) == (1, 2)
    few = curves(np.array([0, 2]), np.full(2, 2), np.arange(2.0))
    assert few.low < 0, "two runs of one phase may have a share of one half: 4 log 2 < 3.84"


def test_the_interval_of_the_center_is_that_of_the_profile_likelihood():
    # R: MASS::dose.p needs glm; here the deviance is minimized over the slope for each center, on a fine grid
    values, successes, trials = np.arange(5.0), np.array([0, 1, 5, 8, 9]), np.full(5, 9)
    likely = curves(successes, trials, values)
    slopes = np.geomspace(0.05, 50, 4000)

    def height(center):
        logits = slopes[:, None] * (values - center)
        return (successes * logits - trials * np.logaddexp(0, logits)).sum(axis=1).max()

    best = max(height(center) for center in np.linspace(1, 3, 401))
    for end in (likely.low, likely.high):
        assert best - height(end) == pytest.approx(1.9207, abs=2e-3)


def test_the_ends_are_not_known_where_a_constant_share_is_likely_enough():
    flat = curves(np.array([4, 5, 4]), np.full(3, 9), np.arange(3.0))
    assert flat.high == np.inf
    low, high = flat.shares(np.array([0.0, 2.0]))
    assert (low < 4 / 9).all()
    assert (high > 4 / 9).all()
