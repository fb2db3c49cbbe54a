"""The tuning of a group: remembered, pinned, and never left to a timing twice."""

import itertools
import json
import threading

import pandas as pd
import pytest

from grokjax.engine.program import DOT_LIBRARIES, Tuning
from grokjax.errors import SpecError
from grokjax.sweeps.execute import tuning as tuning_module
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec, load_specs
from grokjax.sweeps.execute.tuning import group_tuning
from grokjax.sweeps.spec.group_runs import expand
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.resources import PinnedTuning
from tests.support.specs import write
from tests.support.tables import assert_same_tables


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A machine on which nothing was measured yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def random_timings(monkeypatch):
    """Measurements that come out differently each time; returns the list of the pins that each was asked for under."""
    answers = itertools.cycle([Tuning(4, "eigen"), Tuning(1, "default"), Tuning(2, "default"), Tuning(1, "eigen")])
    asked = []

    def measure(config, runs, seconds=0.1, pinned=None):
        asked.append(dict(pinned))
        return Tuning(**{**vars(next(answers)), **pinned})

    monkeypatch.setattr(tuning_module, "measure_tuning", measure)
    return asked


def spec_of(tmp_path, extra="", settings=(), **arguments):
    return load_spec(
        write(tmp_path, {"seed": None, "hidden_size": None}, {"hidden_size": [12, 16], "seed": "0..2"}, extra),
        settings,
        **arguments,
    )


def tunings_of(root):
    return set(pd.read_parquet(root / "runs")[["lane_width", "dot_library"]].itertuples(index=False, name=None))


def test_fresh_roots_on_one_machine_get_equal_tables_whatever_a_timing_would_say(tmp_path, random_timings):
    spec = spec_of(tmp_path)
    for name in ("one", "two", "three"):
        run_sweep(spec, tmp_path / name, Execution("inline"))
    assert_same_tables(tmp_path / "one", tmp_path / "two")
    assert_same_tables(tmp_path / "one", tmp_path / "three")
    assert len(random_timings) == 2, "one measurement a group, and none for the second root"


def test_another_version_is_measured_anew(tmp_path, random_timings, monkeypatch):
    spec = spec_of(tmp_path, settings=["hidden_size=12"])
    run_sweep(spec, tmp_path / "one", Execution("inline"))
    monkeypatch.setattr(tuning_module.metadata, "version", lambda name: "another")
    config = next(expand(spec))
    group_tuning(enter_spec(tmp_path / "two", spec), config, 3, PinnedTuning())
    assert len(random_timings) == 2


@pytest.mark.parametrize("how", ["spec", "option"])
def test_pins_are_obeyed(tmp_path, random_timings, how):
    if how == "spec":
        spec = spec_of(tmp_path, '[tuning]\nlane_width = 2\ndot_library = "default"')
    else:
        spec = spec_of(tmp_path, tuning=["lane_width=2", "dot_library=default"])
    run_sweep(spec, tmp_path / "root", Execution("inline"))
    assert tunings_of(tmp_path / "root") == {(2, "default")}
    assert not (tmp_path / "cache" / "grokjax" / "tunings").exists(), "what a spec pins is not this machine's"


def test_what_is_not_pinned_is_measured_and_remembered_beside_the_pin(tmp_path, random_timings):
    spec = spec_of(tmp_path, tuning=["dot_library=default"])
    for name in ("one", "two"):
        run_sweep(spec, tmp_path / name, Execution("inline"))
    assert {library for _, library in tunings_of(tmp_path / "one")} == {"default"}
    assert_same_tables(tmp_path / "one", tmp_path / "two")
    assert random_timings == [{"dot_library": "default"}] * 2


def test_a_pin_that_the_root_cannot_follow_is_refused_before_anything_starts(tmp_path, random_timings):
    run_sweep(spec_of(tmp_path, tuning=["dot_library=eigen", "lane_width=1"]), tmp_path / "root", Execution("inline"))
    more = spec_of(tmp_path, settings=["seed=0..3"], tuning=["dot_library=default"])
    with pytest.raises(
        SpecError, match=r"tuning dot_library = 'default', but .* trains runs of this sweep with dot_library = 'eigen'"
    ):
        run_sweep(more, tmp_path / "root", Execution("inline"))
    run_sweep(spec_of(tmp_path, settings=["seed=0..3"]), tmp_path / "root", Execution("inline"))
    assert tunings_of(tmp_path / "root") == {(1, "eigen")}


def test_a_pin_does_not_make_another_sweep_of_the_same_runs(tmp_path):
    enter_spec(tmp_path / "root", spec_of(tmp_path))
    store = enter_spec(tmp_path / "root", spec_of(tmp_path, tuning=["lane_width=8"]))
    (kept,) = load_specs(store)
    assert kept.tuning == PinnedTuning(lane_width=8), "which a retry uses"


def test_workers_that_measure_at_once_agree(tmp_path, monkeypatch):
    barrier, answers = threading.Barrier(4), iter([Tuning(width) for width in (1, 2, 4, 8)])

    def measure(config, runs, seconds=0.1, pinned=None):
        barrier.wait()
        return next(answers)

    monkeypatch.setattr(tuning_module, "measure_tuning", measure)
    spec = spec_of(tmp_path, settings=["hidden_size=12"])
    config, found = next(expand(spec)), []
    stores = [enter_spec(tmp_path / name, spec) for name in ("one", "one", "two", "two")]
    threads = [
        threading.Thread(target=lambda store=store: found.append(group_tuning(store, config, 3, PinnedTuning())))
        for store in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.filterwarnings("ignore:Error (reading|writing) persistent compilation cache")  # which lies in the same folder
def test_a_cache_that_cannot_be_written_or_read_costs_a_measurement_and_no_more(tmp_path, random_timings, monkeypatch):
    spec = spec_of(tmp_path, settings=["hidden_size=12"])
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "grokjax").write_text("a file")
    run_sweep(spec, tmp_path / "one", Execution("inline"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    run_sweep(spec, tmp_path / "two", Execution("inline"))
    (entry,) = (tmp_path / "other" / "grokjax" / "tunings").glob("*.json")
    assert json.loads(entry.read_text())["static"]["hidden_size"] == 12
    entry.write_text("{")
    for name in ("three", "four"):
        run_sweep(spec, tmp_path / name, Execution("inline"))
    assert len(random_timings) == 3, "the damaged record was replaced"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("lane_width = 0", "lane_width = 0: input should be greater than or equal to 1"),
        ('dot_library = "mkl"', f"dot_library: got 'mkl'; use {' or '.join(map(repr, DOT_LIBRARIES))}"),
        ("lane_widht = 2", "[tuning] lane_widht is none of lane_width, dot_library; did you mean lane_width?"),
    ],
)
def test_a_tuning_that_is_none_is_one_sentence(tmp_path, table, says):
    with pytest.raises(SpecError) as told:
        spec_of(tmp_path, f"[tuning]\n{table}")
    assert says in str(told.value)


def test_a_record_of_this_machine_that_cannot_be_read_is_warned_of(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "grokjax" / "tunings" / "a.json").mkdir(parents=True)
    with caplog.at_level("WARNING", logger="grokjax"):
        assert tuning_module._remembered("a.json") is None
        assert tuning_module._remembered("b.json") is None
    assert [record.levelname for record in caplog.records] == ["WARNING"], "of the one that is there alone"
    assert "cannot be read, so the tuning is measured again" in caplog.text
