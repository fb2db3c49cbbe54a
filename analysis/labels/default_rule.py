"""Chooses the rule that labels a root's runs if none is named, and checks whether a rule fits the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from grokjax.analysis.labels.rules import ENTRY_POINTS, ArticleRule, NamedRule, classify, make_rule, rules
from grokjax.analysis.labels.thresholds import Setting
from grokjax.entry_points import why_left_out
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs

# A run counts as fitted, whatever its rule says, if it reached this accuracy.
FITTED = "first_step_train_accuracy_99"


def choose_rule(
    root: str | Path | Root, runs: pd.DataFrame, name: str | None = None, thresholds: Mapping[str, Setting] | Sequence[str] = ()
) -> NamedRule:
    """The rule with the given name; by default the one that the root's specs name, else one that fits the task.

    If the specs name no rule, or several, the article's rule is chosen for the task it was made for, where losses fall far enough
    for it; `crossing` for all other tasks.

    Args:
      root: where the sweep was run to.
      runs: its runs, or some of them.
      name: of a rule in `rules.rules()`.
      thresholds: by name, or each written as NAME=VALUE; the others keep their defaults.

    Raises:
      AnalysisError: no such rule, no such threshold, or one out of range; or the rule that the specs name is not installed.
    """
    if name is None:
        named = spec_rules(root)
        name = next(iter(named)) if len(named) == 1 else _fitting(runs)
        if name not in rules():
            raise AnalysisError(
                f"the spec in {root} names the rule {name}, which is not installed; "
                f"install the package that provides it, or choose a rule: {', '.join(rules())}{why_left_out(ENTRY_POINTS)}"
            )
    return make_rule(name, thresholds)


def spec_rules(root: str | Path | Root) -> frozenset[str]:
    """The rules that the specs of a root name."""
    return frozenset(spec.rule for spec in read_specs(Root.open(root)) if spec.rule)


def misfit(runs: pd.DataFrame, rule: NamedRule) -> str | None:
    """A warning if a rule was made for another task and labels runs `fail` although they fit their training data; else None.

    Commands, figures and the report show it next to the labels.
    """
    foreign = sorted(set(runs["task"].dropna().astype(str)) - rule.tasks) if rule.tasks and "task" in runs else []
    if not foreign:
        return None
    failed = ((classify(runs, rule) == "fail") & runs["task"].isin(foreign)).to_numpy(bool)
    wrong = int((failed & runs[FITTED].notna().to_numpy(bool)).sum()) if FITTED in runs else int(failed.sum())
    if not wrong:
        return None
    return (
        f"the rule {rule.name} was made for {', '.join(sorted(rule.tasks))}, not for {', '.join(foreign)}: it calls {wrong:,} of "
        f"{len(runs):,} runs fail that reach 99 % train accuracy; use another rule, such as {_fitting(runs)}, or other thresholds"
    )


def _fitting(runs: pd.DataFrame) -> str:
    made_for = "task" not in runs or runs["task"].isin(ArticleRule.tasks).all()
    return ArticleRule.name if made_for else "crossing"
