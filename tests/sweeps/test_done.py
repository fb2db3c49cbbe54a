"""When a run is done: status, its watch, verify, run and retry agree on it, and know which runs start anew."""

import json
import shutil
import threading
import time

import pytest

from grokjax.errors import SpecError
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.execute.plan import make_plan
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store import enter
from grokjax.sweeps.store.done import committed_table, unfinished_runs
from grokjax.sweeps.store.duplicates import drop_superseded
from grokjax.sweeps.store.planned import planned_groups, planned_runs
from grokjax.sweeps.store.progress import Watch
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.specs import read_specs
from grokjax.sweeps.store.verify import verify
from tests.support.runs import SMALL_RUN
from tests.support.s3 import s3_server
from tests.support.stores import commit_steps, ids_of, seeds_of


def test_a_run_that_two_specs_ask_for_is_done_when_it_is_done_for_each(tmp_path):
    """Stopped at 300 steps by the rule of the one, and past the 200 of the other, whatever a merged spec would ask for."""
    short, longer = seeds_of(200), seeds_of(400, stop="decided", rule="article")
    enter_spec(tmp_path, short)
    root = enter_spec(tmp_path, longer)
    commit_steps(root, "p", ids_of(short)[:3], 300, "article")
    whole, _ = Watch(root).look(now=0)
    assert (whole.done, whole.finished) == (3, False)
    commit_steps(root, "q", ids_of(short)[3:], 300, "article")
    whole, _ = Watch(root).look(now=0)
    assert (whole.runs, whole.done, whole.finished) == (4, 4, True)
    assert whole.run_steps == whole.run_steps_done == 4 * 300
    assert verify(root).committed == 4
    assert unfinished_runs(planned_runs(root), committed_table(root)) == []
    for spec in (short, longer):
        assert make_plan(spec, existing_runs(root, spec)).packs == ()


@pytest.mark.parametrize("why", ["stopped early", "no states kept", "states kept"])
def test_runs_that_left_no_state_are_planned_and_counted_from_their_first_step(tmp_path, why):
    root = enter_spec(tmp_path, seeds_of(300, stop="decided", rule="article"))
    longer = seeds_of(400)
    commit_steps(root, "p", ids_of(longer), 300, "article" if why == "stopped early" else None)
    if why != "no states kept":
        root.put(root.key("states", "p"), b"")  # that of a pack of which some runs were stopped
    enter_spec(root, longer)
    made = 300 if why == "states kept" else 0
    plan = make_plan(longer, existing_runs(root, longer))
    assert plan.run_steps == 4 * (400 - made)
    whole, _ = Watch(root).look(now=0)
    assert (whole.done, whole.run_steps, whole.run_steps_done) == (0, 1600, 4 * made)


def test_a_spec_that_another_driver_runs_is_not_taken_out_by_one_that_is_refused(tmp_path, monkeypatch):
    """Entered by two drivers at once, while a third enters one that fits what was there and not what comes."""
    root, wider, longer = enter_spec(tmp_path, seeds_of(200, 2)), seeds_of(200, 4), seeds_of(400, 2)
    write_entry, entered = enter._write_entry, []

    def beside_others(root, entry):
        if not entered:
            entered.append(True)
            enter_spec(root, wider)
            enter_spec(root, longer)
        return write_entry(root, entry)

    monkeypatch.setattr(enter, "_write_entry", beside_others)
    with pytest.raises(SpecError, match="holds results of another sweep"):
        enter_spec(tmp_path, wider)
    assert {spec.size for spec in read_specs(root)} == {2, 4}, "the driver that made the entry goes on"
    assert len(planned_runs(root).runs) == 4


def test_a_pack_whose_clock_is_wrong_is_in_training_and_an_abandoned_one_is_not(tmp_path, monkeypatch, capsys):
    from grokjax.scripts import status  # noqa: PLC0415

    monkeypatch.setattr(status, "SETTLING_SECONDS", 1.0)
    root, over = enter_spec(tmp_path, seeds_of(200)), threading.Event()
    root.write_progress("abandoned", {"group_id": None, "run_steps": 7, "of": 800, "at": 5.0})

    def work():
        while not over.is_set():
            root.write_progress("p", {"group_id": None, "run_steps": 100, "of": 800, "at": time.time() - 3600})
            time.sleep(0.05)

    worker = threading.Thread(target=work)
    worker.start()
    while len(root.names("progress")) < 2:
        time.sleep(0.01)
    try:
        status.command(str(tmp_path))
    finally:
        over.set()
        worker.join()
    assert "0 of 4 runs done, 1 pack in training" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["disk", "s3"])
