"""Gaussian-process classification of counts: a smooth share over several hyperparameters, and how well it is known.

The logit f(x) of the share is a Gaussian process with mean zero and covariance a^2 exp(-sum_d (x_d - z_d)^2 / (2 l_d^2)); at each
point, a binomial number of the runs has the phase. The posterior of f for given a and l is found by expectation propagation
(Rasmussen and Williams 2006, section 3.6, with binomial instead of single outcomes). a and l are not fixed at their best values,
which would make bands too narrow for a few dozen points: fits with other values count as well, each weighted by its evidence and a
prior.

scikit-learn's GaussianProcessClassifier uses Laplace's approximation, whose bands are far too wide where the seeds of each point
agree, takes single runs instead of counts, and has one value of a and l only.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Sites = tuple[Array, Array]

# Medians and widths of the log-normal priors of the amplitude (in logits) and of the lengths (as shares of an axis).
AMPLITUDE, LENGTH = (3.0, 0.7), (0.5, 0.8)
BOUNDS = (np.log(0.3), np.log(20)), (np.log(0.05), np.log(20))  # of their logarithms
# Fits are averaged over a lattice of the logarithms of all lengths and of the amplitude around the best fit.
STEP, MOST_STEPS = 0.4, 3
# Expectation propagation: sweeps at most, largest change at the end, and standard deviations at which densities are summed.
SWEEPS, TOLERANCE, NODES = 60, 1e-3, np.linspace(-7, 7, 101)
LEAST_WEIGHT = 0.02  # of the best fit's; from fits with less evidence the lattice does not go on


@dataclass(frozen=True)
class Counts:
    """What is known of each of N points: places [N, D] with every axis from 0 to 1, and `successes` of `trials` runs, [N]."""

    places: Array
    successes: Array
    trials: Array


@dataclass(frozen=True)
class GaussianFit:
    """The posterior for one amplitude and one length per axis.

    `parameters` [1 + D] are the logarithms of amplitude and lengths. `sites` are the precision and the precision times mean, [N],
    of the normal distributions that stand for the likelihood of each point; `root` is the square root of the precision, `factor`
    [N, N] the Cholesky factor of I + root K root, `pull` [N] what a covariance is multiplied with for the mean, and `evidence` the
    approximate log marginal likelihood, less its binomial coefficients.
    """

    parameters: Array
    counts: Counts
    sites: Sites
    pull: Array
    root: Array
    factor: Array
    evidence: float

    def latent(self, places: Array) -> tuple[Array, Array]:
        """The mean and the standard deviation [M] of the logit at places [M, D]."""
        from scipy.linalg import solve_triangular  # noqa: PLC0415  (slow to import)

        covariance = _covariance(self.parameters, places, self.counts.places)
        solved = solve_triangular(self.factor, self.root[:, None] * covariance.T, lower=True, check_finite=False)
        variance = np.exp(2 * self.parameters[0]) - (solved**2).sum(axis=0)
        return covariance @ self.pull, np.sqrt(np.maximum(variance, 1e-12))

    def expected(self, places: Array) -> Array:
        """The mean [M] of the posterior of the share at places [M, D], by MacKay's approximation."""
        from scipy.special import expit  # noqa: PLC0415

        mean, deviation = self.latent(places)
        shares: Array = expit(mean / np.sqrt(1 + np.pi * deviation**2 / 8))
        return shares


@dataclass(frozen=True)
class ShareModel:
    """The share over an area: fits with weights [F] that sum to one."""

    fits: tuple[GaussianFit, ...]
    weights: Array

    def quantiles(self, places: Array, levels: Sequence[float], shift: float = 0.0) -> Array:
        """The quantiles [L, M] of the posterior of the share at places [M, D]: of the mixture of all fits.

        `shift` is the standard deviation of an unknown number that is added to the logits of all places.
        """
        from scipy.special import expit, ndtr  # noqa: PLC0415

        means, deviations = self._latent(places)
        deviations = np.hypot(deviations, shift)
        ends = (means - 6 * deviations).min(axis=0), (means + 6 * deviations).max(axis=0)
        quantiles = []
        for level in levels:
            low, high = ends
            for _ in range(30):  # bisection to a billionth of the range
                middle = (low + high) / 2
                below = self.weights @ ndtr((middle - means) / deviations) < level
                low, high = np.where(below, middle, low), np.where(below, high, middle)
            quantiles.append(expit((low + high) / 2))
        return np.array(quantiles)

    def expected(self, places: Array) -> Array:
        """The mean [M] of the posterior of the share at places [M, D]."""
        shares: Array = self.weights @ np.array([fit.expected(places) for fit in self.fits])
        return shares

    def _latent(self, places: Array) -> tuple[Array, Array]:
        found = [fit.latent(places) for fit in self.fits]
        return np.array([mean for mean, _ in found]), np.array([deviation for _, deviation in found])


