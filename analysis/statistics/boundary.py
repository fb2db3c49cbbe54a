"""The boundaries of a phase along an axis: where logistic fits of its share cross one half, with bands.

A phase may come and go: grokking needs enough weight decay and not too much. Every rise and every fall of its share is a boundary
of its own, fitted on the cells over which the share only rises or only falls. docs/statistics/boundary.md explains the method.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy

from grokjax.analysis.labels.rules import PHASES, align_phases
from grokjax.analysis.statistics.cells import check_cell, check_confidence
from grokjax.analysis.statistics.grid import PREFERRED_AXES
from grokjax.analysis.statistics.logistic import LikelyCurves, LogisticFit, fit_logistic, likely_curves, log_likelihood, saturated
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.statistics.segments import Crossing, constant_p, crossings
from grokjax.analysis.tables.hyperparameters import SEEDS, is_number, varied_hyperparameters
from grokjax.errors import AnalysisError, nearest

Array = np.ndarray[Any, Any]

# Phases that carry no information about where a boundary lies.
UNINFORMATIVE = ("diverged", "undecided")
# A boundary is found if at most this share of sweeps with a constant share would have cells that differ as much.
SURE = 0.0005
# Of several boundaries, each is found only if its own two sides, up to the next boundaries, differ as much as this. Otherwise a
# true boundary would vouch for a last cell that fell below one half by chance.
SURE_EACH = 0.002
# A logistic curve does not fit if it would give such deviations in less than this share of sweeps.
MISFIT, MISFIT_DRAWS = 0.01, 400

# What is known about a boundary, or why a group has none, and what that means.
STATUSES = {
    "found": "the share crosses one half between the values that were tried",
    "weak": f"so few runs may differ as much by chance (p > {SURE:g}, or {SURE_EACH:g} for its own sides), or hardly cross one "
    "half; train more seeds",
    "misfit": "the shares follow no logistic curve, or a whole cell lies on the wrong side; train values between",
    "outside": "the boundary is beyond the values that were tried",
    "no crossing": "the share differs between cells, but stays on one side of one half",
    "no change": "a constant share could give these cells; train more seeds, or try another phase",
    "one phase": "all runs that count are of this phase, or none is",
    "one value": "the runs that count have one value of the axis",
    "no runs": "no run counts",
}
BOUNDARY_STATUSES = ("found", "weak", "misfit", "outside")


@dataclass(frozen=True)
class Boundary:
    """One crossing of one half by the share of a phase along an axis, and the logistic fit that locates it.

    `cells` has a row per value of the axis along which the share only rises (`direction` "rise") or only falls ("fall"), with
    `successes` of `trials` runs. `misfit` is the p-value of the test of lack of fit. `likely` are the curves within the profile
    likelihood of `confidence`; `without_seed` are the fits without each of the seeds, which show how far the runs of a seed go
    together. A band is the wider of the two that they give.
    """

    axis: str
    scale: AxisScale
    direction: Literal["rise", "fall"]
    status: str  # a key of STATUSES
    cells: pd.DataFrame  # value, successes, trials
    confidence: float
    misfit: float
    fit: LogisticFit = field(repr=False)
    likely: LikelyCurves = field(repr=False)
    without_seed: LogisticFit | None = field(repr=False)

    @property
    def at(self) -> float:
        """The value of the axis at which the fitted share is one half."""
        return self._value(float(self.fit.center))

    @property
    def band(self) -> tuple[float, float]:
        """The confidence band of `at`. An unknown end is infinite, or 0 on a log scale."""
        low, high = self._jackknife(self.fit.center, None if self.without_seed is None else self.without_seed.center)
        return self._value(min(self.likely.low, float(low))), self._value(max(self.likely.high, float(high)))

    @property
    def slope(self) -> float:
        """The slope of the logit per unit of the axis, or per factor of e on a log scale."""
        return float(self.fit.slope)

    @property
    def slope_band(self) -> tuple[float, float]:
        """The confidence band of `slope`; infinite at an end that completely separated runs leave open."""
        sign = self.likely.direction
        likely = sorted((sign * self.likely.flattest.min(), sign * self.likely.steepest.max()))
        low, high = self._jackknife(self.fit.slope, None if self.without_seed is None else self.without_seed.slope)
        return float(min(likely[0], low)), float(max(likely[1], high))

    def shares(self, values: Array) -> pd.DataFrame:
        """The fitted `share` at values [P] of the axis, with its pointwise band `low` to `high`; a row per value."""
        at = self.scale.to_scale(values)
        low, high = self.likely.shares(at)
        share = self.fit.share(at)
        if self.without_seed is not None:
            fits = (self.fit, self.without_seed)
            logits, without = (each.slope[..., None] * (at - each.center[..., None]) for each in fits)
            ends = self._jackknife(logits, without)
            low, high = (
                pick(end, 1 / (1 + np.exp(-logit)))
                for pick, end, logit in ((np.minimum, low, ends[0]), (np.maximum, high, ends[1]))
            )
        return pd.DataFrame({self.axis: values, "share": share, "low": low, "high": high})

    def _value(self, place: float) -> float:
        """The value of the axis at a place, at least 0 on a log scale."""
        value = float(self.scale.from_scale(place))
        return max(value, 0.0) if self.scale.log else value

    def _jackknife(self, estimate: Array, without: Array | None) -> tuple[Array, Array]:
        """The jackknife interval [...] of an estimate [...] from those without each seed [G, ...], by Student's t."""
        if without is None:
            return estimate, estimate
        with np.errstate(invalid="ignore"):
            error = np.sqrt((len(without) - 1) * without.var(axis=0))
        reach = np.nan_to_num(error, nan=np.inf) * scipy.stats.t.ppf((1 + self.confidence) / 2, len(without) - 1)
        return estimate - reach, estimate + reach