def test_rows_are_not_dropped_from_a_file_that_was_committed_anew_meanwhile(tmp_path, monkeypatch, where):
    with s3_server(monkeypatch) as address:
        root = enter_spec(tmp_path / "root" if where == "disk" else address, seeds_of(400))
        a, b, *_ = ids_of(seeds_of(400))
        commit_steps(root, "p", [a], 200)
        commit_steps(root, "q", [a], 400)
        replace, changed = Root.replace, []

        def replace_late(self, key, content, expected):
            if key == "runs/p.parquet" and not changed:
                changed.append(key)
                Root(self.address).discard_pack("p")  # by a worker of another driver, which trains it again
                commit_steps(Root(self.address), "p", [a, b], 400)
            return replace(self, key, content, expected)

        monkeypatch.setattr(Root, "replace", replace_late)
        drop_superseded(root)
        assert changed
        assert b in committed_table(root)["run_id"].to_pylist(), "what the other driver committed stands"
        drop_superseded(root)
        assert sorted(committed_table(root)["run_id"].to_pylist()) == sorted([a, b])


def test_planned_runs_are_the_configs_that_the_specs_make_each_once(tmp_path):
    changed = {"axes": {"optimizer": ("adamw", "sgd"), "seed": (0, 1, 2)}}
    run = {name: value for name, value in SMALL_RUN.items() if name not in ("optimizer", "b1", "b2", "seed")} | {"steps": 400}
    spec = SweepSpec(name="kinds", run=run, **changed)
    root = enter_spec(tmp_path, spec)
    enter_spec(root, spec.model_copy(update={"axes": {"optimizer": ("adamw", "sgd"), "seed": (2, 3)}}))
    runs = planned_runs(root).runs
    configs = {run.run_id: run for group in groups_of(spec) for run in group}
    assert len(runs) == 8
    for row in runs.to_pylist():
        run_id, group_id = row.pop("run_id"), row.pop("group_id")
        given = {name: value for name, value in row.items() if value is not None}
        if run_id in configs:
            assert given == configs.pop(run_id).flat()
            assert group_id in planned_groups(root)
    assert configs == {}
    assert {values["optimizer"] for values in planned_groups(root).values()} == {"adamw", "sgd"}
    assert planned_runs(root, ["seed"]).runs.schema.names == ["run_id", "group_id", "seed", "steps"]


def test_a_root_whose_kinds_are_not_installed_is_read(tmp_path):
    spec = seeds_of(200)
    root = enter_spec(tmp_path / "root", spec)
    commit_steps(root, "p", ids_of(spec)[:2], 200)
    (path,) = (tmp_path / "root" / "specs").iterdir()
    entry = json.loads(path.read_text())
    entry["spec"]["run"] |= {"task": "of_another_package"}
    (planned,) = (tmp_path / "root" / "planned").iterdir()
    path.unlink()
    path.write_text(json.dumps(entry))
    (changed,) = read_specs(root)
    path.rename(path.with_name(f"{changed.spec_id}.json"))
    planned.rename(planned.with_name(f"{changed.spec_id}.parquet"))
    whole, _ = Watch(root).look(now=0)
    assert (whole.runs, whole.done) == (4, 2)
    assert verify(root).planned == 4


def test_a_root_of_version_0_1_gets_the_tables_of_its_planned_runs_from_the_next_sweep(tmp_path):
    spec = seeds_of(200)
    root = enter_spec(tmp_path, spec)
    before = planned_runs(root).runs
    shutil.rmtree(tmp_path / "planned")
    (tmp_path / "format.json").unlink()
    assert planned_runs(Root.open(tmp_path)).runs.equals(before), "expanded"
    assert not (tmp_path / "planned").exists(), "a reader writes nothing"
    enter_spec(tmp_path, seeds_of(200, 6))
    assert len(list((tmp_path / "planned").iterdir())) == 2
    assert (tmp_path / "format.json").exists()
