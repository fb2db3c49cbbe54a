"""Rules: their published counts, their thresholds, and which of them labels a root."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.conventions import classes
from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.labels.rules import (
    PHASES,
    RULES,
    AccuracyDelayRule,
    ArticleRule,
    CrossingRule,
    FinalRule,
    classify,
    make_rule,
)
from grokjax.analysis.labels.thresholds import describe_rule, thresholds_of
from grokjax.config import RunConfig
from grokjax.errors import AnalysisError
from grokjax.sweeps.store.schema import runs_schema
from tests.support.published import delay_runs
from tests.support.runs import SMALL_RUN

NEVER = None


def steps_of(*pairs, metric="accuracy_90", kind="first"):
    names = [f"{kind}_step_{part}_{metric}" for part in ("train", "test")]
    return pd.DataFrame(pairs, columns=names, dtype="Int64")


def test_the_delay_rule_on_published_steps_counts_as_published():
    runs = delay_runs()
    assert classify(runs, AccuracyDelayRule()).tolist() == runs["published_phase"].tolist()


def test_the_delay_rule_leaves_open_what_no_published_phase_covers():
    runs = steps_of((500, 1499), (500, 1500), (500, 1501), (5000, 100), (NEVER, 100), (500, NEVER), (NEVER, NEVER), (1, 200_000))
    phases = ["generalize", "undecided", "grok", "generalize", "undecided", "memorize", "fail", "memorize"]
    assert classify(runs, AccuracyDelayRule()).tolist() == phases
    longer = classify(runs, AccuracyDelayRule(delay=999, budget=1e6))
    assert longer.tolist() == ["undecided", "grok", "grok", *phases[3:-1], "grok"]


def test_crossings_of_any_kept_threshold_and_kind():
    pairs = [(500, 1499), (500, 1500), (5000, 100), (NEVER, 100), (500, NEVER), (NEVER, NEVER)]
    phases = ["generalize", "grok", "generalize", "undecided", "memorize", "fail"]
    for metric in ("accuracy_99", "loss_1e_2"):
        for kind in ("first", "sustained"):
            rule = CrossingRule(train=metric, test=metric, kind=kind)
            assert classify(steps_of(*pairs, metric=metric, kind=kind), rule).tolist() == phases
    held = steps_of(*pairs[:4], metric="accuracy_99").assign(sustained_step_train_accuracy_99=[9000, 9000, NEVER, NEVER])
    for at_end, expected in (
        (9000, ["generalize", "grok", "undecided", "undecided"]),
        (NEVER, ["memorize", "memorize", "fail", "fail"]),
    ):
        assert classify(held.assign(sustained_step_test_accuracy_99=at_end), CrossingRule()).tolist() == expected
    apart = pd.DataFrame({"first_step_train_loss_1e_5": [10], "first_step_test_accuracy_90": [2000]})
    assert classify(apart, CrossingRule("loss_1e_5", "accuracy_90", "first")).tolist() == ["grok"]


def test_the_end_alone():
    columns = ["final_train_accuracy", "final_test_accuracy", "max_loss_ratio", "diverged_step"]
    rows = [
        (1, 1, 100, None),
        (1, 1, 99, None),
        (float(np.float32(0.99)), 0.98, 1e9, None),
        (0.98, 0.98, 1, None),
        (0.5, 0.995, 1, None),
        (1, 1, 1e9, 300),
        (np.nan, 1, 1, None),
    ]
    runs = pd.DataFrame(rows, columns=columns)
    phases = ["grok", "generalize", "memorize", "fail", "undecided", "diverged", "undecided"]
    assert classify(runs, FinalRule()).tolist() == phases


def test_what_diverged_or_was_stopped_keeps_only_a_phase_that_is_certain():
    runs = steps_of((500, 900), (500, 5000), (500, NEVER), (NEVER, NEVER))
    for told_by, otherwise in (({"diverged_step": 9000}, "diverged"), ({"stopped_by": "article"}, "undecided")):
        assert classify(runs.assign(**told_by), AccuracyDelayRule()).tolist() == ["generalize", "grok", otherwise, otherwise]
        held = runs.rename(columns=lambda name: name.replace("first", "sustained"))
        rule = CrossingRule("accuracy_90", "accuracy_90", "sustained")
        kept = ["generalize", "grok"] if otherwise == "diverged" else ["undecided"] * 2
        assert classify(held.assign(**told_by), rule).tolist() == [*kept, otherwise, otherwise]


def test_a_loss_written_in_another_convention_is_converted_for_each_run():
    runs = pd.DataFrame(
        {
            "min_train_loss": [1e-6, 1e-6, 1e-6],
            "min_test_loss": [67e-5, 68e-5, 2.1e-5],
            "max_loss_ratio": 1e9,
            "task": ["modular_arithmetic", "modular_arithmetic", "sparse_parity"],
            "modulus": [67, 67, None],
        }
    )
    assert classify(runs, ArticleRule(loss_convention="per_class")).tolist() == ["grok", "memorize", "memorize"]
    assert classify(runs, ArticleRule()).tolist() == ["memorize"] * 3
    in_bits = ArticleRule(loss_threshold=67.1e-5 / math.log(2), loss_convention="bits")
    assert classify(runs, in_bits).tolist() == ["grok", "memorize", "grok"]
    with pytest.raises(AnalysisError, match=r"is known only for .*, not for chess"):
        classify(runs.assign(task="chess"), ArticleRule(loss_convention="per_class"))


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"task": "modular_arithmetic", "modulus": 7, "train_fraction": 0.5},
        {"task": "permutation_composition", "permuted": 4, "train_fraction": 0.5},
        {"task": "digits", "train_size": 500},
    ],
)
def test_classes_are_those_of_the_task(part):
    drop = ("num_bits", "parity_bits", "test_size", "train_size") if part else ()
    given = {name: value for name, value in SMALL_RUN.items() if name not in drop} | {"loss": "cross_entropy"} | part
    config = RunConfig.from_flat(given)
    assert classes(pd.DataFrame([config.flat()])).tolist() == [config.task.num_classes]


def test_every_rule_says_what_it_needs_and_what_its_thresholds_may_be():
    columns = set(runs_schema(()).names) | {"task", "modulus", "permuted"}
    for name, cls in RULES.items():
        assert cls.name == name
        assert cls.source
        for field, threshold in thresholds_of(cls).items():
            for value in threshold.options or (threshold.low, threshold.high):
                assert set(make_rule(name, {field: value}).columns) <= columns
            assert threshold.meaning
            with pytest.raises(AnalysisError, match=f"{field} = .* is out of range"):
                make_rule(name, {field: "much"} if threshold.options else {field: threshold.high * 2})


@pytest.mark.parametrize(
    ("name", "thresholds", "says"),
    [
        ("articel", [], "no rule articel; .* did you mean article"),
        ("article", ["loss_treshold=1"], "the rule article has no threshold loss_treshold; .* did you mean loss_threshold"),
        ("article", ["loss_threshold"], "write NAME=VALUE"),
        ("article", ["loss_threshold=low"], "loss_threshold = low is out of range; use a number from 1e-16 to 1000"),
        ("article", ["ratio_threshold=nan"], "ratio_threshold = nan is out of range"),
        ("accuracy_delay", ["accuracy=0.93"], r"accuracy = 0.93 is out of range; use 0.9, 0.95, 0.99, 1"),
        ("crossing", ["kind=last"], "kind = last is out of range; use first, sustained, held"),
    ],
)
def test_what_is_no_rule_is_told_in_a_sentence(name, thresholds, says):
    with pytest.raises(AnalysisError, match=says):
        make_rule(name, thresholds)


def test_a_rule_reads_from_the_command_line_and_tells_itself():
    rule = make_rule("crossing", ["test=accuracy_95", "delay=5e3"])
    assert rule == CrossingRule(test="accuracy_95", delay=5000)
    assert describe_rule(rule) == "crossing, test accuracy_95, delay 5000"
    assert dataclasses.replace(rule, delay=10) != rule
    assert describe_rule(ArticleRule()) == "article"


def test_a_missing_column_is_named():
    for rule in RULES.values():
        with pytest.raises(AnalysisError, match=f"the rule needs the column {rule().columns[0]}"):
            classify(pd.DataFrame({"seed": [1]}), rule())


def test_labels_are_of_phases_alone_and_on_the_index():
    phases = classify(steps_of((1, 2)).set_axis(["a"]), AccuracyDelayRule())
    assert tuple(phases.cat.categories) == PHASES
    assert phases.index.tolist() == ["a"]


def test_the_rule_of_a_root_is_the_one_asked_for_then_the_specs_then_what_fits_its_task(tmp_path):
    (tmp_path / "specs").mkdir()
    parity, modular = (pd.DataFrame({"task": [task]}) for task in ("sparse_parity", "modular_arithmetic"))
    (tmp_path / "specs" / "a.json").write_text('{"trajectory_version": 1, "spec": {"name": "a"}}')
    assert choose_rule(tmp_path, parity) == ArticleRule()
    assert choose_rule(tmp_path, modular, None, ["delay=5"]) == CrossingRule(delay=5)
    (tmp_path / "specs" / "b.json").write_text('{"trajectory_version": 1, "spec": {"rule": "final"}}')
    assert choose_rule(tmp_path, parity) == FinalRule()
    assert choose_rule(tmp_path, parity, "accuracy_delay") == AccuracyDelayRule()
    (tmp_path / "specs" / "c.json").write_text('{"trajectory_version": 1, "spec": {"rule": "article"}}')
    assert choose_rule(tmp_path, modular) == CrossingRule(), "they do not agree"


def test_analysis_is_quick_to_import():
    modules = "labels.events labels.default_rule labels.rules tables.arrays tables.query "
    modules += "statistics.agreement statistics.boundary statistics.delays statistics.grid statistics.refine"
    heavy = "jax ray duckdb matplotlib scipy.stats scipy.special scipy.optimize sklearn xarray"  # `import scipy` alone loads little
    code = f"""import importlib, sys
for name in "{modules}".split(): importlib.import_module("grokjax.analysis." + name)
print(sorted(set("{heavy}".split()) & set(sys.modules)))"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]", "each is loaded where it is first needed"


def test_a_rule_may_be_given_by_its_name():
    runs = steps_of((1, 2))
    assert classify(runs, "accuracy_delay").tolist() == classify(runs, AccuracyDelayRule()).tolist()
    with pytest.raises(AnalysisError, match="articel"):
        classify(runs, "articel")
