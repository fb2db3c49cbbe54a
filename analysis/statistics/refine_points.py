"""Where to train next in a design of drawn points: where the phase is least known and no point is near."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.boundary import UNINFORMATIVE
from grokjax.analysis.statistics.cells import check_count
from grokjax.analysis.statistics.gaussian import one_thread
from grokjax.analysis.statistics.grid import entropy
from grokjax.analysis.statistics.points import Points, scaled_points
from grokjax.analysis.statistics.surface import fit_points
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]

CANDIDATES = 1024  # of a Sobol sequence, from which new points are chosen
LEAST_POINTS = 6


def least_known_places(points: pd.DataFrame, names: Sequence[str], count: int = 16) -> pd.DataFrame:
    """New points to train between drawn ones, best first.

    The score of a place is the entropy in bits of the phases that are expected there, times its distance from the nearest point, as
    a share of the axes. The shares of the phases come from a Gaussian process over the points, one for each phase. Places are
    chosen one after another, and each chosen one counts as a point for the next, so that they do not crowd.

    Args:
      points: from `point_counts`, or a `PhaseGrid`. Planned points without a run keep new ones away as well.
      names: the numeric hyperparameters of a point; each varies.
      count: the maximum number of new points.

    Returns:
      The columns of `names`, with the types that they have in `points`, and `score`, the highest score first. No place is a point.

    Raises:
      AnalysisError: a hyperparameter is not numeric or does not vary; fewer than `LEAST_POINTS` points have runs that count; or
        all these runs have one phase.
    """
    check_count(count)
    design = scaled_points(points, names)
    taken = design.places
    places = _candidates(design, points)
    with one_thread():
        scores = entropy(_shares(design, points, places))
    chosen, best = [], []
    apart = np.sqrt(((places[:, None] - taken) ** 2).mean(axis=-1)).min(axis=1)
    for _ in range(min(count, len(places))):
        index = int(np.argmax(scores * apart))
        if scores[index] * apart[index] <= 0:
            break
        chosen.append(index)
        best.append(scores[index] * apart[index])
        apart = np.minimum(apart, np.sqrt(((places - places[index]) ** 2).mean(axis=-1)))
    if not chosen:
        raise AnalysisError(f"no value of {' x '.join(names)} is left between the points; choose other hyperparameters")
    return _typed(design.from_unit(places[chosen]), points, names).assign(score=best)


def _candidates(design: Points, points: pd.DataFrame) -> Array:
    """Places [C, D] in the area of the points at which a run can be trained, other than the points themselves."""
    from scipy.stats import qmc  # noqa: PLC0415  (slow to import)

    drawn = qmc.Sobol(len(design.names), rng=np.random.default_rng(0)).random(CANDIDATES)
    values = _typed(design.from_unit(drawn), points, design.names).drop_duplicates()
    known = pd.MultiIndex.from_frame(points[list(design.names)].astype(float))
    return design.to_unit(values[~pd.MultiIndex.from_frame(values.astype(float)).isin(known)].to_numpy(float))


def _shares(design: Points, points: pd.DataFrame, places: Array) -> Array:
    """The expected shares [C, P] of the phases at some places, from the points that have runs that count."""
    names = [phase for phase in PHASES if phase not in UNINFORMATIVE]
    counts = points[[f"{name}_count" for name in names]].to_numpy(float)
    informed, present = counts.sum(axis=1) > 0, np.flatnonzero(counts.sum(axis=0))
    if informed.sum() < LEAST_POINTS:
        raise AnalysisError(f"{int(informed.sum())} points have runs that count, and this needs {LEAST_POINTS}; train more points")
    if len(present) == 1:
        raise AnalysisError(f"all runs that count are {names[present[0]]}, so no boundary runs between them; choose other runs")
    known = design.table[informed]
    expected = []
    for index in present if len(present) > 2 else present[:1]:
        table = known.assign(successes=counts[informed, index], trials=counts[informed].sum(axis=1))
        expected.append(fit_points(design.with_table(table), averaged=False).expected(places))
    shares = np.stack(expected if len(present) > 2 else [expected[0], 1 - expected[0]], axis=1)
    normalized: Array = shares / shares.sum(axis=1, keepdims=True)
    return normalized


def _typed(values: Array, points: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Values [N, D] as columns that can be trained: whole numbers where `points` has them, else four significant digits."""
    columns = {}
    for name, column in zip(names, values.T, strict=True):
        whole = pd.api.types.is_integer_dtype(points[name])
        rounded = np.round(column) if whole else [float(f"{value:.4g}") for value in column]
        columns[name] = pd.Series(rounded).astype(points[name].dtype)
    return pd.DataFrame(columns)
