"""Which rule labels the runs of a root, where it is not said on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from grokjax.analysis.labels.rules import NamedRule, make_rule
from grokjax.analysis.labels.thresholds import Setting
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs


def choose_rule(
    root: str | Path | Root, runs: pd.DataFrame, name: str | None = None, thresholds: Mapping[str, Setting] | Sequence[str] = ()
) -> NamedRule:
    """The rule called `name`; without one, the rule that the root's specs name; if they name none, or several, one that fits.

    The article's fits 1s and 0s, whose losses fall as far as it asks, and crossings of accuracies fit all other tasks.

    Args:
      root: where the sweep was run to.
      runs: its runs, or some of them.
      name: of a rule of `rules.RULES`.
      thresholds: by name, or written as NAME=VALUE; those not given have their defaults.

    Raises:
      AnalysisError: no such rule, no such threshold, or one out of range.
    """
    if name is None:
        named = spec_rules(root)
        name = next(iter(named)) if len(named) == 1 else _fitting(runs)
    return make_rule(name, thresholds)


def spec_rules(root: str | Path | Root) -> frozenset[str]:
    """The names of the rules that the specs in a root name."""
    return frozenset(spec.rule for spec in read_specs(Root.open(root)) if spec.rule)


def _fitting(runs: pd.DataFrame) -> str:
    return "article" if "task" not in runs or (runs["task"] == "sparse_parity").all() else "crossing"
