"""The share of a phase over two axes: the model against exact integration, known surfaces, and refusals."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.gaussian import Counts, fit_posterior, fit_shares, one_thread
from grokjax.analysis.statistics.points import is_scattered, phase_points
from grokjax.analysis.statistics.surface import surface
from grokjax.errors import AnalysisError


def sobol(count=32, seeds=3, groks=lambda x, y: x + 0.5 * y > 0.75):
    """Runs at Sobol points over weight_decay (0.01 to 1, log) and train_size (100 to 300), and their phases."""
    places = np.repeat(qmc.Sobol(2, rng=np.random.default_rng(0)).random(count), seeds, axis=0)
    runs = pd.DataFrame({"weight_decay": 10 ** (2 * places[:, 0] - 2), "train_size": 100 + 200 * places[:, 1]})
    runs["seed"] = np.tile(range(seeds), count)
    return runs, pd.Series(np.where(groks(*places.T), "grok", "memorize"))


AXES = ("weight_decay", "train_size")


def test_the_posterior_is_that_of_exact_integration():
    places = np.array([[0.1, 0.2], [0.3, 0.9], [0.5, 0.4], [0.6, 0.6], [0.9, 0.1]])
    counts = Counts(places, np.array([0.0, 1, 1, 3, 3]), np.array([3.0, 2, 3, 3, 3]))
    parameters = np.log([3.0, 0.4, 0.6])
    fit = fit_posterior(parameters, counts)
    squares = ((places[:, None] - places[None]) / np.exp(parameters[1:])) ** 2
    kernel = 9 * np.exp(-squares.sum(axis=-1) / 2)
    logits = np.linalg.cholesky(kernel) @ np.random.default_rng(0).standard_normal((5, 400_000))
    logs = (counts.successes[:, None] * logits - counts.trials[:, None] * np.logaddexp(0, logits)).sum(axis=0)
    weights = np.exp(logs - logs.max())
    assert fit.evidence == pytest.approx(logs.max() + np.log(weights.mean()), abs=0.02)
    mean, deviation = fit.latent(places)
    exact = (logits * weights).sum(axis=1) / weights.sum()
    np.testing.assert_allclose(mean, exact, atol=0.05)
    spread = np.sqrt(((logits - exact[:, None]) ** 2 * weights).sum(axis=1) / weights.sum())
    np.testing.assert_allclose(deviation, spread, rtol=0.03)


def test_counts_stand_for_single_runs():
    places = np.random.default_rng(1).random((8, 2))
    successes = np.array([0, 0, 1, 2, 3, 3, 1, 0])
    together = fit_posterior(np.log([3.0, 0.4, 0.6]), Counts(places, successes.astype(float), np.full(8, 3.0)))
    single = Counts(np.repeat(places, 3, axis=0), np.concatenate([[1.0] * k + [0.0] * (3 - k) for k in successes]), np.ones(24))
    apart = fit_posterior(np.log([3.0, 0.4, 0.6]), single)
    np.testing.assert_allclose(together.latent(places)[0], apart.latent(places)[0], atol=0.1)
    np.testing.assert_allclose(together.latent(places)[1], apart.latent(places)[1], atol=0.1)


def test_averaging_over_lengths_widens_bands():
    runs, phases = sobol()
    points = phase_points(runs, phases, AXES)
    counts = Counts(points.places, *(points.table[name].to_numpy(float) for name in ("successes", "trials")))
    at = np.random.default_rng(0).random((200, 2))
    with one_thread():
        (low, high), (least, most) = (fit_shares(counts, averaged=each).quantiles(at, [0.025, 0.975]) for each in (False, True))
    assert (most - least).mean() > (high - low).mean()


def test_a_boundary_among_drawn_points_lies_where_it_was_put():
    found = surface(*sobol(), *AXES)
    (line,) = found.contour()
    across, up = np.log10(line["weight_decay"]) / 2 + 1, (line["train_size"] - 100) / 200
    assert np.abs(across + 0.5 * up - 0.75).max() < 0.1
    assert found.points.scales[0].log
    assert not found.points.scales[1].log
    places = np.stack(np.meshgrid(np.linspace(0, 1, 41), np.linspace(0, 1, 41)), axis=-1)
    true = places @ [1, 0.5] - 0.75
    assert found.unknown[np.abs(true) < 0.01].all(), "the band contains the boundary"
    assert found.unknown.mean() < 0.35
    assert (found.low <= found.share).all()
    assert (found.share <= found.high).all()


def test_an_island_has_a_closed_boundary():
    found = surface(*sobol(64, 3, lambda x, y: np.hypot(x - 0.5, y - 0.5) < 0.3), *AXES)
    (line,) = found.contour()
    assert line.iloc[0].tolist() == pytest.approx(line.iloc[-1].tolist())
    assert found.share[20, 20] > 0.9
    assert found.share[0, 0] < 0.1
    assert found.table().shape == (41 * 41, 5)


def test_a_control_without_weight_decay_has_its_place():
    runs, phases = sobol()
    control = pd.DataFrame({"weight_decay": 0.0, "train_size": [120.0, 200, 280], "seed": 0})
    found = surface(
        pd.concat([runs, control], ignore_index=True), pd.concat([phases, pd.Series(["memorize"] * 3)], ignore_index=True), *AXES
    )
    assert found.points.scales[0].zero
    assert found.xs[0] == pytest.approx(0, abs=1e-9)


def test_many_points_are_pooled_and_give_the_same_boundary(monkeypatch):
    few = surface(*sobol(128, 1), *AXES, lattice=9)
    monkeypatch.setattr("grokjax.analysis.statistics.surface.MOST_POINTS", 100)
    many = surface(*sobol(1024, 1), *AXES, lattice=9)
    assert np.abs(few.share - many.share).mean() < 0.05


def test_seeds_that_shift_all_points_together_widen_the_band():
    runs, _ = sobol()
    places = np.log10(runs["weight_decay"]) / 2 + runs["train_size"] / 400 - 0.125
    labels = np.where(8 * places + np.tile([-2.0, 0.0, 2.0], 32) > 0, "grok", "memorize").reshape(32, 3)
    together = surface(runs, pd.Series(labels.ravel()), *AXES, lattice=9)
    dealt = np.random.default_rng(0).permuted(labels, axis=1)  # the same counts, without the seeds
    apart = surface(runs, pd.Series(dealt.ravel()), *AXES, lattice=9)
    assert together.seed_error > 2 * apart.seed_error > 0
    assert together.unknown.sum() > apart.unknown.sum()
    np.testing.assert_allclose(together.share, apart.share, atol=0.02)
    assert "the seeds may shift all points together, by" in together.seed_text
    phases = pd.Series(labels.ravel())
    each_its_own = surface(runs.assign(seed=range(96)), phases, *AXES, lattice=9)
    assert (each_its_own.seed_error, each_its_own.seed_text) == (0, "")
    assert (each_its_own.high - each_its_own.low).max() < (together.high - together.low).max()
    assert "All runs have one seed" in surface(runs.assign(seed=0), phases, *AXES, lattice=9).seed_text


def test_a_surface_is_refused_where_it_does_not_hold():
    runs, phases = sobol()
    with pytest.raises(AnalysisError, match="8 points have runs that count, and this needs 12; train more points"):
        surface(*sobol(8), *AXES)
    with pytest.raises(AnalysisError, match="none of the 96 runs that count are fail, so it has no boundary; choose another phase"):
        surface(runs, phases, *AXES, phase="fail")
    with pytest.raises(AnalysisError, match="weight_decay is given twice"):
        surface(runs, phases, "weight_decay", "weight_decay")
    with pytest.raises(AnalysisError, match="seed_count is not in the table"):
        surface(runs, phases, "weight_decay", "seed_count")
    with pytest.raises(AnalysisError, match=r"confidence = 1\.5 is out of range"):
        surface(runs, phases, *AXES, confidence=1.5)
    mixed = runs.assign(run_id=[str(each) for each in runs.index], hidden_size=np.tile([16, 32, 64], 32), steps=1)
    mixed = mixed[["run_id", "weight_decay", "train_size", "hidden_size", "seed", "steps"]]
    with pytest.raises(AnalysisError, match="hidden_size also varies"):
        surface(mixed, phases, *AXES)
    assert surface(mixed, phases, *AXES, mix=["hidden_size"]).mixed == ("hidden_size",)


def test_what_is_a_grid_and_what_is_not():
    def runs(pairs):
        return pd.DataFrame(pairs, columns=list(AXES))

    grid = [(x, y) for x in range(8) for y in range(8)]
    assert not is_scattered(runs(grid), *AXES)
    assert not is_scattered(runs([(x, y) for x, y in grid if x <= y]), *AXES), "half a grid is a grid"
    assert is_scattered(sobol()[0], *AXES)
    assert is_scattered(runs([*grid, *((x + 0.1 * x, x + 0.1 * x + 0.05) for x in range(1, 12))]), *AXES), "many refined points"
    assert not is_scattered(runs([("a", 1), ("b", 2), ("c", 3)]), *AXES), "texts have no true places"


values = st.one_of(st.floats(allow_nan=True, allow_infinity=True, width=32), st.none(), st.text(max_size=2), st.integers(-3, 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(values, values, st.sampled_from(PHASES)), max_size=16))
def test_a_bad_table_gives_a_surface_or_a_sentence(rows):
    runs = pd.DataFrame(rows, columns=[*AXES, "phase"])
    with contextlib.suppress(AnalysisError):
        assert np.isfinite(surface(runs[list(AXES)], runs["phase"], *AXES, lattice=5).share).all()
