"""Going on: from a checkpoint or from where runs ended, bit for bit as if nothing had been between."""

import json
import time
from importlib import metadata

import numpy as np
import pytest
from safetensors.numpy import save

from grokjax.analysis.labels.rules import deciders
from grokjax.analysis.tables.load import load_weights
from grokjax.config import RunConfig
from grokjax.engine.lane_run import RunCheckpoint
from grokjax.engine.pack import PackCallbacks, train_pack
from grokjax.engine.program import Tuning
from grokjax.sweeps.execute import worker as worker_module
from grokjax.sweeps.execute.checkpoints import read_states, states_file
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec, existing_runs
from grokjax.sweeps.execute.plan import make_packs
from grokjax.sweeps.execute.worker import Worker, WorkerSetup
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.runs import MODELS, OPTIMIZERS, PAIRS
from tests.support.specs import write
from tests.support.tables import assert_same_tables, same_tuning

pytestmark = pytest.mark.slow

MADE_BY = {"tuning": 1}
KINDS = [
    ("modular_mlp", "muon", {"gradient_filter": True, "batch_size": 7}),
    ("mlp", "sgd", {"dropout": 0.2, "warmup_steps": 5}),
    ("untied", "adam_l2", {"precision": "float64", "data_seed": 4}),
]


def runs_of(model, optimizer, settings, **changed):
    shared = {"loss": "cross_entropy", "learning_rate": 1e-3, "steps": 24, "log_every": 4, "snapshots": 3}
    flat = {**PAIRS, **MODELS[model], **OPTIMIZERS[optimizer], **shared, **settings}
    return [RunConfig.from_flat({**flat, "seed": seed, **changed}) for seed in range(3)]


def trained(configs, resume_from=None, **callbacks):
    """All that training gives: curves, last states, snapshots."""
    kept = {}
    on_snapshots = {"on_snapshots": lambda run, snapshots: kept.update({run.run_id: snapshots})}
    return train_pack(configs, Tuning(2), PackCallbacks(**on_snapshots, **callbacks), resume_from or {}).runs, kept


def assert_same(one, other):
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_equal(a.curve.metrics, b.curve.metrics)
        np.testing.assert_equal(a.state, b.state)
        assert a.decided == b.decided
    for run_id, snapshots in other[1].items():  # those of runs that had ended before are in the store
        np.testing.assert_equal((snapshots.step, snapshots.weights), (one[1][run_id].step, one[1][run_id].weights))


@pytest.mark.parametrize(("model", "optimizer", "settings"), KINDS)
def test_a_pack_goes_on_from_any_checkpoint_bit_for_bit(model, optimizer, settings):
    configs, files = runs_of(model, optimizer, settings), []
    save = {"checkpoint_is_due": lambda: True, "save_checkpoints": lambda runs: files.append(states_file(runs, MADE_BY))}
    whole = trained(configs, **save)
    assert len(files) > 2
    for content in files:
        assert_same(whole, trained(configs, read_states(content, MADE_BY)))


@pytest.mark.parametrize(("model", "optimizer", "settings"), KINDS[:2])
@pytest.mark.parametrize("more", [32, 48], ids=lambda steps: f"{steps} steps")
def test_finished_runs_go_on_to_more_steps_bit_for_bit(model, optimizer, settings, more):
    """In 48 steps every snapshot falls on an earlier one or a later step; in 32 one is missing, and the runs start anew."""
    short, kept = trained(runs_of(model, optimizer, settings))
    ends = {
        run.config.run_id: RunCheckpoint(
            run.curve.metrics,
            run.state,
            0.0,
            0.0,
            {int(step) // 4: {name: each[i] for name, each in kept[run.config.run_id].weights.items()}
             for i, step in enumerate(kept[run.config.run_id].step)},
        )
        for run in short
    }  # fmt: skip
    steps, configs = [], runs_of(model, optimizer, settings, steps=more)
    longer = trained(configs, read_states(states_file(ends, MADE_BY), MADE_BY), on_progress=steps.append)
    assert_same(trained(configs), longer)
    assert sum(steps) == 3 * (more - 24 if more == 48 else more)


