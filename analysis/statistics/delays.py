"""Grokking delays: the steps from the train metric's to the test metric's crossing of its threshold, with censoring.

A run that fitted but had not generalized by its last step has a longer delay than observed: it is censored there, not left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import CrossingRule
from grokjax.errors import AnalysisError

Kind = Literal["first", "sustained"]


def grokking_delays(
    runs: pd.DataFrame, train: str = "accuracy_99", test: str = "accuracy_99", kind: Kind = "first"
) -> pd.DataFrame:
    """The grokking delay of each run, censored where the run ended before it generalized.

    Args:
      runs: a runs table.
      train, test: the thresholds of the train and of the test metric, each one of `rules.CROSSINGS`.
      kind: which crossing counts: the first one, or the sustained one, after which the metric never drops back.

    Returns:
      On the index of `runs`: `delay` in steps, from the train crossing to the test crossing, or to the last step where there is no
      test crossing; 0 where test crossed first; NaN for a run that never fitted. `grokked`: whether both crossings were observed.

    Raises:
      AnalysisError: no such crossing, or a column is missing.
    """
    *names, _ = CrossingRule(train, test, kind).columns
    for name in (*names, "steps"):
        if name not in runs:
            raise AnalysisError(f"delays need the column {name}, and the table has {', '.join(map(str, runs.columns))}")
    fitted, generalized, steps = (runs[name].to_numpy(np.float64, na_value=np.nan) for name in (*names, "steps"))
    if kind == "sustained" and "stopped_by" in runs:  # a run that was stopped early might still have dropped back
        generalized = np.where(runs["stopped_by"].notna().to_numpy(bool), np.nan, generalized)
    seen = ~np.isnan(generalized) & ~np.isnan(fitted)
    delay = np.maximum(np.where(seen, generalized, steps) - fitted, 0)
    return pd.DataFrame({"delay": delay, "grokked": seen}, index=runs.index)


def median_delays(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str], confidence: float = 0.95) -> pd.DataFrame:
    """The Kaplan-Meier median of the delay in each group, a row per group.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, on the same index.
      by: hyperparameters that make the groups.
      confidence: of the interval.

    Returns:
      The columns of `by`, the numbers of `runs`, of `fitted` runs and of `grokked` runs, and the `median` [steps] with
      `low` and `high` (Brookmeyer and Crowley 1982, on the log(-log) scale). A median that was not reached, because fewer than half
      of the runs grokked, is infinite. It is NaN in a group in which no run fitted.
    """
    from lifelines.utils import median_survival_times  # noqa: PLC0415  (lifelines is slow to load)

    rows = []
    for values, group in _groups(runs, delays, by):
        at_risk = group.dropna(subset="delay")
        row = [*values, len(group), len(at_risk), int(at_risk["grokked"].sum())]
        if len(at_risk):
            fitted = _kaplan_meier(at_risk, confidence)
            with _quiet():
                low, high = median_survival_times(fitted.confidence_interval_).to_numpy().ravel()
            row += [float(fitted.median_survival_time_), float(low), float(high)]
        rows.append(row + [np.nan] * (len(by) + 6 - len(row)))
    return pd.DataFrame(rows, columns=[*by, "runs", "fitted", "grokked", "median", "low", "high"])


def survival_curves(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str], confidence: float = 0.95) -> pd.DataFrame:
    """The Kaplan-Meier estimate in each group: the share of fitted runs that have not grokked, over the steps since they fitted.

    Args:
      runs, delays, by, confidence: as in `median_delays`.

    Returns:
      A row per group and delay at which a run grokked or was censored: the columns of `by`, `delay` [steps], the runs `at_risk`
      just before it, those that `grokked` and those `censored` at it, and `survival` with its interval `low` to `high`
      (Greenwood, on the log(-log) scale).

    Raises:
      AnalysisError: no run fitted.
    """
    frames = []
    for values, group in _groups(runs, delays, by):
        at_risk = group.dropna(subset="delay")
        if at_risk.empty:
            continue
        fitted = _kaplan_meier(at_risk, confidence)
        table: pd.DataFrame = fitted.event_table.loc[:, ["at_risk", "observed", "censored"]].astype(np.int64)
        table = table.set_axis(["at_risk", "grokked", "censored"], axis=1)
        table["survival"] = fitted.survival_function_.iloc[:, 0]
        table[["low", "high"]] = fitted.confidence_interval_.to_numpy()
        table = table.rename_axis("delay").reset_index()
        for place, (name, value) in enumerate(zip(by, values, strict=True)):
            table.insert(place, name, value)
        frames.append(table)
    if not frames:
        raise AnalysisError("no run fitted, so none has a delay; choose other crossings or other runs")
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of equal delays in all groups: a chi-squared `statistic` with its `degrees` of freedom, and `p`."""

    statistic: float
    degrees: int
    p: float


def log_rank(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str]) -> LogRank:
    """Tests whether the delays of the groups differ (Mantel 1966; Peto and Peto 1972).

    Raises:
      AnalysisError: fewer than two groups with fitted runs.
    """
    from lifelines.statistics import multivariate_logrank_test  # noqa: PLC0415

    groups = [group.dropna(subset="delay") for _, group in _groups(runs, delays, by)]
    groups = [group for group in groups if len(group)]
    if len(groups) < 2:
        raise AnalysisError(f"{' x '.join(by)} makes {len(groups)} groups of fitted runs, and a log-rank test compares two or more")
    every = pd.concat(groups)
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    with _quiet():
        result = multivariate_logrank_test(every["delay"].to_numpy(), numbers, every["grokked"].to_numpy())
    return LogRank(float(result.test_statistic), len(groups) - 1, float(result.p_value))


