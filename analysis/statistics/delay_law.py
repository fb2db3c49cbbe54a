"""The power law of the delay in hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.cells import check_cell, check_confidence
from grokjax.analysis.statistics.delays import Numbers, codes_of
from grokjax.analysis.statistics.weibull import WeibullFit, fit_weibull, fitted_runs, indicators, refuse_collinear
from grokjax.analysis.tables.hyperparameters import is_number, varied_hyperparameters
from grokjax.errors import AnalysisError


@dataclass(frozen=True)
class DelayLaw:
    """A power law of the delay: delay = `scale` x product of hyperparameter ** exponent x a Weibull variable of `shape`.

    `exponents` has a row per hyperparameter: `hyperparameter`, `exponent`, its interval `low` to `high`, and `p` of an exponent
    of 0. Of the `runs` that fitted, `generalized` were observed to; the others are censored. `curvature` is the p-value of squared
    logarithms in addition: if it is small, the delays do not follow a power law, for example because they are shortest in the
    middle of an axis. It is NaN if no hyperparameter has three values or too few runs generalized.
    """

    exponents: pd.DataFrame
    scale: float  # [steps]
    shape: float
    runs: int
    generalized: int
    curvature: float
    strata: tuple[str, ...] = ()

    def median(self, **hyperparameters: float) -> float:
        """The median delay [steps] that the law predicts for values of its hyperparameters; with strata, for an average one."""
        exponents = self.exponents.set_index("hyperparameter")["exponent"]
        if set(hyperparameters) != set(exponents.index):
            raise AnalysisError(f"the law needs values of {', '.join(exponents.index)}; got {', '.join(hyperparameters) or 'none'}")
        factors = [hyperparameters[str(name)] ** exponent for name, exponent in exponents.items()]
        return float(self.scale * np.prod(factors) * np.log(2) ** (1 / self.shape))

    def _repr_html_(self) -> str:
        return self.exponents.to_html(notebook=True)


def delay_law(
    runs: pd.DataFrame,
    delays: pd.DataFrame,
    on: Sequence[str] | None = None,
    strata: Sequence[str] = (),
    mix: Sequence[str] = (),
    confidence: float = 0.95,
) -> DelayLaw:
    """Fits a power law of the delay in hyperparameters: a Weibull regression of log delay on their logarithms, with censoring.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, aligned by index.
      on: hyperparameters with positive values, at least two different ones each; all that vary among the fitted runs when None.
      strata: hyperparameters of any kind; each combination of their values has a scale of its own.
      mix: hyperparameters that vary and are left out of the law.
      confidence: of the intervals.

    Raises:
      AnalysisError: the exponent of a hyperparameter cannot be estimated, another one varies, or too few runs generalized.
    """
    check_confidence(confidence)
    runs, delays = fitted_runs(runs, delays, strata)
    if on is None:
        on = [name for name in varied_hyperparameters(runs) if name not in (*strata, *mix)]
    if not on:
        raise AnalysisError("no hyperparameter varies among the fitted runs, so there is no law to fit; choose other runs")
    check_cell(runs, [*on, *strata], mix)
    logs = np.column_stack([_logarithms(runs, name) for name in on])
    shared = indicators(codes_of(runs, strata))
    refuse_collinear(logs, shared, on, strata)
    fitted = fit_weibull(runs, delays, np.column_stack([logs, shared]))
    columns = fitted.intervals(np.eye(len(on), len(fitted.effects)), confidence)
    exponents = dict(zip(("exponent", "low", "high", "p"), columns, strict=True))
    return DelayLaw(
        exponents=pd.DataFrame({"hyperparameter": list(on), **exponents}),
        scale=float(np.exp(fitted.intercept + fitted.effects[len(on) :] @ shared.mean(axis=0))),
        shape=fitted.shape,
        runs=len(runs),
        generalized=fitted.events,
        curvature=_curvature(runs, delays, logs, shared, fitted),
        strata=tuple(strata),
    )


def _curvature(runs: pd.DataFrame, delays: pd.DataFrame, logs: Numbers, shared: Numbers, straight: WeibullFit) -> float:
    """The p-value of the squared logarithms of hyperparameters with three or more values, by an F approximation."""
    from scipy.stats import f as f_distribution  # noqa: PLC0415  (slow to load)

    squares = np.column_stack([(column - column.mean()) ** 2 for column in logs.T if len(np.unique(column)) > 2] or [logs[:, :0]])
    try:
        curved = fit_weibull(runs, delays, np.column_stack([logs, shared, squares]))
    except AnalysisError:
        return np.nan
    extra = squares.shape[1]
    gain = 2 * (curved.log_likelihood - straight.log_likelihood) / max(extra, 1) * curved.freedom / curved.events
    return float(f_distribution.sf(gain, extra, curved.freedom)) if extra else np.nan


def _logarithms(runs: pd.DataFrame, name: str) -> Numbers:
    if not is_number(runs[name]):
        raise AnalysisError(f"{name} is not a number, so it has no exponent; put it into the strata")
    values = runs[name].to_numpy(np.float64, na_value=np.nan)
    if not (values > 0).all():
        raise AnalysisError(f"a power law needs {name} above 0 in every run; choose such runs with where")
    if len(np.unique(values)) < 2:
        raise AnalysisError(f"{name} is {values[0]:g} in all fitted runs, so its exponent cannot be estimated; leave it out")
    logs: Numbers = np.log(values)
    return logs
