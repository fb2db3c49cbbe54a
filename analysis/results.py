"""The results of a sweep in one object, for notebooks: tables, labels, statistics and figures as methods."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import grokjax
from grokjax.analysis.labels.default_rule import choose_rule, misfit
from grokjax.analysis.labels.marginal import FACTOR, marginal_note
from grokjax.analysis.labels.rules import RULES, ArticleRule, NamedRule, Rule, make_rule
from grokjax.analysis.labels.thresholds import Setting, check_names, describe_rule
from grokjax.analysis.statistics.aggregate import AGGREGATE_WORDS
from grokjax.analysis.statistics.agreement import nearby
from grokjax.analysis.statistics.boundary import other_hyperparameters
from grokjax.analysis.statistics.cells import cell_names
from grokjax.analysis.statistics.delays import Crossings
from grokjax.analysis.statistics.grid import NO_FACET, choose_axes
from grokjax.analysis.statistics.points import is_scattered
from grokjax.analysis.statistics.variants import GENERALIZED
from grokjax.analysis.tables.budget import check_lengths, load_as_of, run_lengths
from grokjax.analysis.tables.hyperparameters import hyperparameters, is_number, varied_hyperparameters
from grokjax.analysis.tables.planned import planned_cells, swept_names, unfinished
from grokjax.analysis.tables.selection import condition_names, one_cell, one_run, seed_labels, select
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.objects import is_address
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from grokjax.analysis.report.write import Report
    from grokjax.analysis.statistics.agreement import Agreement
    from grokjax.analysis.statistics.boundary import Boundaries
    from grokjax.analysis.statistics.compare import Comparison
    from grokjax.analysis.statistics.delay_law import DelayLaw
    from grokjax.analysis.statistics.grid import PhaseGrid
    from grokjax.analysis.statistics.importance import Importance
    from grokjax.analysis.statistics.logrank import LogRank
    from grokjax.analysis.statistics.surface import Surface
    from grokjax.analysis.statistics.units import UnitMaps
    from grokjax.analysis.tables.load import Weights

# The metrics of the overview of curves, and those that it draws where they were logged.
OVERVIEW = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_l2_norm")
OVERVIEW_IF_LOGGED = ("signal_weight_norm", "distractor_weight_norm")
MOST_PANELS = 30
COMPARED = "weight_decay"  # the hyperparameter whose delays or curves are compared if none is chosen and the sweep varies it

Axis = str | None  # the hyperparameter of an axis; None for one that the sweep varies

# What each cached table depends on besides the root, so that a change of anything else does not read it again.
_TABLES = {
    "_every_run": (),
    "_unfinished": (),
    "planned": (),
    "_as_of": ("budget",),
    "runs": ("budget", "where"),
    "missing": ("budget", "where"),
    "rule": ("budget", "where", "given_rule"),
}


def open_root(
    root: str | Path | Root,
    where: Sequence[str] = (),
    budget: int | None = None,
    rule: str | Rule | None = None,
    mix: Sequence[str] = (),
    on_bad_file: OnBadFile = "raise",
) -> Results:
    """The results of a sweep.

    Args:
      root: where the sweep was run to.
      where: conditions such as "weight_decay=0.1" that the runs must meet; see `Results.select`.
      budget: the step as of which runs are labelled, mapped and drawn; see `Results.with_budget`.
      rule: labels the runs; see `Results.with_rule`.
      mix: hyperparameters whose values may be pooled; see `Results.with_mix`.
      on_bad_file: as for `load_runs`.

    Raises:
      StoreError: `root` holds no sweep.
      AnalysisError: there is no rule with this name.
    """
    named = make_rule(rule) if isinstance(rule, str) else rule
    return Results(Root.open(root), _several(where), budget, named, _several(mix), on_bad_file=on_bad_file)


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """The results of a sweep: its tables, read once, with the usual analyses and figures as methods.

    How the runs are read and labelled belongs to the object: `select` narrows the runs, and `with_rule`, `with_budget`, `with_mix`
    and `with_crossings` give the same results under another rule, as of another step, and so on. All of them share the tables that
    were read; `refresh` has them read again. Axes that are None are chosen from what the sweep varies. The plot methods pass
    further settings, such as `width` and `ax`, to the function of the same name.

    Without a budget, runs of different lengths are not compared: those that an unfinished extension of the sweep has not reached
    yet count as missing, and analyses of other mixtures raise an AnalysisError.

    Attributes:
      root: where the sweep was run to.
      where: the conditions that the runs meet.
      budget: the step as of which they are read; each run's last step when None.
      given_rule: the rule that was asked for; `rule` is the one in force.
      mix: the hyperparameters whose values are pooled.
      crossings: the two crossings between which delays lie.
      on_bad_file: what is done about a file that cannot be read, as for `load_runs`.
    """

    root: Root
    where: tuple[str, ...] = ()
    budget: int | None = None
    given_rule: Rule | None = None
    mix: tuple[str, ...] = ()
    crossings: Crossings = Crossings()
    on_bad_file: OnBadFile = "raise"

    def __repr__(self) -> str:
        settings = {"budget": self.budget, "rule": self.given_rule, "mix": list(self.mix) or None}
        written = [f"{name}={value!r}" for name, value in settings.items() if value is not None]
        return f"open_root({', '.join([repr(self.root.address), *[repr(list(self.where))] * bool(self.where), *written])})"

    # How the results are read

    def select(self, *conditions: str) -> Results:
        """The results of only those runs that meet further conditions, each written NAME=VALUE."""
        return self._with(where=(*self.where, *conditions))

    def with_rule(self, rule: str | Rule | None = None, **thresholds: Setting) -> Results:
        """The same results, labelled by another rule.

        Args:
          rule: a rule's name, a rule, or any function from the runs table to phases; the present rule when None.
          thresholds: of the rule, by name, such as `loss_threshold=1e-6`.

        Raises:
          AnalysisError: no such rule, no such threshold, or one out of range; or thresholds of a function, which has none.
        """
        if isinstance(rule, str):
            return self._with(given_rule=make_rule(rule, thresholds))
        chosen = self.rule if rule is None else rule
        if thresholds and not isinstance(chosen, NamedRule):
            raise AnalysisError(
                f"{_describe(chosen)} is a function, which has no threshold {', '.join(thresholds)}; name a rule instead"
            )
        if isinstance(chosen, NamedRule):
            check_names(chosen, thresholds)
            chosen = replace(chosen, **thresholds)
        return self._with(given_rule=chosen)

    def with_budget(self, step: int | None) -> Results:
        """The same results as of a step, as if all runs had been trained for so many steps; each run's last step when None."""
        return self._with(budget=step)

    def with_mix(self, *names: str) -> Results:
        """The same results, where some hyperparameters may vary within a cell or a group: their values are pooled."""
        return self._with(mix=names)

    def with_crossings(self, crossings: Crossings) -> Results:
        """The same results, with delays between other crossings. They need not be those of the rule that labels the runs."""
        if not isinstance(crossings, Crossings):
            raise AnalysisError(f"crossings = {crossings!r}; use Crossings(train='accuracy_90', test='accuracy_90')")
        return self._with(crossings=crossings)

    def refresh(self) -> Results:
        """Drops the cached tables, so that the next use reads what was committed since. Returns the same object."""
        for name in _TABLES:
            vars(self).pop(name, None)
        return self

    def _with(self, **changes: Any) -> Results:
        """These results with some fields changed, sharing the tables that do not depend on them."""
        changed = replace(self, **changes)
        kept = (name for name, depends in _TABLES.items() if name in vars(self) and not changes.keys() & set(depends))
        vars(changed).update({name: vars(self)[name] for name in kept})
        return changed

    # Tables

    @functools.cached_property
    def _every_run(self) -> pd.DataFrame:
        return grokjax.load_runs(self.root, on_bad_file=self.on_bad_file)

    @functools.cached_property
    def _unfinished(self) -> list[str]:
        """The runs that a spec asks for and that are untrained, or have made fewer steps than it asks for."""
        return unfinished(self.root, self._every_run)

    @functools.cached_property
    def _as_of(self) -> pd.DataFrame:
        """The runs that meet the conditions on hyperparameters, as of the budget."""
        if self.budget is None:
            raise ValueError("no budget")
        names = hyperparameters(self._every_run)
        runs = select(self._every_run, [each for each in self.where if set(condition_names([each])) <= set(names)])
        return load_as_of(self.root, self.budget, runs, self.on_bad_file)

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """The runs table, a row per run, narrowed to the conditions, and as of the budget.

        Without a budget, a run is left out, and counted as missing, if an unfinished extension of the sweep has trained other runs
        for more steps than this one.
        """
        if self.budget is not None:
            return select(self._as_of, self.where)
        runs = select(self._every_run, self.where)
        if len(lengths := run_lengths(runs)) < 2:
            return runs
        shorter = (runs["steps"] < max(lengths)).fillna(False)
        return runs[~(shorter & runs["run_id"].isin(self._unfinished))]

    @property
    def behind(self) -> int:
        """How many runs are left out because they have made fewer steps than the others."""
        return len(select(self._every_run, self.where)) - len(self.runs)

    @functools.cached_property
    def planned(self) -> pd.DataFrame:
        """run_id and hyperparameters of every run that the specs of the root ask for."""
        return grokjax.load_planned(self.root) if self._unfinished else self._every_run

    @functools.cached_property
    def missing(self) -> pd.DataFrame:
        """The planned runs that meet the conditions and are not finished: untrained, or with fewer steps than a spec asks for.

        With a budget, those that have not made so many steps.
        """
        if self.budget is None:
            return grokjax.missing_runs(self._unfinished, self.planned, self.where)
        every = self.planned["run_id"]
        return grokjax.missing_runs(every[~every.isin(self._as_of["run_id"])].tolist(), self.planned, self.where)

    @property
    def untrained(self) -> int:
        """How many of the missing runs are not in the runs table."""
        return int((~self.missing["run_id"].isin(self.runs["run_id"])).sum())

    def curves(self, run_ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The logged metrics, a row per run and logged step, up to the budget; see `load_curves`."""
        ids = self.runs["run_id"].tolist() if run_ids is None and (self.where or self.budget or self.behind) else run_ids
        curves = grokjax.load_curves(self.root, ids, columns, self.on_bad_file)
        return curves if self.budget is None else curves[curves["step"] <= self.budget].reset_index(drop=True)

    def weights(self, run_id: str | None = None) -> Weights:
        """The stored weights of a run, with their steps; `run_id` may be left out if there is only one run. See `load_weights`."""
        return grokjax.load_weights(self.root, run_id or one_run(self.runs)["run_id"])

    def units(self) -> UnitMaps:
        """The input and output weights of a run's hidden units at each stored step; `select` the run first. See `unit_maps`."""
        return grokjax.unit_maps(self.weights(), {str(name): value for name, value in one_run(self.runs).items()})

    def query(self, sql: str) -> pd.DataFrame:
        """The result of one SELECT over the views runs, curves and labels of the whole root; see `query`.

        Raises:
          AnalysisError: these results are as of a budget, which the files that a query reads are not; `export` writes such tables.
        """
        if self.budget is not None:
            raise AnalysisError("a query reads each run as of its last step; open the root without a budget, or export the runs")
        return grokjax.query(self.root, sql, None if self.given_rule is None else self.named_rule, self.on_bad_file)

    # Labels

    @functools.cached_property
    def rule(self) -> Rule:
        """The rule that labels the runs: the one that was given, else that of the root's specs, or one that fits the task."""
        return choose_rule(self.root, self.runs) if self.given_rule is None else self.given_rule

    @property
    def named_rule(self) -> NamedRule:
        """The rule, where a name or thresholds are needed. Raises AnalysisError for a function, which has none."""
        return _named(self.rule)

    def label(self, rule: str | Rule | None = None, **thresholds: Setting) -> pd.Series[str]:
        """The phase of each run, on the index of `runs`, under the rule of these results or another one, as for `with_rule`."""
        labelled = self if rule is None and not thresholds else self.with_rule(rule, **thresholds)
        return grokjax.classify(self.runs, labelled.rule)

    def near_threshold(self, factor: float = FACTOR) -> pd.Series[bool]:
        """Whether each run's label hangs on low bits, on the index of `runs`; see `near_threshold`."""
        return grokjax.near_threshold(self.runs, self.named_rule, factor)

    def agreement(self, *rules: str | NamedRule) -> Agreement:
        """How far several rules agree on the phases of these runs, by default the rules of this package; see `agreement`."""
        return grokjax.agreement(self.runs, [make_rule(rule) if isinstance(rule, str) else _named(rule) for rule in rules or RULES])

    # Maps, boundaries, comparisons

    def axes(self, x: Axis = None, y: Axis = None, facet: Axis = None) -> tuple[str, str, str | None]:
        """The axes x, y and facet: those given, completed with others that the sweep varies.

        There is no facet if `facet` is "none", and none is chosen for drawn points, each of which has its own values.
        """
        *chosen, panels = choose_axes(self.runs, x, y, facet, swept_names(read_specs(self.root)), self.mix)
        own = facet is None and panels is not None and is_scattered(self.runs, *chosen) and is_number(self.runs[panels])
        return chosen[0], chosen[1], None if own else panels

    def grid(self, x: Axis = None, y: Axis = None, facet: Axis = None) -> PhaseGrid:
        """The shares of the phases in each cell, including planned cells without runs; see `phase_grid`."""
        x, y, facet = self.axes(x, y, facet)
        planned = planned_cells(self.planned, cell_names(x, y, facet), self.where)
        mix = self.mix if facet else self._mixed(x, y)
        return grokjax.phase_grid(self.runs, self.label(), x=x, y=y, facet=facet, planned=planned, mix=mix)

    def values(self, column: str, aggregate: str = "median", x: Axis = None, y: Axis = None, facet: Axis = None) -> pd.DataFrame:
        """A column of the runs summarized over the seeds of each cell: its median, mean, min, max or spread; see `cell_values`."""
        x, y, facet = self.axes(x, y, facet)
        return grokjax.cell_values(self.runs, column, x=x, y=y, facet=facet, aggregate=aggregate, mix=self.mix)

    def sensitivity(self, x: Axis = None, y: Axis = None, facet: Axis = None) -> pd.DataFrame:
        """How the shares of each cell change as the thresholds of the rule take the values of `nearby`; see `sensitivity`."""
        x, y, facet = self.axes(x, y, facet)
        return grokjax.sensitivity(self.runs, self.named_rule, x=x, y=y, facet=facet, mix=self.mix)

    def compare(
        self, other: Results | pd.DataFrame, x: Axis = None, y: Axis = None, facet: Axis = None, *, paired: bool | None = None
    ) -> Comparison:
        """How far these runs and those of another sweep, or of a published table, agree in each cell; see `compare`.

        The conditions of these results also narrow a table, and their rule labels both.
        """
        x, y, facet = self.axes(x, y, facet)
        runs = other.runs if isinstance(other, Results) else select(other, self.where)
        return grokjax.compare(self.runs, runs, self.rule, x=x, y=y, facet=facet, paired=paired, mix=self.mix)

    def boundaries(self, axis: str, phase: str = "grok", against: str | None = None) -> dict[tuple[Any, ...], Boundaries]:
        """Where a phase begins and ends along an axis, for each combination of the other hyperparameters that vary."""
        return grokjax.boundaries(self.runs, self.label(), axis, self.others(axis), phase=phase, against=against, mix=self.mix)

    def others(self, axis: str) -> list[str]:
        """The hyperparameters whose values make the groups of `boundaries`: those that vary, besides an axis and `mix`."""
        return [name for name in other_hyperparameters(self.runs, axis) if name not in self.mix]

    def surface(self, x: Axis = None, y: Axis = None, phase: str = "grok", against: str | None = None) -> Surface:
        """The share of a phase over two hyperparameters and the curve on which it is one half; see `surface`.

        Among drawn points, each of which has its own values of all hyperparameters, the share is averaged over the others.
        """
        x, y, _ = self.axes(x, y)
        return grokjax.surface(self.runs, self.label(), x, y, phase=phase, against=against, mix=self._mixed(x, y))

    def variants(self, by: Sequence[str], of: Sequence[str] = GENERALIZED) -> pd.DataFrame:
        """The shares of the phases in each combination of hyperparameters, pooled over all others; see `variant_shares`."""
        mix = [name for name in varied_hyperparameters(self.runs) if name not in by]
        return grokjax.variant_shares(self.runs, self.label(), by, mix, of)

    def contrasts(self, name: str, of: Sequence[str] = GENERALIZED) -> pd.DataFrame:
        """How much more often runs have some phases at one value of a hyperparameter than at another; see `share_contrasts`.

        Runs are compared within strata of all other hyperparameters that vary, but for those in `mix`.
        """
        strata = [other for other in self._varied() if other != name]
        return grokjax.share_contrasts(self.runs, self.label(), name, strata, self.mix, of)

    def importance(self, names: Sequence[str] | None = None, phase: str = "grok", against: str | None = None) -> Importance:
        """How much of whether a run has a phase depends on each hyperparameter, by default on all that vary; see `importance`."""
        return grokjax.importance(self.runs, self.label(), names, phase=phase, against=against, mix=self.mix)

    def refine(self, count: int = 16, x: Axis = None, y: Axis = None, facet: Axis = None) -> dict[str, Any]:
        """A spec of at most `count` points where the boundary is least known, as `load_spec` and `run_sweep` take it.

        Midpoints between the cells of a grid (see `least_known`), or new points among drawn ones, in all numeric hyperparameters
        that vary (see `least_known_places`).
        """
        x, y, facet = self.axes(x, y, facet)
        if facet is None and is_scattered(self.runs, x, y):
            names = [name for name in varied_hyperparameters(self.runs) if is_number(self.runs[name])]
            planned = planned_cells(self.planned, names, self.where)
            counts = grokjax.point_counts(self.runs, self.label(), names, planned, self.mix)
            found = grokjax.least_known_places(counts, names, count)
        else:
            grid = self.grid(x, y, facet)
            found = grokjax.least_known(grid, grid.cell, count)
        return grokjax.refined_spec(read_specs(self.root), self.runs, found.drop(columns="score"), self.mix)

    def bands(self, by: str | None = None, metrics: Sequence[str] = OVERVIEW[:2]) -> pd.DataFrame:
        """The median and quartiles of metrics over the seeds, by step and value of a hyperparameter; see `curve_bands`."""
        return grokjax.curve_bands(self.curves(columns=metrics), self.runs, by, metrics, mix=self.mix)

    def report(self, path: str | Path | None = None, x: Axis = None, y: Axis = None, facet: Axis = None, **settings: Any) -> Report:
        """Writes the page of these runs, by default as report.html in the root (the working folder where the root is an address).

        Takes the title and megabytes of `write_report`. Runs that count as missing because they made too few steps are shown with
        the steps that they made.
        """
        folder = Path() if is_address(self.root.address) else Path(self.root.address)
        every = self._every_run
        return grokjax.write_report(
            self.root,
            path or folder / "report.html",
            runs=every[every["run_id"].isin([*self.runs["run_id"], *self.missing["run_id"]])],
            missing=self.missing,
            budget=self.budget,
            axes=grokjax.PageAxes(x, y, facet),
            rule=self.named_rule,
            on_bad_file=self.on_bad_file,
            **settings,
        )

    # Delays

    def delays(self) -> pd.DataFrame:
        """The grokking delay of each run between `crossings`, on the index of `runs`; see `grokking_delays`."""
        check_lengths(self.runs)
        return grokjax.grokking_delays(self.runs, self.crossings)

    def medians(self, by: Sequence[str] | None = None) -> pd.DataFrame:
        """The median grokking delay in each group of runs, by default by all that varies; see `median_delays`."""
        return grokjax.median_delays(self.runs, self.delays(), self._varied() if by is None else by, mix=self.mix)

    def compared(self, by: Sequence[str] | None = None, strata: Sequence[str] | None = None) -> tuple[list[str], list[str]]:
        """The hyperparameters whose delays are compared, and the strata within which they are compared.

        By default weight_decay is compared, or the last hyperparameter that varies if weight_decay does not, within strata of all
        others that vary. Those in `mix` are neither.
        """
        varied = self._varied()
        if by is None:
            free = [name for name in varied if name not in (strata or ())]
            by = [COMPARED] if COMPARED in free else free[-1:]
        return list(by), [name for name in varied if name not in by] if strata is None else list(strata)

    def log_rank(self, by: Sequence[str] | None = None, strata: Sequence[str] | None = None) -> LogRank:
        """The test of equal delays in groups of runs, within strata; see `compared` for their defaults, and `log_rank`."""
        return grokjax.log_rank(self.runs, self.delays(), *self.compared(by, strata), self.mix)

    def delay_ratios(self, of: str | None = None, reference: Any = None, strata: Sequence[str] | None = None) -> pd.DataFrame:
        """By which factors delays differ between the values of a hyperparameter, within strata; see `delay_ratios`, `compared`."""
        groups, within = self.compared(None if of is None else [of], strata)
        if not groups:
            raise AnalysisError("no hyperparameter varies, so there are no delays to compare; choose other runs")
        return grokjax.delay_ratios(self.runs, self.delays(), groups[0], within, self.mix, reference)

    def delay_law(self, on: Sequence[str] | None = None, strata: Sequence[str] = ()) -> DelayLaw:
        """The power law of the delay in hyperparameters, by default in all that vary; see `delay_law`."""
        return grokjax.delay_law(self.runs, self.delays(), on, strata, self.mix)

    def incidence(self, by: Sequence[str] | None = None, delay: float = 1000) -> pd.DataFrame:
        """The share of all runs that have grokked, generalized or diverged by each step, by default by all that varies.

        A run groks if the test metric crosses at least `delay` steps after the train metric.
        """
        groups = self._varied() if by is None else by
        return grokjax.cumulative_incidence(self.runs, grokjax.run_outcomes(self.runs, self.crossings, delay), groups, mix=self.mix)

    # Figures of phases

    def plot_phases(self, x: Axis = None, y: Axis = None, facet: Axis = None, **settings: Any) -> Figure:
        """Draws the phase diagram, with a mark per seed in every cell."""
        return grokjax.plot_phases(self.grid(x, y, facet), **self._look(settings, rule=True, remark=True))

    def plot_shares(self, x: Axis = None, y: Axis = None, facet: Axis = None, **settings: Any) -> Figure:
        """Draws the phase diagram as shares: bars of all phases, or shades of one with `phase=`."""
        return grokjax.plot_shares(self.grid(x, y, facet), **self._look(settings, rule=True, remark=True))

    def plot_boundary(self, axis: str, phase: str = "grok", against: str | None = None, **settings: Any) -> Figure:
        """Draws the boundaries of a phase along an axis, for each value of the other hyperparameters."""
        found, look = self.boundaries(axis, phase, against), self._look(settings, rule=True)
        return grokjax.plot_boundary(found, by=self.others(axis), phase=phase, against=against, **look)

    def plot_fits(self, axis: str, phase: str = "grok", against: str | None = None, **settings: Any) -> Figure:
        """Draws the shares of a phase along an axis, with the logistic fits that define its boundaries."""
        found, look = self.boundaries(axis, phase, against), self._look(settings, rule=True)
        return grokjax.plot_fits(found, by=self.others(axis), phase=phase, against=against, **look)

    def plot_surface(
        self, x: Axis = None, y: Axis = None, phase: str = "grok", against: str | None = None, **settings: Any
    ) -> Figure:
        """Draws the fitted share of a phase over two hyperparameters, with its boundary as a curve with a band; see `surface`."""
        return grokjax.plot_surface(self.surface(x, y, phase, against), **self._look(settings, rule=True, remark=True))

    def plot_variants(self, by: Sequence[str], of: Sequence[str] = GENERALIZED, **settings: Any) -> Figure:
        """Draws a bar of the shares of the phases for each combination of hyperparameters, pooled over all others."""
        return grokjax.plot_variants(self.variants(by, of), by=by, **self._look(settings, rule=True, remark=True))

    def plot_importance(
        self, names: Sequence[str] | None = None, phase: str = "grok", against: str | None = None, **settings: Any
    ) -> Figure:
        """Draws how much of whether a run has a phase depends on each hyperparameter; see `importance`."""
        return grokjax.plot_importance(self.importance(names, phase, against), **self._look(settings, rule=True, remark=True))

    def plot_sensitivity(self, x: Axis = None, y: Axis = None, facet: Axis = None, **settings: Any) -> Figure:
        """Draws how much the shares of each cell change as the thresholds take the values of `nearby`."""
        x, y, facet = self.axes(x, y, facet)
        moved, values = self.sensitivity(x, y, facet or NO_FACET), nearby(self.named_rule, self.runs)
        look = self._look(settings, self._title(f"rule {_describe(self.rule)}"))
        return grokjax.plot_sensitivity(moved, values, x=x, y=y, facet=facet, runs=len(self.runs), **look)

    def plot_difference(
        self,
        other: Results | pd.DataFrame,
        phase: str = "grok",
        x: Axis = None,
        y: Axis = None,
        facet: Axis = None,
        *,
        paired: bool | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws how much larger the share of a phase is in another sweep than in this one, in each cell; see `compare`."""
        x, y, facet = self.axes(x, y, facet)
        found = self.compare(other, x, y, facet or NO_FACET, paired=paired)
        first, second = (each._name if isinstance(each, Results) else "the table" for each in (self, other))
        look = self._look(settings, self._title(f"share of {phase}: {second} minus {first}", rule=True, step=False))
        return grokjax.plot_difference(found, x=x, y=y, facet=facet, phase=phase, **look)

    def plot_map(
        self, column: str, aggregate: str = "median", x: Axis = None, y: Axis = None, facet: Axis = None, **settings: Any
    ) -> Figure:
        """Draws a column of the runs, summarized over the seeds of each cell, as shades; see `values`."""
        x, y, facet = self.axes(x, y, facet)
        look = self._look(settings, self._title(f"{AGGREGATE_WORDS.get(aggregate, aggregate)} of {column}"))
        return grokjax.plot_map(self.values(column, aggregate, x, y, facet or NO_FACET), x=x, y=y, facet=facet, **look)

    # Figures of delays

    def plot_delays(self, x: Axis = None, y: Axis = None, facet: Axis = None, **settings: Any) -> Figure:
        """Draws the median grokking delay in every cell."""
        x, y, facet = self.axes(x, y, facet)
        look = {"crossings": self.crossings, **self._look(settings)}
        return grokjax.plot_delays(self.medians(cell_names(x, y, facet)), x=x, y=y, facet=facet, **look)

    def plot_survival(self, by: Sequence[str] | None = None, strata: Sequence[str] | None = None, **settings: Any) -> Figure:
        """Draws the share of fitted runs that have not generalized yet, over the steps since they fitted.

        There is a line for each group and a panel for each stratum, by default as in `compared`.
        """
        groups, within = self.compared(by, strata)
        curves = grokjax.survival_curves(self.runs, self.delays(), [*within, *groups], mix=self.mix)
        try:
            tested = self.log_rank(groups, within)
        except AnalysisError:  # too few runs to compare
            tested = None
        look = {"test": tested, "crossings": self.crossings, **self._look(settings)}
        return grokjax.plot_survival(curves, by=groups, panels=within, runs=len(self.runs), **look)

    def plot_incidence(self, by: Sequence[str] | None = None, delay: float = 1000, **settings: Any) -> Figure:
        """Draws the share of all runs that have grokked, generalized or diverged by each step, a panel for each group."""
        table = self.incidence(by, delay)
        groups = [str(name) for name in table.columns[: list(table).index("step")]]
        look = {"crossings": self.crossings, "delay": delay, **self._look(settings)}
        return grokjax.plot_incidence(table, by=groups, **look)

    def plot_scatter(self, **settings: Any) -> Figure:
        """Draws the step at which each run generalized against the step at which it fitted, colored by its phase.

        The steps are those of `crossings`, which need not be those of the rule.
        """
        check_lengths(self.runs)
        look = {"crossings": self.crossings, **self._look(settings, rule=True)}
        return grokjax.plot_scatter(self.runs, self.label(), **look)

    # Figures of curves and weights

    def plot_curves(self, metrics: Sequence[str] | None = None, *, sheet: bool = False, **settings: Any) -> Figure:
        """Draws the curves of the runs of one cell, a panel for each seed with its phase; `select` the cell first.

        Args:
          metrics: to draw; the losses when None.
          sheet: draw an overview instead: losses, accuracies, norms and the events of training.
          settings: of `grokjax.plot_curves`.

        Raises:
          AnalysisError: several cells, too many seeds, or none of their curves can be read.
        """
        if sheet and metrics is not None:
            raise AnalysisError("a sheet draws its own metrics; leave out the metrics, or the sheet")
        runs = one_cell(self.runs)
        if len(runs) > MOST_PANELS:
            raise AnalysisError(f"{len(runs)} seeds are more than {MOST_PANELS} panels can show; choose some, such as seed=0,1,2")
        names = (*OVERVIEW, *OVERVIEW_IF_LOGGED) if sheet else metrics or OVERVIEW[:2]
        curves = self.curves(runs["run_id"].tolist(), names)
        runs = runs[runs["run_id"].isin(curves["run_id"])]  # all of them, unless a bad file was left out
        if runs.empty:
            raise AnalysisError("no curve of these runs can be read")
        ids = runs["run_id"].tolist()
        look = {"events": grokjax.events(curves) if sheet else None, **self._look(settings, rule=True)}
        return grokjax.plot_curves(
            curves,
            dict(zip(ids, seed_labels(runs), strict=True)),
            metrics=[name for name in names if name not in OVERVIEW_IF_LOGGED or curves[name].notna().any()],
            phases=dict(zip(ids, grokjax.classify(runs, self.rule), strict=True)),
            **look,
        )

    def plot_bands(
        self, by: str | None = None, metrics: Sequence[str] = OVERVIEW[:2], *, log_steps: bool = False, **settings: Any
    ) -> Figure:
        """Draws the median of metrics over the seeds with a band of their quartiles, a line for each value of a hyperparameter.

        `by` is weight_decay where it is None, or the last hyperparameter that varies if weight_decay does not.
        """
        name = by or next(iter(self.compared()[0]), None)
        look = self._look(settings, self._title("median and quartiles over seeds"))
        return grokjax.plot_bands(self.bands(name, metrics), by=name, log_steps=log_steps, **look)

    def plot_weights(self, matrix: str | None = None, **settings: Any) -> Figure:
        """Draws a weight matrix of a run during training; `select` the run first."""
        run, weights = one_run(self.runs), self.weights()
        name = matrix or min(weights.arrays, key=lambda name: (not name.startswith("hidden"), name))
        signal = _parity_bits(run) if name == "hidden" else 0
        curve = self.curves([run["run_id"]], ["train_loss", "test_loss"])
        return grokjax.plot_weights(weights, name, curve, signal=signal, **self._look(settings, f"{name}, {self._run_title()}"))

    def plot_waves(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws the weights of a run's hidden units over the tokens at the stored step nearest to `step`. `select` it first."""
        maps = self.units()
        return grokjax.plot_waves(maps, at=_nearest(maps, step), **self._look(settings, self._unit_title()))

    def plot_stars(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws a run's hidden units in the plane of their frequency at the stored step nearest to `step`. `select` it first."""
        maps = self.units()
        return grokjax.plot_stars(maps, at=_nearest(maps, step), **self._look(settings, self._unit_title()))

    def plot_spectra(self, before: int = 0, after: int | None = None, **settings: Any) -> Figure:
        """Draws the Fourier spectra of a run's hidden units at the stored steps nearest to two steps; `select` the run first."""
        maps = self.units()
        first, last = _nearest(maps, before), _nearest(maps, after)
        return grokjax.plot_spectra(maps, before=first, after=last, **self._look(settings, self._unit_title()))

    def plot_contributions(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws what the units of each frequency of a run add to its outputs, and accuracy without them. `select` it first."""
        maps, run = self.units(), {str(name): value for name, value in one_run(self.runs).items()}
        at = _nearest(maps, step)
        found = grokjax.contributions(maps, run, at)
        return grokjax.plot_contributions(found, step=int(maps.step[at]), **self._look(settings, self._unit_title()))

    def plot_pruning(self, **settings: Any) -> Figure:
        """Draws how a run on sparse parity prunes the weights on its distracting inputs; `select` the run first."""
        run = one_run(self.runs)
        found = grokjax.pruning(self.weights(), _parity_bits(run))
        curve = self.curves([run["run_id"]], ["train_accuracy", "test_accuracy"])
        return grokjax.plot_pruning(found, curve, **self._look(settings, self._run_title()))

    def plot_frequencies(self, **settings: Any) -> Figure:
        """Draws the frequencies of the hidden units of the runs of one cell at their last step, a row for each seed.

        Raises:
          AnalysisError: several cells, or no metrics of the probe `fourier`.
        """
        runs = one_cell(self.runs).sort_values("seed")
        last = self.curves(runs["run_id"].tolist(), ["neuron_frequency"]).groupby("run_id")["neuron_frequency"].last().dropna()
        runs = runs[runs["run_id"].isin(last.index)]
        if runs.empty:
            raise AnalysisError(
                "no run has frequencies of hidden units; set probes = 'fourier' in [run], and run it into another root"
            )
        rows = [(index, int(each)) for index, run_id in enumerate(runs["run_id"]) for each in last[run_id]]
        return grokjax.plot_frequencies(
            pd.DataFrame(rows, columns=["run", "frequency"]),
            seed_labels(runs),
            grokjax.classify(runs, self.rule).astype(str).tolist(),
            highest=int(runs["modulus"].iloc[0]) // 2,
            **self._look(settings, rule=True),
        )

    # What the methods share

    def _varied(self) -> list[str]:
        """The hyperparameters that vary and are not in `mix`."""
        return [name for name in varied_hyperparameters(self.runs) if name not in self.mix]

    def _mixed(self, x: str, y: str) -> tuple[str, ...]:
        """What the cells of a map over x and y may mix: `mix`, and among drawn points all other numeric hyperparameters."""
        others = [name for name in self._varied() if name not in (x, y)] if is_scattered(self.runs, x, y) else []
        return (*self.mix, *(name for name in others if is_number(self.runs[name])))

    def _look(
        self, settings: Mapping[str, Any], title: str | None = None, *, rule: bool = False, remark: bool = False
    ) -> dict[str, Any]:
        """The settings of a figure, completed with the number of missing runs and a title.

        Args:
          settings: that were given to the plot method.
          title: of the figure; the conditions, and the rule if the figure shows labels, when None.
          rule: whether the figure shows labels, so that its note warns of an unsuitable rule.
          remark: whether the note has the number of labels that hang on low bits.
        """
        names = settings.get("names") or {}
        words = re.sub(r"\w+", lambda word: names.get(word[0], word[0]), self._title(rule=rule) if title is None else title)
        named = self.rule if rule and isinstance(self.rule, NamedRule) else None
        return {
            "missing": self.untrained,
            "title": words,
            "warning": misfit(self.runs, named) if named else None,
            "remark": marginal_note(self.runs, named) if named and remark else None,
            **settings,
        }

    def _title(self, *about: str, rule: bool = False, step: bool = True) -> str:
        """A figure's title: what it is about, the conditions, what is pooled, the rule, and the step.

        The published rule is named only if it was asked for.
        """
        mixed = [name for name in varied_hyperparameters(self.runs) if name in self.mix]
        named = [f"rule {_describe(self.rule)}"] if rule and (self.given_rule is not None or self.rule != ArticleRule()) else []
        pooled = [f"over all {', '.join(mixed)}"] if mixed else []
        return "; ".join([*about, *self.where, *pooled, *named, *(self._step if step else [])])

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
        return f"{run['operation']} modulo {run['modulus']}, {self._run_title()}"

    def _run_title(self) -> str:
        """The conditions of a run or its seed, and its phase."""
        return f"{self._title() or 'seed={}'.format(one_run(self.runs)['seed'])}: {self.label().iloc[0]}"


def _several(words: str | Sequence[str]) -> tuple[str, ...]:
    """Several conditions or names, of which a single one may be given alone."""
    return (words,) if isinstance(words, str) else tuple(words)


def _describe(rule: Rule) -> str:
    return describe_rule(rule) if isinstance(rule, NamedRule) else getattr(rule, "__name__", type(rule).__name__)


def _named(rule: Rule) -> NamedRule:
    """The rule. Raises AnalysisError for a function, which has no name and no thresholds."""
    if not isinstance(rule, NamedRule):
        raise AnalysisError(
            f"{_describe(rule)} is a function, and this needs a rule with a name: one of {', '.join(RULES)}, "
            "or a class derived from grokjax.NamedRule"
        )
    return rule


def _parity_bits(run: pd.Series[Any]) -> int:
    """The number of bits whose parity a run learns; 0 for other tasks."""
    bits = run.get("parity_bits")
    return 0 if bits is None or pd.isna(bits) else int(bits)


def _nearest(maps: UnitMaps, step: int | None) -> int:
    """The index of the stored step nearest to `step`; the last one when None."""
    return len(maps.step) - 1 if step is None else int(np.argmin(np.abs(maps.step - step)))
