"""How the numbers beside the claims of the article are computed from the results of its experiments."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.article.outcomes import OUTCOMES
from grokjax.analysis.labels.rules import ArticleRule
from grokjax.analysis.statistics.compare import compare
from grokjax.analysis.statistics.grid import wilson_interval
from tests.support.published import article_runs

# The published counts over all 1,125 runs, from the file named in tests/support/published.py.
PUBLISHED_COUNTS = {
    0.01: {"fail": 1, "memorize": 199, "grok": 5, "generalize": 20},
    0.03: {"fail": 2, "memorize": 110, "grok": 82, "generalize": 31},
    0.1: {"fail": 1, "memorize": 3, "grok": 179, "generalize": 42},
    0.3: {"fail": 13, "memorize": 22, "grok": 136, "generalize": 54},
    1.0: {"fail": 135, "memorize": 56, "grok": 33, "generalize": 1},
}
Measure = Callable[[Path], "Measured"]
Choice = Callable[[pd.DataFrame], "pd.Series[bool]"]


@dataclass(frozen=True)
class Measured:
    """A number of ours and how it is written. NaN where the results have no run that it could be computed from."""

    value: float
    text: str


@functools.cache
def table_of(name: str, root: Path) -> pd.DataFrame:
    """The table of outcomes of an experiment; not read twice."""
    return OUTCOMES[name](root)


def share(name: str, chosen: Choice, among: Choice | None = None) -> Measure:
    """The share of the runs of a table that are chosen, among all or some of them."""

    def measure(root: Path) -> Measured:
        table = table_of(name, root)
        part = table if among is None else table[among(table).fillna(value=False).astype(bool)]
        count, size = int(chosen(part).fillna(value=False).astype(bool).sum()), len(part)
        return Measured(count / size if size else math.nan, f"{count} of {size}")

    return measure


def median(name: str, column: str, among: str | None = None, form: str = "{:.3g}") -> Measure:
    """The median of a column, and its least and greatest value, over all runs or those with True in the column `among`."""

    def measure(root: Path) -> Measured:
        table = table_of(name, root)
        values = (table if among is None else table[table[among]])[column].dropna().astype(float)
        if values.empty:
            return Measured(math.nan, "no run")
        low, middle, high = (form.format(each) for each in (values.min(), values.median(), values.max()))
        return Measured(float(values.median()), low if low == high else f"{middle} ({low} to {high})")

    return measure


def number(name: str, compute: Callable[[pd.DataFrame], float], form: str = "{:.3g}") -> Measure:
    """A number computed from a table."""

    def measure(root: Path) -> Measured:
        found = compute(table_of(name, root))
        value = math.nan if pd.isna(found) else float(found)
        return Measured(value, "no run" if math.isnan(value) else form.format(value))

    return measure


def phase_share(phase: str, weight_decay: float) -> Measure:
    """The share of the runs under a weight decay that have a phase."""
    return share("parity-article", lambda t: t["phase"] == phase, among=lambda t: t["weight_decay"] == weight_decay)


def counts_distance(weight_decay: float) -> Measure:
    """The total-variation distance between our and the published shares of phases under a weight decay."""

    def measure(root: Path) -> Measured:
        table = table_of("parity-article", root)
        phases = table.loc[table["weight_decay"] == weight_decay, "phase"].value_counts()
        published = pd.Series(PUBLISHED_COUNTS[weight_decay])
        ours = phases.reindex(published.index.union(phases.index), fill_value=0)
        if not ours.sum():
            return Measured(math.nan, "no run")
        distance = (ours / ours.sum() - published.reindex(ours.index, fill_value=0) / published.sum()).abs().sum() / 2
        return Measured(float(distance), f"{listed(ours)}: {distance:.3f} apart")

    return measure


def listed(counts: pd.Series[int]) -> str:
    """Counts by name in a line, without those of zero."""
    return ", ".join(f"{phase} {count}" for phase, count in counts.items() if count)


def published_cells(measured: str) -> Measure:
    """Agreement with the 75 cells of the published map: "same" most frequent phase, or mean "distance" of the shares."""

    def measure(root: Path) -> Measured:
        found = compare(table_of("parity-article", root), article_runs(), ArticleRule(), x="hidden_size", y="train_size",
                        facet="weight_decay")  # fmt: skip
        if measured == "distance":
            return Measured(found.mean_distance, f"{found.mean_distance:.3f}")
        return Measured(found.agreeing, f"{found.agreeing} of {len(found.cells)}")

    return measure


def spread_over(name: str) -> Measure:
    """How much the share of runs that grok differs between the values of a hyperparameter."""
    return number("parity-article", lambda t: np.ptp((t["phase"] == "grok").groupby(t[name]).mean()))


def constraint(name: str) -> Measure:
    """The best setting of a constraint: the share of its nine seeds that generalize; and the share over all its runs."""

    def measure(root: Path) -> Measured:
        table = table_of("modular-constraints", root)
        part = table[table["constraint"] == name]
        if part.empty:
            return Measured(math.nan, "no run")
        settings = [column for column in part.columns[: list(part.columns).index("seed")] if column != "constraint"]
        cells = part.groupby(settings)["generalizes"].agg(["mean", "sum", "size"])
        best = cells.sort_values("mean", kind="stable").iloc[-1]
        low, high = wilson_interval(part["generalizes"].sum(), len(part), 0.95)
        every = f"{part['generalizes'].sum()} of {len(part)} ({low:.2f} to {high:.2f})"
        return Measured(float(best["mean"]), f"{every}; best setting {best['sum']:.0f} of {best['size']:.0f}")

    return measure


def pruned_with_generalizing(table: pd.DataFrame) -> float:
    """The rank correlation of the step of the last pruned weight with that of perfect test accuracy."""
    return float(table["pruned"].astype(float).corr(table["generalize"].astype(float), method="spearman"))


def collapsed(*, hidden: bool, output: bool, tied: bool = True) -> Measure:
    """The share of the runs with the given factors collapsed that generalize, with tied or other embeddings."""
    variant = [hidden, output]
    return share(
        "modular-variants",
        lambda t: t["generalizes"],
        among=lambda t: (t[["collapsed_hidden", "collapsed_output"]] == variant).all(axis=1) & (t["embedding"].eq("tied") == tied),
    )


def collapsing(tables: pd.DataFrame) -> pd.Series:
    """Hidden collapsed minus output collapsed, as difference of the shares that generalize, in each setup that has both."""
    setups = ["optimizer", "embedding", "learning_rate", "embedding_size"]
    only = tables[tables["tied_hidden"] & (tables["collapsed_hidden"] != tables["collapsed_output"])]
    shares = only.groupby([*setups, "collapsed_hidden"])["generalizes"].mean().unstack()
    return (shares[True] - shares[False]).dropna() if {True, False} <= set(shares) else pd.Series(dtype=float)


def helps_and_hurts(tables: pd.DataFrame) -> float:
    """The smaller of the numbers of setups in which collapsing the hidden factor rather than the output one helps, and hurts."""
    found = collapsing(tables)
    return float(min((found > 0).sum(), (found < 0).sum()))


def grokking_digits(root: Path) -> Measured:
    """The greatest share, over the cells, of seeds on digits that reach 90 % test accuracy 1,000 steps or more after fitting."""
    table = table_of("digits-scale", root)
    late = (table["first_step_test_accuracy_90"] - table["first_step_train_accuracy_99"] >= 1000).fillna(value=False).astype(bool)
    shares = late.groupby([table["init_scale"], table["weight_decay"]]).mean().rename("share").reset_index()
    best = shares.sort_values("share", kind="stable").iloc[-1]
    where = f"scale {best['init_scale']:g}, weight decay {best['weight_decay']:g}"
    return Measured(float(best["share"]), f"{best['share']:.0%} at {where}; {late.sum()} runs in all")


def accuracy_of(activation: str, units: int) -> Measure:
    """The accuracy over all pairs of the closed-form solution."""

    def compute(table: pd.DataFrame) -> float:
        found = table.loc[(table["activation"] == activation) & (table["hidden_size"] == units), "accuracy"]
        return float(found.iloc[0]) if len(found) else math.nan

    return number("modular-constructed", compute, "{:.4f}")
