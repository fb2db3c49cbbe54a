"""Compares labels of the same runs under several rules, and under changed thresholds of one rule."""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import CROSSINGS, PHASES, NamedRule, classify, make_rule
from grokjax.analysis.labels.thresholds import Setting, check_names, describe_rule, thresholds_of
from grokjax.analysis.statistics.cells import cell_names, cells_of, check_cell
from grokjax.analysis.statistics.grid import count_phases, wilson_interval
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.schema import ACCURACY_THRESHOLDS

Shares = np.ndarray[Any, np.dtype[np.float64]]

# Settings of thresholds times cells that a sensitivity map may have.
MOST_ROWS = 5_000_000


@dataclass(frozen=True)
class Agreement:
    """The labels of the same runs under several rules, and how far they agree.

    `labels` has a row per run and a column per rule. `table` has a row per pair of rules: the number of `runs`, the share
    `agreement` of them with the same phase, its Wilson interval `low` to `high`, and Cohen's `kappa` (Cohen 1960), which is NaN
    where both rules give every run the same phase. Diverged and undecided count as phases.
    """

    labels: pd.DataFrame
    table: pd.DataFrame

    def confusion(self, first: str, second: str) -> pd.DataFrame:
        """The number of runs with each phase under the first rule (rows) and under the second (columns), [P, P].

        Raises:
          AnalysisError: there is no such rule among the labels.
        """
        for name in (first, second):
            if name not in self.labels:
                raise AnalysisError(f"no rule {name} was compared; there are {'; '.join(map(str, self.labels))}")
        counts = pd.crosstab(self.labels[first], self.labels[second])
        return counts.reindex(index=list(PHASES), columns=list(PHASES), fill_value=0)

    @property
    def differing(self) -> pd.DataFrame:
        """The labels of the runs on which the rules disagree."""
        return self.labels[self.labels.astype(str).nunique(axis=1) > 1]

    def _repr_html_(self) -> str:
        return self.table.to_html(notebook=True)


def agreement(runs: pd.DataFrame, rules: Sequence[NamedRule], confidence: float = 0.95) -> Agreement:
    """Labels a runs table by each of several rules and compares the labels of each pair.

    Raises:
      AnalysisError: fewer than two different rules, no runs, or a rule's columns are missing.
    """
    named = {describe_rule(rule): rule for rule in rules}
    if len(named) < 2 or len(named) < len(rules):
        got = ", ".join(map(describe_rule, rules)) or "none"
        raise AnalysisError(f"agreement needs at least two different rules, got {got}")
    if runs.empty:
        raise AnalysisError("agreement of no runs is not defined; choose other runs")
    labels = pd.DataFrame({name: classify(runs, rule) for name, rule in named.items()}, index=runs.index)
    rows = []
    for first, second in itertools.combinations(labels, 2):
        same = int((labels[first].cat.codes == labels[second].cat.codes).sum())
        low, high = wilson_interval(same, len(labels), confidence)
        kappa = cohens_kappa(labels[first], labels[second])
        rows.append((first, second, len(labels), same / len(labels), float(low), float(high), kappa))
    return Agreement(labels, pd.DataFrame(rows, columns=["first", "second", "runs", "agreement", "low", "high", "kappa"]))


def cohens_kappa(first: pd.Series[Any], second: pd.Series[Any]) -> float:
    """Cohen's kappa of two labellings of the same runs; NaN where both give every run the same phase."""
    from sklearn.metrics import cohen_kappa_score  # noqa: PLC0415  (a second to load)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the division that gives NaN
        return float(cohen_kappa_score(first.astype(str), second.astype(str), labels=list(PHASES)))


def sensitivity(
    runs: pd.DataFrame,
    rule: NamedRule,
    settings: Mapping[str, Sequence[Setting]] | None = None,
    *,
    x: str,
    y: str,
    facet: str | None = None,
    mix: Sequence[str] = (),
) -> pd.DataFrame:
    """How the shares of each cell change with the thresholds of a rule.

    Args:
      runs: a runs table.
      rule: the rule whose thresholds are varied.
      settings: values of its thresholds by name, tried in all combinations; `nearby(rule, runs)` when None.
      x, y, facet: the hyperparameters that make a cell.
      mix: other hyperparameters whose values a cell may mix.

    Returns:
      A row per setting of the thresholds and cell: the thresholds, the cell, `phase` and for each phase p `p_share` as in
      `phase_grid`, `distance`: half the sum over phases of `|share - share under rule|`, from 0 (nothing changed) to 1
      (every run changed its phase), and `changed`: the names of the thresholds that differ from those of `rule`.

    Raises:
      AnalysisError: no such threshold, one out of range, or more than MOST_ROWS rows.
    """
    settings = nearby(rule, runs) if settings is None else settings
    check_names(type(rule), settings)
    cell = cell_names(x, y, facet)
    check_cell(runs, cell, mix)
    codes, cells = cells_of(runs[cell])
    count = math.prod(map(len, settings.values()))
    if count * len(cells) > MOST_ROWS:
        raise AnalysisError(f"{count:,} settings of {len(cells):,} cells are too many; give fewer thresholds or values")

    def shares(labels: pd.Series[str]) -> Shares:  # [C, P]
        counts = count_phases(codes, len(cells), labels)
        found: Shares = counts / counts.sum(axis=1, keepdims=True)
        return found

    base, frames = shares(classify(runs, rule)), []
    for values in itertools.product(*settings.values()):
        setting = dict(zip(settings, values, strict=True))
        moved = shares(classify(runs, make_rule(rule.name, dataclasses.asdict(rule) | setting)))
        frame = pd.concat([pd.DataFrame(setting, index=cells.index), cells], axis=1)
        frame["phase"] = pd.Categorical.from_codes(moved.argmax(axis=1), dtype=pd.CategoricalDtype(list(PHASES)))
        frame[[f"{phase}_share" for phase in PHASES]] = moved
        changed = ", ".join(name for name, value in setting.items() if not _same(value, getattr(rule, name)))
        frames.append(frame.assign(distance=np.abs(moved - base).sum(axis=1) / 2, changed=changed))
    return pd.concat(frames, ignore_index=True)


