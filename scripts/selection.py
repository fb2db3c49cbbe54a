"""Option groups for which runs to read, which rule labels them, and which hyperparameters span the map."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter

from grokjax.analysis.labels.default_rule import choose_rule, misfit
from grokjax.analysis.labels.rules import RULES
from grokjax.analysis.results import Results, open_root
from grokjax.analysis.statistics.delays import Crossings
from grokjax.errors import warn
from grokjax.scripts.options import SETTING, Names
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

    def open(self, root: str, labels: Labels | None = None) -> Results:
        """The results of a root, narrowed to the conditions, as of the budget, labelled as asked."""
        results = open_root(root, self.where, self.budget, on_bad_file=self.on_bad_file)
        return results if labels is None else labels.of(results)


@Parameter(name="*", group=RUNS)
@dataclass(frozen=True, kw_only=True)
class CellSelection(Selection):
    """Which runs of a root a command reads, and what may vary among the runs that it pools."""

    mix: Annotated[Names, Parameter(show_default="none")] = ()
    """Hyperparameters whose values may be pooled, joined by commas."""

    def open(self, root: str, labels: Labels | None = None) -> Results:
        """As for `Selection`, with the hyperparameters that may be pooled."""
        return super().open(root, labels).with_mix(*self.mix or ())


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

    def of(self, results: Results) -> Results:
        """The results, labelled by the rule that was asked for. Warns if the rule does not fit the task."""
        rule = choose_rule(results.root, results.runs, self.rule, list(self.threshold))
        if warning := misfit(results.runs, rule):
            warn(warning)
        return results.with_rule(rule)


@Parameter(name="*", group=Group("Phase", sort_key=21))
@dataclass(frozen=True, kw_only=True)
class Sides:
    """The phase whose share is studied, and what it is compared with."""

    phase: str = "grok"
    """Phase whose share is studied."""
    against: Annotated[str | None, Parameter(metavar="PHASE", show_default="all others")] = None
    """Phase that it is compared with; runs of other phases do not count."""

    def __str__(self) -> str:
        return f"{self.phase} against {self.against or 'all others'}"


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


CrossingOptions = Annotated[Crossings, Parameter(name="*", group=Group("Delays", sort_key=24))]


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
