"""The labelling rules, one class each: its thresholds, and how they turn a run's summaries into a phase."""

from __future__ import annotations

import dataclasses
import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from grokjax.analysis.labels.columns import numbers
from grokjax.analysis.labels.conventions import CONVENTIONS, in_nats
from grokjax.analysis.labels.early_stop import AllReached, Decider
from grokjax.analysis.labels.thresholds import Setting, WithThresholds, check_names, number, option, parse_thresholds
from grokjax.entry_points import entry_points_of, why_unknown
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.store.schema import ACCURACY_THRESHOLDS, crossing_columns, threshold_label

if TYPE_CHECKING:
    import pandas as pd

PHASES = ("memorize", "grok", "generalize", "fail", "diverged", "undecided")
# Okabe and Ito's palette, which is distinguishable under all common kinds of colour blindness.
PHASE_COLORS = {
    "memorize": "#E69F00",
    "grok": "#0072B2",
    "generalize": "#009E73",
    "fail": "#8C8C8C",
    "diverged": "#000000",
    "undecided": "#CC79A7",
}
# Other packages add rules by naming their classes as entry points of this group.
ENTRY_POINTS = "grokjax.rules"

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]

# The thresholds whose crossings the runs table keeps, of train and test metrics alike: accuracy_99, loss_1e_5.
CROSSINGS = tuple(
    dict.fromkeys(
        name.removeprefix("first_step_train_") for name, metric, *_ in crossing_columns()[::2] if metric.startswith("train")
    )
)
_LATER = "how many steps after the train metric the test metric must cross for grok"


class Rule(Protocol):
    """A function from a runs table to a phase for each of its runs.

    It is called once, with the whole table, and returns a Series of phases on its index. The optional attribute `certain`
    names the phases that no later step could change, which a run that was stopped early keeps.
    """

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run, each one of PHASES, on the index of `runs`."""


@dataclass(frozen=True)
class NamedRule(WithThresholds):
    """The base class of rules that can be named on the command line, in specs and on the page.

    To add a rule, derive a frozen dataclass from this class, declare its thresholds with `thresholds.number` and
    `thresholds.option`, and name the class as an entry point of the group `grokjax.rules`.
    """

    tasks: ClassVar[frozenset[str]] = frozenset()  # that the rule was made for; any task if empty
    decides: ClassVar[bool] = False  # whether `decider` can end runs early

    @property
    def certain(self) -> frozenset[str]:
        """The phases that no later step of a run could change."""
        return frozenset()

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that the rule reads."""

    @abstractmethod
    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""

    @classmethod
    def decider(cls) -> Decider:
        """A new `Decider`, which ends one run as soon as its phase under the default thresholds is certain.

        Only rules with `decides = True` are asked for one, and `rules` refuses those that define none.
        """
        raise NotImplementedError(f"the rule {cls.name} ends no run early")


def classify(runs: pd.DataFrame, rule: Rule | str) -> pd.Series[str]:
    """The phase of each run under a rule: categorical over PHASES, on the index of `runs`.

    A run that was stopped early is `undecided` unless the rule is certain of its phase, because the remaining steps could
    have changed its phase under any rule or thresholds except those that stopped it.

    Args:
      runs: a runs table.
      rule: a rule, the name of one, or any function from the whole table to a phase for each run.

    Raises:
      AnalysisError: the table lacks a column that the rule reads, or `rule` is no such function or name.
    """
    rule = make_rule(rule) if isinstance(rule, str) else rule
    try:
        phases = align_phases(rule(runs), runs.index)
    except ValueError as error:
        if "truth value of a Series" not in str(error):
            raise
        raise AnalysisError(
            "a rule is called once, with the whole runs table, and returns a phase for each run; "
            "this one reads a single run: pass lambda runs: runs.apply(rule, axis=1)"
        ) from error
    stopped = _has_value(runs, "stopped_by")
    if not stopped.any():
        return phases
    return phases.mask(stopped & ~phases.isin(getattr(rule, "certain", ())).to_numpy(), "undecided")


