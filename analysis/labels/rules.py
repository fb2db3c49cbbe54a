"""Rules: from the summaries of runs to their phases. A rule is frozen, cheap, and never stored with the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

from grokjax.analysis.labels.conventions import CONVENTIONS, in_nats
from grokjax.analysis.labels.early_stop import LOSS_THRESHOLD, RATIO_THRESHOLD
from grokjax.analysis.labels.thresholds import Setting, WithThresholds, check_names, number, option, parse_thresholds
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.store.schema import ACCURACY_THRESHOLDS, crossing_columns, threshold_label

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

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]

# The crossings that the runs table keeps of train and of test metrics alike: accuracy_99, loss_1e_5.
CROSSINGS = tuple(
    dict.fromkeys(
        name.removeprefix("first_step_train_") for name, metric, *_ in crossing_columns()[::2] if metric.startswith("train")
    )
)
_LATER = "how much later than the train metric the test metric gets there"


class Rule(Protocol):
    """Anything that labels runs. Where it has an attribute `certain`, no later step of a run could take those phases back."""

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run: categorical over PHASES, on the index of `runs`."""


@dataclass(frozen=True)
class ArticleRule(WithThresholds):
    """The rule of the published 1s-and-0s sweep, in this order:

    least train loss above `loss_threshold`: fail; least test loss above it: memorize; greatest ratio of test to train loss below
    `ratio_threshold`: generalize; otherwise grok.

    A run that met a value that is not finite is `diverged`, unless it is `grok`, which nothing later can change: minima only fall,
    and the ratio's maximum only rises. One whose summaries are missing is `undecided`.
    """

    name: ClassVar[str] = "article"
    source: ClassVar[str] = "Pearce et al. 2023, Do Machine Learning Models Memorize or Generalize?"

    loss_threshold: float = number(LOSS_THRESHOLD, 1e-16, 1e3, "what the least train and test loss must reach", "nats")
    ratio_threshold: float = number(RATIO_THRESHOLD, 1, 1e16, "what the greatest test loss / train loss must reach", "1")
    loss_convention: str = option("per_example", tuple(CONVENTIONS), "the convention that loss_threshold is written in")

    @property
    def certain(self) -> frozenset[str]:
        """Only `grok`: a loss may still fall, a ratio still rise."""
        return frozenset({"grok"})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that it looks at."""
        classes = ("task", "modulus", "permuted") if self.loss_convention == "per_class" else ()
        return ("min_train_loss", "min_test_loss", "max_loss_ratio", "diverged_step", *classes)

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test, ratio = (_numbers(runs, name) for name in self.columns[:3])
        loss = in_nats(self.loss_threshold, self.loss_convention, runs)
        return _phases(
            runs,
            ("grok", (train <= loss) & (test <= loss) & (ratio >= self.ratio_threshold)),
            ("diverged", _told(runs, "diverged_step")),
            ("undecided", np.isnan(train)),
            ("fail", train > loss),
            ("undecided", np.isnan(test)),
            ("memorize", test > loss),
            ("undecided", np.isnan(ratio)),
            ("generalize", np.ones(len(runs), bool)),
        )


@dataclass(frozen=True)
class AccuracyDelayRule(WithThresholds):
    """The rule of the phase diagrams of representation learning, by the first steps at which accuracies are reached:

    neither within `budget` steps: fail (there: confusion); train only: memorize; both, the test accuracy less than `delay` steps
    after the train accuracy, or before it: generalize (there: comprehension); more than `delay` steps after it: grok.

    Two cases are in none of the published phases and are `undecided`: exactly `delay` steps, and test accuracy alone. A run that
    met a value that is not finite before it reached both is `diverged`. A run shorter than `budget` is judged by the steps it made.
    """

    name: ClassVar[str] = "accuracy_delay"
    source: ClassVar[str] = "Liu et al. 2022, Towards Understanding Grokking: An Effective Theory of Representation Learning"

    accuracy: float = option(0.9, ACCURACY_THRESHOLDS, "the accuracy to reach", "share")
    delay: float = number(1000, 1, 1e9, _LATER, "steps")
    budget: float = number(1e5, 1, 1e12, "the last step at which reaching it counts", "steps")

    @property
    def certain(self) -> frozenset[str]:
        """Once both accuracies were reached nothing changes any more."""
        return frozenset({"grok", "generalize"})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that it looks at."""
        label = threshold_label("accuracy", self.accuracy)
        return (f"first_step_train_accuracy_{label}", f"first_step_test_accuracy_{label}", "diverged_step")

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test = (_numbers(runs, name) for name in self.columns[:2])
        train, test = (np.where(step <= self.budget, step, np.nan) for step in (train, test))
        return _phases(runs, ("undecided", test - train == self.delay), *_by_delay(runs, train, test, self.delay))


