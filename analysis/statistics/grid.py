"""The phase grid: shares of the phases in every cell with confidence intervals, and the choice of axes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES, align_phases
from grokjax.analysis.statistics.cells import (
    Codes,
    cell_names,
    cells_of,
    check_cell,
    check_confidence,
    check_names,
    distinct_values,
    varies_within,
)
from grokjax.analysis.tables.hyperparameters import SEEDS, hyperparameters, is_number, varied_hyperparameters
from grokjax.errors import AnalysisError

# The x, y and facet of the published map, which are preferred if the sweep varies them.
PREFERRED_AXES = ("hidden_size", "train_size", "weight_decay")
NO_FACET = "none"  # the facet of a map that shall have a single panel
MOST_PANELS = 12  # of a facet that was not asked for, if another hyperparameter has fewer values


class PhaseGrid(pd.DataFrame):
    """The data frame that `phase_grid` returns. It keeps its axes in copies and selections, and notebooks show it as a map."""

    _metadata: ClassVar[list[str]] = ["x", "y", "facet"]
    x: str | None = None  # None in a frame joined from several grids
    y: str | None = None
    facet: str | None = None

    @property
    def _constructor(self) -> type[PhaseGrid]:
        return PhaseGrid

    @property
    def cell(self) -> tuple[str, ...]:
        """The hyperparameters that make a cell: facet, y, x."""
        return tuple(name for name in (self.facet, self.y, self.x) if name is not None)

    def _repr_html_(self) -> str | None:
        from grokjax.analysis.labels.notebook import grid_html  # noqa: PLC0415  (only notebooks need it)

        counts = {f"{phase}_count" for phase in PHASES}
        if self.x is None or self.y is None or not counts | {"seeds", "planned", *self.cell} <= set(self):
            return pd.DataFrame(self).to_html(max_rows=20, show_dimensions=True, notebook=True)
        return grid_html(self, self.cell, {name: distinct_values(self[name]) for name in self.cell})


def phase_grid(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    *,
    x: str,
    y: str,
    facet: str | None = None,
    confidence: float = 0.95,
    planned: pd.DataFrame | None = None,
    mix: Sequence[str] = (),
) -> PhaseGrid:
    """The shares of the phases in each cell, a row per cell.

    Args:
      runs: a runs table or a published one, a row per run.
      phases: the phase of each run, such as from `classify`, aligned by index.
      x, y, facet: the hyperparameters that make a cell. Runs that have no value of one of them make cells of their own.
      confidence: of the intervals.
      planned: x, y and facet of every planned run, one row per run, if some runs may be missing.
      mix: other hyperparameters whose values a cell may mix.

    Returns:
      The columns facet, y, x, `seeds` (runs in the cell), `planned` (planned runs of the cell; equal to `seeds` if not given),
      `phase` (the most frequent one; ties go to the earlier in PHASES), `entropy` of the shares in bits, and for each
      phase p of PHASES `p_count`, `p_share`, `p_low` and `p_high`, the Wilson score interval of the share. A planned cell without a
      run has no phase, and its shares and entropy are NaN.

    Raises:
      AnalysisError: the table lacks a hyperparameter; a cell would mix values of another one or holds a run twice (see
        `check_cell`); or a label is not a phase.
    """
    cell = cell_names(x, y, facet)
    check_cell(runs, cell, mix)
    phases = align_phases(phases, runs.index)
    every = runs[cell] if planned is None else pd.concat([runs[cell], planned[cell]])
    every = every.astype({name: runs[name].dtype for name in cell if every[name].notna().all()})
    codes, cells = cells_of(every)
    seeds = (counts := count_phases(codes[: len(runs)], len(cells), phases)).sum(axis=1)
    due = seeds if planned is None else np.maximum(seeds, np.bincount(codes[len(runs) :], minlength=len(cells)))
    likeliest = pd.Categorical.from_codes(np.where(seeds > 0, counts.argmax(axis=1), -1), dtype=pd.CategoricalDtype(list(PHASES)))
    with np.errstate(invalid="ignore"):
        shares = counts / seeds[:, None]
    columns = {"seeds": seeds, "planned": due, "phase": likeliest, "entropy": entropy(shares)}
    for index, phase in enumerate(PHASES):
        low, high = wilson_interval(counts[:, index], seeds, confidence)
        quantities = {"count": counts[:, index], "share": shares[:, index], "low": low, "high": high}
        columns |= {f"{phase}_{name}": values for name, values in quantities.items()}
    grid = PhaseGrid(pd.concat([cells, pd.DataFrame(columns)], axis=1))
    grid.x, grid.y, grid.facet = x, y, facet
    return grid


def count_phases(codes: Codes, cells: int, phases: pd.Series[str]) -> Codes:
    """The number of runs with each phase in each cell, [C, P], from the codes [R] of `cells_of` and the phases [R] of the runs."""
    labels = pd.Categorical(phases, categories=PHASES).codes
    return np.bincount(codes * len(PHASES) + labels, minlength=cells * len(PHASES)).reshape(-1, len(PHASES))


def entropy(shares: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The Shannon entropy in bits [...] of shares [..., P] that sum to one: 0 where all seeds agree, NaN for NaN shares."""
    with np.errstate(divide="ignore"):
        logs = np.where(shares > 0, np.log2(shares), 0.0)
    bits: np.ndarray[Any, Any] = np.abs(-(shares * logs).sum(axis=-1))
    return bits


