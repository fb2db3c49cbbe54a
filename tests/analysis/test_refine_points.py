"""Where to train next among drawn points."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.points import point_counts
from grokjax.analysis.statistics.refine_points import least_known_places
from grokjax.errors import AnalysisError

NAMES = ["weight_decay", "train_size"]


def drawn(count=32):
    places = qmc.Sobol(2, rng=np.random.default_rng(0)).random(32)[:count]
    runs = pd.DataFrame(
        {"weight_decay": 10 ** (2 * places[:, 0] - 2), "train_size": np.round(100 + 200 * places[:, 1]).astype(int)}
    )
    return runs, pd.Series(np.where(places[:, 0] > 0.5, "grok", "memorize"))


def place(table):
    return np.stack([np.log10(table["weight_decay"]) / 2 + 1, (table["train_size"] - 100) / 200], axis=1)


def test_new_points_lie_on_the_boundary_and_apart_from_each_other():
    runs, phases = drawn()
    found = least_known_places(point_counts(runs, phases, NAMES), NAMES, 8)
    assert list(found) == [*NAMES, "score"]
    assert len(found) == 8
    assert found["score"].is_monotonic_decreasing
    across = place(found)
    assert (np.abs(across[:, 0] - 0.5) < 0.15).mean() >= 0.75
    every = np.concatenate([place(runs), across])
    apart = np.hypot(*(every[:, None] - every[None]).transpose(2, 0, 1))[len(runs) :]
    assert np.sort(apart, axis=1)[:, 1].min() > 0.05
    assert found["train_size"].dtype == runs["train_size"].dtype


def test_a_planned_point_keeps_others_away():
    runs, phases = drawn()
    best = least_known_places(point_counts(runs, phases, NAMES), NAMES, 1)
    planned = pd.concat([runs, best[NAMES]])
    (other,) = place(least_known_places(point_counts(runs, phases, NAMES, planned), NAMES, 1))
    assert np.hypot(*(other - place(best)[0])) > 0.1


def test_three_phases_and_three_hyperparameters_do_as_well():
    places = qmc.Sobol(3, rng=np.random.default_rng(0)).random(64)
    phases = pd.Series(np.array(["memorize", "grok", "fail"])[(places[:, 0] * 3).astype(int)])
    runs = pd.DataFrame(places + 1, columns=["a", "b", "c"])
    found = least_known_places(point_counts(runs, phases, ["a", "b", "c"]), ["a", "b", "c"], 8)
    assert (np.abs(found["a"].to_numpy() - 1 - np.array([[1 / 3], [2 / 3]])).min(axis=0) < 0.12).mean() >= 0.75


def test_new_points_are_refused_where_nothing_is_known():
    runs, phases = drawn()
    with pytest.raises(AnalysisError, match="all runs that count are grok, so no boundary runs between them"):
        least_known_places(point_counts(runs, phases.replace("memorize", "grok"), NAMES), NAMES)
    with pytest.raises(AnalysisError, match="4 points have runs that count, and this needs 6"):
        least_known_places(point_counts(*drawn(4), NAMES), NAMES)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(width=32) | st.none() | st.integers(0, 3)] * 2, st.sampled_from(PHASES)), max_size=12))
def test_a_bad_table_gives_points_or_a_sentence(rows):
    runs = pd.DataFrame(rows, columns=[*NAMES, "phase"])
    with contextlib.suppress(AnalysisError):
        assert len(least_known_places(point_counts(runs, runs["phase"], NAMES), NAMES, 3)) <= 3
