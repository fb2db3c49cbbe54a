"""The results of a sweep in one object, for notebooks: tables, labels, statistics and figures as methods."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import grokjax
from grokjax.analysis.labels.default_rule import choose_rule, misfit
from grokjax.analysis.labels.events import events
from grokjax.analysis.labels.marginal import FACTOR, marginal_note, near_threshold
from grokjax.analysis.labels.rules import RULES, ArticleRule, NamedRule, Rule, classify
from grokjax.analysis.labels.thresholds import Setting, check_names, describe_rule, thresholds_of
from grokjax.analysis.statistics.aggregate import AGGREGATE_WORDS, cell_values, curve_bands
from grokjax.analysis.statistics.agreement import Agreement, agreement, nearby, sensitivity
from grokjax.analysis.statistics.boundary import Boundaries, boundaries, other_hyperparameters
from grokjax.analysis.statistics.cells import cell_names
from grokjax.analysis.statistics.compare import Comparison, compare
from grokjax.analysis.statistics.delay_law import DelayLaw, delay_law
from grokjax.analysis.statistics.delay_ratios import delay_ratios
from grokjax.analysis.statistics.delays import Kind, grokking_delays
from grokjax.analysis.statistics.grid import NO_FACET, PhaseGrid, choose_axes, phase_grid
from grokjax.analysis.statistics.importance import Importance, importance
from grokjax.analysis.statistics.incidence import cumulative_incidence, run_outcomes
from grokjax.analysis.statistics.logrank import LogRank, log_rank
from grokjax.analysis.statistics.points import is_scattered, point_counts
from grokjax.analysis.statistics.refine import least_known, refined_spec
from grokjax.analysis.statistics.refine_points import least_known_places
from grokjax.analysis.statistics.surface import Surface, surface
from grokjax.analysis.statistics.survival import median_delays, survival_curves
from grokjax.analysis.statistics.units import UnitMaps, unit_maps
from grokjax.analysis.tables.budget import check_lengths, load_as_of, run_lengths
from grokjax.analysis.tables.hyperparameters import hyperparameters, is_number, varied_hyperparameters
from grokjax.analysis.tables.load import Weights, load_curves, load_runs, load_weights
from grokjax.analysis.tables.planned import load_planned, missing_runs, planned_cells, swept_names, unfinished
from grokjax.analysis.tables.query import query
from grokjax.analysis.tables.selection import condition_names, one_cell, one_run, seed_labels, select
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.objects import is_address
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from grokjax.analysis.report.write import Report

# The metrics of the overview of curves, and those that it draws where they were logged.
OVERVIEW = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_l2_norm")
OVERVIEW_IF_LOGGED = ("signal_weight_norm", "distractor_weight_norm")
MOST_PANELS = 30
COMPARED = "weight_decay"  # the hyperparameter whose delays are compared if none is chosen and the sweep varies it

_TABLES = ("_every_run", "_as_of", "runs", "behind", "planned", "missing")


def open_root(
    root: str | Path | Root, where: Sequence[str] = (), on_bad_file: OnBadFile = "raise", budget: int | None = None
) -> Results:
    """The results of a sweep.

    Args:
      root: where the sweep was run to.
      where: conditions such as "weight_decay=0.1" that the runs must meet, as for `select`.
      on_bad_file: as for `load_runs`.
      budget: the step as of which runs are labelled, mapped and drawn, as if they had been trained for so many steps; each run's
        last step when None. See `runs_as_of`.

    Raises:
      StoreError: `root` holds no sweep.
    """
    return Results(root, where, on_bad_file, budget)


class Results:
    """The results of a sweep: its tables, read once, with the usual analyses and figures as methods.

    A `rule` is a rule's name, a rule, or any function from the runs table to phases; None means the rule of the root's specs, or
    one that fits the task. Methods with a `rule` also take its thresholds by name, such as `loss_threshold=1e-6`. Axes that are
    None are chosen from what the sweep varies. The plot methods pass further settings, such as `width` and `ax`, to the function
    of the same name. Tables are read once; `refresh` has them read again.

    With a `budget` everything is as of that step. Without one, runs of different lengths are not compared: those that an unfinished
    extension of the sweep has not reached yet count as missing, and analyses of other mixtures raise an AnalysisError.
    """

    def __init__(
        self, root: str | Path | Root, where: Sequence[str] = (), on_bad_file: OnBadFile = "raise", budget: int | None = None
    ) -> None:
        self.root = Root.open(root)
        self.where = tuple(where)
        self.budget = budget
        self._on_bad_file = on_bad_file

    def __repr__(self) -> str:
        where = f", {list(self.where)!r}" if self.where else ""
        return f"open_root({self.root.address!r}{where}{'' if self.budget is None else f', budget={self.budget}'})"

    @functools.cached_property
    def _every_run(self) -> pd.DataFrame:
        return load_runs(self.root, on_bad_file=self._on_bad_file)

    @functools.cached_property
    def _as_of(self) -> pd.DataFrame:
        """The runs that meet the conditions on hyperparameters, as of the budget."""
        if self.budget is None:
            raise ValueError("no budget")
        names = hyperparameters(self._every_run)
        runs = select(self._every_run, [each for each in self.where if set(condition_names([each])) <= set(names)])
        return load_as_of(self.root, self.budget, runs, self._on_bad_file)

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """The runs table, a row per run, narrowed to the conditions, and as of the budget.

        Without a budget, a run is left out, and counted as missing, if an unfinished extension of the sweep has trained other runs
        for more steps than this one.
        """
        if self.budget is not None:
            return select(self._as_of, self.where)
        runs = select(self._every_run, self.where)
        return runs[~runs["run_id"].isin(self._behind(runs))] if len(run_lengths(runs)) > 1 else runs

    def _behind(self, runs: pd.DataFrame) -> list[str]:
        """The runs that have made fewer steps than a spec asks for, and fewer than another run."""
        longest = max(run_lengths(runs))
        shorter = runs.loc[(runs["steps"] < longest).fillna(False), "run_id"]
        return shorter[shorter.isin(unfinished(self.root, self._every_run))].tolist()

    @functools.cached_property
    def behind(self) -> int:
        """How many runs are left out because they have made fewer steps than the others."""
        return len(select(self._every_run, self.where)) - len(self.runs)

    @functools.cached_property
    def planned(self) -> pd.DataFrame:
        """run_id and hyperparameters of every run that the specs of the root ask for."""
        if len(self._every_run) >= sum(spec.size for spec in read_specs(self.root)):  # then the list is complete
            return self._every_run
        return load_planned(self.root)

    @functools.cached_property
    def missing(self) -> pd.DataFrame:
        """The planned runs that meet the conditions and are not finished: untrained, or with fewer steps than a spec asks for.

        With a budget, those that have not made so many steps.
        """
        if self.budget is None:
            return missing_runs(unfinished(self.root, self._every_run), self.planned, self.where)
        every = self.planned["run_id"]
        return missing_runs(every[~every.isin(self._as_of["run_id"])].tolist(), self.planned, self.where)

    @property
    def untrained(self) -> int:
        """How many of the missing runs are not in the runs table."""
        return int((~self.missing["run_id"].isin(self.runs["run_id"])).sum())

    def _runs_of_any_length(self) -> pd.DataFrame:
        """The runs with all steps that they made, those included that count as missing because they made too few."""
        every = self._every_run
        return every[every["run_id"].isin([*self.runs["run_id"], *self.missing["run_id"]])]

    def select(self, *conditions: str) -> Results:
        """The results of only those runs that meet further conditions, each written NAME=VALUE. Tables are not read again."""
        narrowed = Results(self.root, (*self.where, *conditions), self._on_bad_file, self.budget)
        vars(narrowed).update({name: vars(self)[name] for name in ("_every_run", "_as_of", "planned") if name in vars(self)})
        return narrowed

    def refresh(self) -> Results:
        """Drops the cached tables, so that the next use reads what was committed since. Returns the same object."""
        for name in _TABLES:
            vars(self).pop(name, None)
        return self

    def curves(self, run_ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The logged metrics, a row per run and logged step, up to the budget; see `load_curves`."""
        ids = self.runs["run_id"].tolist() if run_ids is None and (self.where or self.budget or self.behind) else run_ids
        curves = load_curves(self.root, ids, columns, self._on_bad_file)
        return curves if self.budget is None else curves[curves["step"] <= self.budget].reset_index(drop=True)

    def weights(self, run_id: str | None = None) -> Weights:
        """The stored weights of a run, with their steps; `run_id` may be left out if there is only one run. See `load_weights`."""
        return load_weights(self.root, run_id or one_run(self.runs)["run_id"])

    def query(self, sql: str, rule: str | NamedRule | None = None, **thresholds: Setting) -> pd.DataFrame:
        """The result of one SELECT over the views runs, curves and labels of the whole root; see `query`.

        Raises:
          AnalysisError: these results are as of a budget, which the files that a query reads are not; `export` writes such tables.
        """
        if self.budget is not None:
            raise AnalysisError("a query reads each run as of its last step; open the root without a budget, or export the runs")
        chosen = None if rule is None and not thresholds else self._named_rule(rule, thresholds)
        return query(self.root, sql, chosen, self._on_bad_file)

    def rule(self, rule: str | Rule | None = None, **thresholds: Setting) -> Any:
        """The rule with the given name, the given rule, or the one that labels these runs by default, with the given thresholds.

        Raises:
          AnalysisError: no such rule, no such threshold, or one out of range; or thresholds of a function, which has none.
        """
        if rule is None or isinstance(rule, str):
            return choose_rule(self.root, self.runs, rule, thresholds)
        if not thresholds:
            return rule
        if not isinstance(rule, NamedRule):
            raise AnalysisError(
                f"{_describe(rule)} is a function, which has no threshold {', '.join(thresholds)}; name a rule instead"
            )
        check_names(rule, thresholds)
        return dataclasses.replace(rule, **thresholds)

    def label(self, rule: str | Rule | None = None, **thresholds: Setting) -> pd.Series[str]:
        """The phase of each run, on the index of `runs`."""
        return classify(self.runs, self.rule(rule, **thresholds))

    def near_threshold(self, rule: str | NamedRule | None = None, factor: float = FACTOR, **thresholds: Setting) -> pd.Series[bool]:
        """Whether each run's label hangs on low bits, on the index of `runs`; see `near_threshold`."""
        return near_threshold(self.runs, self._named_rule(rule, thresholds), factor)

    def grid(
        self,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | Rule | None = None,
        **thresholds: Setting,
    ) -> PhaseGrid:
        """The shares of the phases in each cell, including planned cells without runs; see `phase_grid`."""
        x, y, facet = self.axes(x, y, facet)
        planned = planned_cells(self.planned, cell_names(x, y, facet), self.where)
        return phase_grid(
            self.runs, self.label(rule, **thresholds), x=x, y=y, facet=facet, planned=planned,
            mix=() if facet else self._others_of_points(x, y),
        )  # fmt: skip

    def axes(self, x: str | None = None, y: str | None = None, facet: str | None = None) -> tuple[str, str, str | None]:
        """The axes x, y and facet: those given, completed with others that the sweep varies.

        There is no facet if `facet` is "none", and none is chosen for drawn points, each of which has its own values.
        """
        *chosen, panels = choose_axes(self.runs, x, y, facet, swept_names(read_specs(self.root)))
        own = facet is None and panels is not None and is_scattered(self.runs, *chosen) and is_number(self.runs[panels])
        return chosen[0], chosen[1], None if own else panels

    def boundaries(
        self, axis: str, phase: str = "grok", against: str | None = None, rule: str | Rule | None = None, **thresholds: Setting
    ) -> dict[tuple[Any, ...], Boundaries]:
        """Where a phase begins and ends along an axis, for each combination of the other hyperparameters that vary."""
        by = other_hyperparameters(self.runs, axis)
        return boundaries(self.runs, self.label(rule, **thresholds), axis, by, phase=phase, against=against)

    def surface(
        self,
        x: str | None = None,
        y: str | None = None,
        phase: str = "grok",
        against: str | None = None,
        mix: Sequence[str] | None = None,
        rule: str | Rule | None = None,
        **thresholds: Setting,
    ) -> Surface:
        """The share of a phase over two hyperparameters and the curve on which it is one half; see `surface`.

        Where `mix` is None, a grid may have no other hyperparameter that varies; among drawn points, each of which has its own
        values of all hyperparameters, the share is averaged over the others.
        """
        x, y, _ = self.axes(x, y)
        mixed = self._others_of_points(x, y) if mix is None else mix
        return surface(self.runs, self.label(rule, **thresholds), x, y, phase=phase, against=against, mix=mixed)

    def importance(
        self,
        names: Sequence[str] | None = None,
        phase: str = "grok",
        against: str | None = None,
        mix: Sequence[str] = (),
        rule: str | Rule | None = None,
        **thresholds: Setting,
    ) -> Importance:
        """How much of whether a run has a phase depends on each hyperparameter, by default on all that vary; see `importance`."""
        return importance(self.runs, self.label(rule, **thresholds), names, phase=phase, against=against, mix=mix)

    def agreement(self, *rules: str | NamedRule) -> Agreement:
        """How far several rules agree on the phases of these runs, by default the rules of this package; see `agreement`."""
        return agreement(self.runs, [self._named_rule(rule) for rule in rules or RULES])

    def sensitivity(
        self,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | NamedRule | None = None,
        **thresholds: Setting,
    ) -> pd.DataFrame:
        """How the shares of each cell change as the thresholds of the rule take the values of `nearby`; see `sensitivity`."""
        x, y, facet = self.axes(x, y, facet)
        chosen = self._named_rule(rule, thresholds)
        return sensitivity(self.runs, chosen, x=x, y=y, facet=facet)

    def compare(
        self,
        other: Results | pd.DataFrame,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | Rule | None = None,
        *,
        paired: bool | None = None,
        **thresholds: Setting,
    ) -> Comparison:
        """How far these runs and those of another sweep, or of a published table, agree in each cell; see `compare`.

        The conditions of these results also narrow a table.
        """
        x, y, facet = self.axes(x, y, facet)
        runs = other.runs if isinstance(other, Results) else select(other, self.where)
        return compare(self.runs, runs, self.rule(rule, **thresholds), x=x, y=y, facet=facet, paired=paired)

    def values(
        self,
        column: str,
        aggregate: str = "median",
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
    ) -> pd.DataFrame:
        """A column of the runs summarized over the seeds of each cell: its median, mean, min, max or spread; see `cell_values`."""
        x, y, facet = self.axes(x, y, facet)
        return cell_values(self.runs, column, x=x, y=y, facet=facet, aggregate=aggregate)

    def bands(self, by: str | None = None, metrics: Sequence[str] = OVERVIEW[:2]) -> pd.DataFrame:
        """The median and quartiles of metrics over the seeds, by step and value of a hyperparameter; see `curve_bands`."""
        return curve_bands(self.curves(columns=metrics), self.runs, by, metrics)

    def refine(
        self,
        count: int = 16,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | Rule | None = None,
        **thresholds: Setting,
    ) -> dict[str, Any]:
        """A spec of at most `count` points where the boundary is least known, as `load_spec` and `run_sweep` take it.

        Midpoints between the cells of a grid (see `least_known`), or new points among drawn ones, in all numeric hyperparameters
        that vary (see `least_known_places`).
        """
        x, y, facet = self.axes(x, y, facet)
        if facet is None and is_scattered(self.runs, x, y):
            names = [name for name in varied_hyperparameters(self.runs) if is_number(self.runs[name])]
            planned = planned_cells(self.planned, names, self.where)
            found = least_known_places(point_counts(self.runs, self.label(rule, **thresholds), names, planned), names, count)
        else:
            grid = self.grid(x, y, facet, rule, **thresholds)
            found = least_known(grid, grid.cell, count)
        points = found.drop(columns="score")
        return refined_spec(read_specs(self.root), self.runs, points)

    def report(
        self,
        path: str | Path | None = None,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | NamedRule | None = None,
        **settings: Any,
    ) -> Report:
        """Writes the page of these runs, by default as report.html in the root (the working folder where the root is an address).

        Takes thresholds of the rule, and the title and megabytes of `write_report`.
        """
        chosen, settings = self._rule_and_settings(rule, settings)
        folder = Path() if is_address(self.root.address) else Path(self.root.address)
        return grokjax.write_report(
            self.root,
            path or folder / "report.html",
            runs=self._runs_of_any_length(),
            missing=self.missing,
            budget=self.budget,
            axes=grokjax.PageAxes(x, y, facet),
            rule=self._named_rule(chosen),
            on_bad_file=self._on_bad_file,
            **settings,
        )

    def delays(self, train: str = "accuracy_99", test: str = "accuracy_99", kind: Kind = "held") -> pd.DataFrame:
        """The grokking delay of each run, on the index of `runs`; see `grokking_delays`."""
        check_lengths(self.runs)
        return grokking_delays(self.runs, train, test, kind)

    def medians(
        self,
        by: Sequence[str] | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        mix: Sequence[str] = (),
    ) -> pd.DataFrame:
        """The median grokking delay in each group of runs, by default by all that varies; see `median_delays`."""
        groups = [name for name in varied_hyperparameters(self.runs) if name not in mix] if by is None else by
        return median_delays(self.runs, self.delays(train, test, kind), groups, mix=mix)

    def compared(
        self, by: Sequence[str] | None = None, strata: Sequence[str] | None = None, mix: Sequence[str] = ()
    ) -> tuple[list[str], list[str]]:
        """The hyperparameters whose delays are compared, and the strata within which they are compared.

        By default weight_decay is compared, or the last hyperparameter that varies if weight_decay does not, within strata of all
        others that vary. Those named by `mix` are neither.
        """
        varied = [name for name in varied_hyperparameters(self.runs) if name not in mix]
        if by is None:
            free = [name for name in varied if name not in (strata or ())]
            by = [COMPARED] if COMPARED in free else free[-1:]
        return list(by), [name for name in varied if name not in by] if strata is None else list(strata)

    def log_rank(
        self,
        by: Sequence[str] | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        strata: Sequence[str] | None = None,
        mix: Sequence[str] = (),
    ) -> LogRank:
        """The test of equal delays in groups of runs, within strata; see `compared` for their defaults, and `log_rank`."""
        groups, within = self.compared(by, strata, mix)
        return log_rank(self.runs, self.delays(train, test, kind), groups, within, mix)

    def delay_ratios(
        self,
        of: str | None = None,
        reference: Any = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        strata: Sequence[str] | None = None,
        mix: Sequence[str] = (),
    ) -> pd.DataFrame:
        """By which factors delays differ between the values of a hyperparameter, within strata; see `delay_ratios`, `compared`."""
        groups, within = self.compared(None if of is None else [of], strata, mix)
        if not groups:
            raise AnalysisError("no hyperparameter varies, so there are no delays to compare; choose other runs")
        return delay_ratios(self.runs, self.delays(train, test, kind), groups[0], within, mix, reference)

    def delay_law(
        self,
        on: Sequence[str] | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        strata: Sequence[str] = (),
        mix: Sequence[str] = (),
    ) -> DelayLaw:
        """The power law of the delay in hyperparameters, by default in all that vary; see `delay_law`."""
        return delay_law(self.runs, self.delays(train, test, kind), on, strata, mix)

    def incidence(
        self,
        by: Sequence[str] | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        delay: float = 1000,
        mix: Sequence[str] = (),
    ) -> pd.DataFrame:
        """The share of all runs that have grokked, generalized or diverged by each step, by default by all that varies."""
        groups = [name for name in varied_hyperparameters(self.runs) if name not in mix] if by is None else by
        return cumulative_incidence(self.runs, run_outcomes(self.runs, train, test, kind, delay), groups, mix=mix)

    def plot_phases(
        self, x: str | None = None, y: str | None = None, facet: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the phase diagram, with a mark per seed in every cell."""
        chosen, settings = self._rule_and_settings(rule, settings)
        return grokjax.plot_phases(self.grid(x, y, facet, chosen), **self._judged(chosen, settings))

    def plot_shares(
        self, x: str | None = None, y: str | None = None, facet: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the phase diagram as shares: bars of all phases, or shades of one with `phase=`."""
        chosen, settings = self._rule_and_settings(rule, settings)
        return grokjax.plot_shares(self.grid(x, y, facet, chosen), **self._judged(chosen, settings))

    def plot_boundary(
        self, axis: str, phase: str = "grok", against: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the boundaries of a phase along an axis, for each value of the other hyperparameters."""
        chosen, settings = self._rule_and_settings(rule, settings)
        found, by = self.boundaries(axis, phase, against, chosen), other_hyperparameters(self.runs, axis)
        return grokjax.plot_boundary(found, by=by, phase=phase, against=against, **self._noted(settings, chosen))

    def plot_fits(
        self, axis: str, phase: str = "grok", against: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the shares of a phase along an axis, with the logistic fits that define its boundaries."""
        chosen, settings = self._rule_and_settings(rule, settings)
        found, by = self.boundaries(axis, phase, against, chosen), other_hyperparameters(self.runs, axis)
        return grokjax.plot_fits(found, by=by, phase=phase, against=against, **self._noted(settings, chosen))

    def plot_surface(
        self,
        x: str | None = None,
        y: str | None = None,
        phase: str = "grok",
        against: str | None = None,
        mix: Sequence[str] | None = None,
        rule: str | Rule | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws the fitted share of a phase over two hyperparameters, with its boundary as a curve with a band; see `surface`."""
        chosen, settings = self._rule_and_settings(rule, settings)
        return grokjax.plot_surface(self.surface(x, y, phase, against, mix, chosen), **self._judged(chosen, settings))

    def plot_importance(
        self,
        names: Sequence[str] | None = None,
        phase: str = "grok",
        against: str | None = None,
        mix: Sequence[str] = (),
        rule: str | Rule | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws how much of whether a run has a phase depends on each hyperparameter; see `importance`."""
        chosen, settings = self._rule_and_settings(rule, settings)
        return grokjax.plot_importance(self.importance(names, phase, against, mix, chosen), **self._judged(chosen, settings))

    def plot_delays(
        self,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        mix: Sequence[str] = (),
        **settings: Any,
    ) -> Figure:
        """Draws the median grokking delay in every cell, between two crossings as in `delays`."""
        x, y, facet = self.axes(x, y, facet)
        noted = {"crossings": (train, test, kind), **self._noted(settings)}
        return grokjax.plot_delays(self.medians(cell_names(x, y, facet), train, test, kind, mix), x=x, y=y, facet=facet, **noted)

    def plot_survival(
        self,
        by: Sequence[str] | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        strata: Sequence[str] | None = None,
        mix: Sequence[str] = (),
        **settings: Any,
    ) -> Figure:
        """Draws the share of fitted runs that have not generalized yet, over the steps since they fitted.

        There is a line for each group and a panel for each stratum, by default as in `compared`.
        """
        groups, within = self.compared(by, strata, mix)
        delays = self.delays(train, test, kind)
        curves = survival_curves(self.runs, delays, [*within, *groups], mix=mix)
        try:
            tested = log_rank(self.runs, delays, groups, within, mix)
        except AnalysisError:  # too few runs to compare
            tested = None
        noted = {"test": tested, "crossings": (train, test, kind), **self._noted(settings)}
        return grokjax.plot_survival(curves, by=groups, panels=within, runs=len(self.runs), **noted)

    def plot_incidence(
        self,
        by: Sequence[str] | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        delay: float = 1000,
        mix: Sequence[str] = (),
        **settings: Any,
    ) -> Figure:
        """Draws the share of all runs that have grokked, generalized or diverged by each step, a panel for each group."""
        table = self.incidence(by, train, test, kind, delay, mix)
        groups = [str(name) for name in table.columns[: list(table).index("step")]]
        noted = {"crossings": (train, test, kind), "delay": delay, **self._noted(settings)}
        return grokjax.plot_incidence(table, by=groups, **noted)

    def plot_scatter(
        self,
        rule: str | Rule | None = None,
        train: str = "accuracy_99",
        test: str = "accuracy_99",
        kind: Kind = "held",
        **settings: Any,
    ) -> Figure:
        """Draws the step at which each run generalized against the step at which it fitted: two crossings, as in `delays`.

        They are not thresholds of the rule that colors the runs; `rule=root.rule("crossing", train=...)` sets those.
        """
        check_lengths(self.runs)
        chosen, settings = self._rule_and_settings(rule, settings)
        noted = self._noted(settings, chosen)
        return grokjax.plot_scatter(self.runs, self.label(chosen), train=train, test=test, kind=kind, **noted)

    def plot_sensitivity(
        self,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | NamedRule | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws how much the shares of each cell change as the thresholds take the values of `nearby`."""
        x, y, facet = self.axes(x, y, facet)
        rule, settings = self._rule_and_settings(rule, settings)
        chosen = self._named_rule(rule)
        noted = self._noted(settings, title="; ".join([*self.where, f"rule {_describe(chosen)}", *self._step]))
        moved, settings = self.sensitivity(x, y, facet or NO_FACET, chosen), nearby(chosen, self.runs)
        return grokjax.plot_sensitivity(moved, settings, x=x, y=y, facet=facet, runs=len(self.runs), **noted)

    def plot_curves(
        self, metrics: Sequence[str] | None = None, rule: str | Rule | None = None, *, sheet: bool = False, **settings: Any
    ) -> Figure:
        """Draws the curves of the runs of one cell, a panel for each seed with its phase; `select` the cell first.

        Args:
          metrics: to draw; the losses when None.
          rule: that labels the runs.
          sheet: draw an overview instead: losses, accuracies, norms and the events of training.
          settings: thresholds of the rule, and settings of `plot_curves`.

        Raises:
          AnalysisError: several cells, too many seeds, or none of their curves can be read.
        """
        if sheet and metrics is not None:
            raise AnalysisError("--sheet draws its own metrics; leave out --metrics, or --sheet")
        runs = one_cell(self.runs)
        if len(runs) > MOST_PANELS:
            raise AnalysisError(
                f"{len(runs)} seeds are more than {MOST_PANELS} panels can show; choose some with --where seed=0,1,2"
            )
        chosen, settings = self._rule_and_settings(rule, settings)
        names = (*OVERVIEW, *OVERVIEW_IF_LOGGED) if sheet else metrics or OVERVIEW[:2]
        curves = self.curves(runs["run_id"].tolist(), names)
        runs = runs[runs["run_id"].isin(curves["run_id"])]  # all of them, unless a bad file was left out
        if runs.empty:
            raise AnalysisError("no curve of these runs can be read")
        ids = runs["run_id"].tolist()
        noted = {"events": events(curves) if sheet else None, **self._noted(settings, chosen)}
        return grokjax.plot_curves(
            curves,
            dict(zip(ids, seed_labels(runs), strict=True)),
            metrics=[name for name in names if name not in OVERVIEW_IF_LOGGED or curves[name].notna().any()],
            phases=dict(zip(ids, classify(runs, chosen), strict=True)),
            **noted,
        )

    def plot_bands(
        self, by: str | None = None, metrics: Sequence[str] = OVERVIEW[:2], *, log_steps: bool = False, **settings: Any
    ) -> Figure:
        """Draws the median of metrics over the seeds with a band of their quartiles, a line for each value of a hyperparameter.

        `by` is weight_decay where it is None, or the last hyperparameter that varies if weight_decay does not.
        """
        varied = varied_hyperparameters(self.runs)
        name = by or ("weight_decay" if "weight_decay" in varied else varied[-1] if varied else None)
        title = "; ".join(["median and quartiles over seeds", *self.where, *self._step])
        return grokjax.plot_bands(self.bands(name, metrics), by=name, log_steps=log_steps, **self._noted(settings, title=title))

    def plot_map(
        self,
        column: str,
        aggregate: str = "median",
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws a column of the runs, summarized over the seeds of each cell, as shades; see `values`."""
        x, y, facet = self.axes(x, y, facet)
        values = self.values(column, aggregate, x, y, facet or NO_FACET)
        title = "; ".join([f"{AGGREGATE_WORDS.get(aggregate, aggregate)} of {column}", *self.where, *self._step])
        return grokjax.plot_map(values, x=x, y=y, facet=facet, **self._noted(settings, title=title))

    def plot_difference(
        self,
        other: Results | pd.DataFrame,
        phase: str = "grok",
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | Rule | None = None,
        *,
        paired: bool | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws how much larger the share of a phase is in another sweep than in this one, in each cell; see `compare`."""
        x, y, facet = self.axes(x, y, facet)
        chosen, settings = self._rule_and_settings(rule, settings)
        found = self.compare(other, x, y, facet or NO_FACET, chosen, paired=paired)
        first, second = (each._name if isinstance(each, Results) else "the table" for each in (self, other))
        title = "; ".join(filter(None, [f"share of {phase}: {second} minus {first}", self._title(chosen)]))
        return grokjax.plot_difference(found, x=x, y=y, facet=facet, phase=phase, **self._noted(settings, title=title))

    def plot_weights(self, matrix: str | None = None, **settings: Any) -> Figure:
        """Draws a weight matrix of a run during training; `select` the run first."""
        run, weights = one_run(self.runs), self.weights()
        name = matrix or min(weights.arrays, key=lambda name: (not name.startswith("hidden"), name))
        bits = run.get("parity_bits")
        signal = 0 if bits is None or pd.isna(bits) or name != "hidden" else int(bits)
        curve = self.curves([run["run_id"]], ["train_loss", "test_loss"])
        noted = self._noted(settings, title=", ".join([name, self._run_title()]))
        return grokjax.plot_weights(weights, name, curve, signal=signal, **noted)

    def units(self) -> UnitMaps:
        """The input and output weights of a run's hidden units at each stored step; `select` the run first. See `unit_maps`."""
        return unit_maps(self.weights(), {str(name): value for name, value in one_run(self.runs).items()})

    def plot_waves(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws the weights of a run's hidden units over the tokens at the stored step nearest to `step`. `select` it first."""
        maps = self.units()
        return grokjax.plot_waves(maps, at=_nearest(maps, step), **self._noted(settings, title=self._unit_title()))

    def plot_stars(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws a run's hidden units in the plane of their frequency at the stored step nearest to `step`. `select` it first."""
        maps = self.units()
        return grokjax.plot_stars(maps, at=_nearest(maps, step), **self._noted(settings, title=self._unit_title()))

    def plot_spectra(self, before: int = 0, after: int | None = None, **settings: Any) -> Figure:
        """Draws the Fourier spectra of a run's hidden units at the stored steps nearest to two steps; `select` the run first."""
        maps = self.units()
        first, last = _nearest(maps, before), _nearest(maps, after)
        return grokjax.plot_spectra(maps, before=first, after=last, **self._noted(settings, title=self._unit_title()))

    def _others_of_points(self, x: str, y: str) -> tuple[str, ...]:
        """The other numeric hyperparameters that vary among drawn points over x and y; none in a grid."""
        if not is_scattered(self.runs, x, y):
            return ()
        others = [name for name in varied_hyperparameters(self.runs) if name not in (x, y)]
        return tuple(name for name in others if is_number(self.runs[name]))

    def _rule_and_settings(self, rule: str | Rule | None, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The rule, with those of some keywords that are its thresholds, and the other keywords."""
        chosen = self.rule(rule)
        own = thresholds_of(chosen) if isinstance(chosen, NamedRule) else {}
        thresholds = {name: value for name, value in given.items() if name in own}
        return self.rule(chosen, **thresholds), {name: value for name, value in given.items() if name not in own}

    def _named_rule(self, rule: Any, thresholds: Mapping[str, Setting] = MappingProxyType({})) -> NamedRule:
        """The rule, as `rule` has it. Raises AnalysisError for a function, which has no name and no thresholds."""
        chosen = self.rule(rule, **thresholds)
        if not isinstance(chosen, NamedRule):
            raise AnalysisError(
                f"{_describe(chosen)} is a function, and this needs a rule with a name: one of {', '.join(RULES)}, "
                "or a class derived from grokjax.NamedRule"
            )
        return chosen

    def _title(self, rule: Rule | None = None) -> str | None:
        """A figure's title: the conditions, and the rule unless it is the published one."""
        named = [] if rule is None or rule == ArticleRule() else [f"rule {_describe(rule)}"]
        return "; ".join([*self.where, *named, *self._step]) or None

    @property
    def _step(self) -> list[str]:
        """The step as of which things are drawn, for a title; empty if that is each run's last."""
        return [] if self.budget is None else [f"as of step {self.budget:,}"]

    @property
    def _name(self) -> str:
        """The last part of the root's address, and the step as of which it is read."""
        return " ".join([self.root.address.rstrip("/").rsplit("/", 1)[-1], *self._step])

    def _unit_title(self) -> str:
        """The title of a figure of hidden units: the operation, and the run."""
        run = one_run(self.runs)
        return ", ".join([f"{run['operation']} modulo {run['modulus']}", self._run_title()])

    def _run_title(self) -> str:
        """The conditions of a run or its seed, and its phase under the default rule."""
        seed = one_run(self.runs)["seed"]
        return f"{self._title() or f'seed={seed}'}: {self.label().iloc[0]}"

    def _judged(self, rule: Rule, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a map of phases: as `_noted` has them, with the number of labels that hang on low bits."""
        remark = marginal_note(self.runs, rule) if isinstance(rule, NamedRule) else None
        return {"remark": remark, **self._noted(settings, rule)}

    def _noted(self, settings: Mapping[str, Any], rule: Rule | None = None, title: str | None = None) -> dict[str, Any]:
        """The settings of a figure, completed with the number of missing runs, a title, and a warning of an unsuitable rule."""
        names = settings.get("names") or {}
        words = re.sub(r"\w+", lambda word: names.get(word[0], word[0]), title or self._title(rule) or "")
        warning = misfit(self.runs, rule) if isinstance(rule, NamedRule) else None
        return {"missing": self.untrained, "title": words, "warning": warning, **settings}


def _describe(rule: Rule) -> str:
    return describe_rule(rule) if isinstance(rule, NamedRule) else getattr(rule, "__name__", type(rule).__name__)


def _nearest(maps: UnitMaps, step: int | None) -> int:
    """The index of the stored step nearest to `step`; the last one when None."""
    return len(maps.step) - 1 if step is None else int(np.argmin(np.abs(maps.step - step)))
