"""Conditions, planned runs that are missing, and the spec that refines a sweep."""

from dataclasses import replace

import pandas as pd
import pytest

from grokjax.analysis.statistics.refine import refined_spec
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.planned import load_planned, missing_runs, planned_cells, swept_names, unfinished
from grokjax.analysis.tables.selection import one_cell, one_run, seed_labels, select
from grokjax.errors import AnalysisError
from grokjax.sweeps.spec.load import spec_from
from grokjax.sweeps.spec.resources import PinnedTuning, Resources
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import SpecEntry, read_specs
from tests.support.runs import SMALL_RUN


@pytest.fixture
def runs(small_root):
    return load_runs(small_root)


def test_conditions_narrow_one_after_the_other(runs):
    assert select(runs) is runs
    assert len(select(runs, ["weight_decay=0.01"])) == 4
    assert len(select(runs, ["weight_decay=0.01,1", "seed=1..1"])) == 4
    assert one_run(select(runs, ["weight_decay=1", "learning_rate=1e-3", "seed=0"]))["seed"] == 0
    assert seed_labels(one_cell(select(runs, ["weight_decay=1", "learning_rate=1e-3"]))) == ["seed 0", "seed 1"]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("weight_decay", "write NAME=VALUE"),
        ("weight_decai=1", "no column weight_decai; the runs differ in .*; did you mean weight_decay"),
        ("weight_decay=3", "no run has it; weight_decay is 0.01, 1.0"),
        ("weight_decay=low", "weight_decay holds numbers, got low"),
        ("seed=0..1 step 0", "use a step above 0"),
    ],
)
def test_what_no_run_can_meet_is_said_in_a_sentence(runs, condition, says):
    with pytest.raises(AnalysisError, match=says):
        select(runs, [condition])


def test_texts_that_look_like_numbers_are_compared_as_they_are_written():
    texts = ["12e4", "0012345678901234", "1234567890e12345", "120000", "true"]
    runs = pd.DataFrame({"run_id": pd.array(texts, dtype="string")})
    for text in texts:
        assert select(runs, [f"run_id={text}"])["run_id"].tolist() == [text]
    assert select(runs, ["run_id=True, 12e4"])["run_id"].tolist() == ["12e4", "true"]


def test_one_run_and_one_cell_name_what_is_left_to_choose(runs):
    with pytest.raises(AnalysisError, match=r"choose one cell with where NAME=VALUE for weight_decay: 0.01, 1.0"):
        one_cell(runs)
    with pytest.raises(AnalysisError, match=r"choose one run with where NAME=VALUE for .*seed: 0, 1"):
        one_run(runs)


def test_missing_runs_are_the_planned_ones_that_meet_the_conditions_and_are_not_there():
    planned = pd.DataFrame({"run_id": list("abcd"), "lr": [1.0, 1.0, 2.0, 2.0], "seed": [0, 1, 0, 1], "width": [8, 8, None, None]})
    assert missing_runs("bcd", planned)["run_id"].tolist() == ["b", "c", "d"]
    assert missing_runs("bcd", planned, ["lr=1"])["run_id"].tolist() == ["b"]
    assert missing_runs("bcd", planned, ["min_test_loss=0.5"]).empty, "only a finished run has an outcome"
    cells = planned_cells(planned, ("lr", "width", "depth"), ["seed=0"])
    assert cells.isna().sum().tolist() == [0, 1, 2]
    assert planned_cells(planned, ("lr",), ["min_test_loss=0.5"]) is None


def test_the_planned_runs_of_a_finished_root_are_its_runs(small_root, runs):
    planned = load_planned(small_root)
    assert sorted(planned["run_id"]) == runs["run_id"].tolist()
    assert missing_runs(unfinished(small_root, runs), planned).empty
    assert planned_cells(planned, ("weight_decay",), ["seed=0"])["weight_decay"].tolist().count(0.01) == 2


def test_a_refined_spec_trains_the_points_with_all_seeds_and_continues_the_largest_spec(small_root, runs):
    specs = read_specs(Root.open(small_root))
    assert swept_names(specs) == ["weight_decay", "learning_rate", "seed"]
    points = pd.DataFrame({"weight_decay": [0.1, 0.1], "learning_rate": [1e-3, 2e-3]})
    axes = {**specs[0].spec["axes"], "seed": [0]}
    small = replace(specs[0], spec={**specs[0].spec, "axes": axes, "name": "one-seed"})
    written = refined_spec([small, *specs], runs, points)
    spec = spec_from(written, "the refined spec")
    assert spec.name == "small-refined"
    assert (spec.run["weight_decay"], spec.swept) == (0.1, {"seed": (0, 1), "learning_rate": (1e-3, 2e-3)})
    assert spec.run["steps"] == 100
    with pytest.raises(AnalysisError, match="no spec of the root has all of depth"):
        refined_spec(specs, runs, pd.DataFrame({"depth": [1]}))


def test_a_refined_spec_keeps_every_setting_of_the_spec_it_continues(runs):
    settings = {
        "leave_out": ("weight_decay > 5",),
        "stop": "decided",
        "rule": "article",
        "final_states": False,
        "resources": Resources(cpus=2.0, memory=10**9),
        "tuning": PinnedTuning(lane_width=8),
    }
    replaced = {"name", "description", "run", "axes", "zipped"}
    assert settings.keys() | replaced == SweepSpec.model_fields.keys(), "a new field is to be kept, too"
    run = {name: value for name, value in SMALL_RUN.items() if name not in ("weight_decay", "seed")}
    spec = SweepSpec(name="all", run=run, axes={"weight_decay": (0.01, 1.0), "seed": (0, 1)}, **settings)
    points = pd.DataFrame({"weight_decay": [0.1, 0.2]})
    refined = spec_from(refined_spec([SpecEntry(spec.as_json(), 1)], runs, points), "the refined spec")
    assert {name: getattr(refined, name) for name in settings} == settings
