"""A root of version 0.1, which docs/example is: read, gone on with and extended."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load, save

from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.engine.lane_run import RunCheckpoint
from grokjax.sweeps.execute.checkpoints import FILE_VERSION, read_states, states_file
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import existing_runs, load_specs
from grokjax.sweeps.store.compact import compact
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"


@pytest.fixture
def old(tmp_path):
    return shutil.copytree(EXAMPLE, tmp_path / "old")


def test_a_root_of_version_0_1_is_read_gone_on_with_and_extended(old, tmp_path):
    root = Root.open(old)
    (spec,) = load_specs(root)
    verdict = verify(root)
    assert (verdict.planned, verdict.committed, verdict.wrong) == (75, 75, ())
    assert not (old / "planned").exists(), "a reader writes nothing"
    before = load_runs(root)
    assert len(existing_runs(root, spec).committed) == 75
    assert run_sweep(spec, old, Execution("inline")).plan.packs == ()
    more = spec.model_copy(update={"axes": {"weight_decay": (0.01,), "train_size": (100,), "seed": (4, 5)}})
    assert run_sweep(more, old, Execution("inline")).plan.left == 1
    runs = load_runs(old)
    same = runs.loc[runs["run_id"].isin(before["run_id"]), list(before)].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, before)
    assert len(runs) == len(planned_runs(Root.open(old)).runs) == 76
    assert len(list((old / "planned").iterdir())) == len(list((old / "specs").iterdir())) == 2
    assert verify(Root.open(old)).wrong == ()
    compact(Root.open(old), tmp_path / "new")
    pd.testing.assert_frame_equal(load_curves(tmp_path / "new"), load_curves(old))
    assert (verify(Root.open(tmp_path / "new")).committed, json.loads((old / "format.json").read_text())["format"]) == (76, 1)


@pytest.mark.parametrize("layout", ["newer", "another", "of version 0.1"])
def test_states_of_a_layout_that_is_not_known_start_their_runs_anew_and_say_so(caplog, layout):

    metrics = {"train_loss": np.zeros(3, np.float32)}
    tensors = load(states_file({"a": RunCheckpoint(metrics, {"w": np.ones(2)}, 0.0, 0.0, {})}, {"tuning": 1}))
    about = json.loads(tensors["about"].tobytes())
    if layout == "newer":
        about["format"] = FILE_VERSION + 1
    elif layout == "another":
        about["lanes"] = about.pop("runs")
    else:
        del about["format"]
    tensors["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with caplog.at_level("WARNING"):
        states = read_states(save(tensors), {"tuning": 1})
    assert list(states) == (["a"] if layout == "of version 0.1" else [])
    assert bool(caplog.records) == (layout != "of version 0.1")
