"""The share of a phase over two hyperparameters, and the curve on which it is one half, for points that need not form a grid.

The share is fitted by a Gaussian process on the logit, averaged over its amplitude and lengths (see `gaussian`). In simulated
sweeps its bands contain the boundary where those of a logistic regression with quadratic terms do not (docs/statistics/surface.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from grokjax.analysis.statistics.boundary import seed_codes
from grokjax.analysis.statistics.cells import cells_of, check_cell, check_confidence
from grokjax.analysis.statistics.gaussian import Counts, ShareModel, fit_shares, one_thread
from grokjax.analysis.statistics.points import Points, counted_runs, phase_points
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]

LEAST_POINTS = 12  # with which coverage was simulated
MOST_POINTS = 400  # fitted as they are; more are pooled with their neighbours
POOLED = 16  # squares along each axis in which points are pooled
SEED_SHIFT = 1.5  # logits: the width of the prior of how far a seed shifts its runs
LATTICE = 41  # places along each axis at which the share is tabulated


@dataclass(frozen=True)
class Surface:
    """The fitted share of a phase on a lattice over two hyperparameters, with its pointwise band.

    `share`, `low` and `high` [G, G] have a row for each of `ys` [G] and a column for each of `xs` [G], which are evenly spaced on
    the scale of their axis. `points` are the counts that were fitted; `mixed` hyperparameters also vary among the points.
    `seed_error` is how far, in logits, the seeds may shift the whole surface (see `shared_seed_error`); the band includes it,
    unless it is unknown (NaN).
    """

    x: str
    y: str
    phase: str
    against: str | None
    mixed: tuple[str, ...]
    points: Points
    confidence: float
    xs: Array
    ys: Array
    share: Array
    low: Array
    high: Array
    seed_error: float = 0.0

    @property
    def unknown(self) -> Array:
        """Where [G, G] the band contains one half, so that the boundary may run there."""
        unknown: Array = (self.low <= 0.5) & (self.high >= 0.5)
        return unknown

    @property
    def seed_text(self) -> str:
        """A sentence that says how the band counts that the runs of a seed go together; empty if no seed has two runs."""
        if np.isnan(self.seed_error):
            return "All runs have one seed; how far it shifts all of them together is not in the band."
        shared = f"The band includes that the seeds may shift all points together, by {self.seed_error:.2g} logits."
        return shared if self.seed_error else ""

    def contour(self, of: Literal["share", "low", "high"] = "share", level: float = 0.5) -> list[pd.DataFrame]:
        """The curves on which the fitted share, or an end of its band, has a value: a frame of x and y for each; may be empty.

        The boundary is `contour()`. Its band lies between `contour("high")` and `contour("low")`.
        """
        from contourpy import contour_generator  # noqa: PLC0415  (only needed here)

        if of not in ("share", "low", "high"):
            raise AnalysisError(f"a surface has no {of}; choose share, low or high")
        side = np.linspace(0, 1, len(self.xs))
        lines = contour_generator(side, side, getattr(self, of)).lines(level)
        return [pd.DataFrame(self.points.from_unit(np.asarray(line)), columns=[self.x, self.y]) for line in lines]

    def table(self) -> pd.DataFrame:
        """The lattice as a table: x, y, `share`, `low` and `high`, a row per place."""
        across, up = np.meshgrid(self.xs, self.ys)
        columns = {self.x: across, self.y: up, "share": self.share, "low": self.low, "high": self.high}
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()})


def surface(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    x: str,
    y: str,
    *,
    phase: str = "grok",
    against: str | None = None,
    mix: Sequence[str] = (),
    confidence: float = 0.95,
    lattice: int = LATTICE,
) -> Surface:
    """The share of a phase over two hyperparameters, with its band, for drawn points as well as for grids.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      x, y: numeric hyperparameters. A log scale is chosen for an axis as `AxisScale.of` does.
      phase: the phase whose share is fitted.
      against: the phase that it is compared with; None for all others. Runs of neither phase are left out, and so are runs that
        diverged or are undecided.
      mix: hyperparameters that may vary besides; the share is then that among all values of theirs that the design has.
      confidence: of the pointwise band of the share, and so of the band of the boundary.
      lattice: number of places along each axis.

    Raises:
      AnalysisError: another hyperparameter varies and is not in `mix`; fewer than `LEAST_POINTS` points have runs that count; all
        these runs agree; or an axis is not numeric, is null in some runs, or has one value.
    """
    if x == y:
        raise AnalysisError(f"{x} is given twice; choose another hyperparameter for x or y")
    check_confidence(confidence)
    mixed = tuple(name for name in mix if name not in (x, y))
    check_cell(runs, [y, x], mixed)
    points = phase_points(runs, phases, [x, y], phase=phase, against=against)
    check_points(points, phase, LEAST_POINTS)
    side = np.linspace(0, 1, lattice)
    places = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    tail = (1 - confidence) / 2
    has, counts = counted_runs(runs, phases, phase, against)
    with one_thread():
        model = fit_points(points)
        shares = model.expected(points.places)[cells_of(runs.loc[counts, [x, y]])[0]]
        error = shared_seed_error(has[counts], shares, seed_codes(runs)[counts])
        quantiles = model.quantiles(places, [0.5, tail, 1 - tail], np.nan_to_num(error)).reshape(3, lattice, lattice)
    share, low, high = quantiles
    xs, ys = points.from_unit(np.stack([side, side], axis=1)).T
    return Surface(x, y, phase, against, mixed, points, confidence, xs, ys, share, low, high, error)


def shared_seed_error(labels: Array, shares: Array, seeds: Array) -> float:
    """How far, in logits, the seeds may have shifted the shares of all points together, because they stand at many points.

    If a seed shifts the logits of its runs by a normal number with variance v, its labels less their shares sum to a number with
    variance w + v w², where w is the sum of share (1 - share). The root of v has a half-normal prior of `SEED_SHIFT` logits,
    because few seeds tell little of it. The error is the root of the posterior mean of v, divided by the number of seeds.

    Args:
      labels: of the runs [R], 0 or 1.
      shares: the fitted share at each run's point [R].
      seeds: the seed of each run [R], as a code.

    Returns:
      The error; 0 if no seed has two runs, and NaN if all runs have one seed.
    """
    _, seeds = np.unique(seeds, return_inverse=True)
    count = int(seeds.max()) + 1
    if count in (1, len(labels)):
        return np.nan if count == 1 else 0.0
    rest, weight = np.bincount(seeds, labels - shares), np.bincount(seeds, shares * (1 - shares))
    shift = np.linspace(0, 4 * SEED_SHIFT, 101)
    variance = weight + (shift[:, None] * weight) ** 2  # [V, S]
    freedom = (count - 1) / count  # the fitted shares follow the mean of the seeds
    deviance = (freedom * np.log(variance) + (rest - rest.mean()) ** 2 / variance).sum(axis=1) + (shift / SEED_SHIFT) ** 2
    posterior = np.exp((deviance.min() - deviance) / 2)
    return float(np.sqrt(posterior @ shift**2 / posterior.sum() / count))


def check_points(points: Points, phase: str, least: int) -> None:
    """Raises AnalysisError unless there are enough points, and runs that count on both sides."""
    trials, successes = int(points.table["trials"].sum()), int(points.table["successes"].sum())
    if len(points.table) < least:
        raise AnalysisError(
            f"{len(points.table)} points have runs that count, and this needs {least}; train more points, or compare "
            f"cells with phase_grid"
        )
    if successes in (0, trials):
        which = "all" if successes else "none"
        raise AnalysisError(f"{which} of the {trials} runs that count are {phase}, so it has no boundary; choose another phase")


def fit_points(points: Points, *, averaged: bool = True) -> ShareModel:
    """The share model of some points; beyond `MOST_POINTS` points in two dimensions, neighbours are pooled first."""
    places = points.places
    successes, trials = (points.table[name].to_numpy(float) for name in ("successes", "trials"))
    if len(places) > MOST_POINTS:
        squares = np.minimum((places * POOLED).astype(int), POOLED - 1)
        _, square = np.unique(squares, axis=0, return_inverse=True)
        pooled = pd.DataFrame(places * trials[:, None]).assign(k=successes, n=trials).groupby(square.ravel()).sum().to_numpy()
        places, successes, trials = pooled[:, :-2] / pooled[:, -1:], pooled[:, -2], pooled[:, -1]
    return fit_shares(Counts(places, successes, trials), averaged=averaged)
