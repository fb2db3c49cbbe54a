"""The boundary between two phases along an axis: where a logistic fit of their shares crosses one half, with a bootstrap band.

With a few seeds per cell the phases are often completely separated: no seed groks up to one value, and all do from the next. The
maximum-likelihood slope is then infinite, so slopes are fitted with Firth's penalty, which keeps them finite. The band is a
parametric bootstrap: runs are resampled from the fitted curve, because resampling cells whose seeds all agree would give a band of
zero width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES, align_phases
from grokjax.analysis.statistics.cells import check_cell
from grokjax.analysis.statistics.grid import PREFERRED_AXES
from grokjax.analysis.statistics.logistic import LogisticFit, fit_logistic, steps_of
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.tables.hyperparameters import is_number, varied_hyperparameters
from grokjax.errors import AnalysisError, nearest

Array = np.ndarray[Any, Any]

# Phases that carry no information about where a boundary lies.
UNINFORMATIVE = ("diverged", "undecided")

# What is known about a boundary, and what that means.
STATUSES = {
    "found": "the share crosses one half between the values that were tried",
    "no runs": "no run counts",
    "one phase": "all runs that count agree",
    "one value": "the runs that count have one value of the axis",
    "no trend": "at this confidence the share may rise or fall; try another phase, such as fail, or another phase to compare with",
    "outside": "the boundary is beyond the values that were tried",
}


@dataclass(frozen=True)
class Boundary:
    """The shares of a phase along an axis, and their logistic fit.

    `cells` has a row per value of the axis, with `successes` of `trials` runs. `fit` is None if all fitted runs agree.
    `resampled` are the fits to resampled runs: with the penalty, and, if a resample is completely separated, with the lowest and
    the highest step function that fits it. Bands cover all three, because separated phases may change anywhere between two values.
    """

    axis: str
    scale: AxisScale
    cells: pd.DataFrame  # value, successes, trials
    left_out: int
    confidence: float
    fit: LogisticFit | None
    resampled: tuple[LogisticFit, ...]

    @property
    def status(self) -> str:
        """Whether the boundary was found, or why not: a key of STATUSES."""
        if self.fit is None:
            if not self.cells["trials"].sum():
                return "no runs"
            return "one phase" if self.cells["successes"].sum() in (0, self.cells["trials"].sum()) else "one value"
        if self.slope_band[0] <= 0 <= self.slope_band[1]:
            return "no trend"
        return "found" if self.cells["value"].min() <= self.at <= self.cells["value"].max() else "outside"

    @property
    def at(self) -> float:
        """The value of the axis at which the fitted share is one half; NaN if there is no fit."""
        return np.nan if self.fit is None else self._value(self.fit.center)

    @property
    def band(self) -> tuple[float, float]:
        """The bootstrap band of `at`. An unknown end is infinite, or 0 on a log scale; both are NaN if there is no fit."""
        if self.fit is None:
            return np.nan, np.nan
        low, high = self._band([self._centers(fits, self.fit.slope) for fits in self.resampled])
        return self._value(low), self._value(high)

    @property
    def slope(self) -> float:
        """The slope of the logit per unit of the axis, or per factor of e on a log scale; NaN if there is no fit."""
        return np.nan if self.fit is None else float(self.fit.slope)

    @property
    def slope_band(self) -> tuple[float, float]:
        """The bootstrap band of `slope`; infinite at an end that completely separated runs leave open."""
        if self.fit is None:
            return np.nan, np.nan
        low, high = self._band([fits.slope for fits in self.resampled])
        return float(low), float(high)

    def shares(self, values: Array) -> pd.DataFrame:
        """The fitted `share` at values [P] of the axis, with its pointwise band `low` to `high`; a row per value.

        Raises:
          AnalysisError: there is no fit.
        """
        if self.fit is None:
            raise AnalysisError(f"all runs along {self.axis} agree, so there is nothing to fit; choose another phase or other runs")
        at = self.scale.to_scale(values)
        low, high = self._band([fits.share(at) for fits in self.resampled])
        return pd.DataFrame({self.axis: values, "share": self.fit.share(at), "low": low, "high": high})

    def _value(self, place: Any) -> float:
        """The value of the axis at a place, at least 0 on a log scale."""
        value = float(self.scale.from_scale(place))
        return max(value, 0.0) if self.scale.log else value

    @staticmethod
    def _centers(fits: LogisticFit, slope: Array) -> Array:
        """The centers of resampled fits [B]; infinite for those whose slope has the opposite sign of `slope`."""
        direction = np.sign(slope) or 1.0  # a flat fit counts as rising; only the sign, since 0 times infinity is NaN
        against = np.sign(fits.slope) * direction <= 0
        return np.where(against, np.where(np.sign(fits.level) * direction > 0, -np.inf, np.inf), fits.center)

    def _band(self, resampled: Sequence[Array]) -> Array:
        """The ends [2, ...] of the band that covers the bands of all given arrays of resampled values [B, ...]."""
        tail = (1 - self.confidence) / 2
        # an observed value as quantile, since interpolating between infinities gives NaN
        ends = [np.quantile(values, [tail, 1 - tail], axis=0, method="inverted_cdf") for values in resampled]
        return np.stack([np.min(ends, axis=0)[0], np.max(ends, axis=0)[1]])


def boundary(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    axis: str,
    *,
    phase: str = "grok",
    against: str | None = None,
    log: bool | None = None,
    scale: AxisScale | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Boundary:
    """The value along an axis where a phase takes over. The runs may differ only in that axis and in their seeds.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      axis: a numeric hyperparameter with two values or more.
      phase: the phase that takes over.
      against: the phase that it takes over from; None for all others. Runs of neither phase are left out, and so are runs that
        diverged or are undecided.
      log: whether the axis is on a log scale; None to decide from its values.
      scale: the scale of the axis, if it is that of more runs than these; then these runs may have a single value of the axis.
      confidence: of the bands.
      resamples, seed: of the bootstrap.

    Raises:
      AnalysisError: no such phase, or an axis that is not in the table, is not numeric, or has fewer values than needed.
    """
    values = _axis_values(runs, axis, least=2 if scale is None else 1)
    for name in (phase, against):
        if name is not None and name not in PHASES:
            raise AnalysisError(f"there is no phase {name}; the phases are {', '.join(PHASES)}")
    if phase == against:
        raise AnalysisError(f"{phase} has no boundary against itself; choose another phase, or none for all others")
    labels = align_phases(phases, runs.index).astype(str).to_numpy()
    counted = (labels == phase) | (labels == against if against else ~np.isin(labels, UNINFORMATIVE))
    cells = pd.DataFrame({"value": values[counted], "successes": labels[counted] == phase})
    cells = cells.groupby("value")["successes"].agg(successes="sum", trials="count").reset_index()
    left_out = int((~counted).sum())
    scale = AxisScale.of(values, log) if scale is None else scale
    return fit_boundary(axis, cells, scale=scale, left_out=left_out, confidence=confidence, resamples=resamples, seed=seed)


def fit_boundary(
    axis: str,
    cells: pd.DataFrame,
    *,
    scale: AxisScale,
    left_out: int = 0,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Boundary:
    """The boundary along an axis, from counts: `cells` has a row per value of the axis, with `value`, `successes` and `trials`."""
    successes, trials = (cells[name].to_numpy(float) for name in ("successes", "trials"))
    if len(cells) < 2 or successes.sum() in (0, trials.sum()):
        return Boundary(axis, scale, cells, left_out, confidence, None, ())
    values = scale.to_scale(cells["value"].to_numpy())
    fit = fit_logistic(values, successes, trials)
    drawn = np.random.default_rng(seed).binomial(trials.astype(int), fit.share(values), (resamples, len(cells)))
    resampled = fit_logistic(values, drawn, trials)
    steps = steps_of(resampled, values, drawn / trials)
    return Boundary(axis, scale, cells, left_out, confidence, fit, (resampled, *steps))


def boundaries(
    runs: pd.DataFrame, phases: pd.Series[str], axis: str, by: Sequence[str], **settings: Any
) -> dict[tuple[Any, ...], Boundary]:
    """The boundary along an axis in each group of runs with the same values of other hyperparameters.

    Args:
      runs, phases, axis, settings: as for `boundary`. The axis has the same scale in all groups.
      by: the other hyperparameters; `other_hyperparameters` lists those that vary.

    Returns:
      The boundaries by the values of `by`, in their order.

    Raises:
      AnalysisError: as `boundary`; or a hyperparameter that is neither the axis nor in `by` differs within a cell.
    """
    check_cell(runs, [*by, axis])
    phases = align_phases(phases, runs.index)
    settings = {"scale": AxisScale.of(_axis_values(runs, axis), settings.get("log"))} | settings
    if not by:
        return {(): boundary(runs, phases, axis, **settings)}
    groups = runs.groupby(list(by), observed=True, sort=True, dropna=False).indices
    return {
        values if isinstance(values, tuple) else (values,): boundary(runs.iloc[index], phases.iloc[index], axis, **settings)
        for values, index in groups.items()
    }


def other_hyperparameters(runs: pd.DataFrame, axis: str) -> list[str]:
    """The varying hyperparameters besides the axis: the groups of `boundaries`, with the one for lines or an x axis last."""
    others = [name for name in varied_hyperparameters(runs) if name != axis]
    last = [name for name in (*PREFERRED_AXES, *others) if name in others][:1]
    return [*(name for name in others if name not in last), *last]


def boundary_table(found: Mapping[tuple[Any, ...], Boundary], by: Sequence[str]) -> pd.DataFrame:
    """The result of `boundaries` as a table with one row per group.

    Returns:
      The columns of `by`, `runs` that were fitted, `left_out`, `boundary` with its band `low` to `high`, `slope` with `slope_low`
      to `slope_high`, and `status`, each as in `Boundary`.
    """
    rows = [
        (*values, int(each.cells["trials"].sum()), each.left_out, each.at, *each.band, each.slope, *each.slope_band, each.status)
        for values, each in found.items()
    ]
    names = ("runs", "left_out", "boundary", "low", "high", "slope", "slope_low", "slope_high", "status")
    return pd.DataFrame(rows, columns=[*by, *names])


def _axis_values(runs: pd.DataFrame, axis: str, least: int = 2) -> Array:
    """The values of an axis [R]. Raises AnalysisError unless all are numbers, at least `least` of them different."""
    if axis not in runs:
        raise AnalysisError(f"{axis} is not in the table; choose a numeric hyperparameter{nearest(axis, map(str, runs.columns))}")
    if not is_number(runs[axis]):
        raise AnalysisError(
            f"a boundary needs a numeric axis, but {axis} holds {runs[axis].iloc[0]!r}; choose a numeric hyperparameter"
        )
    values = runs[axis].to_numpy(np.float64, na_value=np.nan)
    if np.isnan(values).any():
        raise AnalysisError(f"{int(np.isnan(values).sum())} of {len(runs)} runs have no {axis}; choose runs that have it")
    if len(np.unique(values)) < least:
        raise AnalysisError(f"{axis} is {values[0]:g} in all runs, and a boundary needs two values or more")
    return values
