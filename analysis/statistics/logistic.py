"""Logistic regression in one variable: Firth's fit of many small samples at once, and all curves that agree with one sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]

# Slopes between which curves are looked for, in logits per half of the spread of the values.
FLAT, STEEP = 1e-7, 1e7
HALVINGS = 20  # of a step, or of the logarithm of a slope
CURVES, FAR = 33, 1e3  # centers of likely curves, and how far beyond the values they lie at most, in half spreads


@dataclass(frozen=True)
class LogisticFit:
    """Shares sigmoid(slope x (value - center)), one fit or many at once: slope and center [...], with values on the fitted scale.

    `level` [...] is the logit of the share in the middle of the data. A flat fit has no center.
    """

    center: Array
    slope: Array
    level: Array

    def logit(self, values: Array) -> Array:
        """The logits [..., P] of the fitted shares at values [P] on the fitted scale."""
        slope = self.slope[..., None]
        with np.errstate(invalid="ignore"):
            logits: Array = np.where(slope == 0, self.level[..., None], slope * (np.asarray(values) - self.center[..., None]))
        return logits

    def share(self, values: Array) -> Array:
        """The fitted shares [..., P] at values [P] on the fitted scale."""
        shares: Array = scipy.special.expit(self.logit(values))
        return shares


def fit_logistic(values: Array, successes: Array, trials: Array, *, firth: bool = True, steps: int = 100) -> LogisticFit:
    """Fits shares of successes by a logistic curve in one variable, for many samples at once.

    The log-likelihood has Jeffreys' prior as a penalty, half the logarithm of the determinant of the information (Firth 1993;
    Heinze and Schemper 2002), and so has a finite maximum for completely separated samples too. It is climbed by Newton's method,
    with each step halved until the penalized likelihood does not decrease.

    Args:
      values: [P] on the fitted scale.
      successes: [..., P] counts.
      trials: [P] or [..., P] counts; in each sample at least two different values need one.
      firth: False for the likelihood without penalty, whose slope is infinite in a completely separated sample.
      steps: the maximum number of steps.

    Raises:
      AnalysisError: a sample has one value only, or without the penalty is separated, or has values too far apart for floats.
    """
    successes, trials = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    shape = successes.shape[:-1]
    k, n = successes.reshape(-1, len(values)), trials.reshape(-1, len(values))
    middle, spread = _middle_and_spread(values, n.sum(axis=0))
    curves, converged = _climb((values - middle) / spread, k, n, firth, steps)
    if not converged:
        raise AnalysisError(
            "the logistic fit did not converge: "
            + (
                "it needs runs at two values or more"
                if firth
                else "one phase is separated from the other; fit with Firth's penalty"
            )
        )
    level, slope = (each.reshape(shape) for each in curves)
    with np.errstate(divide="ignore", invalid="ignore"):  # a flat fit has no center
        return LogisticFit(center=middle - spread * level / slope, slope=slope / spread, level=level)


def _climb(x: Array, k: Array, n: Array, firth: bool, steps: int = 100) -> tuple[Array, bool]:
    """The intercepts and slopes [2, B] of the highest likelihood, and whether all converged."""
    total, runs = k.sum(axis=-1), n.sum(axis=-1)
    a = np.stack([np.log((total + 0.5) / (runs - total + 0.5)), np.zeros_like(total)])
    active = np.arange(len(k))
    height = _height(a, x, k, n, firth)
    for _ in range(steps):
        step = _newton_step(a[:, active], x, k[active], n[active], firth)
        if not np.isfinite(step).all():
            break
        size = np.ones(len(active))
        for _ in range(HALVINGS):
            tried = a[:, active] + size * step
            reached = _height(tried, x, k[active], n[active], firth)
            if (better := reached >= height[active] - 1e-12 * (1 + np.abs(height[active]))).all():
                break
            size = np.where(better, size, size / 2)
        a[:, active], height[active] = tried, reached
        active = active[np.abs(step).max(axis=0) > 1e-10]
        if not len(active):
            return a, True
    return a, False


def _middle_and_spread(values: Array, weights: Array) -> tuple[float, float]:
    """The weighted mean of the values, and half their range."""
    with np.errstate(over="ignore"):
        spread = float(np.ptp(values)) / 2
    if not 0 < spread < np.inf:
        raise AnalysisError(f"a logistic fit needs two different values or more, and finite ones, got {np.unique(values)[:5]}")
    return float(np.average(values, weights=weights)), spread


def _information(a: Array, x: Array, n: Array) -> tuple[Array, Array, Array, Array, Array]:
    """The shares and weights [B, P] of the curves a [2, B], and the sums of weights times 1, x and x squared [B]."""
    p = scipy.special.expit(a[0][:, None] + a[1][:, None] * x)
    weight = n * p * (1 - p)
    return p, weight, weight.sum(-1), (weight * x).sum(-1), (weight * x**2).sum(-1)


def _height(a: Array, x: Array, k: Array, n: Array, firth: bool) -> Array:
    """The log-likelihood [B] of curves a [2, B], penalized or not."""
    likelihood = log_likelihood(a[0][:, None] + a[1][:, None] * x, k, n)
    if not firth:
        return likelihood
    _, weight, s0, s1, _ = _information(a, x, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s1 / s0
        determinant = s0 * (weight * (x - mean[:, None]) ** 2).sum(-1)  # without cancellation
        penalized: Array = np.where(determinant > 0, likelihood + 0.5 * np.log(determinant), -np.inf)
    return penalized


def _newton_step(a: Array, x: Array, k: Array, n: Array, firth: bool) -> Array:
    """The step [2, B] of Newton's method, or of Fisher scoring where the likelihood is not concave; at most 5 logits long."""
    p, weight, s0, s1, _ = _information(a, x, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s1 / s0
        z = x - mean[:, None]  # then the information is diagonal
        s2 = (weight * z**2).sum(-1)
        residual = k - n * p
        gradient = np.stack([residual.sum(-1), (residual * z).sum(-1)])
        curvature = np.stack([s0, np.zeros_like(s0), s2])  # minus the second derivatives
        scale = np.stack([s0, s2])
        if firth:
            slope, bend = _penalty(weight, 1 - 2 * p, z, s0, s2)
            gradient, curvature = gradient + slope, curvature - bend
        determinant = curvature[0] * curvature[2] - curvature[1] ** 2
        newton = np.stack(
            [curvature[2] * gradient[0] - curvature[1] * gradient[1], curvature[0] * gradient[1] - curvature[1] * gradient[0]]
        )
        concave = (curvature[0] > 0) & (determinant > 0)
        step = np.where(concave, newton / determinant, gradient / scale)
        step[0] -= step[1] * mean
        limited: Array = step * np.minimum(1, 5 / np.maximum(np.abs(step).max(axis=0), 1e-300))
    return limited


def _penalty(weight: Array, skew: Array, z: Array, s0: Array, s2: Array) -> tuple[Array, Array]:
    """The first [2, B] and second [3, B] derivatives of half the logarithm of the information's determinant, where s1 is 0."""
    t0, t1, t2, t3 = ((weight * skew * z**power).sum(-1) for power in range(4))
    u0, u1, u2, u3, u4 = ((weight * (1.5 * skew**2 - 0.5) * z**power).sum(-1) for power in range(5))
    determinant = s0 * s2
    first = np.stack([t0 * s2 + s0 * t2, t1 * s2 + s0 * t3]) / determinant
    second = np.stack(
        [
            u0 * s2 + 2 * t0 * t2 + s0 * u2 - 2 * t1**2,
            u1 * s2 + t0 * t3 - t1 * t2 + s0 * u3,
            u2 * s2 + 2 * t1 * t3 + s0 * u4 - 2 * t2**2,
        ]
    ) / determinant - np.stack([first[0] ** 2, first[0] * first[1], first[1] ** 2])
    return first / 2, second / 2


@dataclass(frozen=True)
class LikelyCurves:
    """The rising (`direction` 1) or falling (-1) curves whose log-likelihood is within a given loss of the highest.

    With a loss of half the quantile of chi squared with one degree of freedom, the range of any quantity over these curves is its
    profile-likelihood interval. `low` and `high` are the range of their centers, infinite where even a constant share is likely
    enough. `centers` [C] are some of the centers, and `flattest` and `steepest` [C] the range of slopes (without their sign) of the
    curves with these centers; `steepest` is infinite for a step between separated runs.
    """

    direction: int
    low: float
    high: float
    centers: Array
    flattest: Array
    steepest: Array

    def shares(self, values: Array) -> tuple[Array, Array]:
        """The least and the greatest share [P] that a likely curve has at values [P] on the fitted scale."""
        apart = self.direction * (values - self.centers[:, None])
        with np.errstate(invalid="ignore"):
            steep = np.where(apart == 0, 0.0, self.steepest[:, None] * apart)
        logits = np.stack([self.flattest[:, None] * apart, steep])
        return scipy.special.expit(logits.min(axis=(0, 1))), scipy.special.expit(logits.max(axis=(0, 1)))


def likely_curves(values: Array, successes: Array, trials: Array, *, direction: int, loss: float, center: float) -> LikelyCurves:
    """The curves of one direction that agree with a sample, where `center` is the center of one of them.

    Args:
      values, successes, trials: [P] as for `fit_logistic`.
      direction: 1 for rising curves, -1 for falling ones.
      loss: how far below the highest log-likelihood a curve may be.
      center: where to begin, such as the center of Firth's fit.
    """
    successes, trials = np.asarray(successes, float), np.asarray(trials, float)
    middle, spread = _middle_and_spread(values, trials)
    x = (values - middle) / spread
    k = successes if direction > 0 else trials - successes  # so that curves rise
    curves, _ = _climb(x, k[None], trials[None], firth=False)  # not finite for a separated sample, but its height is
    constant, half = float(saturated(k.sum(), trials.sum())), float(-trials.sum() * np.log(2))
    best = max(constant, float(_height(curves, x, k[None], trials[None], firth=False)[0]) if curves[1, 0] > 0 else constant)
    floor = best - loss
    rising = 2 * k.sum() >= trials.sum()
    inner = float(np.clip((center - middle) / spread, *(x.min() - FAR, x.max() + FAR)))
    ends = []
    for side in (-1, 1):
        limit = constant if rising == (side < 0) or 2 * k.sum() == trials.sum() else half
        ends.append(side * np.inf if limit >= floor else _end(x, k, trials, inner, side, floor))
    grids = [np.linspace(max(ends[0], x.min() - beyond), min(ends[1], x.max() + beyond), CURVES) for beyond in (3, FAR)]
    grid = np.unique(np.concatenate([*grids, [inner]]))
    slopes = _slopes(x, k, trials, grid, floor)
    low, high = (_snapped(middle + spread * end, values) for end in ends)
    return LikelyCurves(direction, low, high, middle + spread * grid, slopes[0] / spread, slopes[1] / spread)


def _end(x: Array, k: Array, n: Array, inner: float, side: int, floor: float) -> float:
    """The farthest center on one side of `inner` of a curve at least as likely as `floor`."""
    reach = 2.0 ** np.arange(-2, 40)
    for _ in range(5):  # each round narrows the bracket to one of its parts
        heights, _ = _highest(x, k, n, inner + side * reach)
        beyond = int(np.argmax(heights < floor)) if (heights < floor).any() else len(reach) - 1
        reach = np.linspace(reach[beyond - 1] if beyond else 0.0, reach[beyond], 24)
    return inner + side * float(reach[0])


def _highest(x: Array, k: Array, n: Array, centers: Array) -> tuple[Array, Array]:
    """The highest log-likelihood [C] of rising curves with given centers [C], and the slopes [C] that have it."""
    apart = x - centers[:, None]
    low, high = np.full(len(centers), np.log(FLAT)), np.full(len(centers), np.log(STEEP))
    for _ in range(HALVINGS):
        slope = (low + high) / 2
        rises = (apart * (k - n * scipy.special.expit(np.exp(slope)[:, None] * apart))).sum(
            axis=1
        ) > 0  # the derivative, which decreases
        low, high = np.where(rises, slope, low), np.where(rises, high, slope)
    slope = np.exp(low)
    return log_likelihood(slope[:, None] * apart, k, n), slope


def _slopes(x: Array, k: Array, n: Array, centers: Array, floor: float) -> Array:
    """The least and the greatest slope [2, C] of rising curves with given centers [C] that are at least as likely as `floor`."""
    apart = x - centers[:, None]
    _, best = _highest(x, k, n, centers)
    found = []
    for extreme, end in ((FLAT, 0.0), (STEEP, np.inf)):
        inside, outside = np.log(best), np.full(len(centers), np.log(extreme))
        reached = log_likelihood(np.exp(outside)[:, None] * apart, k, n) >= floor
        for _ in range(HALVINGS):
            slope = (inside + outside) / 2
            likely = log_likelihood(np.exp(slope)[:, None] * apart, k, n) >= floor
            inside, outside = np.where(likely, slope, inside), np.where(likely, outside, slope)
        found.append(np.where(reached, end, np.exp(inside)))
    return np.stack(found)


def _snapped(place: float, values: Array) -> float:
    """The place, or a value from which it differs by rounding alone."""
    nearest = float(values[np.abs(values - place).argmin()])
    return nearest if abs(nearest - place) < 1e-4 * np.ptp(values) / len(values) else float(place)


def log_likelihood(logits: Array, successes: Array, trials: Array) -> Array:
    """The log-likelihood [...] of logits [..., P] for counts [P] or [..., P], up to a constant; 0 for a perfect fit."""
    # k log p + (n - k) log(1 - p), with log(1 + exp(z)) computed without overflow
    likelihood: Array = (successes * logits - trials * np.logaddexp(0, logits)).sum(axis=-1)
    return likelihood


def saturated(successes: Array, trials: Array) -> Array:
    """The log-likelihood [...] that observed shares [...] give to their own counts."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = successes / trials
        terms = successes * np.log(share), (trials - successes) * np.log1p(-share)
    likelihood: Array = np.nan_to_num(terms[0]) + np.nan_to_num(terms[1])
    return likelihood
