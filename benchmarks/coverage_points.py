"""Claim: among drawn points, 95 % bands of a boundary contain it, and intervals of importances contain the effects.

Sweeps are drawn from known shares over two hyperparameters (a straight edge, an island, an S-shaped edge, each gradual and sharp)
and over four (one of them without effect), and analysed as any sweep is. The table has, for each case:

* contour: how often the band of the boundary contains a place of the true one (share of its places, averaged over sweeps);
* share: how often the pointwise band contains the true share, to a hundredth;
* band: the part of the map in which the band contains one half; error: the root of the mean squared error of the share.

The same for a logistic regression with quadratic terms and a parametric bootstrap, which decisions.md compares; for seeds that
shift all points of a sweep together; and for 16 further points chosen by `least_known_places` or from the Sobol sequence.

    python -m benchmarks.coverage_points [SIMULATIONS] [surfaces refined effects]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import qmc
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import PolynomialFeatures

from benchmarks.machine import print_header
from grokjax.analysis.statistics.gaussian import Counts, fit_shares, one_thread
from grokjax.analysis.statistics.importance import importance
from grokjax.analysis.statistics.points import point_counts
from grokjax.analysis.statistics.refine_points import least_known_places
from grokjax.analysis.statistics.surface import shared_seed_error
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]
Logit = Callable[[Array], Array]

SIMULATIONS = 30
PARTS = ("surfaces", "refined", "effects")
SIDE = np.linspace(0.025, 0.975, 20)
LATTICE = np.stack(np.meshgrid(SIDE, SIDE), axis=-1).reshape(-1, 2)
SURFACES: dict[str, Logit] = {
    "edge, gradual": lambda x: 8 * (x[:, 0] + 0.5 * x[:, 1] - 0.75),
    "edge, sharp": lambda x: 40 * (x[:, 0] + 0.5 * x[:, 1] - 0.75),
    "island, gradual": lambda x: 15 * (0.3 - np.hypot(x[:, 0] - 0.45, 0.8 * (x[:, 1] - 0.5))),
    "island, sharp": lambda x: 60 * (0.3 - np.hypot(x[:, 0] - 0.45, 0.8 * (x[:, 1] - 0.5))),
    "S, gradual": lambda x: 10 * (x[:, 1] - 0.2 - 0.6 * expit(15 * (x[:, 0] - 0.5))),
    "S, sharp": lambda x: 50 * (x[:, 1] - 0.2 - 0.6 * expit(15 * (x[:, 0] - 0.5))),
}
NAMES = ["first", "second", "third", "none"]
EFFECTS: dict[str, Logit] = {
    "edge": lambda x: 6 * (x[:, 0] - 0.5) + 3 * (x[:, 1] - 0.5) + (x[:, 2] - 0.5),
    "island": lambda x: 10 * (0.3 - np.hypot(x[:, 0] - 0.5, x[:, 1] - 0.5)) + (x[:, 2] - 0.5),
    "sharp edge": lambda x: 30 * (x[:, 0] + 0.5 * x[:, 1] - 0.75),
}


def main(simulations: int, parts: Sequence[str] = PARTS) -> None:
    """Prints the tables of some parts."""
    print_header(f"bands and intervals of 95 % in {simulations:,} simulated sweeps of drawn points")
    for part in parts:
        {"surfaces": _surfaces, "refined": _refinements, "effects": _all_effects}[part](simulations)


def _surfaces(simulations: int) -> None:
    print(f"{'surface':<18}{'points x seeds':<16}{'model':<12}{'contour':>8}{'share':>8}{'band':>8}{'error':>8}")
    for name, logit in SURFACES.items():
        for points, seeds, shift, models in CASES:
            for model in models:
                row = np.mean([_sweep(logit, points, seeds, shift, model, seed) for seed in range(simulations)], axis=0)
                what = f"{points} x {seeds}{', shared' if shift else ''}"
                print(f"{name:<18}{what:<16}{model.__name__:<12}" + "".join(f"{value:>8.3f}" for value in row), flush=True)


def _refinements(simulations: int) -> None:
    print("error of the share with 16 points more: from the Sobol sequence, least known ones")
    for name, logit in SURFACES.items():
        errors = np.mean([_refined(logit, seed) for seed in range(simulations)], axis=0)
        print(f"{name:<18}{errors[0]:>8.3f}{errors[1]:>8.3f}", flush=True)


def _all_effects(simulations: int) -> None:
    print(f"{'effects':<14}{'points x seeds':<16}{'refused':>8}" + "".join(f"{name:>26}" for name in NAMES))
    for name, logit in EFFECTS.items():
        for points, seeds in ((96, 1), (64, 3)):
            _print_effects(name, logit, points, seeds, simulations)


def gaussian(places: Array, labels: Array, at: Array, generator: np.random.Generator) -> Array:
    """The median and the ends of the band of the share at places [M, 2], as `surface` has them: [3, M]."""
    seeds = np.broadcast_to(np.arange(labels.shape[1]), labels.shape)
    with one_thread():
        model = fit_shares(Counts(places, labels.sum(axis=1).astype(float), np.full(len(places), float(labels.shape[1]))))
        shares = np.repeat(model.expected(places), labels.shape[1])
        error = np.nan_to_num(shared_seed_error(labels.ravel(), shares, seeds.ravel()))
        return model.quantiles(at, [0.5, 0.025, 0.975], float(error))


def logistic(places: Array, labels: Array, at: Array, generator: np.random.Generator) -> Array:
    """The same by logistic regression with quadratic terms, a weak penalty, and a parametric bootstrap."""
    successes, trials = labels.sum(axis=1).astype(float), np.full(len(places), float(labels.shape[1]))
    terms = PolynomialFeatures(2, include_bias=False)
    known, asked = terms.fit_transform(2 * places - 1), terms.transform(2 * at - 1)

    def shares(counts: Array, where: Array) -> Array:
        rows = np.concatenate([known, known])
        weights, labels = np.concatenate([counts, trials - counts]), np.repeat([1, 0], len(known))
        fit = LogisticRegression(C=100, max_iter=1000).fit(rows, labels, sample_weight=weights)
        found: Array = fit.predict_proba(where)[:, 1]
        return found

    drawn = generator.binomial(trials.astype(int), shares(successes, known), (100, len(known)))
    resampled = np.array([shares(counts, asked) for counts in drawn if 0 < counts.sum() < trials.sum()])
    return np.stack([shares(successes, asked), *np.quantile(resampled, [0.025, 0.975], axis=0)])


CASES: Any = ((32, 3, 0.0, (gaussian, logistic)), (32, 3, 1.0, (gaussian,)), (128, 1, 0.0, (gaussian,)))


def _draw(logit: Logit, places: Array, seeds: int, shift: float, generator: np.random.Generator) -> Array:
    """Labels [N, S] of runs; each seed shifts the logits of all points together."""
    shifts = shift * generator.standard_normal(seeds)
    labels: Array = generator.random((len(places), seeds)) < expit(logit(places)[:, None] + shifts)
    return labels


def _phases(labels: Array) -> pd.Series[str]:
    return pd.Series(np.where(labels.ravel(), "grok", "memorize").tolist())


def _sweep(logit: Logit, points: int, seeds: int, shift: float, model: Callable[..., Array], seed: int) -> list[float]:
    generator = np.random.default_rng(seed)
    places = qmc.Sobol(2, rng=generator).random(points)
    labels = _draw(logit, places, seeds, shift, generator)
    line, nodes = _contour(logit), np.linspace(-3, 3, 121)
    middle, low, high = model(places, labels, np.concatenate([LATTICE, line]), generator)
    weights = np.exp(-(nodes**2) / 2)
    true = expit(logit(LATTICE)[:, None] + shift * nodes) @ weights / weights.sum()
    inside, crossed = slice(len(LATTICE)), slice(len(LATTICE), None)
    return [
        float(((low[crossed] <= 0.5) & (high[crossed] >= 0.5)).mean()),
        float(((low[inside] <= true + 0.01) & (true - 0.01 <= high[inside])).mean()),
        float(((low[inside] <= 0.5) & (high[inside] >= 0.5)).mean()),
        float(np.sqrt(((middle[inside] - true) ** 2).mean())),
    ]


def _contour(logit: Logit) -> Array:
    """Sixty places at which the logit is zero, inside the square."""
    side = np.linspace(0, 1, 201)
    lattice = np.stack(np.meshgrid(side, side), axis=-1)
    signs = np.sign(logit(lattice.reshape(-1, 2))).reshape(201, 201)
    found = np.concatenate([lattice[:, 1:][signs[:, 1:] != signs[:, :-1]], lattice[1:][signs[1:] != signs[:-1]]])
    found = found[(found.min(axis=1) > 0.03) & (found.max(axis=1) < 0.97)]
    chosen: Array = found[np.linspace(0, len(found) - 1, 60).astype(int)]
    return chosen


def _refined(logit: Logit, seed: int) -> list[float]:
    """The errors of the share with 48 points of three seeds: all from the Sobol sequence, or the last 16 as refined."""
    generator = np.random.default_rng(seed)
    drawn = qmc.Sobol(2, rng=generator).random(64)[:48]
    first = _draw(logit, drawn[:32], 3, 0, generator)
    runs = pd.DataFrame(np.repeat(drawn[:32], 3, axis=0) + 1, columns=["x", "y"])
    phases = _phases(first)
    try:
        chosen = least_known_places(point_counts(runs, phases, ["x", "y"]), ["x", "y"], 16)[["x", "y"]].to_numpy() - 1
    except AnalysisError:
        return [np.nan, np.nan]
    errors = []
    for more in (drawn[32:], chosen):
        places = np.concatenate([drawn[:32], more])
        labels = np.concatenate([first, _draw(logit, more, 3, 0, generator)])
        middle = gaussian(places, labels, LATTICE, generator)[0]
        errors.append(float(np.sqrt(((middle - expit(logit(LATTICE))) ** 2).mean())))
    return errors


def _print_effects(name: str, logit: Logit, points: int, seeds: int, simulations: int) -> None:
    """Prints, for each hyperparameter, its true total effect, the mean estimate, and how often the interval contains it."""
    true, rows, refused = _total_effects(logit), [], 0
    for seed in range(simulations):
        generator = np.random.default_rng(seed)
        places = generator.random((points, 4))
        phases = _phases(_draw(logit, places, seeds, 0, generator))
        runs = pd.DataFrame(np.repeat(places, seeds, axis=0) + 1, columns=NAMES)
        try:
            found = importance(runs, phases, NAMES).effects.set_index("hyperparameter").loc[NAMES]
        except AnalysisError:
            refused += 1
            continue
        inside = (found["total_low"] <= true) & (true <= found["total_high"])
        rows.append(np.stack([found["total"], inside]))
    means, held = np.mean(rows, axis=0)
    cells = (f"{one:.2f}: {two:.2f}, {three:.0%}" for one, two, three in zip(true, means, held, strict=True))
    print(
        f"{name:<14}{f'{points} x {seeds}':<16}{refused / simulations:>8.0%}" + "".join(f"{cell:>26}" for cell in cells), flush=True
    )


def _total_effects(logit: Logit) -> Array:
    generator = np.random.default_rng(0)
    one, other = generator.random((2, 200_000, 4))
    share = expit(logit(one))
    changed = [np.where(np.arange(4) == axis, other, one) for axis in range(4)]
    effects: Array = np.array([((share - expit(logit(each))) ** 2).mean() / 2 for each in changed]) / share.var()
    return effects


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIMULATIONS, sys.argv[2:] or PARTS)