def choose_axes(
    runs: pd.DataFrame,
    x: str | None = None,
    y: str | None = None,
    facet: str | None = None,
    swept: Sequence[str] = (),
    mix: Sequence[str] = (),
) -> tuple[str, str, str | None]:
    """Hyperparameters for x, y and facet: those given, completed with those that vary.

    If two vary, they are x and y, and there is no facet. If three vary, one that is not a number, such as the model, becomes the
    facet; of numbers, those in `PREFERRED_AXES` keep their places. If fewer than two vary, others that are the same in all runs
    are added.

    Args:
      runs: a runs table.
      x, y, facet: the axes that are given; "none" as facet means a single panel.
      swept: the hyperparameters on the axes of the root's specs, from `planned.swept_names`, which are preferred over others that
        vary.
      mix: hyperparameters that are not chosen, because their values are pooled.

    Raises:
      AnalysisError: the table is empty or has too few hyperparameters to choose from; or a given name is not in the table.
    """
    axes: list[str | None] = [x, y, None if facet == NO_FACET else facet]
    given = [name for name in axes if name is not None]
    if given:
        check_names(runs, given)
    varied = [name for name in _varied_axes(runs, swept) if name not in (*given, *mix)]
    numbers = [name for name in varied if is_number(runs[name])]
    texts = [name for name in varied if name not in numbers]
    panels = facet is None and len(varied) > axes[:2].count(None)  # a third varying hyperparameter makes panels
    if panels and texts:
        axes[2] = texts.pop(0)
    for place, name in enumerate(PREFERRED_AXES):
        if axes[place] is None and name in numbers and (place < 2 or panels):
            axes[place] = name
    complete = [name for name in hyperparameters(runs) if name not in (*SEEDS, *mix) and runs[name].notna().all()]
    same = [
        name for name in (*PREFERRED_AXES, *(name for name in complete if is_number(runs[name])), *complete) if name in complete
    ]
    left = iter(name for name in dict.fromkeys((*numbers, *texts, *same)) if name not in axes)
    axes = [next(left, None) if name is None and (place < 2 or panels) else name for place, name in enumerate(axes)]
    if axes[0] is None or axes[1] is None:
        raise AnalysisError(
            f"the table has too few hyperparameters to choose axes from ({', '.join(complete) or 'none'}); name x and y"
        )
    if panels:
        axes = _with_few_panels(runs, axes, given)
    return str(axes[0]), str(axes[1]), axes[2]


def _with_few_panels(runs: pd.DataFrame, axes: Sequence[str | None], given: Sequence[str]) -> list[str | None]:
    """The axes, those that are not given in the order of how many values they have, if there would be more panels than shown."""
    if axes[2] is None or runs[axes[2]].nunique() <= MOST_PANELS:
        return list(axes)
    free = iter(sorted((name for name in axes if name and name not in given), key=lambda name: -runs[name].nunique()))
    return [name if name in given else next(free) for name in axes]


def _varied_axes(runs: pd.DataFrame, swept: Sequence[str]) -> list[str]:
    """The hyperparameters that vary, best axes first: those that all runs have, and of these those that the specs sweep.

    Numbers that each task, model or optimizer has only one value of, and that are not swept, are left out.
    """
    varied = varied_hyperparameters(runs)
    texts = [name for name in varied if not is_number(runs[name])]
    fixed = [name for name in varied if name not in (*texts, *swept) and not varies_within(runs, name, texts)] if texts else []
    kept = [name for name in varied if name not in fixed]
    place = {name: index for index, name in enumerate(dict.fromkeys(swept))}
    return sorted(kept, key=lambda name: (bool(runs[name].isna().any()), place.get(name, len(place))))


def wilson_interval(successes: Any, trials: Any, confidence: float) -> tuple[Any, Any]:
    """The low and high ends of the Wilson score interval of proportions (Wilson 1927, eq. 8); NaN without trials.

    Args:
      successes, trials: numbers, or arrays of the same shape.
      confidence: of the interval.
    """
    check_confidence(confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.true_divide(successes, trials)
        centre = (successes + z**2 / 2) / (trials + np.square(z))
        half = z / (trials + np.square(z)) * np.sqrt(trials * share * (1 - share) + z**2 / 4)
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)