def test_a_run_that_goes_on_under_a_rule_ends_where_the_whole_run_does(small_run):
    """Which lies before the end of what was trained already, or after it."""
    configs = [small_run(weight_decay=1.0, steps=steps, log_every=10, seed=3) for steps in (400, 1600)]

    def decider():
        rows = 0

        def decides(metrics):
            nonlocal rows
            rows += len(metrics["train_loss"])
            return None if rows <= limit else len(metrics["train_loss"]) - 1 - (rows - limit - 1)

        return decides

    (short,), _ = trained(configs[:1])
    begun = {short.config.run_id: RunCheckpoint(short.curve.metrics, short.state, 0.0, 0.0, {})}
    for limit in (20, 40, 100):
        whole = trained(configs[1:], early_stop=decider)
        assert whole[0][0].decided
        assert whole[0][0].curve.step[-1] == 10 * limit
        assert_same(whole, trained(configs[1:], begun, early_stop=decider))
    assert "article" in deciders()


def test_states_of_another_make_and_broken_files_are_not_gone_on_from():
    (run, *_), _ = trained(runs_of(*KINDS[0]))
    content = states_file({run.config.run_id: RunCheckpoint(run.curve.metrics, run.state, 1.0, 2.0, {})}, MADE_BY)
    assert list(read_states(content, MADE_BY)) == [run.config.run_id]
    assert read_states(content, {"tuning": 2}) == {}
    for broken in (content[:-1], content[:100], b"", b"x" * 100):
        assert read_states(broken, MADE_BY) == {}


def test_states_of_another_content_or_a_newer_format_start_anew_and_say_so(caplog):
    """A file that parses and does not hold what is expected used to fail its pack, three times, into quarantine."""
    about = {"made_by": MADE_BY, "runs": [{"run_id": "a"}]}
    for content, says in (
        (about, "cannot be read (KeyError"),
        ({"runs": []}, "cannot be read (KeyError"),
        ({**about, "format": 2}, "has format 2, but this version reads up to 1"),
        ({**about, "made_by": {"tuning": 3}}, "because tuning was 3 and is 1"),
    ):
        caplog.clear()
        file = save({"about": np.frombuffer(json.dumps(content).encode(), np.uint8)})
        assert read_states(file, MADE_BY) == {}
        assert says in caplog.text


class Killed(Exception):
    pass


def dying(after):
    """A checkpoint that is saved at every segment, whose worker ends after so many."""

    class Dying(worker_module.Checkpoints):
        calls = 0

        def save(self, checkpoints):
            super().save(checkpoints)
            self.calls += 1
            if self.calls == after:
                raise Killed

    return Dying


