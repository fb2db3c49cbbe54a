"""Weibull regression of censored delays: the accelerated failure time model behind delay laws and ratios of delays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.delays import Numbers, align_delays, codes_of, numbers_in
from grokjax.errors import AnalysisError

COLLINEAR = 1e-6  # the share of a column's variance that the other columns must leave unexplained
STEPS, CONVERGED = 100, 1e-9  # of Newton's method: the most steps, and the gain in log-likelihood below which it ends
UNKNOWN = 20.0  # a standard error of log delay, over the spread of a hyperparameter, that leaves its effect open
NO_MAXIMUM = (
    "the fit has no finite solution, because the runs that generalized do not determine every effect; "
    "leave out hyperparameters, or values at which no run generalized with a delay"
)


@dataclass(frozen=True, eq=False)
class WeibullFit:
    """log delay = `intercept` + design x `effects` + W / `shape`, where W has the standard Gumbel distribution of minima.

    `covariance` is that of the effects, from the observed information, multiplied by events / `freedom` as in linear regression:
    without that, and with normal quantiles in place of Student's, intervals are too narrow for a few dozen runs.
    """

    intercept: float
    effects: Numbers  # [P]
    covariance: Numbers  # [P, P]
    shape: float
    log_likelihood: float
    events: int
    freedom: int  # events less fitted parameters

    def intervals(self, contrasts: Numbers, confidence: float) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """The values of contrasts [C, P] of the effects, the ends of their intervals, and the p-values of 0, [C] each."""
        from scipy.stats import t  # noqa: PLC0415  (slow to load)

        value = contrasts @ self.effects
        error = np.sqrt(np.einsum("cp,pq,cq->c", contrasts, self.covariance, contrasts))
        half = t.ppf((1 + confidence) / 2, self.freedom) * error
        return value, value - half, value + half, 2 * t.sf(np.abs(value / error), self.freedom)


def fitted_runs(runs: pd.DataFrame, delays: pd.DataFrame, strata: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The runs that fitted, with their delays, in the strata in which any generalized; the others tell nothing of effects.

    Raises:
      AnalysisError: no run generalized, or the delays cannot be aligned with the runs.
    """
    delays = align_delays(delays, runs.index)
    if not delays["generalized"].any():
        raise AnalysisError("no run generalized, so all delays are censored; train longer")
    kept = delays["delay"].notna().to_numpy()
    runs, delays = runs[kept], delays[kept]
    informative = delays["generalized"].groupby(codes_of(runs, strata)).transform("any").to_numpy(bool)
    return runs[informative], delays[informative]


def indicators(codes: np.ndarray[Any, Any]) -> Numbers:
    """A column for each code but the first, 1 where a run has it, [R, C - 1]."""
    columns: Numbers = (codes[:, None] == np.arange(1, codes.max() + 1)).astype(np.float64)
    return columns


def refuse_collinear(columns: Numbers, others: Numbers, names: Sequence[str], strata: Sequence[str]) -> None:
    """Raises AnalysisError if a column [R, C] is a combination of the rest, naming those that cannot be separated."""
    every = np.column_stack([columns, others])
    every = every - every.mean(axis=0)
    tied = []
    for place, name in enumerate(names):
        rest = np.delete(every, place, axis=1)
        left = every[:, place] - rest @ np.linalg.lstsq(rest, every[:, place], rcond=None)[0]
        if np.sum(left**2) <= COLLINEAR * np.sum(every[:, place] ** 2):
            tied.append(name)
    if tied:
        among = list(dict.fromkeys(tied))
        fixed = f"{among[0]} is fixed by {' x '.join(strata)}" if len(among) == 1 else f"{' and '.join(among)} vary together"
        raise AnalysisError(f"{fixed} in these runs, so their effects cannot be separated; leave one out, or choose other runs")