@dataclass(frozen=True)
class CrossingRule(WithThresholds):
    """Labels by the steps at which the train and the test metric cross thresholds that the runs table keeps.

    Neither crosses: fail; train alone: memorize; both, test at least `delay` steps after train: grok, else generalize; test alone:
    undecided. `kind` says which crossing counts. The `first` one may be lost again. The `sustained` one is that after which the
    metric stays to the run's end, which a passing spike moves. A `held` one is dated as the first and counts only if the metric is
    there at the end: a spike moves nothing, and a run that loses what it had is not called grok. A run that met a value that is not
    finite is `diverged`, unless first crossings count and it had both.
    """

    name: ClassVar[str] = "crossing"
    source: ClassVar[str] = "first passage and last exit of a threshold; 99 % as in Power et al. 2022, Grokking"

    train: str = option("accuracy_99", CROSSINGS, "the threshold of the train metric")
    test: str = option("accuracy_99", CROSSINGS, "the threshold of the test metric")
    kind: str = option("held", ("first", "sustained", "held"), "which crossing counts")
    delay: float = number(1000, 1, 1e9, _LATER, "steps")

    @property
    def certain(self) -> frozenset[str]:
        """First crossings stay what they are; any other may still be lost."""
        return frozenset({"grok", "generalize"}) if self.kind == "first" else frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that it looks at."""
        kinds = ("first", "sustained") if self.kind == "held" else (self.kind,)
        return (
            *(f"{kind}_step_{part}" for kind in kinds for part in (f"train_{self.train}", f"test_{self.test}")),
            "diverged_step",
        )

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test, *stays = (_numbers(runs, name) for name in self.columns[:-1])
        if stays:
            train, test = (np.where(np.isnan(at_end), np.nan, step) for step, at_end in zip((train, test), stays, strict=True))
        return _phases(runs, *_by_delay(runs, train, test, self.delay))


@dataclass(frozen=True)
class FinalRule(WithThresholds):
    """Labels by the state at the last logged step: which accuracies hold there.

    Neither: fail; train alone: memorize; both: grok if the test loss was ever `ratio_threshold` times the train loss, which is what
    a delay leaves behind, else generalize; test alone: undecided. A run that met a value that is not finite is `diverged`.
    """

    name: ClassVar[str] = "final"
    source: ClassVar[str] = "accuracies at the end of training, as in tables of final results"

    train_accuracy: float = number(0.99, 0, 1, "train accuracy that counts as fitted", "share", log=False)
    test_accuracy: float = number(0.99, 0, 1, "test accuracy that counts as generalized", "share", log=False)
    ratio_threshold: float = number(100, 1, 1e16, "what the greatest test loss / train loss must reach for grok", "1")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the runs table that it looks at."""
        return ("final_train_accuracy", "final_test_accuracy", "max_loss_ratio", "diverged_step")

    def __call__(self, runs: pd.DataFrame) -> pd.Series[str]:
        """The phase of each run."""
        train, test, ratio = (_numbers(runs, name) for name in self.columns[:3])
        # Accuracies are stored in float32 precision; a share such as 0.99 must reach itself.
        fitted, generalized = (_reaches(*pair) for pair in ((train, self.train_accuracy), (test, self.test_accuracy)))
        return _phases(
            runs,
            ("diverged", _told(runs, "diverged_step")),
            ("undecided", np.isnan(train) | np.isnan(test) | (generalized & ~fitted)),
            ("fail", ~fitted),
            ("memorize", ~generalized),
            ("undecided", np.isnan(ratio)),
            ("grok", ratio >= self.ratio_threshold),
            ("generalize", np.ones(len(runs), bool)),
        )


NamedRule = ArticleRule | AccuracyDelayRule | CrossingRule | FinalRule
RULES: Mapping[str, type[NamedRule]] = {rule.name: rule for rule in (ArticleRule, AccuracyDelayRule, CrossingRule, FinalRule)}


def make_rule(name: str, thresholds: Mapping[str, Setting] | Sequence[str] = ()) -> NamedRule:
    """The rule of that name, with thresholds by name, or written as NAME=VALUE.

    Raises:
      AnalysisError: no such rule, no such threshold, or one out of range.
    """
    if name not in RULES:
        raise AnalysisError(f"there is no rule {name}; the rules are {', '.join(RULES)}{nearest(name, RULES)}")
    rule = RULES[name]
    settings: Mapping[str, Any] = thresholds if isinstance(thresholds, Mapping) else parse_thresholds(rule, list(thresholds))
    check_names(rule, settings)
    return rule(**settings)


def classify(runs: pd.DataFrame, rule: Rule) -> pd.Series[str]:
    """The phase of each run under a rule.

    A run that was stopped early is `undecided`, unless its phase is one that the rule is certain of: under another rule, or other
    thresholds, than those that stopped it, what it would have become is not known.
    """
    phases = rule(runs)
    stopped = _told(runs, "stopped_by")
    if not stopped.any():
        return phases
    return phases.mask(stopped & ~phases.isin(getattr(rule, "certain", ())).to_numpy(), "undecided")


def _by_delay(runs: pd.DataFrame, train: Numbers, test: Numbers, delay: float) -> tuple[tuple[str, Flags], ...]:
    """Questions about the steps, NaN where never, at which the train and the test metric got there."""
    fitted, generalized = ~np.isnan(train), ~np.isnan(test)
    return (
        ("grok", test - train >= delay),
        ("generalize", fitted & generalized),
        ("diverged", _told(runs, "diverged_step")),
        ("memorize", fitted),
        ("undecided", generalized),
        ("fail", np.ones(len(runs), bool)),
    )


def _phases(runs: pd.DataFrame, *questions: tuple[str, Flags]) -> pd.Series[str]:
    """The phase of the first question that is true of a run, in order."""
    codes = np.select([holds for _, holds in questions], [np.int8(PHASES.index(phase)) for phase, _ in questions], np.int8(-1))
    return pd.Series(pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(PHASES))), index=runs.index, name="phase")


def _reaches(values: Numbers, threshold: float) -> Flags:
    reached: Flags = values.astype(np.float32) >= np.float32(threshold)
    return reached


def _told(runs: pd.DataFrame, name: str) -> Flags:
    """Where a column says something; nowhere if the table has no such column, as published ones have not."""
    return runs[name].notna().to_numpy(dtype=bool) if name in runs else np.zeros(len(runs), bool)


def _numbers(runs: pd.DataFrame, name: str) -> Any:
    if name not in runs:
        raise AnalysisError(f"the rule needs the column {name}, and the table has {', '.join(map(str, runs.columns))}")
    try:
        return runs[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise AnalysisError(f"the rule needs numbers in the column {name}; it holds {runs[name].iloc[0]!r}") from None