@dataclass(frozen=True)
class DelayLaw:
    """A power law of the delay: delay = `scale` x product of hyperparameter ** exponent x a Weibull variable of `shape`.

    `exponents` has a row per hyperparameter: `hyperparameter`, `exponent`, its interval `low` to `high`, and `p` of an exponent
    of 0. Of the `runs` that fitted, `grokked` were observed to grok; the others are censored.
    """

    exponents: pd.DataFrame
    scale: float  # [steps]
    shape: float
    runs: int
    grokked: int

    def median(self, **hyperparameters: float) -> float:
        """The median delay [steps] that the law predicts for values of its hyperparameters."""
        exponents = self.exponents.set_index("hyperparameter")["exponent"]
        factors = [hyperparameters[str(name)] ** exponent for name, exponent in exponents.items()]
        return float(self.scale * np.prod(factors) * np.log(2) ** (1 / self.shape))

    def _repr_html_(self) -> str:
        return self.exponents.to_html(notebook=True)


def delay_law(
    runs: pd.DataFrame, delays: pd.DataFrame, on: Sequence[str] = ("weight_decay", "learning_rate"), confidence: float = 0.95
) -> DelayLaw:
    """Fits a power law of the delay in hyperparameters: a Weibull regression of log delay on their logarithms, with censoring.

    This is the accelerated failure time model of Kalbfleisch and Prentice 2002, section 2.3. A delay below the spacing of the
    logged steps counts as half of it. Standard errors of the likelihood are corrected for the number of fitted parameters, as
    in linear regression, with the runs that grokked as observations; intervals use Student's t, because normal intervals are
    too narrow for a few dozen runs.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, on the same index.
      on: hyperparameters with positive values, at least two different ones each.
      confidence: of the intervals.

    Raises:
      AnalysisError: the effect of a hyperparameter cannot be estimated, or no run grokked.
    """
    from lifelines import WeibullAFTFitter  # noqa: PLC0415
    from lifelines.exceptions import ConvergenceError  # noqa: PLC0415
    from scipy.stats import t  # noqa: PLC0415

    kept = delays["delay"].notna().to_numpy()
    if not delays["grokked"].any():
        raise AnalysisError("no run grokked, so all delays are censored and no law can be fitted; train longer")
    table = pd.DataFrame({name: _logarithms(runs[kept], name) for name in on})
    spacing = runs.loc[kept, "log_every"].to_numpy(float) if "log_every" in runs else 1.0
    table["delay"] = np.maximum(delays.loc[kept, "delay"].to_numpy(float), spacing / 2)
    table["grokked"] = delays.loc[kept, "grokked"].to_numpy(bool)
    try:
        with _quiet():
            fitted = WeibullAFTFitter(alpha=1 - confidence).fit(table, "delay", "grokked")
            summary = fitted.summary.loc["lambda_"]
    except (ConvergenceError, np.linalg.LinAlgError) as error:
        why = str(error).splitlines()[0]
        raise AnalysisError(f"the effects of {' and '.join(on)} cannot be separated in these runs: {why}") from None
    seen, exponent = int(table["grokked"].sum()), summary.loc[list(on), "coef"]
    left = max(seen - len(on) - 2, 1)  # degrees of freedom besides the exponents, the scale and the shape
    deviation = summary.loc[list(on), "se(coef)"] * np.sqrt(seen / left)
    half = t.ppf((1 + confidence) / 2, left) * deviation
    exponents = pd.DataFrame({"exponent": exponent, "low": exponent - half, "high": exponent + half})
    exponents["p"] = 2 * t.sf(np.abs(exponent / deviation), left)
    return DelayLaw(
        exponents=exponents.rename_axis("hyperparameter").reset_index(),
        scale=float(np.exp(summary.loc["Intercept", "coef"])),
        shape=float(np.exp(fitted.params_["rho_", "Intercept"])),
        runs=len(table),
        grokked=seen,
    )


def _logarithms(runs: pd.DataFrame, name: str) -> np.ndarray[Any, Any]:
    if name not in runs:
        raise AnalysisError(f"{name} is not in the table; choose hyperparameters that it has")
    values = runs[name].to_numpy(np.float64, na_value=np.nan)
    if not (values > 0).all():
        raise AnalysisError(f"a power law needs {name} above 0 in every run; leave out the others with --where")
    if len(np.unique(values)) < 2:
        raise AnalysisError(f"{name} is {values[0]:g} in all fitted runs, so its exponent cannot be estimated; leave it out")
    logs: np.ndarray[Any, Any] = np.log(values)
    return logs


def _groups(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The values of `by` and the delays of each group, in the order of the values; null makes a group too."""
    for name in by:
        if name not in runs:
            raise AnalysisError(f"{name} is not in the table; choose hyperparameters that it has")
    if not by:
        yield (), delays
        return
    for values, index in runs.groupby(list(by), observed=True, sort=True, dropna=False).indices.items():
        yield values if isinstance(values, tuple) else (values,), delays.iloc[index]


def _kaplan_meier(at_risk: pd.DataFrame, confidence: float) -> Any:
    from lifelines import KaplanMeierFitter  # noqa: PLC0415

    with _quiet():
        return KaplanMeierFitter(alpha=1 - confidence).fit(at_risk["delay"].to_numpy(), at_risk["grokked"].to_numpy())


@contextmanager
def _quiet() -> Iterator[None]:
    """A context that silences lifelines' warnings about future pandas versions and about numerics, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