def nearby(rule: NamedRule, runs: pd.DataFrame | None = None, factor: float = 10, count: int = 5) -> dict[str, tuple[Setting, ...]]:
    """Values around each threshold of a rule, the rule's own among them.

    For a number, `count` values, fewer where the allowed range ends: on a log scale it is multiplied by 1 / factor to factor; for
    an accuracy, 1 - accuracy is. For an option, all others of its sort: the accuracies whose crossings the table has, the kinds of
    crossing, the loss conventions. A threshold of an accuracy is not replaced by one of a loss.

    Args:
      rule: the rule.
      runs: a runs table; options that need columns that it lacks are left out.
      factor, count: of the numbers.
    """
    spread, found = np.geomspace(1 / factor, factor, count), dict[str, tuple[Setting, ...]]()
    for name, threshold in thresholds_of(rule).items():
        value = getattr(rule, name)
        if threshold.options:
            others = [option for option in threshold.options if _same_sort(option, value)]
            found[name] = tuple(
                each for each in others if _same(each, value) or _can_label(dataclasses.replace(rule, **{name: each}), runs)
            )
        else:
            values = np.clip(value * spread if threshold.log else 1 - (1 - value) * spread, threshold.low, threshold.high)
            found[name] = tuple(dict.fromkeys(float(f"{each:.6g}") for each in values))
    return found


def describe_settings(settings: Mapping[str, Sequence[Setting]]) -> str:
    """The values that were tried as text: first to last for the numbers of a range, a list of options."""
    return "; ".join(f"{name} {_extent(values)}" for name, values in settings.items())


def _extent(values: Sequence[Setting]) -> str:
    texts = [value if isinstance(value, str) else f"{value:g}".replace("e-0", "e-").replace("e+0", "e") for value in values]
    numbers = all(isinstance(value, float) for value in values) and not set(values) <= set(ACCURACY_THRESHOLDS)
    return f"{texts[0]} to {texts[-1]}" if numbers and len(values) > 1 else ", ".join(texts)


def _same_sort(option: Setting, value: Setting) -> bool:
    """Whether an option may take another's place: crossings of one metric, or options that are no crossings."""
    crossings = [str(each).partition("_")[0] for each in (option, value) if each in CROSSINGS]
    return len(set(crossings)) < 2


def _same(one: Setting, other: Setting) -> bool:
    return one == other if isinstance(one, str) or isinstance(other, str) else math.isclose(one, other, rel_tol=1e-5)


def _can_label(rule: NamedRule, runs: pd.DataFrame | None) -> bool:
    try:
        return runs is None or len(classify(runs.head(1), rule)) >= 0
    except AnalysisError:
        return False


def most_moved(moved: pd.DataFrame, cell: Sequence[str]) -> pd.DataFrame:
    """The cells of a table from `sensitivity`, sorted by how much their shares change, most first.

    Returns:
      The cell's columns, the greatest `distance` over the settings, the `mean_distance`, `phases`, the number of different most
      frequent phases over the settings, and `alone`: the threshold that by itself changes the cell most, empty where none does.
    """
    by_cell = moved.groupby(list(cell), observed=True, dropna=False)
    table = by_cell["distance"].agg(["max", "mean"]).set_axis(["distance", "mean_distance"], axis=1)
    table["phases"] = by_cell["phase"].nunique()
    single = moved[~moved["changed"].str.contains(",") & (moved["distance"] > 0)].sort_values("distance", kind="stable")
    table["alone"] = single.groupby(list(cell), observed=True, dropna=False)["changed"].last()
    table["alone"] = table["alone"].fillna("")
    return table.reset_index().sort_values(["distance", "mean_distance"], ascending=False, ignore_index=True)