def align_phases(phases: Any, index: pd.Index[Any]) -> pd.Series[str]:
    """Labels aligned to an index, as a categorical over PHASES.

    Args:
      phases: a Series, aligned by its index, or a list or array with a label for each run, in order.
      index: of the runs.

    Raises:
      AnalysisError: a label is not one of PHASES, or a run has no label.
    """
    import pandas as pd  # noqa: PLC0415  (half a second that workers, who know rules by name alone, do not need)

    if not isinstance(phases, pd.Series):
        if isinstance(phases, str | pd.DataFrame) or not hasattr(phases, "__len__") or len(phases) != len(index):
            raise AnalysisError(f"labels are a Series with a phase for each run, got {type(phases).__name__}")
        phases = pd.Series(phases, index=index)
    phases = align(phases, index, "label")
    if not isinstance(phases.dtype, pd.CategoricalDtype) or tuple(phases.cat.categories) != PHASES:
        unknown = sorted({str(label) for label in phases.dropna().unique()} - set(PHASES))
        if unknown:
            close = nearest(unknown[0], PHASES)
            raise AnalysisError(f"{unknown[0]} is not a phase; a label is one of {', '.join(PHASES)}{close}")
        phases = pd.Series(pd.Categorical(phases.astype(object), categories=PHASES), index=index, name="phase")
    labels: pd.Series[str] = phases
    if missing := int(labels.isna().sum()):
        raise AnalysisError(f"{missing} of {len(index)} runs have a null label; use undecided where a rule cannot tell")
    return labels


def align(found: Any, index: pd.Index[Any], what: str) -> Any:
    """A Series or table with a row for each run, in the order of the runs; `what` names a row in the message.

    Raises:
      AnalysisError: a run has no row, or rows cannot be told apart.
    """
    if found.index.equals(index):
        return found
    if absent := int((~index.isin(found.index)).sum()) if found.index.is_unique else len(index):
        raise AnalysisError(
            f"{absent} of {len(index)} runs have no {what}: {what}s and runs have different indexes; "
            "compute them from the same table"
        )
    return found.reindex(index)


@functools.cache
def rules() -> Mapping[str, type[NamedRule]]:
    """Every rule by name: the built-in ones, then those that installed packages name as entry points of `grokjax.rules`.

    One that cannot be imported, is not a rule, lacks a method or has a name that is taken is left out with a warning.
    """
    found = dict(RULES)
    for rule in entry_points_of(ENTRY_POINTS, lambda rule: _problem_with(rule, found)):
        found[rule.name] = rule
    return found


def _problem_with(rule: Any, known: Mapping[str, type[NamedRule]]) -> str | None:
    if not (isinstance(rule, type) and issubclass(rule, NamedRule)) or "name" not in vars(rule):
        return f"is not a rule: a rule is a class with a name, derived from {NamedRule.__module__}.NamedRule"
    lacking = [name for name in ("columns", "__call__") if getattr(rule, name) is getattr(NamedRule, name)]
    own = rule.__mro__[: rule.__mro__.index(NamedRule)]
    if rule.decides and not any("decider" in vars(base) for base in own):
        lacking.append("decider")
    if lacking:
        return f"lacks {' and '.join(lacking)}"
    if plain := [field.name for field in dataclasses.fields(rule) if "threshold" not in field.metadata]:
        return f"declares {' and '.join(plain)} without its allowed values; use thresholds.number or thresholds.option"
    rule()  # with its defaults, which must be allowed
    return f"has the name {rule.name}, which another rule has; give it another name" if rule.name in known else None


def is_built_in(rule: Rule) -> bool:
    """Whether a rule is one of this package's, which the report page can compute itself."""
    return type(rule) in RULES.values()


def deciders() -> Mapping[str, Callable[[], Decider]]:
    """For each rule under which runs can end early, by name, the function that makes a run's `Decider`."""
    return {name: rule.decider for name, rule in rules().items() if rule.decides}


def make_rule(name: str, thresholds: Mapping[str, Setting] | Sequence[str] = ()) -> NamedRule:
    """The rule with the given name and thresholds; other thresholds have their defaults.

    Args:
      name: of a rule in `rules()`.
      thresholds: by name, or each written as NAME=VALUE.

    Raises:
      AnalysisError: no such rule, no such threshold, or one out of range.
    """
    known = rules()
    if name not in known:
        hint = why_unknown(name, known, ENTRY_POINTS)
        raise AnalysisError(f"there is no rule {name}; the rules are {', '.join(known)}{hint}")
    rule: Any = known[name]
    settings: Mapping[str, Any] = thresholds if isinstance(thresholds, Mapping) else parse_thresholds(rule, list(thresholds))
    check_names(rule, settings)
    made: NamedRule = rule(**settings)
    return made