@dataclass(frozen=True)
class Boundaries:
    """All boundaries of a phase along an axis in one group of runs, in order; iterating gives each as a `Boundary`.

    `cells` has a row per value of the axis, with `successes` of `trials` runs. `p` is the probability that cells differ at least
    as much if the share is constant. `status` is the key of STATUSES that says why there is no boundary; empty if there is one.
    """

    axis: str
    scale: AxisScale
    cells: pd.DataFrame  # value, successes, trials
    left_out: int
    confidence: float
    p: float
    status: str
    crossings: tuple[Boundary, ...]

    def __iter__(self) -> Iterator[Boundary]:
        return iter(self.crossings)

    def __len__(self) -> int:
        return len(self.crossings)

    def __getitem__(self, index: int) -> Boundary:
        return self.crossings[index]


def boundary(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    axis: str,
    *,
    phase: str = "grok",
    against: str | None = None,
    log: bool | None = None,
    confidence: float = 0.95,
    mix: Sequence[str] = (),
) -> Boundaries:
    """The values along an axis where a phase begins and ends. The runs may differ only in that axis and in their seeds.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      axis: a numeric hyperparameter with two values or more.
      phase: the phase whose share rises and falls.
      against: the phase on the other side; None for all others. Runs of neither phase are left out, and so are runs that diverged
        or are undecided, or that have no value of the axis, such as those of another optimizer.
      log: whether the axis is on a log scale; None to decide from its values, as `AxisScale` does.
      confidence: of the bands.
      mix: hyperparameters whose values may be pooled.

    Raises:
      AnalysisError: no such phase; an axis that is not in the table, is not numeric, or has one value; or another hyperparameter
        varies too.
    """
    return boundaries(runs, phases, axis, [], phase=phase, against=against, log=log, confidence=confidence, mix=mix)[()]


