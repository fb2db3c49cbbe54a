"""Every public function that takes a table answers, or refuses in a sentence, whatever the table holds."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import grokjax
from grokjax.analysis.labels.rules import RULES, AccuracyDelayRule, ArticleRule, CrossingRule, FinalRule, make_rule
from grokjax.analysis.statistics.grid import choose_axes
from grokjax.analysis.tables.selection import one_cell, one_run, seed_labels, select
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS

DECAYS, SIZES = [0.0, 0.1, 1.0], [100, 200]
NUMBERS = [column.name for column in OUTCOME_COLUMNS if column.name not in ("stopped_by", "steps", "diverged_step")]


def table(count, seed=0):
    """A runs table of so many runs, three weight decays by two sizes."""
    random = np.random.default_rng(seed)
    runs = pd.DataFrame(
        {
            "run_id": [f"{number:04x}" for number in range(count)],
            "task": "modular_arithmetic",
            "weight_decay": np.resize(DECAYS, count),
            "train_size": np.resize(np.repeat(SIZES, 3), count),
            "seed": np.arange(count) // 6,
            "log_every": 10,
            "steps": 1000,
            "diverged_step": np.full(count, np.nan),
            "stopped_by": np.full(count, None),
        }
    )
    for name in NUMBERS:
        values = random.integers(0, 100, count) * 10.0 if "step" in name else random.random(count)
        runs[name] = np.where(random.random(count) < 0.3, np.nan, values)
    return runs


COLUMNS = ["weight_decay", "train_size", "seed", "steps", "run_id", "log_every", "min_train_loss", "max_loss_ratio"]
COLUMNS += ["first_step_train_accuracy_99", "first_step_test_accuracy_99", "sustained_step_test_accuracy_99"]
SPOIL = {
    "null": lambda runs, name: runs.assign(**{name: None}),
    "text": lambda runs, name: runs.assign(**{name: ["ten", *["x"] * len(runs)][: len(runs)]}),
    "mixed": lambda runs, name: runs.assign(**{name: [1, "x"] * (len(runs) // 2) + [2.0] * (len(runs) % 2)}),
    "infinite": lambda runs, name: runs.assign(**{name: np.inf}),
    "one value": lambda runs, name: runs.assign(**{name: 1}),
    "absent": lambda runs, name: runs.drop(columns=name),
}
tables = st.builds(
    lambda count, how, arrow: spoiled(table(count), how, arrow=arrow),
    st.sampled_from([0, 1, 2, 12, 13]),
    st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from(list(SPOIL)), max_size=2),
    st.booleans(),
)


def spoiled(runs, how, *, arrow):
    for name, what in how.items():
        runs = SPOIL[what](runs, name)
    try:
        return runs.convert_dtypes(dtype_backend="pyarrow") if arrow else runs
    except (TypeError, ValueError):  # columns of mixed types stay as they are
        return runs


def answered(call, *arguments, **keywords):
    """The answer of a call; None if it was refused in a sentence. Any other exception fails the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(*arguments, **keywords)
    except grokjax.UserError as error:
        refusal = str(error)
    assert refusal
    assert "\n" not in refusal
    return None


