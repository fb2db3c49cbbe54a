"""Loads the labels table of a root: the phase of each run under the chosen rule, and under every rule."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import NamedRule, classify, rules
from grokjax.analysis.tables.budget import load_as_of
from grokjax.analysis.tables.load import load_runs, runs_schema_of
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root


def load_labels(
    root: str | Path | Root, rule: NamedRule | None = None, on_bad_file: OnBadFile = "raise", budget: int | None = None
) -> pd.DataFrame:
    """The phase of each run of a root, a row per run in the order of run_id.

    Args:
      root: where the sweep was run to.
      rule: the rule for the column `phase`; as `choose_rule` chooses when None.
      on_bad_file: as for `load_runs`.
      budget: the step as of which runs are labelled; each run's last step when None.

    Returns:
      The columns run_id, `phase`, and one per rule of `rules()`, each with its default thresholds.

    Raises:
      StoreError: `root` holds no sweep, or a file is bad.
      AnalysisError: nothing is committed yet.
    """
    opened = Root.open(root)
    named = {name: make() for name, make in rules().items()}
    known = runs_schema_of(opened, on_bad_file).names
    asked = [*named.values(), *([rule] if rule else [])]
    needed = dict.fromkeys(["run_id", "task", *(column for each in asked for column in each.columns)])
    if budget is None:
        runs = load_runs(opened, [column for column in needed if column in known], on_bad_file)
    else:
        runs = load_as_of(opened, budget, on_bad_file=on_bad_file)
    columns = {"run_id": runs["run_id"], "phase": classify(runs, rule or choose_rule(opened, runs)).astype(str)}
    for name, each in named.items():
        complete = set(each.columns) <= set(known)  # a root of an older version may lack summaries
        columns[name] = classify(runs, each).astype(str) if complete else pd.Series("undecided", runs.index)
    return pd.DataFrame(columns)