def boundaries(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    axis: str,
    by: Sequence[str],
    *,
    phase: str = "grok",
    against: str | None = None,
    log: bool | None = None,
    confidence: float = 0.95,
    mix: Sequence[str] = (),
) -> dict[tuple[Any, ...], Boundaries]:
    """The boundaries of a phase along an axis in each group of runs with the same values of other hyperparameters.

    Args:
      runs, phases, axis, phase, against, log, confidence, mix: as for `boundary`. The axis has the same scale in all groups.
      by: the other hyperparameters; `other_hyperparameters` lists those that vary.

    Returns:
      The boundaries by the values of `by`, in their order. A group without a boundary has none, and a status that says why.

    Raises:
      AnalysisError: as `boundary`; or a hyperparameter that is neither the axis nor in `by` nor in `mix` differs within a cell.
    """
    values = _axis_values(runs, axis)
    check_cell(runs, [*by, axis], mix)
    for name in (phase, against):
        if name is not None and name not in PHASES:
            raise AnalysisError(f"there is no phase {name}; the phases are {', '.join(PHASES)}")
    if phase == against:
        raise AnalysisError(f"{phase} has no boundary against itself; choose another phase, or none for all others")
    check_confidence(confidence)
    labels = align_phases(phases, runs.index).astype(str).to_numpy()
    counted = (labels == phase) | (labels == against if against else ~np.isin(labels, UNINFORMATIVE))
    table = pd.DataFrame({"value": values, "success": labels == phase, "seed": seed_codes(runs)})
    counted &= ~np.isnan(values)
    scale = AxisScale.of(values[~np.isnan(values)], log)
    groups = runs.groupby(list(by), observed=True, sort=True, dropna=False).indices if by else {(): np.arange(len(runs))}
    return {
        key if isinstance(key, tuple) else (key,): _fit_group(axis, table.iloc[rows], counted[rows], scale, confidence)
        for key, rows in groups.items()
    }


def _fit_group(axis: str, table: pd.DataFrame, counted: Array, scale: AxisScale, confidence: float) -> Boundaries:
    """The boundaries of one group, from a row per run with `value`, `success` and `seed`."""
    table = table[counted]
    values, column = np.unique(table["value"].to_numpy(float), return_inverse=True)
    seed, seeds = pd.factorize(table["seed"])
    trials = np.bincount(seed * len(values) + column, minlength=len(seeds) * len(values)).reshape(len(seeds), len(values))
    ones = table["success"].to_numpy(float)
    successes = np.bincount(seed * len(values) + column, ones, minlength=trials.size).reshape(trials.shape)
    return fit_boundaries(axis, values, successes, trials, scale=scale, left_out=int((~counted).sum()), confidence=confidence)


def fit_boundaries(
    axis: str, values: Array, successes: Array, trials: Array, *, scale: AxisScale, left_out: int = 0, confidence: float = 0.95
) -> Boundaries:
    """The boundaries along an axis, from counts.

    Args:
      axis: its name.
      values: [P] ascending.
      successes, trials: [G, P] counts of each seed at each value.
      scale: of the axis.
      left_out: the number of runs that do not count.
      confidence: of the bands.
    """
    tried = trials.sum(axis=0) > 0
    values, successes, trials = values[tried], successes[:, tried], trials[:, tried]
    k, n = successes.sum(axis=0).astype(float), trials.sum(axis=0).astype(float)
    cells = pd.DataFrame({"value": values, "successes": k.astype(int), "trials": n.astype(int)})

    def result(p: float, status: str, found: Sequence[Boundary] = ()) -> Boundaries:
        return Boundaries(axis, scale, cells, left_out, confidence, p, status, tuple(found))

    if not n.sum():
        return result(np.nan, "no runs")
    if k.sum() in (0, n.sum()):
        return result(np.nan, "one phase")
    if len(values) < 2:
        return result(np.nan, "one value")

    def sure(crossing: Crossing) -> bool:
        sides = [*crossing.low, *crossing.high]
        return len(sides) == len(k) or constant_p(k[sides], n[sides]) <= SURE_EACH

    p = constant_p(k, n)
    if p > 1 - confidence:
        return result(p, "no change")
    fitting = Fitting(axis, scale, cells, successes, trials, confidence)
    found = [fitting.fit(crossing, "found" if p <= SURE and sure(crossing) else "weak") for crossing in crossings(k, n)]
    found = found or fitting.trend()
    return result(p, "" if found else "no crossing", found)


