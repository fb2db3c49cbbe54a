"""Where to train next: points between cells that differ in their phases, and the spec that trains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.statistics.cells import check_count, without
from grokjax.analysis.statistics.grid import entropy
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.tables.hyperparameters import SEEDS, is_number
from grokjax.errors import AnalysisError
from grokjax.fields import COMPONENTS
from grokjax.sweeps.store.specs import SpecEntry

Array = np.ndarray[Any, Any]


def least_known(grid: pd.DataFrame, cell: Sequence[str], count: int = 16) -> pd.DataFrame:
    """New points to train, best first: midpoints between neighbouring cells of a grid that differ in their phases.

    A boundary lies somewhere between two cells that differ. The score of a gap is the entropy in bits of the phases of both cells'
    seeds together, times the length of the gap as a share of its axis, on a log scale if the values span a large factor. It is
    0 where both cells agree, however far apart they are. Undecided runs do not count, and a gap next to a cell whose runs are
    all still missing is left out.

    Args:
      grid: from `phase_grid`.
      cell: the grid's hyperparameters; points are inserted along numeric ones.
      count: the maximum number of points.

    Returns:
      The columns of `cell` and `score`, the highest score first. All points are different, and none is a cell of the grid.

    Raises:
      AnalysisError: no numeric axis has two values, no two neighbouring cells differ, or nothing lies between those that do.
    """
    check_count(count)
    numeric = [name for name in cell if is_number(grid[name]) and grid[name].nunique() > 1]
    if not numeric:
        raise AnalysisError(f"{' x '.join(cell)} have no numeric axis with two values or more, so there are no midpoints")
    found = pd.concat([_midpoints(grid, cell, name) for name in numeric], ignore_index=True)
    found = found[found["score"] > 0].sort_values("score", ascending=False, kind="stable")
    if found.empty:
        raise AnalysisError("no two neighbouring cells differ in their phases, so no boundary runs between them; choose other axes")
    new = found[found.pop("between")].drop_duplicates(list(cell))
    if new.empty:
        gaps = "1 gap" if len(found) == 1 else f"{len(found)} gaps"
        raise AnalysisError(
            f"the phases differ across {gaps} between neighbouring values of {' and '.join(numeric)}, and no further value lies "
            "between them: the boundary is as well known as it can be; train more seeds instead"
        )
    return new.head(count).reset_index(drop=True)


def _midpoints(grid: pd.DataFrame, cell: Sequence[str], axis: str) -> pd.DataFrame:
    """The points halfway between neighbouring cells along an axis, with their scores, and whether they are `between` the two."""
    others = [name for name in cell if name != axis]
    ordered = grid[grid[axis].notna()].sort_values([*others, axis]).reset_index(drop=True)
    values = ordered[axis].to_numpy(float)
    scale = AxisScale.of(values)
    places = scale.to_scale(values)
    neighbours = np.ones(len(ordered) - 1, bool)
    for name in others:
        codes, _ = pd.factorize(ordered[name])
        neighbours &= codes[1:] == codes[:-1]
    low = np.flatnonzero(neighbours)
    counts = ordered[[f"{phase}_count" for phase in PHASES if phase != "undecided"]].to_numpy(float)
    together = counts[low] + counts[low + 1]
    total = np.maximum(together.sum(axis=1, keepdims=True), 1)
    middle = scale.from_scale((places[low] + places[low + 1]) / 2)
    points = ordered.loc[low, list(cell)].reset_index(drop=True)
    whole = pd.api.types.is_integer_dtype(ordered[axis])
    points[axis] = np.round(middle) if whole else _short(middle, values[low], values[low + 1])
    points = points.astype({axis: ordered[axis].dtype})
    gap = (places[low + 1] - places[low]) / np.ptp(places)
    points["score"] = entropy(together / total) * gap
    new, seeds = points[axis].to_numpy(float), ordered["seeds"].to_numpy()
    points["between"] = (new > values[low]) & (new < values[low + 1])
    return points[(seeds[low] > 0) & (seeds[low + 1] > 0)]


def _short(middle: Array, low: Array, high: Array) -> Array:
    """The values [n] rounded to three significant digits, or to as many as keep them near the middle of `low` and `high` [n]."""

    def short(value: float, gap: float) -> float:
        rounded = [float(f"{value:.{digits}g}") for digits in range(3, 18)]
        return next((each for each in rounded if abs(each - value) <= 0.1 * gap), value)

    return np.array([short(*pair) for pair in zip(middle, high - low, strict=True)])


def refined_spec(specs: Sequence[SpecEntry], runs: pd.DataFrame, points: pd.DataFrame, mix: Sequence[str] = ()) -> dict[str, Any]:
    """A spec that trains some points with all seeds of the sweep, as TOML tables for `tomli_w.dumps` or `load_spec`.

    Args:
      specs: of a root, from `read_specs`. The new spec extends the largest one that has all hyperparameters of the points.
      runs: the runs that the points will join, from which all other hyperparameters except seeds are taken.
      points: the hyperparameters of the points, from `least_known`, without the score.
      mix: other hyperparameters whose values the points mix: each point is trained with all of them, too.

    Raises:
      AnalysisError: no spec has all hyperparameters of the points; or some points lack one, as those of another optimizer do.
    """
    runs = _of_same_components(runs, points)
    able = [spec for spec in specs if all(name in spec.run or name in spec.swept for name in points)]
    if not able:
        names = ", ".join(map(str, points))
        raise AnalysisError(f"no spec of the root has all of {names}; choose hyperparameters that one spec has")
    spec = max(able, key=lambda spec: spec.size)
    varied = [name for name in points if points[name].nunique() > 1] or list(points)[:1]
    for name in map(str, varied):
        if points[name].isna().any():
            example = without(points, name) or f"{name}={points[name].dropna().iloc[0]}"
            raise AnalysisError(
                f"{int(points[name].isna().sum())} of the {len(points)} points have no {name}, and one spec cannot list them "
                f"with the others; refine them apart, such as where {example}"
            )
    repeated = (*SEEDS, *(name for name in mix if name not in points))
    seeds = {name: spec.swept[name] for name in repeated if name in spec.swept}
    given = dict.fromkeys([*spec.run, *spec.swept, *points])
    same = {name: _first((points if name in points else runs)[name]) for name in given if name in runs}
    run = {name: same.get(name, spec.run.get(name)) for name in given if name not in (*varied, *seeds)}
    written = {
        **spec.spec,
        "name": f"{spec.name.removesuffix('-refined')}-refined"[:64],
        "description": f"{len(points)} points where the boundary is least known",
        "run": run,
        "axes": seeds,
        "zipped": [{name: [_plain(value) for value in points[name]] for name in varied}],
    }
    filled = {key: _without_none(value) if isinstance(value, Mapping) else value for key, value in written.items()}
    return {key: value for key, value in filled.items() if value or value is False}


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def _of_same_components(runs: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """The runs with the task, model and optimizer of the points, where all points have the same."""
    for name in COMPONENTS:
        if name in points and name in runs and points[name].nunique() == 1:
            runs = runs[(runs[name] == points[name].iloc[0]).fillna(False)]
    return runs


def _first(values: pd.Series[Any]) -> Any:
    """The first value that is not null; None if all are."""
    present = values.dropna()
    return None if present.empty else _plain(present.iloc[0])


def _plain(value: Any) -> Any:
    """A table value as a type that TOML supports; None for null."""
    return None if pd.isna(value) else value.item() if hasattr(value, "item") else value