def test_a_worker_goes_on_where_another_died(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(worker_module, "MOST_CHECKPOINTING", 100.0)
    spec = load_spec(write(tmp_path, {"seed": None, "steps": 2000, "snapshots": 3}, {"seed": "0..5"}))
    run_sweep(spec, tmp_path / "whole", Execution("inline"))
    root = same_tuning(tmp_path / "whole", spec, tmp_path / "root")
    (pack,) = make_packs(groups_of(spec))
    for after in (2, 1, 3):
        with monkeypatch.context() as context:
            context.setattr(worker_module, "Checkpoints", dying(after))
            worker = Worker(WorkerSetup(str(root), None, True, None), time.time())
            with pytest.raises(Killed):
                worker.train(pack)
    assert list((root / "checkpoints").iterdir())
    worker = Worker(WorkerSetup(str(root), None, True, None), time.time())
    made = []
    with monkeypatch.context() as context:
        context.setattr(Root, "write_progress", lambda root, pack_id, progress: made.append(progress["run_steps"]))
        worker.train(pack)
    assert made[0] > 0
    assert not list((root / "checkpoints").iterdir())
    assert_same_tables(tmp_path / "whole", root)
    for run_id in pack.runs.run_ids:
        np.testing.assert_equal(vars(load_weights(root, run_id)), vars(load_weights(tmp_path / "whole", run_id)))


def test_saving_takes_no_more_than_its_share_of_the_time(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(worker_module.time, "monotonic", lambda: clock[0])
    store = enter_spec(tmp_path / "root", load_spec(write(tmp_path, {}, {})))
    saved = []

    def put(*_):
        clock[0] += 60.0
        saved.append(clock[0])

    monkeypatch.setattr(Root, "put", put)
    checkpoints = worker_module.Checkpoints(store, "p", MADE_BY)
    while clock[0] < 50_000:
        clock[0] += 1.0
        if checkpoints.is_due():
            checkpoints.save({})
    assert saved[0] == pytest.approx(worker_module.CHECKPOINT_SECONDS + 60, abs=1)
    assert 60.0 * len(saved) / clock[0] == pytest.approx(worker_module.MOST_CHECKPOINTING, rel=0.1)


@pytest.mark.parametrize("changed", [{}, {"snapshots": 3}], ids=str)
def test_more_steps_go_on_from_where_runs_ended(tmp_path, changed):
    changed = {"seed": None, **changed}
    spec, longer = (load_spec(write(tmp_path, changed | {"steps": steps}, {"seed": "0..2"})) for steps in (200, 600))
    root = tmp_path / "root"
    run_sweep(spec, root, Execution("inline"))
    held = existing_runs(root, longer)
    asked = verify(enter_spec(root, longer))
    assert (asked.planned, asked.committed, asked.wrong) == (3, 0, ())
    assert (len(held.committed), {run.steps for run in held.prior.values()}) == (0, {200})
    outcome = run_sweep(longer, root, Execution("inline"))
    assert (outcome.plan.run_steps, outcome.saved) == (3 * 400, 0)
    run_sweep(longer, same_tuning(root, longer, tmp_path / "whole"), Execution("inline"))
    assert_same_tables(tmp_path / "whole", root)
    verdict = verify(enter_spec(root, longer))
    assert (verdict.planned, verdict.committed, verdict.wrong) == (3, 3, ())
    assert run_sweep(spec, root, Execution("inline")).plan.packs == (), "the shorter sweep is done as well"
    for run_id in held.prior:
        if "snapshots" in changed:
            np.testing.assert_equal(vars(load_weights(root, run_id)), vars(load_weights(tmp_path / "whole", run_id)))


def test_without_final_states_more_steps_start_anew_to_the_same_end(tmp_path):
    changed = {"seed": None}
    spec, longer = (load_spec(write(tmp_path, changed | {"steps": steps}, {"seed": "0..2"})) for steps in (200, 400))
    root = tmp_path / "root"
    run_sweep(spec.model_copy(update={"final_states": False}), root, Execution("inline"))
    assert not (root / "states").exists()
    run_sweep(longer, root, Execution("inline"))
    run_sweep(longer, same_tuning(root, longer, tmp_path / "whole"), Execution("inline"))
    assert_same_tables(tmp_path / "whole", root)


@pytest.mark.parametrize("recorded", [True, False])
def test_states_of_another_jaxlib_start_anew_and_say_so(tmp_path, monkeypatch, caplog, recorded):
    (pack,) = make_packs(groups_of(load_spec(write(tmp_path))))
    now = worker_module._made_by(pack, Tuning(1, "default"))
    installed = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.1" if name == "jaxlib" else installed(name))
    before = worker_module._made_by(pack, Tuning(1, "default"))
    if not recorded:  # as by a version of grokjax that recorded only jax
        before = {name: value for name, value in before.items() if name != "jaxlib"}
    assert read_states(states_file({}, before), now) == {}
    assert f"jaxlib was {'0.1' if recorded else 'not recorded'} and is {installed('jaxlib')}" in caplog.text
