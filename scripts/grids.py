"""The labelled grid of a root: what the maps are drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import ArticleRule, NamedRule, classify
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.grid import PhaseGrid, choose_axes, phase_grid
from grokjax.scripts.selection import chosen_runs, planned_cells


@dataclass(frozen=True)
class LabelledGrid:
    """Runs, their phases under a rule, and the grid of these over three hyperparameters."""

    runs: pd.DataFrame
    rule: NamedRule
    phases: pd.Series[str]
    grid: PhaseGrid
    x: str
    y: str
    facet: str
    where: tuple[str, ...]

    @property
    def title(self) -> str | None:
        """What stands above a map: the conditions, and the rule where it is not the published one."""
        asked = () if self.rule == ArticleRule() else (f"rule {describe_rule(self.rule)}",)
        return "; ".join((*self.where, *asked)) or None


def labelled_grid(
    root: str,
    where: Sequence[str],
    rule: str | None,
    thresholds: Sequence[str],
    axes: tuple[str | None, str | None, str | None],
    skip_bad_files: bool = False,
) -> LabelledGrid:
    """The runs of a root that meet the conditions, labelled, on the axes x, y and facet, or those that the sweep varies."""
    runs = chosen_runs(root, list(where), skip_bad_files)
    judged_by = choose_rule(root, runs, rule, thresholds)
    phases = classify(runs, judged_by)
    x, y, facet = choose_axes(runs, *axes)
    grid = phase_grid(runs, phases, x=x, y=y, facet=facet, planned=planned_cells(root, (facet, y, x), where))
    return LabelledGrid(runs, judged_by, phases, grid, x, y, facet, tuple(where))
