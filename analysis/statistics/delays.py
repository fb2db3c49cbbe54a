"""Grokking delays: how much later than the train metric the test metric gets there, where not every run gets there before it ends.

A run that fitted and had not generalized by its last step says only that its delay is longer: it is censored there, not left out.
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
    """The delay of each run.

    Args:
      runs: a runs table.
      train, test: a crossing of `rules.CROSSINGS` each, of the train and of the test metric.
      kind: which crossing of the two metrics counts.

    Returns:
      On the index of `runs`: `delay` in steps, from the train crossing to the test crossing, 0 where that came first, or to the
      last step where there is none; NaN for a run that never fitted, which has no delay. `grokked`: whether the test crossing was
      seen.

    Raises:
      AnalysisError: no such crossing, or a column is missing.
    """
    *names, _ = CrossingRule(train, test, kind).columns
    for name in (*names, "steps"):
        if name not in runs:
            raise AnalysisError(f"delays need the column {name}, and the table has {', '.join(map(str, runs.columns))}")
    fitted, generalized, steps = (runs[name].to_numpy(np.float64, na_value=np.nan) for name in (*names, "steps"))
    if kind == "sustained" and "stopped_by" in runs:  # nobody knows what would have lasted
        generalized = np.where(runs["stopped_by"].notna().to_numpy(bool), np.nan, generalized)
    seen = ~np.isnan(generalized) & ~np.isnan(fitted)
    delay = np.maximum(np.where(seen, generalized, steps) - fitted, 0)
    return pd.DataFrame({"delay": delay, "grokked": seen}, index=runs.index)


def median_delays(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str], confidence: float = 0.95) -> pd.DataFrame:
    """The Kaplan-Meier median of the delay in each group, a row a group.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, on the same index.
      by: hyperparameters that make the groups.
      confidence: of the interval.

    Returns:
      The columns of `by`, `runs`, `fitted`, `grokked`, `median` [steps] with `low` and `high` (Brookmeyer and Crowley 1982, on the
      scale of log(-log)). What lies beyond the last step of all runs is infinite: fewer than half have grokked by then. A group in
      which no run fitted has NaN.
    """
    from lifelines.utils import median_survival_times  # noqa: PLC0415  (as all of lifelines here: it loads slowly)

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
    """The Kaplan-Meier estimate in each group: the share of fitted runs that have not grokked so long after they fitted.

    Args:
      runs, delays, by, confidence: as in `median_delays`.

    Returns:
      A row a group and delay at which anything happened: the columns of `by`, `delay` [steps], `at_risk` runs just before it,
      `grokked` and `censored` runs at it, `survival` with its interval `low` to `high` (Greenwood, on the scale of log(-log)).
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
    """The log-rank test of equal delays in all groups: its statistic is chi-squared with so many degrees of freedom."""

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

    `exponents` has a row a hyperparameter: `hyperparameter`, `exponent`, its interval `low` to `high`, and `p` of no influence.
    `runs` of which `grokked` were seen to; the others are censored.
    """

    exponents: pd.DataFrame
    scale: float  # [steps]
    shape: float
    runs: int
    grokked: int

    def median(self, **hyperparameters: float) -> float:
        """The median delay [steps] that the law gives at a point of the hyperparameters."""
        exponents = self.exponents.set_index("hyperparameter")["exponent"]
        factors = [hyperparameters[str(name)] ** exponent for name, exponent in exponents.items()]
        return float(self.scale * np.prod(factors) * np.log(2) ** (1 / self.shape))

    def _repr_html_(self) -> str:
        return self.exponents.to_html(notebook=True)


def delay_law(
    runs: pd.DataFrame, delays: pd.DataFrame, on: Sequence[str] = ("weight_decay", "learning_rate"), confidence: float = 0.95
) -> DelayLaw:
    """Fits how the delay scales with hyperparameters: log delay, linear in their logarithms, Weibull errors, censored runs as such.

    The accelerated failure time model of Kalbfleisch and Prentice 2002, section 2.3. A delay below the spacing of the logged steps
    counts as half of it. Standard errors are those of the likelihood, corrected as in a linear regression for the parameters that d
    runs which grokked are fitted with, and intervals use Student's t: a few dozen runs make those of the normal law too narrow.

    Args:
      runs: a runs table.
      delays: from `grokking_delays`, on the same index.
      on: hyperparameters above 0, each with two values or more.
      confidence: of the intervals.

    Raises:
      AnalysisError: a hyperparameter that cannot be fitted, or no run that grokked.
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
        raise AnalysisError(f"{' and '.join(on)} cannot be told apart in these runs: {str(error).splitlines()[0]}") from None
    seen, exponent = int(table["grokked"].sum()), summary.loc[list(on), "coef"]
    left = max(seen - len(on) - 2, 1)  # degrees of freedom beside the exponents, the scale and the shape
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
        raise AnalysisError(f"{name} is {values[0]:g} in all fitted runs, so its exponent cannot be told; leave it out")
    logs: np.ndarray[Any, Any] = np.log(values)
    return logs


def _groups(runs: pd.DataFrame, delays: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The delays of each group, with the values that make it, in their order; runs that have no value make a group too."""
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
    """Without the warnings of lifelines about pandas versions to come, and about its own numerics, which are checked here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
