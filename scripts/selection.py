"""Option groups for which runs to read, which rule labels them, and which hyperparameters span the map."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from grokjax.analysis.labels.default_rule import choose_rule, misfit
from grokjax.analysis.labels.rules import CROSSINGS, RULES, NamedRule
from grokjax.analysis.results import Results, open_root
from grokjax.analysis.statistics.delays import Kind
from grokjax.errors import warn
from grokjax.scripts.options import SETTING
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
        """The loaders' `on_bad_file` setting."""
        return "skip" if self.skip_bad_files else "raise"


@Parameter(name="*", group=RUNS)
@dataclass(frozen=True, kw_only=True)
class Selection(BadFiles):
    """Which runs of a root a command reads."""

    where: Annotated[tuple[str, ...], Parameter(metavar=SETTING)] = ()
    """Only runs with this value; a list a,b,c or a range 0..4 allows several. Repeatable: all conditions must hold."""
    budget: Annotated[int | None, Parameter(metavar="STEP", show_default="each run's last step")] = None
    """Read runs as of this step, as if they had been trained for so many steps."""

    def open(self, root: str) -> Results:
        """The results of a root, narrowed to the conditions, as of the budget."""
        return open_root(root, self.where, self.on_bad_file, self.budget)


@Parameter(name="*", group=Group("Labels", sort_key=23))
@dataclass(frozen=True, kw_only=True)
class Labels:
    """The rule that labels the runs."""

    rule: Annotated[
        str | None,
        Parameter(
            metavar="NAME",
            show_default="the spec's, else one that fits the task",
            help=f"Rule that labels the runs: {', '.join(RULES)}, or one of an installed package.",
        ),
    ] = None
    threshold: Annotated[tuple[str, ...], Parameter(metavar=SETTING)] = ()
    """Set a threshold of the rule. Repeatable."""

    @property
    def given(self) -> bool:
        """Whether a rule was asked for."""
        return self.rule is not None or bool(self.threshold)

    def choose(self, results: Results) -> NamedRule:
        """The rule for these results, with its thresholds. Warns if it does not fit the task."""
        rule = choose_rule(results.root, results.runs, self.rule, list(self.threshold))
        if warning := misfit(results.runs, rule):
            warn(warning)
        return rule


@Parameter(name="*", group=Group("Map", sort_key=24))
@dataclass(frozen=True, kw_only=True)
class Axes:
    """The hyperparameters that span the map."""

    x: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None
    """Hyperparameter on the horizontal axis."""
    y: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None
    """Hyperparameter on the vertical axis."""
    facet: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None
    """Hyperparameter with a panel for each of its values; "none" for a single panel."""

    @property
    def names(self) -> tuple[str | None, str | None, str | None]:
        """The axes x, y and facet that were given."""
        return self.x, self.y, self.facet


@Parameter(name="*", group=Group("Delays", sort_key=24))
@dataclass(frozen=True, kw_only=True)
class Crossings:
    """The two crossings that define a grokking delay."""

    train: Annotated[
        str, Parameter(metavar="CROSSING", help=f"When a run has fitted: a crossing of the train metric, {', '.join(CROSSINGS)}.")
    ] = "accuracy_99"
    test: Annotated[str, Parameter(metavar="CROSSING")] = "accuracy_99"
    """When a run has generalized: the same crossings, of the test metric."""
    kind: Kind = "held"
    """Which crossing counts: "held", the first one if the metric still meets the threshold at the last step; "first", whatever
    comes after it; "sustained", the one after which the metric never drops back."""


def warn_of_missing(results: Results) -> None:
    """Reports on standard error how many planned runs are missing, if any."""
    if partial := partial_note(results):
        sys.stderr.write(f"{partial}\n")


def partial_note(results: Results) -> str:
    """The budget, and how many planned runs are missing, those with fewer steps than asked for included; empty if neither."""
    missing, every = len(results.missing), results.untrained + len(results.runs)
    as_of = "" if results.budget is None else f"as of step {results.budget:,}"
    partial = ""
    if missing and results.budget is not None:
        partial = f"partial: {missing:,} of {every:,} runs have not made so many steps"
    elif missing:
        partial = f"partial: {missing:,} of {every:,} runs are still missing"
        partial += f", {results.behind:,} of them with fewer steps than the others (--budget STEP)" * bool(results.behind)
    return "; ".join(filter(None, (as_of, partial)))


def names_of(joined: str) -> list[str]:
    """The names in a comma-separated list."""
    return [name.strip() for name in joined.split(",") if name.strip()]
