"""The results of a sweep in one object, for notebooks: tables, labels, statistics and figures as methods."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import grokjax
from grokjax.analysis.labels.default_rule import choose_rule, misfit
from grokjax.analysis.labels.events import events
from grokjax.analysis.labels.rules import ArticleRule, NamedRule, Rule, classify
from grokjax.analysis.labels.thresholds import Setting, describe_rule
from grokjax.analysis.statistics.agreement import nearby, sensitivity
from grokjax.analysis.statistics.boundary import Boundary, boundaries, other_hyperparameters
from grokjax.analysis.statistics.delays import Kind, grokking_delays, log_rank, median_delays, survival_curves
from grokjax.analysis.statistics.grid import PhaseGrid, cell_names, check_cell, choose_axes, phase_grid
from grokjax.analysis.statistics.units import UnitMaps, unit_maps
from grokjax.analysis.tables.hyperparameters import varied_hyperparameters
from grokjax.analysis.tables.load import Weights, load_curves, load_runs, load_weights
from grokjax.analysis.tables.planned import load_planned, missing_runs, planned_cells, swept_names, unfinished
from grokjax.analysis.tables.query import query
from grokjax.analysis.tables.selection import one_cell, one_run, seed_labels, select
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def open_root(root: str | Path | Root, where: Sequence[str] = (), on_bad_file: OnBadFile = "raise") -> Results:
    """The results of a sweep.

    Args:
      root: where the sweep was run to.
      where: conditions such as "weight_decay=0.1" that the runs must meet, as for `select`.
      on_bad_file: as for `load_runs`.

    Raises:
      StoreError: `root` holds no sweep.
    """
    return Results(root, where, on_bad_file)


class Results:
    """The results of a sweep: its tables, read once, with the usual analyses and figures as methods.

    A `rule` is a rule's name, a rule, or any function from the runs table to phases; None means the rule of the root's specs, or
    one that fits the task. Axes that are None are chosen from what the sweep varies. The plot methods pass further settings, such
    as `width` and `ax`, to the function of the same name.
    """

    def __init__(self, root: str | Path | Root, where: Sequence[str] = (), on_bad_file: OnBadFile = "raise") -> None:
        self.root = Root.open(root)
        self.where = tuple(where)
        self._on_bad_file = on_bad_file

    def __repr__(self) -> str:
        return f"open_root({self.root.address!r}{', ' + repr(list(self.where)) if self.where else ''})"

    @functools.cached_property
    def _every_run(self) -> pd.DataFrame:
        return load_runs(self.root, on_bad_file=self._on_bad_file)

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """The runs table, a row per run, narrowed to the conditions."""
        return select(self._every_run, self.where)

    @functools.cached_property
    def planned(self) -> pd.DataFrame:
        """run_id and hyperparameters of every run that the specs of the root ask for."""
        if len(self._every_run) >= sum(spec.size for spec in read_specs(self.root)):  # then the list is complete
            return self._every_run
        return load_planned(self.root)

    @functools.cached_property
    def missing(self) -> pd.DataFrame:
        """The planned runs that meet the conditions and are not finished: untrained, or with fewer steps than a spec asks for."""
        return missing_runs(unfinished(self.root, self._every_run), self.planned, self.where)

    @property
    def untrained(self) -> int:
        """How many of the missing runs are not in the runs table."""
        return int((~self.missing["run_id"].isin(self.runs["run_id"])).sum())

    def select(self, *conditions: str) -> Results:
        """The results of only those runs that meet further conditions, each written NAME=VALUE."""
        return Results(self.root, (*self.where, *conditions), self._on_bad_file)

    def curves(self, run_ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The logged metrics, a row per run and logged step; see `load_curves`."""
        ids = self.runs["run_id"].tolist() if run_ids is None and self.where else run_ids
        return load_curves(self.root, ids, columns, self._on_bad_file)

    def weights(self, run_id: str | None = None) -> Weights:
        """The stored weights of a run, with their steps; `run_id` may be left out if there is only one run. See `load_weights`."""
        return load_weights(self.root, run_id or one_run(self.runs)["run_id"])

    def query(self, sql: str, rule: str | NamedRule | None = None) -> pd.DataFrame:
        """The result of one SELECT over the views runs, curves and labels of the whole root; see `query`."""
        chosen = None if rule is None else self.rule(rule)
        assert chosen is None or isinstance(chosen, NamedRule)
        return query(self.root, sql, chosen, self._on_bad_file)

    def rule(self, rule: str | Rule | None = None, **thresholds: Setting) -> Any:
        """The rule with the given name and thresholds, or the one that labels these runs by default."""
        return choose_rule(self.root, self.runs, rule, thresholds) if rule is None or isinstance(rule, str) else rule

    def label(self, rule: str | Rule | None = None, **thresholds: Setting) -> pd.Series[str]:
        """The phase of each run, on the index of `runs`."""
        return classify(self.runs, self.rule(rule, **thresholds))

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
        return phase_grid(self.runs, self.label(rule, **thresholds), x=x, y=y, facet=facet, planned=planned)

    def axes(self, x: str | None = None, y: str | None = None, facet: str | None = None) -> tuple[str, str, str | None]:
        """The axes x, y and facet: those given, completed with others that the sweep varies. No facet if two are enough."""
        chosen = choose_axes(self.runs, x, y, facet, swept_names(read_specs(self.root)))
        return (*chosen[:2], chosen[2] if facet is not None or self.runs[chosen[2]].nunique() > 1 else None)

    def boundaries(
        self, axis: str, phase: str = "grok", against: str | None = None, rule: str | Rule | None = None
    ) -> dict[tuple[Any, ...], Boundary]:
        """Where a phase takes over along an axis, for each combination of the other hyperparameters that vary; see `boundaries`."""
        by = other_hyperparameters(self.runs, axis)
        return boundaries(self.runs, self.label(rule), axis, by, phase=phase, against=against)

    def delays(self, train: str = "accuracy_99", test: str = "accuracy_99", kind: Kind = "first") -> pd.DataFrame:
        """The grokking delay of each run, on the index of `runs`; see `grokking_delays`."""
        return grokking_delays(self.runs, train, test, kind)

    def plot_phases(
        self, x: str | None = None, y: str | None = None, facet: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the phase diagram, with a mark per seed in every cell."""
        return grokjax.plot_phases(self.grid(x, y, facet, rule), **{**self._judged(rule), **settings})

    def plot_shares(
        self, x: str | None = None, y: str | None = None, facet: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the phase diagram as shares: bars of all phases, or shades of one with `phase=`."""
        return grokjax.plot_shares(self.grid(x, y, facet, rule), **{**self._judged(rule), **settings})

    def plot_boundary(
        self, axis: str, phase: str = "grok", against: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the boundary of a phase along an axis, for each value of the other hyperparameters."""
        found, by = self.boundaries(axis, phase, against, rule), other_hyperparameters(self.runs, axis)
        return grokjax.plot_boundary(found, by=by, phase=phase, against=against, **{**self._noted(rule), **settings})

    def plot_fits(
        self, axis: str, phase: str = "grok", against: str | None = None, rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the shares of a phase along an axis, with the logistic fits that define its boundary."""
        found, by = self.boundaries(axis, phase, against, rule), other_hyperparameters(self.runs, axis)
        return grokjax.plot_fits(found, by=by, phase=phase, against=against, **{**self._noted(rule), **settings})

    def plot_delays(
        self, x: str | None = None, y: str | None = None, facet: str | None = None, kind: Kind = "first", **settings: Any
    ) -> Figure:
        """Draws the median grokking delay in every cell."""
        x, y, facet = self.axes(x, y, facet)
        cell = cell_names(x, y, facet)
        check_cell(self.runs, cell)
        medians = median_delays(self.runs, self.delays(kind=kind), cell)
        return grokjax.plot_delays(medians, x=x, y=y, facet=facet, **{**self._noted(), **settings})

    def plot_survival(self, by: Sequence[str] | None = None, kind: Kind = "first", **settings: Any) -> Figure:
        """Draws the share of fitted runs that have not grokked yet, over the steps since they fitted, for each group of runs."""
        groups = varied_hyperparameters(self.runs)[-1:] if by is None else list(by)
        delays = self.delays(kind=kind)
        curves = survival_curves(self.runs, delays, groups)
        several = bool(groups) and len(curves[groups].drop_duplicates()) > 1
        test = log_rank(self.runs, delays, groups) if several else None
        return grokjax.plot_survival(curves, by=groups, runs=len(self.runs), test=test, **{**self._noted(), **settings})

    def plot_scatter(self, rule: str | Rule | None = None, **settings: Any) -> Figure:
        """Draws the step at which each run generalized against the step at which it fitted."""
        return grokjax.plot_scatter(self.runs, self.label(rule), **{**self._noted(rule), **settings})

    def plot_sensitivity(
        self,
        x: str | None = None,
        y: str | None = None,
        facet: str | None = None,
        rule: str | NamedRule | None = None,
        **settings: Any,
    ) -> Figure:
        """Draws how much the shares of each cell change as each numeric threshold goes from 0.1 to 10 times its value."""
        x, y, facet = self.axes(x, y, facet)
        chosen = self.rule(rule)
        moved = sensitivity(self.runs, chosen, nearby(chosen), x=x, y=y, facet=facet)
        return grokjax.plot_sensitivity(
            moved, nearby(chosen), x=x, y=y, facet=facet, runs=len(self.runs), **{**self._noted(chosen), **settings}
        )

    def plot_curves(
        self, metrics: Sequence[str] = ("train_loss", "test_loss"), rule: str | Rule | None = None, **settings: Any
    ) -> Figure:
        """Draws the curves of the runs of one cell, with their phases and events; `select` the cell first."""
        runs = one_cell(self.runs)
        ids = runs["run_id"].tolist()
        phases = dict(zip(self.runs["run_id"], self.label(rule), strict=True))
        curves, panels = self.curves(ids), dict(zip(ids, seed_labels(runs), strict=True))
        noted = self._noted() | {"title": self._title() or "all runs"}
        return grokjax.plot_curves(curves, panels, metrics=metrics, phases=phases, events=events(curves), **{**noted, **settings})

    def plot_weights(self, matrix: str | None = None, **settings: Any) -> Figure:
        """Draws a weight matrix of a run during training; `select` the run first."""
        run, weights = one_run(self.runs), self.weights()
        name = matrix or min(weights.arrays, key=lambda name: (not name.startswith("hidden"), name))
        bits = run.get("parity_bits")
        signal = 0 if bits is None or pd.isna(bits) or name != "hidden" else int(bits)
        curve = self.curves([run["run_id"]], ["train_loss", "test_loss"])
        return grokjax.plot_weights(weights, name, curve, signal=signal, **{"title": self._title() or name, **settings})

    def units(self) -> UnitMaps:
        """The input and output weights of a run's hidden units at each stored step; `select` the run first. See `unit_maps`."""
        return unit_maps(self.weights(), {str(name): value for name, value in one_run(self.runs).items()})

    def plot_waves(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws the weights of a run's hidden units over the tokens at the stored step nearest to `step`. `select` it first."""
        maps = self.units()
        return grokjax.plot_waves(maps, at=_nearest(maps, step), **{"title": self._title(), **settings})

    def plot_stars(self, step: int | None = None, **settings: Any) -> Figure:
        """Draws a run's hidden units in the plane of their frequency at the stored step nearest to `step`. `select` it first."""
        maps = self.units()
        return grokjax.plot_stars(maps, at=_nearest(maps, step), **{"title": self._title(), **settings})

    def plot_spectra(self, before: int = 0, after: int | None = None, **settings: Any) -> Figure:
        """Draws the Fourier spectra of a run's hidden units at the stored steps nearest to two steps; `select` the run first."""
        maps = self.units()
        first, last = _nearest(maps, before), _nearest(maps, after)
        return grokjax.plot_spectra(maps, before=first, after=last, **{"title": self._title(), **settings})

    def _title(self, rule: Rule | None = None) -> str | None:
        """A figure's title: the conditions, and the rule unless it is the published one."""
        named = [] if rule is None or rule == ArticleRule() else [f"rule {_describe(rule)}"]
        return "; ".join([*self.where, *named]) or None

    def _judged(self, rule: str | Rule | None) -> dict[str, Any]:
        """A map's title, with the rule, and a warning if the rule does not fit the task."""
        chosen = self.rule(rule)
        return {"title": self._title(chosen), "warning": misfit(self.runs, chosen) if isinstance(chosen, NamedRule) else None}

    def _noted(self, rule: str | Rule | None = None) -> dict[str, Any]:
        """A figure's title, with the rule, and the number of missing runs."""
        return {"title": self._title(None if rule is None else self.rule(rule)), "missing": self.untrained}


def _describe(rule: Rule) -> str:
    return describe_rule(rule) if isinstance(rule, NamedRule) else getattr(rule, "__name__", type(rule).__name__)


def _nearest(maps: UnitMaps, step: int | None) -> int:
    """The index of the stored step nearest to `step`; the last one when None."""
    return len(maps.step) - 1 if step is None else int(np.argmin(np.abs(maps.step - step)))