def fit_shares(counts: Counts, *, averaged: bool = True, start: Array | None = None) -> ShareModel:
    """The share over the area that some points span.

    Args:
      counts: of the points.
      averaged: whether to average over amplitudes and lengths, as bands need, or to take the best ones alone.
      start: `parameters` of a similar fit, from which the best ones are found sooner.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  (slow to import)

    axes = counts.places.shape[1]
    squares = _squares(counts.places, counts.places)
    start = np.log([AMPLITUDE[0], *[LENGTH[0]] * axes]) if start is None else start
    bounds = [BOUNDS[0], *[BOUNDS[1]] * axes]
    latest: list[Sites] = []

    def loss(parameters: Array) -> tuple[float, Array]:
        return _loss(parameters, counts, squares, latest)

    best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 25, "ftol": 1e-5}).x
    first = fit_posterior(best, counts, squares=squares)
    if not averaged:
        return ShareModel((first,), np.ones(1))
    fits = _neighbours(first, counts, squares)
    weights = np.exp([_posterior(fit) - max(map(_posterior, fits)) for fit in fits])
    return ShareModel(tuple(fits), weights / weights.sum())


def one_thread() -> AbstractContextManager[Any]:
    """A context in which matrix products use one thread; many threads slow down small ones, thirtyfold on a busy machine."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  (slow to import; scikit-learn uses it as well)

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _neighbours(best: GaussianFit, counts: Counts, squares: Array) -> list[GaussianFit]:
    """Fits around the best one whose evidence counts; beyond one that does not, none is tried."""
    found = {(0, 0): best}
    waiting = [(0, 0)]
    while waiting:
        length, amplitude = waiting.pop()
        for place in ((length + 1, amplitude), (length - 1, amplitude), (length, amplitude + 1), (length, amplitude - 1)):
            if place in found or max(map(abs, place)) > MOST_STEPS:
                continue
            # the amplitude moves half as far as the lengths, along the ridge of equal slopes
            offset = STEP * np.array([place[1] + place[0] / 2, *[place[0]] * (len(best.parameters) - 1)])
            found[place] = fit_posterior(best.parameters + offset, counts, found[length, amplitude].sites, squares)
            if _posterior(found[place]) > _posterior(best) + np.log(LEAST_WEIGHT):
                waiting.append(place)
    return list(found.values())


def _posterior(fit: GaussianFit) -> float:
    """The log of evidence times prior of a fit's parameters."""
    return fit.evidence + _log_prior(fit.parameters)[0]


