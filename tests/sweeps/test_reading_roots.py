"""What readers of a root make of its specs, its format, its progress and its quarantine."""

import dataclasses
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from grokjax.analysis.tables.selection import meets
from grokjax.errors import StoreError
from grokjax.scripts import status, watch
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec, load_specs
from grokjax.sweeps.spec.group_runs import groups_of, planned_table
from grokjax.sweeps.store import root as root_module
from grokjax.sweeps.store.done import committed_table, unfinished_runs
from grokjax.sweeps.store.enter import enter
from grokjax.sweeps.store.planned import planned_groups, planned_runs
from grokjax.sweeps.store.progress import MOST_PROGRESS_READS, Watch
from grokjax.sweeps.store.root import LAYOUT_VERSION, Root
from grokjax.sweeps.store.specs import read_specs
from grokjax.sweeps.store.verify import verify
from tests.support.stores import commit_steps, ids_of, seeds_of


def test_a_spec_entered_again_after_a_version_was_raised_replaces_what_the_older_one_has_left(tmp_path):
    spec = seeds_of(200)
    root = enter_spec(tmp_path, spec)
    commit_steps(root, "old", ids_of(spec)[:2], 200)
    (old,) = read_specs(root)
    raised = dataclasses.replace(old, token="", components={"task sparse_parity": (2, "changed")})
    table = planned_table(groups_of(spec))
    new_ids = [f"{run_id}v2" for run_id in table["run_id"].to_pylist()]
    table = table.set_column(0, "run_id", pa.array(new_ids))
    enter(root, [(raised, lambda: table)])
    assert len(load_specs(root)) == 1
    assert sorted(unfinished_runs(planned_runs(root, ()), committed_table(root))) == sorted(new_ids)
    commit_steps(root, "new", new_ids, 200)
    whole, _ = Watch(root).look(now=0)
    assert (whole.runs, whole.done, whole.finished) == (4, 4, True)
    verdict = verify(root)
    assert (verdict.planned, verdict.committed) == (4, 4)
    assert not [sentence for sentence in verdict.wrong if "in no spec" in sentence]


def test_conditions_on_texts_compare_as_text_and_versions_that_are_null_count_as_1():
    runs = pd.DataFrame({"component_versions": pd.array(["task 2", None], pd.ArrowDtype(pa.string()))})
    assert meets(runs, "component_versions=1").tolist() == [False, True]
    assert meets(runs, "component_versions=task 2").tolist() == [True, False]


def test_one_look_reads_the_progress_of_all_packs_in_training(tmp_path, capsys):
    root = enter_spec(tmp_path, seeds_of(200))
    packs = MOST_PROGRESS_READS + 10
    for index in range(packs):
        root.write_progress(f"p{index}", {"group_id": None, "run_steps": 1, "of": 8, "at": time.time()})
    status.command(str(tmp_path))
    assert f"{packs} packs in training" in capsys.readouterr().out


def test_the_format_is_raised_before_a_spec_is_written(tmp_path, monkeypatch):
    root = enter_spec(tmp_path, seeds_of(200))
    monkeypatch.setattr(root_module, "LAYOUT_VERSION", LAYOUT_VERSION + 1)
    formats = []
    put_if_absent = Root.put_if_absent

    def put_entry(self, key, content):
        if key.startswith("specs/"):
            formats.append(self.get_json("format.json")["format"])
        return put_if_absent(self, key, content)

    monkeypatch.setattr(Root, "put_if_absent", put_entry)
    enter_spec(tmp_path, seeds_of(400))
    enter_spec(tmp_path / "new", seeds_of(400))
    assert formats == [LAYOUT_VERSION + 1] * 2
    root.put("format.json", b"{}")
    with pytest.raises(StoreError, match=r"format\.json names no format; restore it, or move it away"):
        Root.open(tmp_path)


def test_a_watch_waits_for_the_first_spec_of_a_root_that_has_its_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "WAIT_SECONDS", 0.02)
    (tmp_path / "specs").mkdir()
    found = []
    waiting = threading.Thread(target=lambda: found.append(watch.wait_for_sweep(str(tmp_path)).names("specs")))
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    enter_spec(tmp_path, seeds_of(200))
    waiting.join(30)
    assert len(found[0]) == 1


def test_a_system_without_file_locks_reads_roots():
    root = Path(__file__).parents[2] / "docs" / "example"
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "import grokjax; from grokjax.sweeps.store.progress import Watch; from grokjax.sweeps.store.root import Root\n"
        f"print(len(grokjax.open_root({str(root)!r}).runs), Watch(Root.open({str(root)!r})).look(now=0)[0].done)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["75", "75"]


def test_a_damaged_table_of_planned_runs_is_named(tmp_path):
    spec = seeds_of(200)
    root = enter_spec(tmp_path, spec)
    commit_steps(root, "p", ids_of(spec), 200)
    (planned,) = (tmp_path / "planned").iterdir()
    planned.write_bytes(b"PAR1 and no more")
    with pytest.raises(StoreError, match=rf"cannot read .*{planned.name}.*; delete it, and grokjax run small will write it again"):
        planned_groups(root)
    verdict = verify(root)
    assert (verdict.planned, verdict.committed) == (0, 0)
    assert [sentence for sentence in verdict.wrong if planned.name in sentence]
    assert not [sentence for sentence in verdict.wrong if "in no spec" in sentence]


def test_quarantine_of_runs_that_another_pack_trained_is_not_shown_and_goes_with_the_next_sweep(tmp_path, capsys):
    spec = seeds_of(200)
    root = enter_spec(tmp_path, spec)
    root.put_in_quarantine("broken", ids_of(spec)[:2], "RuntimeError")
    root.put_in_quarantine("still", ids_of(spec)[2:], "RuntimeError")
    commit_steps(root, "p", ids_of(spec)[:3], 200)
    status.command(str(tmp_path))
    out = capsys.readouterr().out
    assert "broken" not in out
    assert "in quarantine: 1 runs of pack still" in out
    run_sweep(spec, tmp_path, Execution("inline"))
    assert root.names("quarantine") == ["still"]
