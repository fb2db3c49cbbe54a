"""Options that say which runs a command reads, what labels them, and which hyperparameters span the map."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from cyclopts import Group, Parameter

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import CROSSINGS, RULES, ArticleRule, NamedRule, classify
from grokjax.analysis.labels.thresholds import told
from grokjax.analysis.statistics.delays import Kind
from grokjax.analysis.statistics.grid import SEEDS, PhaseGrid, choose_axes, phase_grid, varied_hyperparameters
from grokjax.analysis.tables.load import load_runs
from grokjax.config import hyperparameter_fields
from grokjax.errors import AnalysisError, nearest
from grokjax.scripts.options import SETTING
from grokjax.sweeps.execute.enter import planned_runs, specs_of
from grokjax.sweeps.spec.axes import parse_setting
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.layout import Store
from grokjax.sweeps.store.read import OnBadFile

RUNS = Group("Runs", sort_key=22)


@Parameter(name="*", group=RUNS)
@dataclass(frozen=True, kw_only=True)
class BadFiles:
    """What to do about a file of the root that cannot be read."""

    skip_bad_files: bool = False
    """Leave out files that are missing, truncated or not grokjax's, and name them, instead of stopping."""

    @property
    def on_bad_file(self) -> OnBadFile:
        """What the loaders do about a file that cannot be read."""
        return "skip" if self.skip_bad_files else "raise"


@Parameter(name="*", group=RUNS)
@dataclass(frozen=True, kw_only=True)
class Selection(BadFiles):
    """Which runs of a root a command reads."""

    where: Annotated[tuple[str, ...], Parameter(metavar=SETTING)] = ()
    """Only runs with this value; a list a,b,c or a range 0..4 allows several. Repeatable: all conditions must hold."""

    @property
    def title(self) -> str | None:
        """The conditions, for a figure's title; None without any."""
        return ", ".join(self.where) or None

    def runs(self, root: str) -> pd.DataFrame:
        """The runs table of a root, narrowed to the conditions."""
        return chosen_runs(root, self.where, self.on_bad_file)

    def missing(self, root: str, runs: pd.DataFrame) -> int:
        """How many planned runs that meet the conditions are not among `runs`."""
        return missing_runs(root, self.where, runs)

    def warn_of_missing(self, root: str, runs: pd.DataFrame) -> int:
        """Says on standard error how many planned runs are missing, if any; returns the number."""
        if missing := self.missing(root, runs):
            sys.stderr.write(f"partial: {missing:,} of {missing + len(runs):,} runs are still missing\n")
        return missing


@Parameter(name="*", group=Group("Labels", sort_key=23))
@dataclass(frozen=True, kw_only=True)
class Labels:
    """The rule that labels the runs."""

    rule: Annotated[
        str | None,
        Parameter(
            metavar="NAME",
            show_default="the spec's, else one that fits the task",
            help=f"Rule that labels the runs: {', '.join(RULES)}.",
        ),
    ] = None
    threshold: Annotated[tuple[str, ...], Parameter(metavar=SETTING)] = ()
    """Set a threshold of the rule. Repeatable."""

    def choose(self, root: str, runs: pd.DataFrame) -> NamedRule:
        """The rule for these runs of a root, with its thresholds."""
        return choose_rule(root, runs, self.rule, list(self.threshold))


@Parameter(name="*", group=Group("Map", sort_key=24))
@dataclass(frozen=True, kw_only=True)
class Axes:
    """The hyperparameters that span the map."""

    x: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None
    """Hyperparameter on the horizontal axis."""
    y: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None
    """Hyperparameter on the vertical axis."""
    facet: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None
    """Hyperparameter with a panel for each of its values."""


@Parameter(name="*", group=Group("Delays", sort_key=24))
@dataclass(frozen=True, kw_only=True)
class Crossings:
    """The two moments between which a grokking delay lies."""

    train: Annotated[
        str, Parameter(metavar="CROSSING", help=f"When a run has fitted: a crossing of the train metric, {', '.join(CROSSINGS)}.")
    ] = "accuracy_99"
    test: Annotated[str, Parameter(metavar="CROSSING")] = "accuracy_99"
    """When a run has generalized: the same crossings, of the test metric."""
    kind: Kind = "first"
    """Which crossing counts: the first one, or the sustained one, after which the metric never drops back."""