QUICK = settings(derandomize=True, max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(tables, st.sampled_from([*map(make_rule, RULES)]))
@QUICK
def test_labels_grids_and_axes(runs, rule):
    phases = answered(grokjax.classify, runs, rule)
    axes = answered(choose_axes, runs) or ("weight_decay", "train_size", None)
    answered(choose_axes, runs, "weight_decay", "nothing", "none")
    labels = pd.Series("grok", index=runs.index) if phases is None else phases
    grid = answered(grokjax.phase_grid, runs, labels, x=axes[0], y=axes[1], facet=axes[2])
    answered(grokjax.phase_grid, runs, labels.iloc[:-1], x=axes[0], y=axes[1])
    if grid is not None:
        assert grid["seeds"].sum() == len(runs)
        assert isinstance(grid._repr_html_(), str)
        answered(grokjax.least_known, grid, grid.cell)


@pytest.mark.parametrize(
    "how", [{}, {"weight_decay": "text"}, {"weight_decay": "null"}, {"train_size": "infinite"}, {"train_size": "mixed"}]
)
@pytest.mark.parametrize("count", [0, 1, 12])
def test_maps(count, how):
    runs = spoiled(table(count), how, arrow=True)
    grid = answered(grokjax.phase_grid, runs, pd.Series("grok", index=runs.index), x="weight_decay", y="train_size")
    if grid is not None:
        answered(grokjax.plot_phases, grid)
        answered(grokjax.plot_shares, grid, phase="grok")


@given(tables)
@QUICK
def test_comparisons_of_rules_and_tables(runs):
    answered(grokjax.agreement, runs, [ArticleRule(), FinalRule()])
    moved = answered(grokjax.sensitivity, runs, ArticleRule(), x="weight_decay", y="train_size")
    if moved is not None:
        assert moved["distance"].between(0, 1).all()
    for first, second in ((runs, table(12)), (table(12), runs)):
        answered(grokjax.compare, first, second, AccuracyDelayRule(), x="weight_decay", y="train_size", permutations=20)


@given(tables, st.integers(0, 3))
@QUICK
def test_boundaries_surfaces_and_importance(runs, seed):
    phases = pd.Series(np.random.default_rng(seed).choice(["grok", "memorize", "diverged"], len(runs)), index=runs.index)
    answered(grokjax.boundary, runs, phases, "weight_decay")
    found = answered(grokjax.boundaries, runs, phases, "weight_decay", ["train_size"])
    if found is not None:
        answered(grokjax.boundary_table, found, ["train_size"])
    answered(grokjax.boundaries, runs, phases.iloc[1:], "weight_decay", ["train_size"])
    answered(grokjax.surface, runs, phases, "weight_decay", "train_size")
    answered(grokjax.importance, runs, phases)


@given(tables, st.sampled_from(["held", "first", "sustained"]))
@QUICK
def test_delays(runs, kind):
    delays = answered(grokjax.grokking_delays, runs, grokjax.Crossings(kind=kind))
    if delays is None:
        delays = pd.DataFrame({"delay": 10.0, "generalized": True}, index=runs.index)
    for by in (["weight_decay"], ["weight_decay", "train_size"], ["nothing"], []):
        answered(grokjax.median_delays, runs, delays, by)
        answered(grokjax.survival_curves, runs, delays, by)
        answered(grokjax.log_rank, runs, delays, by, permutations=20)
        answered(grokjax.delay_law, runs, delays, by)
    answered(grokjax.log_rank, runs, delays, ["weight_decay"], ["train_size"], permutations=20)
    answered(grokjax.median_delays, runs, delays.iloc[1:], ["weight_decay", "train_size"])
    answered(grokjax.delay_ratios, runs, delays, "weight_decay", strata=["train_size"])
    outcomes = answered(grokjax.run_outcomes, runs, grokjax.Crossings(kind=kind))
    if outcomes is not None:
        answered(grokjax.cumulative_incidence, runs, outcomes, ["weight_decay"], mix=["train_size"])


@given(tables, st.data())
@QUICK
def test_selections(runs, data):
    name = data.draw(st.sampled_from([*COLUMNS, "weight_decai"]))
    condition = data.draw(st.sampled_from([f"{name}=1", f"{name}=x,y", f"{name}=0..2", name, f"{name}=", f"{name}=a..b"]))
    answered(select, runs, [condition])
    cell = answered(one_cell, runs)
    answered(one_run, runs)
    if cell is not None and len(cell):
        assert len(seed_labels(cell)) == len(cell)


@pytest.mark.parametrize("kind", ["int64", "float32", "float64"])
def test_thresholds_may_be_numbers_of_numpy(kind):
    number = np.dtype(kind).type
    assert CrossingRule(delay=number(500)) == CrossingRule(delay=500)
    assert ArticleRule(ratio_threshold=number(1000)) == ArticleRule(ratio_threshold=1000)
    labels = grokjax.classify(table(12), CrossingRule(delay=number(500)))
    pd.testing.assert_series_equal(labels, grokjax.classify(table(12), CrossingRule(delay=500)))


def test_a_figure_is_saved_to_a_path_in_a_string(tmp_path):
    figure = grokjax.plot_phases(grokjax.phase_grid(table(12), pd.Series(["grok"] * 12), x="weight_decay", y="train_size"))
    grokjax.save_figure(figure, str(tmp_path / "map.pdf"))
    assert (tmp_path / "map.pdf").read_bytes().startswith(b"%PDF")
    for bad in ("map", "map.doc", str(tmp_path / "no such folder" / "map.pdf")):
        answered(partial(grokjax.save_figure, figure), bad)