def fit_weibull(runs: pd.DataFrame, delays: pd.DataFrame, design: Numbers) -> WeibullFit:
    """Maximizes the likelihood of the delays (Kalbfleisch and Prentice 2002, section 2.3).

    It is concave in shape and effects x shape (Burridge 1981), so that Newton's method with halved steps finds its maximum.

    Args:
      runs, delays: from `fitted_runs`. A delay of 0 is only known to lie between 0 and `log_every`, and counts as such an
        interval; a run censored at 0 tells nothing.
      design: of the runs [R, P], without a column for the intercept.

    Raises:
      AnalysisError: fewer runs generalized than there are parameters to fit, the delays have no scatter, or the maximum is
        infinite.
    """
    delay, seen = delays["delay"].to_numpy(np.float64), delays["generalized"].to_numpy(bool)
    spacing = np.fmax(numbers_in(runs, "log_every"), 1) if "log_every" in runs else 1.0
    informative = seen | (delay > 0)
    short = seen & (delay == 0)
    logs = np.log(np.where(short, spacing, np.maximum(delay, np.finfo(float).tiny)))[informative]
    events, exact, short = int(seen.sum()), (seen & ~short)[informative], short[informative]
    freedom = events - design.shape[1] - 2
    if freedom < 1:
        raise AnalysisError(
            f"{events} runs generalized, too few to fit {design.shape[1] + 2} parameters; "
            "train more seeds, or leave out hyperparameters"
        )
    middle, centre = logs.mean(), design[informative].mean(axis=0)
    columns = np.column_stack([logs - middle, -np.ones(len(logs)), centre - design[informative]])
    if _residual(columns[exact]) < 1e-6 and not short.any():
        raise AnalysisError(
            "the delays have no scatter about the fitted law, so neither its shape nor intervals can be estimated; "
            "if they are real, train more seeds"
        )
    solution, likelihood, information = _maximum(columns, exact, short)
    shape, effects = solution[0], solution[2:] / solution[0]
    jacobian = np.column_stack([-effects / shape, np.zeros(len(effects)), np.eye(len(effects)) / shape])
    covariance = jacobian @ np.linalg.solve(information, jacobian.T) * events / freedom
    if (np.sqrt(np.diag(covariance)) * design.std(axis=0) > UNKNOWN).any():  # the likelihood rises towards an infinite effect
        raise AnalysisError(NO_MAXIMUM)
    intercept = middle + solution[1] / shape - float(centre @ effects)
    return WeibullFit(float(intercept), effects, covariance, float(shape), likelihood, events, freedom)


def _maximum(columns: Numbers, exact: Any, short: Any) -> tuple[Numbers, float, Numbers]:
    """The parameters [P + 2] with the greatest likelihood, its logarithm, and minus its second derivatives [P + 2, P + 2]."""
    parameters = np.concatenate([[1.0], np.linalg.lstsq(columns[:, 1:], -columns[:, 0], rcond=None)[0]])
    likelihood = _log_likelihood(columns @ parameters, parameters[0], exact, short)
    for _ in range(STEPS):
        gradient, information = _derivatives(columns, parameters, exact, short)
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            break
        size = 1.0
        while size > 1e-10:
            tried = parameters + size * step
            reached = _log_likelihood(columns @ tried, tried[0], exact, short)
            if reached >= likelihood:
                break
            size /= 2
        gain, parameters, likelihood = reached - likelihood, tried, reached
        if 0 <= gain < CONVERGED and float(gradient @ step) < 1e-6:
            return parameters, likelihood, _derivatives(columns, parameters, exact, short)[1]
    raise AnalysisError(NO_MAXIMUM)


def _log_likelihood(z: Numbers, shape: float, exact: Any, short: Any) -> float:
    """Events contribute log shape + z - exp(z), censored runs -exp(z), delays below a bound log(1 - exp(-exp(z)))."""
    if shape <= 0:
        return -np.inf
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        hazard = np.exp(z)
        value = exact.sum() * np.log(shape) + z[exact].sum() - hazard[~short].sum() + np.log(-np.expm1(-hazard[short])).sum()
    return float(value) if np.isfinite(value) else -np.inf


def _derivatives(columns: Numbers, parameters: Numbers, exact: Any, short: Any) -> tuple[Numbers, Numbers]:
    """The gradient of the log-likelihood [P + 2] and minus its second derivatives [P + 2, P + 2]."""
    hazard = np.exp(columns @ parameters)
    first, second = exact - hazard, hazard.copy()
    near = hazard[short]
    ratio = near / np.expm1(near)
    first[short], second[short] = ratio, -ratio * (1 - near - ratio)
    gradient, information = first @ columns, (columns * second[:, None]).T @ columns
    gradient[0] += exact.sum() / parameters[0]
    information[0, 0] += exact.sum() / parameters[0] ** 2
    return gradient, information


def _residual(columns: Numbers) -> float:
    """The root mean square distance of the first column from the span of the others."""
    if not len(columns):
        return np.inf
    solution = np.linalg.lstsq(columns[:, 1:], columns[:, 0], rcond=None)[0]
    return float(np.sqrt(np.mean((columns[:, 0] - columns[:, 1:] @ solution) ** 2)))