def chosen_runs(root: str, where: Sequence[str], on_bad_file: OnBadFile = "raise") -> pd.DataFrame:
    """The runs table of `root`, narrowed to NAME=VALUE conditions. Raises AnalysisError where one names no column or no run."""
    runs = load_runs(root, on_bad_file=on_bad_file)
    for condition in where:
        kept = runs[_holds(runs, condition)]
        if kept.empty:
            name = condition.partition("=")[0]
            there = ", ".join(str(value) for value in sorted(runs[name].dropna().unique()))
            raise AnalysisError(f"--where {condition}: no run has it; {name} is {there}")
        runs = kept
    return runs


def one_cell(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, by seed, if nothing but seeds varies among them. Raises AnalysisError otherwise."""
    if varied := varied_hyperparameters(runs):
        raise AnalysisError(f"choose one cell: add --where NAME=VALUE for {_choices(runs, varied)}")
    return runs.sort_values([name for name in SEEDS if name in runs])


def one_run(runs: pd.DataFrame) -> pd.Series[Any]:
    """The run, if there is but one. Raises AnalysisError otherwise."""
    if len(runs) > 1:
        varied = [*varied_hyperparameters(runs), *(name for name in SEEDS if name in runs and runs[name].nunique() > 1)]
        raise AnalysisError(f"choose one run: add --where NAME=VALUE for {_choices(runs, varied)}")
    return runs.iloc[0]


def run_with_weights(root: str, selection: Selection) -> pd.Series[Any]:
    """The one run that meets the conditions. Raises AnalysisError if there are several, or none kept its weights."""
    runs = selection.runs(root)
    if "snapshots" in runs and not (runs["snapshots"] > 0).any():
        raise AnalysisError(f"{root} kept no weights; set snapshots in the spec's [run], and run it into another root")
    return one_run(runs)


def few(runs: pd.DataFrame, most: int) -> pd.DataFrame:
    """The runs, if a figure has room for a panel each. Raises AnalysisError otherwise."""
    if len(runs) > most:
        raise AnalysisError(f"{len(runs)} seeds are more than {most} panels can show; choose some with --where seed=0,1,2")
    return runs


def seed_labels(runs: pd.DataFrame) -> list[str]:
    """What tells the runs of a cell apart: the seeds that vary."""
    names = [name for name in SEEDS if name in runs and runs[name].nunique() > 1] or ["seed"]
    if len(names) > 1 and (runs["seed"] == runs["data_seed"]).all():
        names = ["seed"]
    return [", ".join(f"{name} {run[name]}" for name in names) for run in runs[names].to_dict("records")]


def _choices(runs: pd.DataFrame, names: Sequence[str]) -> str:
    return "; ".join(f"{name}: {', '.join(str(value) for value in sorted(runs[name].dropna().unique()))}" for name in names)


def _holds(runs: pd.DataFrame, condition: str) -> pd.Series[bool]:
    """Which runs have what NAME=VALUE asks for."""
    name, equals, text = condition.partition("=")
    if not equals:
        raise AnalysisError(f"--where {condition}: write NAME=VALUE, such as weight_decay=0.1")
    if name not in runs:
        there = ", ".join([*varied_hyperparameters(runs), *(seed for seed in SEEDS if seed in runs)])
        close = nearest(name, map(str, runs.columns)) or "; grokjax columns tells them all"
        raise AnalysisError(f"--where {condition}: there is no column {name}; the runs differ in {there}{close}")
    try:
        wanted = parse_setting(text)
    except ValueError as error:
        raise AnalysisError(f"--where {condition}: {error}") from None
    values = wanted if isinstance(wanted, list) else [wanted]
    if pd.api.types.is_numeric_dtype(runs[name]) and any(isinstance(value, str) for value in values):
        raise AnalysisError(f"--where {condition}: {name} holds numbers, got {text}")
    held: pd.Series[bool] = runs[name].isin(values)
    return held


def planned_cells(root: str, cell: Sequence[str], where: Sequence[str] = ()) -> pd.DataFrame | None:
    """The hyperparameters `cell` of every run that the specs of a root ask for, a row a run; null where a run has none such.

    With conditions, those of the runs that meet them; None if one asks for an outcome, which only a finished run has.
    """
    asked = [condition.partition("=")[0] for condition in where]
    if not set(asked) <= hyperparameter_fields().keys():
        return None
    frames = []
    for group in planned_runs(Store(root)):
        fixed: dict[str, Any] = group.template.flat()
        names = dict.fromkeys((*cell, *asked))
        columns = {name: group.columns[name] if name in group.columns else [fixed.get(name)] * len(group) for name in names}
        frames.append(pd.DataFrame(columns))
    planned = pd.concat(frames, ignore_index=True)
    for condition in where:
        planned = planned[_holds(planned, condition)]
    return planned[list(cell)]


def missing_runs(root: str, where: Sequence[str], runs: pd.DataFrame) -> int:
    """How many of the runs that the specs of a root ask for, and that meet the conditions, are not among `runs`."""
    planned = planned_cells(root, ("seed",), where)
    return 0 if planned is None else max(0, len(planned) - len(runs))


def names_of(joined: str) -> list[str]:
    """The names of a list with commas."""
    return [name.strip() for name in joined.split(",") if name.strip()]


@dataclass(frozen=True)
class LabelledGrid:
    """Runs, their phases under a rule, and the grid of these over three hyperparameters."""

    runs: pd.DataFrame
    rule: NamedRule
    phases: pd.Series[str]
    grid: PhaseGrid
    title: str | None


def labelled_grid(root: str, selection: Selection, labels: Labels, axes: Axes) -> LabelledGrid:
    """The selected runs of a root, labelled, and their grid on the axes given or on those that the sweep varies."""
    runs = selection.runs(root)
    rule = labels.choose(root, runs)
    phases = classify(runs, rule)
    x, y, facet = choose_axes(runs, axes.x, axes.y, axes.facet)
    grid = phase_grid(runs, phases, x=x, y=y, facet=facet, planned=planned_cells(root, (facet, y, x), selection.where))
    return LabelledGrid(runs, rule, phases, grid, title(selection, rule))


def title(selection: Selection, rule: NamedRule) -> str | None:
    """The title of a figure: the conditions, and the rule where it is not the published one; None without either."""
    return "; ".join((*selection.where, *(() if rule == ArticleRule() else (f"rule {told(rule)}",)))) or None


def unmade_runs(root: str, runs: pd.DataFrame, where: Sequence[str]) -> pd.DataFrame:
    """run_id and hyperparameters of the runs that the root's specs ask for and that it does not hold.

    Of the hyperparameters in `where` only values that `runs` has.
    """
    there = frozenset(runs["run_id"])
    frames = [pd.DataFrame({"run_id": []})]
    for planned in planned_runs(Store(root)):
        left = planned.only(np.array([run_id not in there for run_id in planned.run_ids], bool))
        told = {name: value for name, value in planned.template.flat().items() if name != "steps"}
        frame = pd.DataFrame({"run_id": left.run_ids}).assign(**{**told, **left.columns})
        for name in [condition.partition("=")[0] for condition in where]:
            frame = frame[frame[name].isin(runs[name])] if name in frame else frame[:0]
        frames.append(frame)
    return pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)


def refined_spec(root: str, runs: pd.DataFrame, points: pd.DataFrame) -> dict[str, Any]:
    """A spec, as TOML tables: some points with the seeds of `spec`, and for all else what the runs have."""
    spec = _largest(root, [str(name) for name in points])
    varied = [name for name in points if points[name].nunique() > 1] or list(points)[:1]
    seeds = {name: list(spec.swept[name]) for name in SEEDS if name in spec.swept}
    given = dict.fromkeys([*spec.run, *spec.swept, *points])
    alike = {name: _plain((points if name in points else runs)[name].iloc[0]) for name in given if name in runs}
    run = {name: alike.get(name, spec.run.get(name)) for name in given if name not in (*varied, *seeds)}
    written: dict[str, Any] = {
        "name": f"{spec.name.removesuffix('-refined')}-refined"[:64],
        "description": f"{len(points)} points where the boundary is least known",
        "rule": spec.rule,
        "final_states": spec.final_states,
        "leave_out": list(spec.leave_out),
        "run": {name: value for name, value in run.items() if value is not None},
        "axes": seeds,
        "zipped": [{name: [_plain(value) for value in points[name]] for name in varied}],
    }
    written = {key: value for key, value in written.items() if value or value is False}
    return written


def _largest(root: str, cell: Sequence[str]) -> SweepSpec:
    """Of the root's specs the one with most runs that knows all hyperparameters of a cell."""
    specs = [spec for spec in specs_of(Store(root)) if all(name in spec.run or name in spec.swept for name in cell)]
    if not specs:
        raise AnalysisError(f"no spec in {root} gives all of {', '.join(cell)}; choose hyperparameters that one gives")
    return max(specs, key=lambda spec: spec.size)


def _plain(value: Any) -> Any:
    """A value of a table as TOML holds it; None where there is none."""
    return None if pd.isna(value) else value.item() if hasattr(value, "item") else value