def fit_posterior(parameters: Array, counts: Counts, sites: Sites | None = None, squares: Array | None = None) -> GaussianFit:
    """The posterior for given `parameters`; `sites` are those of a similar fit to begin with, `squares` those of `_squares`."""
    from scipy.linalg import cholesky, solve_triangular  # noqa: PLC0415

    squares = _squares(counts.places, counts.places) if squares is None else squares
    kernel, identity = _kernel(parameters, squares), np.eye(len(counts.trials))
    precision, shift = sites or (np.zeros(len(counts.trials)), np.zeros(len(counts.trials)))
    for sweep in range(SWEEPS):
        root = np.sqrt(precision)
        factor = cholesky(identity + root[:, None] * kernel * root, lower=True, check_finite=False)
        solved = solve_triangular(factor, root[:, None] * kernel, lower=True, check_finite=False)
        variance = np.diag(kernel) - (solved**2).sum(axis=0)
        mean = kernel @ shift - solved.T @ (solved @ shift)
        cavity = 1 / variance - precision, mean / variance - shift
        log_mass, matched_mean, matched_variance = _match(counts, *cavity)
        change = (
            np.maximum(1 / matched_variance - cavity[0], 1e-10) - precision,
            matched_mean / matched_variance - cavity[1] - shift,
        )
        if sweep == SWEEPS - 1 or all(np.abs(each).max() < TOLERANCE for each in change):
            break
        damping = 0.9 / (1 + sweep // 8)  # most fits converge in eight sweeps; a fit that swings needs shorter changes
        precision, shift = precision + damping * change[0], shift + damping * change[1]
    evidence = (
        log_mass + np.log1p(precision / cavity[0]) / 2 + (cavity[1] ** 2 / cavity[0] - (shift + cavity[1]) ** 2 * variance) / 2
    )
    total = evidence.sum() - np.log(np.diag(factor)).sum() + shift @ mean / 2
    pull = shift - root * solve_triangular(factor, solved @ shift, lower=True, trans=1, check_finite=False)
    return GaussianFit(parameters, counts, (precision, shift), pull, root, factor, float(total))


def _match(counts: Counts, precision: Array, shift: Array) -> tuple[Array, Array, Array]:
    """Log mass, mean and variance [N] of the product of a normal distribution of each logit and the binomial likelihood.

    The normal distributions have natural parameters `precision` and `shift` [N]; the integrals are sums over `NODES`.
    """
    deviation = 1 / np.sqrt(precision)
    logits = (shift / precision)[:, None] + deviation[:, None] * NODES  # [N, Q]
    logs = counts.successes[:, None] * logits - counts.trials[:, None] * np.logaddexp(0, logits) - NODES**2 / 2
    most = logs.max(axis=1, keepdims=True)
    weights = np.exp(logs - most)
    total = weights.sum(axis=1)
    mean = (weights * logits).sum(axis=1) / total
    variance = (weights * (logits - mean[:, None]) ** 2).sum(axis=1) / total
    return most[:, 0] + np.log(total) - np.log(np.exp(-(NODES**2) / 2).sum()), mean, variance


def _loss(parameters: Array, counts: Counts, squares: Array, latest: list[Sites]) -> tuple[float, Array]:
    """Minus the log of evidence times prior, with its gradient; `latest` holds the sites of the latest fit."""
    from scipy.linalg import cho_solve  # noqa: PLC0415

    fit = fit_posterior(parameters, counts, latest[-1] if latest else None, squares)
    latest[:] = [fit.sites]
    kernel, pull = _kernel(parameters, squares), fit.pull
    inner = np.outer(pull, pull) - fit.root[:, None] * cho_solve((fit.factor, True), np.diag(fit.root), check_finite=False)
    scaled = (squares[axis] / np.exp(2 * length) for axis, length in enumerate(parameters[1:]))
    gradient = [(inner * kernel).sum(), *((inner * kernel * each).sum() / 2 for each in scaled)]
    prior, prior_gradient = _log_prior(parameters)
    return -(fit.evidence + prior), -(np.array(gradient) + prior_gradient)


def _log_prior(parameters: Array) -> tuple[float, Array]:
    """The log of the prior density of `parameters`, up to a constant, and its gradient."""
    medians = np.log([AMPLITUDE[0], *[LENGTH[0]] * (len(parameters) - 1)])
    widths = np.array([AMPLITUDE[1], *[LENGTH[1]] * (len(parameters) - 1)])
    apart = (parameters - medians) / widths
    return float(-(apart**2).sum() / 2), -apart / widths


def _squares(places: Array, others: Array) -> Array:
    """The squared distances [D, N, M] along each axis."""
    squares: Array = (places.T[:, :, None] - others.T[:, None, :]) ** 2
    return squares


def _covariance(parameters: Array, places: Array, others: Array) -> Array:
    """The prior covariance [N, M] of the logits at two sets of places."""
    return _kernel(parameters, _squares(places, others))


def _kernel(parameters: Array, squares: Array) -> Array:
    """The covariance [N, M] for squared distances [D, N, M]."""
    kernel: Array = np.exp(2 * parameters[0] - np.tensordot(np.exp(-2 * parameters[1:]), squares, 1) / 2)
    return kernel
