"""The importance of hyperparameters: known functions, agreement with scikit-learn's permutation importance, and refusals."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.gaussian import Counts, fit_shares, one_thread
from grokjax.analysis.statistics.importance import importance
from grokjax.errors import AnalysisError

NAMES = ["weight_decay", "learning_rate", "init_scale"]


def drawn(points=64, seeds=2, logit=lambda a, b, c: 12 * (a - 0.5) + 5 * (b - 0.5)):
    """Runs at Sobol points over three hyperparameters on log scales, and phases that depend on them."""
    places = np.repeat(qmc.Sobol(3, rng=np.random.default_rng(1)).random(128)[:points], seeds, axis=0)
    share = 1 / (1 + np.exp(-logit(*places.T)))
    phases = np.where(np.random.default_rng(2).random(len(share)) < share, "grok", "memorize")
    return pd.DataFrame(10 ** (2 * places - 2), columns=NAMES), pd.Series(phases)


def test_the_order_is_right_and_a_hyperparameter_without_effect_covers_zero():
    found = importance(*drawn(), NAMES)
    assert found.effects["hyperparameter"].tolist() == NAMES
    effects = found.effects.set_index("hyperparameter")
    assert effects.loc["weight_decay", "total_low"] > 0.4
    assert effects.loc["init_scale", "total_low"] < 0 < effects.loc["init_scale", "total_high"]
    assert 0 < found.explained[1] < found.explained[0] < found.explained[2] < 1
    assert (found.points, found.runs, found.left_out) == (64, 128, 0)


def test_what_two_hyperparameters_do_only_together_is_in_the_total_effects_alone():
    found = importance(*drawn(128, logit=lambda a, b, c: 40 * (a - 0.5) * (b - 0.5)), NAMES).effects.set_index("hyperparameter")
    for name in ("weight_decay", "learning_rate"):
        assert found.loc[name, "total_low"] > 0.5
        assert found.loc[name, "alone_low"] < 0.1 < found.loc[name, "total"] - found.loc[name, "alone"]


class Fitted(BaseEstimator):
    """The share model as scikit-learn takes it; it is fitted already."""

    def __init__(self, model=None):
        self.model = model

    def fit(self, places, labels):
        return self

    def predict(self, places):
        return self.model.expected(places)


def half_rise(places, labels, tested):
    """Half the permutation importances in a fold, of a model that was fitted to the others."""
    trained = np.setdiff1d(np.arange(len(labels)), tested)
    model = Fitted(fit_shares(Counts(places[trained], labels[trained], np.ones(len(trained))), averaged=False))
    found = permutation_importance(
        model, places[tested], labels[tested], scoring="neg_mean_squared_error", n_repeats=20, random_state=0
    )
    return found.importances_mean / 2 * len(tested) / (len(tested) - 1)  # a permutation leaves one point as it is, on average


def test_the_effects_agree_with_half_the_permutation_importance_of_scikit_learn():
    runs, phases = drawn(96, 1)
    places, labels = np.log10(runs.to_numpy()) / 2 + 1, (phases == "grok").to_numpy(float)
    folds = np.array_split(np.random.default_rng(0).permutation(96), 10)
    with one_thread():
        theirs = np.mean([half_rise(places, labels, tested) for tested in folds], axis=0) / (labels.mean() * (1 - labels.mean()))
    found = importance(runs, phases, NAMES)
    ours = found.effects.set_index("hyperparameter").loc[NAMES, "total"] * found.explained[0]
    np.testing.assert_allclose(ours, theirs, atol=0.05)


def test_the_effects_hardly_depend_on_how_the_points_are_dealt_into_folds():
    runs, phases = drawn(64, 3, lambda a, b, c: 60 * (a - 0.5) + 30 * (b - 0.5))
    totals = [importance(runs, phases, NAMES, seed=seed).effects["total"][0] for seed in (0, 1, 4)]
    assert max(totals) - min(totals) < 0.1, "0.22 with donors drawn at random"


def test_texts_have_an_effect_as_well():
    runs, phases = drawn(64)
    optimizers = np.tile(["adamw", "sgd"], 64)
    phases = pd.Series(np.where(optimizers == "adamw", "grok", phases))
    found = importance(runs.assign(optimizer=optimizers), phases, [*NAMES, "optimizer"])
    assert found.effects["hyperparameter"].iloc[0] in ("optimizer", "weight_decay")
    assert found.effects.set_index("hyperparameter").loc["optimizer", "total_low"] > 0.1


def test_hyperparameters_that_change_together_are_refused_by_name():
    runs, phases = drawn()
    runs["learning_rate"] = 3 * runs["weight_decay"]
    with pytest.raises(
        AnalysisError, match=r"weight_decay and learning_rate change together in these runs .* cannot be told apart"
    ):
        importance(runs, phases, NAMES)
    assert len(importance(runs.drop(columns="learning_rate"), phases, ["weight_decay", "init_scale"]).effects) == 2


def test_importance_is_refused_where_it_does_not_hold():
    runs, phases = drawn()
    with pytest.raises(AnalysisError, match="16 points have runs that count, and importance needs 20; train more points"):
        importance(*drawn(16), NAMES)
    with pytest.raises(AnalysisError, match="0 of 128 runs that count are fail; importance needs 10 that are"):
        importance(runs, phases, NAMES, phase="fail")
    with pytest.raises(AnalysisError, match="predict too little of which runs are grok"):
        importance(runs, pd.Series(np.random.default_rng(0).choice(["grok", "fail"], len(runs))), NAMES)
    with pytest.raises(AnalysisError, match="hidden_size is not in the table"):
        importance(runs, phases, ["hidden_size"])
    with pytest.raises(AnalysisError, match="confidence = 3 is out of range"):
        importance(runs, phases, NAMES, confidence=3)
    with pytest.raises(AnalysisError, match="init_scale is the same in all runs"):
        importance(runs.assign(init_scale=1.0), phases, NAMES)
    with pytest.raises(AnalysisError, match="2 of 128 runs have no init_scale; choose runs that have it"):
        importance(runs.assign(init_scale=runs["init_scale"].where(runs.index > 1)), phases, NAMES)


values = st.one_of(st.floats(width=32), st.none(), st.text(max_size=2), st.booleans())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(values, values, st.sampled_from(PHASES)), max_size=30))
def test_a_bad_table_gives_effects_or_a_sentence(rows):
    runs = pd.DataFrame(rows, columns=["weight_decay", "learning_rate", "phase"])
    with contextlib.suppress(AnalysisError):
        assert importance(runs, runs["phase"], ["weight_decay", "learning_rate"]).effects.notna().all(axis=None)
