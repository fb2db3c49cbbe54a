"""How much of whether a run has a phase depends on each hyperparameter, with intervals.

The total effect of a hyperparameter (Sobol' 1993; Homma and Saltelli 1996) is the variance of the share of the phase that is left
when all other hyperparameters are known; its effect alone is the variance of the share averaged over all others. Both are given as
parts of the variance of the share over the design.

They are measured on points that the model has not seen: if p(x) is the share, y a label and x' the point with another value of one
hyperparameter, then E[(y - p(x'))^2] - E[(y - p(x))^2] is twice the total effect, and with all of x exchanged it is twice the
variance of the share. This permutation importance can be negative by chance, so an interval contains 0 if a hyperparameter has no
effect. The intervals are of the jackknife: the whole cross-validation, with the fit of amplitude and lengths, is repeated without
each of its folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.cells import cells_of, check_cell, check_confidence, without
from grokjax.analysis.statistics.gaussian import Counts, GaussianFit, fit_posterior, fit_shares, one_thread
from grokjax.analysis.statistics.points import counted_runs
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.tables.hyperparameters import is_number, varied_hyperparameters
from grokjax.errors import AnalysisError, nearest

Array = np.ndarray[Any, Any]

FOLDS, DONORS = 10, 20  # of a point: others whose values it takes
WIDER = 1.25  # of intervals of effects: without it they are too narrow in simulated sweeps (docs/statistics/importance.md)
LEAST_POINTS, LEAST_RUNS = 20, 10  # points with runs that count; runs with the phase, and without it
MOST_POINTS = 400  # a random sample of more
MOST_EXPLAINED = 0.5  # of the variance of a hyperparameter, by the others


@dataclass(frozen=True)
class Importance:
    """The effects of hyperparameters on whether runs have a phase.

    `effects` has a row per hyperparameter, the greatest total effect first: `hyperparameter`, `total` with its interval `total_low`
    to `total_high`, and `alone` with `alone_low` to `alone_high`, as parts of the variance of the share of the phase. What `total`
    exceeds `alone` by depends on other hyperparameters as well, so the totals may sum to more than 1. `explained`, with its
    interval, is the part of the variance of the labels that the hyperparameters predict for new points; the rest is up to the seeds
    or not yet known.
    """

    phase: str
    against: str | None
    effects: pd.DataFrame
    explained: tuple[float, ...]  # with its interval
    points: int
    runs: int
    left_out: int
    confidence: float


def importance(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    names: Sequence[str] | None = None,
    *,
    phase: str = "grok",
    against: str | None = None,
    mix: Sequence[str] = (),
    confidence: float = 0.95,
    seed: int = 0,
) -> Importance:
    """How much of whether a run has a phase depends on each hyperparameter, for grids and for drawn points.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      names: hyperparameters; all that vary when None. They may be texts, such as the optimizer.
      phase, against: as for `boundary`; runs of neither phase are left out, and so are runs that diverged or are undecided.
      mix: hyperparameters that may vary besides, whose effects then count as chance.
      confidence: of the intervals.
      seed: of the folds and permutations.

    Raises:
      AnalysisError: two hyperparameters change together, so that their effects cannot be told apart; another one varies and is not
        in `mix`; some runs have no value of one; or there are fewer than `LEAST_POINTS` points, or fewer than `LEAST_RUNS` runs
        with the phase or without it; or the hyperparameters predict nothing of it.
    """
    check_confidence(confidence)
    chosen = [name for name in varied_hyperparameters(runs) if name not in mix] if names is None else list(names)
    _check_names(runs, chosen)
    check_cell(runs, chosen, mix)
    has, counts = counted_runs(runs, phases, phase, against)
    codes, table = cells_of(runs.loc[counts, chosen])
    successes, trials = np.bincount(codes, has[counts]), np.bincount(codes).astype(float)
    _check_counts(len(table), int(successes.sum()), int(trials.sum()), phase)
    columns = {name: _columns(table[name], runs[name]) for name in chosen}
    _check_apart(columns)
    generator = np.random.default_rng(seed)
    kept = generator.permutation(len(table))[:MOST_POINTS]  # in random order, as folds need
    counted = Counts(np.concatenate([columns[name] for name in chosen], axis=1)[kept], successes[kept], trials[kept])
    with one_thread():
        estimates = _effects(counted, [columns[name].shape[1] for name in chosen])
    parts = _jackknife(estimates, confidence)
    explained = tuple(map(float, parts[:, 0]))
    _check_explained(explained[0], explained[1], explained[2], phase)
    effects = pd.DataFrame({"hyperparameter": chosen})
    for kind, found in (("total", parts[:, 1 : 1 + len(chosen)]), ("alone", parts[:, 1 + len(chosen) :])):
        effects[kind], effects[f"{kind}_low"], effects[f"{kind}_high"] = found
    effects = effects.sort_values("total", ascending=False, kind="stable", ignore_index=True)
    fitted = len(counted.trials), int(counted.trials.sum())
    return Importance(phase, against, effects, explained, *fitted, int((~counts).sum()), confidence)


def _check_explained(share: float, low: float, high: float, phase: str) -> None:
    if low <= 0:
        raise AnalysisError(
            f"the hyperparameters predict too little of which runs are {phase} ({share:.0%} of the variance, "
            f"{low:.0%} to {high:.0%}) to say which of them matter; train more points, or choose another phase"
        )


def _effects(counts: Counts, widths: Sequence[int]) -> Array:
    """The effects by cross-validation, of all points and without each fold: [1 + K, 1 + 2 D].

    First the part of the labels' variance that all hyperparameters explain; then the total effects, and those alone, as parts of
    what they explain. `widths` [D] are the numbers of columns of the hyperparameters. Amplitude and lengths are fitted to all
    points, and again without each fold: with the same ones throughout, the estimates without a fold would differ too little.
    """
    groups = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])
    every = np.arange(sum(widths))
    moved = [every, *groups, *(np.setdiff1d(every, group) for group in groups)]
    # every point gives its values equally often: donors that are drawn at random would make a third of the error
    shifts = np.unique(np.linspace(1, len(counts.trials) - 1, DONORS).astype(int))
    donors = (np.arange(len(counts.trials)) + shifts[:, None]) % len(counts.trials)
    (whole,) = fit_shares(counts, averaged=False).fits
    every_point = np.arange(len(counts.trials))
    folds = np.array_split(every_point, FOLDS)
    rises = np.zeros((FOLDS, FOLDS, len(moved)))  # of the loss in a fold, without that fold and another one
    for omitted in range(FOLDS):
        rest = _part(counts, np.setdiff1d(every_point, folds[omitted]))
        parameters = fit_shares(rest, averaged=False, start=whole.parameters).fits[0].parameters
        for tested in range(FOLDS):
            trained = np.setdiff1d(every_point, np.union1d(folds[tested], folds[omitted]))
            at = whole.parameters if tested == omitted else parameters
            fit = fit_posterior(at, _part(counts, trained), (whole.sites[0][trained], whole.sites[1][trained]))
            rises[tested, omitted] = _rises(fit, counts, folds[tested], moved, donors)
    labels = counts.successes.sum() / counts.trials.sum()
    estimates = []
    for omitted in (None, *range(FOLDS)):
        used = [fold for fold in range(FOLDS) if fold != omitted]
        total = sum(rises[fold, fold if omitted is None else omitted] for fold in used)
        variances = np.asarray(total) / sum(counts.trials[folds[fold]].sum() for fold in used)
        alone = variances[0] - variances[1 + len(widths) :]
        effects = np.concatenate([variances[1 : 1 + len(widths)], alone]) / variances[0]
        estimates.append(np.concatenate([variances[:1] / (labels * (1 - labels)), effects]))
    return np.array(estimates)


def _part(counts: Counts, rows: Array) -> Counts:
    return Counts(counts.places[rows], counts.successes[rows], counts.trials[rows])


def _rises(fit: GaussianFit, counts: Counts, tested: Array, moved: Sequence[Array], donors: Array) -> Array:
    """Half the rise of the squared error [M], summed over the runs of tested points, as columns take the values of other points."""
    places, trials = counts.places[tested], counts.trials[tested]
    asked = [places]
    for columns in moved:
        changed = np.repeat(places[None], len(donors), axis=0)  # [R, T, C]
        changed[:, :, columns] = counts.places[donors[:, tested]][:, :, columns]
        asked.append(changed.reshape(-1, places.shape[1]))
    shares = fit.expected(np.concatenate(asked)).reshape(-1, len(tested))
    losses = (counts.successes[tested] / trials - shares) ** 2
    rises: Array = (losses[1:].reshape(len(moved), len(donors), -1).mean(axis=1) - losses[0]) @ trials / 2
    return rises


def _jackknife(estimates: Array, confidence: float) -> Array:
    """The first of estimates [1 + K, E], and the ends of its interval from the others, which lack a fold each: [3, E].

    Student's interval. That of an effect, a ratio of two estimates, is `WIDER` times as wide, after the estimated bias was added.
    """
    from scipy.stats import t  # noqa: PLC0415  (slow to import)

    middle, others = estimates[0], estimates[1:]
    deviation = np.sqrt((len(others) - 1) * others.var(axis=0))
    half = t.ppf((1 + confidence) / 2, len(others) - 1) * deviation
    bias = (len(others) - 1) * np.abs(others.mean(axis=0) - middle)
    half[1:] = WIDER * (half + bias)[1:]
    return np.stack([middle, middle - half, middle + half])


def _columns(values: pd.Series[Any], every: pd.Series[Any]) -> Array:
    """A hyperparameter as numeric columns [N, C]: its place on its scale, from 0 to 1, or an indicator for each of its values."""
    if is_number(every):
        scale = AxisScale.of(every.to_numpy(float))
        places, ends = scale.to_scale(values.to_numpy(float)), scale.to_scale([every.min(), every.max()])
        scaled: Array = (places[:, None] - ends[0]) / (ends[1] - ends[0])
        return scaled
    indicators: Array = pd.get_dummies(values.astype(str)).to_numpy(float)
    return indicators[:, 1:] if indicators.shape[1] == 2 else indicators


def _check_names(runs: pd.DataFrame, names: Sequence[str]) -> None:
    if not names:
        raise AnalysisError("no hyperparameter varies in these runs, so none is important; choose other runs")
    for name in names:
        if name not in runs:
            known = ", ".join(varied_hyperparameters(runs)) or "none"
            raise AnalysisError(f"{name} is not in the table; those that vary are {known}{nearest(name, map(str, runs.columns))}")
        if runs[name].isna().all():
            raise AnalysisError(f"no run has a value of {name}; name other hyperparameters")
        if missing := int(runs[name].isna().sum()):
            those = without(runs, name)
            raise AnalysisError(
                f"{missing} of {len(runs)} runs have no {name}{f' ({those})' if those else ''}; choose runs that have it with "
                f"where, or name other hyperparameters"
            )
        if runs[name].nunique() < 2:
            raise AnalysisError(f"{name} is the same in all runs, so it has no effect here; name hyperparameters that vary")


def _check_counts(points: int, successes: int, trials: int, phase: str) -> None:
    if points < LEAST_POINTS:
        raise AnalysisError(f"{points} points have runs that count, and importance needs {LEAST_POINTS}; train more points")
    if min(successes, trials - successes) < LEAST_RUNS:
        raise AnalysisError(
            f"{successes} of {trials} runs that count are {phase}; importance needs {LEAST_RUNS} that are and {LEAST_RUNS} "
            f"that are not, so choose another phase or train more runs"
        )


def _check_apart(columns: dict[str, Array]) -> None:
    """Raises AnalysisError if a hyperparameter can be told from the others by a linear regression."""
    for name, own in columns.items():
        others = [other for other in columns if other != name]
        if not others:
            return
        design = np.concatenate([np.ones((len(own), 1)), *(columns[other] for other in others)], axis=1)
        left = own - design @ np.linalg.lstsq(design, own, rcond=None)[0]
        explained = 1 - float(left.var(axis=0).sum() / own.var(axis=0).sum())
        if explained > MOST_EXPLAINED:
            closest = max(others, key=lambda other: _related(own, columns[other]))
            raise AnalysisError(
                f"{name} and {closest} change together in these runs ({explained:.0%} of {name} follows from the other "
                f"hyperparameters), so their effects cannot be told apart; name only one of them and pool the other with mix, or "
                f"train points in which they vary independently"
            )


def _related(own: Array, other: Array) -> float:
    """The largest squared correlation of a column of one hyperparameter with a column of another."""
    table = np.corrcoef(np.concatenate([own, other], axis=1).T)[: own.shape[1], own.shape[1] :]
    return float(np.nanmax(table**2))