@dataclass(frozen=True)
class ArticleRule(NamedRule):
    """The rule of the published sparse-parity sweep. The first of these conditions that holds decides:

    least train loss above `loss_threshold`: fail; least test loss above it: memorize; greatest ratio of test to train loss below
    `ratio_threshold`: generalize; otherwise grok.

    A run in which a metric was not finite is `diverged`, unless it is `grok`, which later steps cannot change: minima only fall,
    and the greatest ratio only rises. A run whose summaries are missing is `undecided`.
    """

    name: ClassVar[str] = "article"
    source: ClassVar[str] = "Pearce et al. 2023, Do Machine Learning Models Memorize or Generalize?"
    tasks: ClassVar[frozenset[str]] = frozenset({"sparse_parity"})
    decides: ClassVar[bool] = True

    loss_threshold: float = number(1e-5, 1e-16, 1e3, "what the least train and test loss must reach", "nats")
    ratio_threshold: float = number(5e4, 1, 1e16, "what the greatest test loss / train loss must reach", "1")
    loss_convention: str = option("per_example", tuple(CONVENTIONS), "the convention that loss_threshold is written in")

    @property
    def certain(self) -> frozenset[str]:
        """Only `grok`: for any other phase a loss may still fall, or the ratio rise, past its threshold."""
        return frozenset({"grok"})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that the rule reads."""
        classes = ("num_classes", "task", "modulus", "permuted") if self.loss_convention == "per_class" else ()
        return ("min_train_loss", "min_test_loss", "max_loss_ratio", "diverged_step", *classes)

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test, ratio = (numbers(runs, name) for name in self.columns[:3])
        fitted, generalized, late = self._reached(train, test, ratio, in_nats(self.loss_threshold, self.loss_convention, runs))
        return _first_true(
            runs,
            ("grok", fitted & generalized & late),
            ("diverged", _has_value(runs, "diverged_step")),
            ("undecided", np.isnan(train)),
            ("fail", ~fitted),
            ("undecided", np.isnan(test)),
            ("memorize", ~generalized),
            ("undecided", np.isnan(ratio)),
            ("generalize", np.ones(len(runs), bool)),
        )

    def _reached(self, train_loss: Numbers, test_loss: Numbers, ratio: Numbers, loss: Any) -> Flags:
        """Whether each of the three thresholds is reached, [3, n], by n runs' extremes or one run's n rows. All three mean grok."""
        return np.stack([train_loss <= loss, test_loss <= loss, ratio >= self.ratio_threshold])

    @classmethod
    def decider(cls) -> Decider:
        """Ends a run once both losses and their ratio have each reached its threshold, after which the run is `grok` for good.

        No other phase is certain before the last step.
        """
        rule = cls()

        def reached(rows: Mapping[str, Any]) -> Flags:
            train, test = (rows[name].astype(np.float64) for name in ("train_loss", "test_loss"))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                return rule._reached(train, test, test / train, rule.loss_threshold)

        return AllReached(reached)


@dataclass(frozen=True)
class AccuracyDelayRule(NamedRule):
    """The rule of the representation-learning phase diagrams: compares the first steps at which the accuracies reach `accuracy`.

    Neither within `budget` steps: fail (the paper's confusion). Train alone: memorize. Both, test less than `delay` steps after
    train, or before it: generalize (the paper's comprehension). Both, test more than `delay` steps after train: grok.

    Two cases are in none of the published phases and are `undecided`: a delay of exactly `delay` steps, and only test accuracy
    reached. A
    run is `diverged` if a metric was not finite before both were reached. A run shorter than `budget` is judged by the steps it
    made.
    """

    name: ClassVar[str] = "accuracy_delay"
    source: ClassVar[str] = "Liu et al. 2022, Towards Understanding Grokking: An Effective Theory of Representation Learning"

    accuracy: float = option(0.9, ACCURACY_THRESHOLDS, "the accuracy to reach", "share")
    delay: float = number(1000, 1, 1e9, _LATER, "steps")
    budget: float = number(1e5, 1, 1e12, "the last step at which reaching it counts", "steps")

    @property
    def certain(self) -> frozenset[str]:
        """`grok` and `generalize`: a first step, once reached, does not change."""
        return frozenset({"grok", "generalize"})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that the rule reads."""
        label = threshold_label("accuracy", self.accuracy)
        return (f"first_step_train_accuracy_{label}", f"first_step_test_accuracy_{label}", "diverged_step")

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test = (numbers(runs, name) for name in self.columns[:2])
        train, test = (np.where(step <= self.budget, step, np.nan) for step in (train, test))
        return _first_true(runs, ("undecided", test - train == self.delay), *_by_delay(runs, train, test, self.delay))


@dataclass(frozen=True)
class CrossingRule(NamedRule):
    """Labels by the steps at which the train and the test metric cross their thresholds, for any crossing in the runs table.

    Neither crosses: fail. Train alone: memorize. Both, test at least `delay` steps after train: grok, otherwise generalize. Test
    alone: undecided.

    `kind` says which crossing counts. `first`: the first one, whatever comes after it. `sustained`: the one after which the metric
    never drops back; a passing spike moves it. `held`: the first one, counted only if the metric still meets the threshold at the
    last step; a spike does not move it, and a run that forgets is not called grok. A run in which a metric was not finite is
    `diverged`, unless first crossings count and it had both before.
    """

    name: ClassVar[str] = "crossing"
    source: ClassVar[str] = "first passage and last exit of a threshold; 99 % as in Power et al. 2022, Grokking"

    train: str = option("accuracy_99", CROSSINGS, "the threshold of the train metric")
    test: str = option("accuracy_99", CROSSINGS, "the threshold of the test metric")
    kind: str = option("held", ("first", "sustained", "held"), "which crossing counts")
    delay: float = number(1000, 1, 1e9, _LATER, "steps")

    @property
    def certain(self) -> frozenset[str]:
        """`grok` and `generalize` if first crossings count, which do not change; other crossings may still be lost."""
        return frozenset({"grok", "generalize"}) if self.kind == "first" else frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that the rule reads."""
        kinds = ("first", "sustained") if self.kind == "held" else (self.kind,)
        return (
            *(f"{kind}_step_{part}" for kind in kinds for part in (f"train_{self.train}", f"test_{self.test}")),
            "diverged_step",
        )

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test, *stays = (numbers(runs, name) for name in self.columns[:-1])
        if stays:
            train, test = (np.where(np.isnan(at_end), np.nan, step) for step, at_end in zip((train, test), stays, strict=True))
        return _first_true(runs, *_by_delay(runs, train, test, self.delay))


@dataclass(frozen=True)
class FinalRule(NamedRule):
    """Labels by the accuracies at the last logged step.

    Neither is high: fail. Train alone: memorize. Test alone: undecided. Both: grok if the test loss was ever `ratio_threshold`
    times the train loss, as it is while generalization is delayed, otherwise generalize. A run in which a metric was not finite is
    `diverged`.
    """

    name: ClassVar[str] = "final"
    source: ClassVar[str] = "accuracies at the end of training, as in tables of final results"

    train_accuracy: float = number(0.99, 0, 1, "train accuracy that counts as fitted", "share", log=False)
    test_accuracy: float = number(0.99, 0, 1, "test accuracy that counts as generalized", "share", log=False)
    ratio_threshold: float = number(100, 1, 1e16, "what the greatest test loss / train loss must reach for grok", "1")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that the rule reads."""
        return ("final_train_accuracy", "final_test_accuracy", "max_loss_ratio", "diverged_step")

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test, ratio = (numbers(runs, name) for name in self.columns[:3])
        fitted, generalized = (_reaches(*pair) for pair in ((train, self.train_accuracy), (test, self.test_accuracy)))
        return _first_true(
            runs,
            ("diverged", _has_value(runs, "diverged_step")),
            ("undecided", np.isnan(train) | np.isnan(test) | (generalized & ~fitted)),
            ("fail", ~fitted),
            ("memorize", ~generalized),
            ("undecided", np.isnan(ratio)),
            ("grok", ratio >= self.ratio_threshold),
            ("generalize", np.ones(len(runs), bool)),
        )


RULES: Mapping[str, type[NamedRule]] = {rule.name: rule for rule in (ArticleRule, AccuracyDelayRule, CrossingRule, FinalRule)}


def _by_delay(runs: pd.DataFrame, train: Numbers, test: Numbers, delay: float) -> tuple[tuple[str, Flags], ...]:
    """Masks [R] per phase from the steps [R] at which the train and test metric crossed their thresholds (NaN if never)."""
    fitted, generalized = ~np.isnan(train), ~np.isnan(test)
    return (
        ("grok", test - train >= delay),
        ("generalize", fitted & generalized),
        ("diverged", _has_value(runs, "diverged_step")),
        ("memorize", fitted),
        ("undecided", generalized),
        ("fail", np.ones(len(runs), bool)),
    )


def _first_true(runs: pd.DataFrame, *questions: tuple[str, Flags]) -> pd.Series[str]:
    """For each run, the first phase with a true entry in its mask [R]."""
    import pandas as pd  # noqa: PLC0415

    codes = np.select([answers for _, answers in questions], [np.int8(PHASES.index(phase)) for phase, _ in questions], np.int8(-1))
    return pd.Series(pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(PHASES))), index=runs.index, name="phase")


def _reaches(values: Numbers, threshold: float) -> Flags:
    """Whether float32 values [R] reach a threshold, which is first rounded to float32 too."""
    with np.errstate(over="ignore"):  # no accuracy, but a table may hold any number
        reached: Flags = values.astype(np.float32) >= np.float32(threshold)
    return reached


def _has_value(runs: pd.DataFrame, name: str) -> Flags:
    """Whether each entry of a column is not null, [R]; all False if the table lacks it, as published tables do."""
    return runs[name].notna().to_numpy(dtype=bool) if name in runs else np.zeros(len(runs), bool)
