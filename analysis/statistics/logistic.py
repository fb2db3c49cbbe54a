"""Logistic regression in one variable for thousands of small samples at once, as a bootstrap of a boundary needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class LogisticFit:
    """Shares sigmoid(slope x (value - center)), one fit or many at once: slope and center [...], with values on the fitted scale.

    `level` [...] is the logit of the share in the middle of the data; its sign says on which side a distant boundary lies. For a
    step function (infinite slope) it is the logit of the share at the center.
    """

    center: Array
    slope: Array
    level: Array

    def share(self, values: Array) -> Array:
        """The fitted shares [..., P] at values [P] on the fitted scale."""
        apart = np.asarray(values) - self.center[..., None]
        with np.errstate(invalid="ignore"):
            logit = self.slope[..., None] * apart
        slope = self.slope[..., None]
        at_level = (slope == 0) | (np.isinf(slope) & (apart == 0))  # a flat fit has no center
        return _sigmoid(np.where(at_level, self.level[..., None], logit))


def fit_logistic(values: Array, successes: Array, trials: Array, *, firth: bool = True, steps: int = 100) -> LogisticFit:
    """Fits shares of successes by a logistic curve in one variable, for many samples at once, by Newton's method.

    Args:
      values: [P], at least two of them different.
      successes: [..., P] counts.
      trials: [P] counts.
      firth: whether to use Jeffreys' prior as a penalty (Firth 1993; Heinze and Schemper 2002). Without it the likelihood has no
        maximum if the data are completely separated.
      steps: the maximum number of Newton steps.

    Raises:
      AnalysisError: the fit did not converge.
    """
    middle, spread = np.average(values, weights=trials), np.ptp(values) / 2
    x = (values - middle) / spread
    total = successes.sum(axis=-1)
    intercept = np.log((total + 0.5) / (trials.sum() - total + 0.5))
    slope = np.zeros_like(intercept)
    for _ in range(steps):
        p = _sigmoid(intercept[..., None] + slope[..., None] * x)  # [..., P]
        weight = trials * p * (1 - p)
        s0, s1, s2 = weight.sum(-1), (weight * x).sum(-1), (weight * x**2).sum(-1)  # the information matrix
        determinant = s0 * s2 - s1**2
        residual = successes - trials * p
        if firth:
            leverage = weight * (s2[..., None] - 2 * s1[..., None] * x + s0[..., None] * x**2) / determinant[..., None]
            residual = residual + leverage * (0.5 - p)
        g0, g1 = residual.sum(-1), (residual * x).sum(-1)
        with np.errstate(invalid="ignore"):  # an infinite slope leaves no information
            step = np.stack([s2 * g0 - s1 * g1, s0 * g1 - s1 * g0]) / determinant
        longest = np.abs(step).max(axis=0)
        step = step * np.minimum(1, 2 / np.maximum(longest, 1e-300))  # limits the step to where the curvature is reliable
        intercept, slope = intercept + step[0], slope + step[1]
        if longest.max() < 1e-9:
            with np.errstate(divide="ignore", invalid="ignore"):  # a flat fit has no center
                return LogisticFit(center=middle - spread * intercept / slope, slope=slope / spread, level=intercept)
    raise AnalysisError("the logistic fit did not converge: one phase is separated from the other; fit with Firth's penalty")


def steps_of(fits: LogisticFit, values: Array, shares: Array) -> tuple[LogisticFit, LogisticFit]:
    """The lowest and the highest step-function fit [B] to shares [B, P], where the shares are completely separated.

    Shares are completely separated if at most one value has both phases and all runs on either side of it agree. The likelihood is
    then maximal in the limit of a step function: at that value, through its share; or, if no value has both, anywhere between the
    last value of one phase and the first of the other.
    """
    mixed = (shares > 0) & (shares < 1)
    rises, falls = ((sign * np.diff(shares, axis=1) >= 0).all(axis=1) for sign in (1, -1))
    separated = (rises != falls) & (mixed.sum(axis=1) <= 1)
    rows = np.arange(len(shares))
    above = np.abs(np.diff(shares, axis=1)).argmax(axis=1) + 1  # [B] the first value after the step, where none is mixed
    slope = np.where(separated, np.where(rises, np.inf, -np.inf), fits.slope)

    def step(at: Array) -> LogisticFit:
        at = np.where(mixed.any(axis=1), mixed.argmax(axis=1), at)
        share = shares[rows, at]
        with np.errstate(divide="ignore"):
            level = np.log(share) - np.log1p(-share)
        return LogisticFit(np.where(separated, values[at], fits.center), slope, np.where(separated, level, fits.level))

    return step(above - 1), step(above)


def _sigmoid(logit: Array) -> Array:
    p: Array = 1 / (1 + np.exp(-np.clip(logit, -500, 500)))
    return p