@dataclass(frozen=True)
class Fitting:
    """The counts of one group, [G, P] for each seed and value, and the fits to some of its cells."""

    axis: str
    scale: AxisScale
    cells: pd.DataFrame
    successes: Array
    trials: Array
    confidence: float

    def fit(self, crossing: Crossing, status: str) -> Boundary:
        """The boundary of one crossing; `status` is its status if nothing speaks against it."""
        cells = self.cells.iloc[crossing.window.start : crossing.window.stop]
        places = self.scale.to_scale(cells["value"].to_numpy())
        k, n = cells["successes"].to_numpy(float), cells["trials"].to_numpy(float)
        fit = fit_logistic(places, k, n)
        without = self._without_seed(crossing.window, places, crossing.direction)
        # the wider of two bands holds a boundary more often than either
        level = self.confidence if without is None else 2 * self.confidence - 1
        loss = scipy.stats.chi2.ppf(max(level, 0), 1) / 2
        likely = likely_curves(places, k, n, direction=crossing.direction, loss=loss, center=float(fit.center))
        misfit = lack_of_fit(places, k, n, fit)
        if self._contradicted(crossing, fit) or misfit < MISFIT:
            status = "misfit"
        elif not places[0] <= fit.center <= places[-1]:
            status = "outside"
        direction: Literal["rise", "fall"] = "rise" if crossing.direction > 0 else "fall"
        return Boundary(self.axis, self.scale, direction, status, cells, self.confidence, misfit, fit, likely, without)

    def trend(self) -> list[Boundary]:
        """The boundary of a share that rises or falls over the whole axis without surely crossing one half, if there is a trend."""
        every = range(len(self.cells))
        places = self.scale.to_scale(self.cells["value"].to_numpy())
        slope = fit_logistic(places, self.cells["successes"].to_numpy(), self.cells["trials"].to_numpy()).slope
        found = self.fit(Crossing(1 if slope > 0 else -1, every, every, every), "weak")
        certain = slope != 0 and np.isfinite([found.likely.low, found.likely.high]).all()
        return [found] if certain else []

    def _contradicted(self, crossing: Crossing, fit: LogisticFit) -> bool:
        """Whether a cell of two runs or more lies wholly on the wrong side, or the fit has the wrong direction."""
        cells = self.cells.iloc[[*dict.fromkeys((*crossing.low, *crossing.high))]]
        beyond = crossing.direction * (self.scale.to_scale(cells["value"].to_numpy()) - fit.center)
        k, n = cells["successes"].to_numpy(), cells["trials"].to_numpy()
        wrong = ((beyond <= 0) & (k == n)) | ((beyond >= 0) & (k == 0))
        return bool((wrong & (n > 1)).any() or fit.slope * crossing.direction <= 0)

    def _without_seed(self, window: range, places: Array, direction: int) -> LogisticFit | None:
        """The fits [G] without each seed that has runs in the window; None for fewer than three."""
        columns = slice(window.start, window.stop)
        present = self.trials[:, columns].sum(axis=1) > 0
        k, n = ((counts.sum(axis=0) - counts[present])[:, columns] for counts in (self.successes, self.trials))
        if present.sum() < 3:
            return None
        center, slope, level = np.full((3, len(n)), np.nan)
        able = (n > 0).sum(axis=1) > 1
        if able.any():
            fits = fit_logistic(places, k[able], n[able])
            center[able], slope[able], level[able] = fits.center, fits.slope, fits.level
        center[~(slope * direction > 0)] = np.inf  # without this seed nothing is known
        return LogisticFit(center, slope, level)


def lack_of_fit(places: Array, successes: Array, trials: Array, fit: LogisticFit, seed: int = 0) -> float:
    """The p-value of a fit's deviance from the shares of the cells [P], by simulation from the fit."""

    def deviance(counts: Array, of: LogisticFit) -> Array:
        apart: Array = saturated(counts, trials).sum(axis=-1) - log_likelihood(of.logit(places), counts, trials)
        return apart

    observed = deviance(successes, fit)
    if len(places) < 3 or 2 * observed <= len(places) - 2:  # no more than its expectation
        return 1.0
    drawn = np.random.default_rng(seed).binomial(trials.astype(int), fit.share(places), (MISFIT_DRAWS, len(places))).astype(float)
    distinct, copies = np.unique(drawn, axis=0, return_counts=True)
    worse = deviance(distinct, fit_logistic(places, distinct, trials)) >= observed - 1e-9
    return float((1 + copies[worse].sum()) / (1 + MISFIT_DRAWS))


def other_hyperparameters(runs: pd.DataFrame, axis: str) -> list[str]:
    """The varying hyperparameters besides the axis: the groups of `boundaries`, with the one for lines or an x axis last."""
    others = [name for name in varied_hyperparameters(runs) if name != axis]
    last = [name for name in (*PREFERRED_AXES, *others) if name in others][:1]
    return [*(name for name in others if name not in last), *last]


def boundary_table(found: Mapping[tuple[Any, ...], Boundaries], by: Sequence[str]) -> pd.DataFrame:
    """The result of `boundaries` as a table with a row for each boundary, and one for each group that has none.

    Returns:
      The columns of `by`; `runs` of the group that count and those `left_out`; `direction` ("rise" or "fall"); `boundary` with its
      band `low` to `high`; `slope` with `slope_low` to `slope_high`; `status`, a key of STATUSES; `p`, as in `Boundaries`; and
      `misfit`, as in `Boundary`. A group without a boundary has no direction and NaN.
    """
    nothing = (None, *[np.nan] * 6)
    rows = []
    for values, group in found.items():
        start = (*values, int(group.cells["trials"].sum()), group.left_out)
        for each in group:
            estimates = (each.at, *each.band, each.slope, *each.slope_band)
            rows.append((*start, each.direction, *estimates, each.status, group.p, each.misfit))
        if not len(group):
            rows.append((*start, *nothing, group.status, group.p, np.nan))
    names = (
        "runs",
        "left_out",
        "direction",
        "boundary",
        "low",
        "high",
        "slope",
        "slope_low",
        "slope_high",
        "status",
        "p",
        "misfit",
    )
    return pd.DataFrame(rows, columns=[*by, *names])


def seed_codes(runs: pd.DataFrame) -> Array:
    """The seed of each run [R], as a code: runs of equal seeds share their data and their start. Without seeds each has its own."""
    names = [name for name in SEEDS if name in runs and runs[name].notna().any()]
    codes: Array = runs.groupby(names, dropna=False).ngroup().to_numpy() if names else np.arange(len(runs))
    return codes


def _axis_values(runs: pd.DataFrame, axis: str) -> Array:
    """The values of an axis [R], NaN for null. Raises AnalysisError unless they are finite numbers, two or more different."""
    if runs.empty:
        raise AnalysisError("the table has no runs; choose other runs")
    if axis not in runs:
        raise AnalysisError(f"{axis} is not in the table; choose a numeric hyperparameter{nearest(axis, map(str, runs.columns))}")
    if not is_number(runs[axis]):
        raise AnalysisError(
            f"a boundary needs a numeric axis, but {axis} holds {runs[axis].iloc[0]!r}; choose a numeric hyperparameter"
        )
    values = runs[axis].to_numpy(np.float64, na_value=np.nan)
    present = values[~np.isnan(values)]
    if not len(present):
        raise AnalysisError(f"no run has a value of {axis}; choose another axis")
    if np.isinf(values).any():
        raise AnalysisError(
            f"{axis} is infinite in {int(np.isinf(values).sum())} of {len(runs)} runs; choose other runs with where"
        )
    if len(np.unique(present)) < 2:
        raise AnalysisError(f"{axis} is {present[0]:g} in all runs, and a boundary needs two values or more")
    return values
