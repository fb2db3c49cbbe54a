"""Chaos on a real cluster of three nodes: workers and drivers killed, nodes gone and come, a store that fails; no run is spoilt."""

import random
import shutil

import pandas as pd
import pytest

from benchmarks import chaos
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.verify import verify
from tests.support.s3 import at_random, s3_server
from tests.support.tables import assert_same_tables

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


def test_killed_workers_and_drivers_and_lost_nodes_spoil_nothing_for_any_reader(tmp_path, capsys):
    options = ["--workers", "5", "--drivers", "2", "--nodes", "1", "--packs", "36", "--steps", "1000", "--folder", str(tmp_path)]
    assert chaos.main(options) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    (result, *_) = chaos.kept_results(tmp_path)
    assert result.planned == 36 * chaos.RUNS_PER_PACK
    assert f"| {result.planned:,} | {result.planned:,} | {result.planned:,} | 1 of 1 |" in said or "sweep 2" in said
    assert chaos.main(options) == 0, "what was finished is not done again"
    assert "sweep 1" not in capsys.readouterr().out


def test_a_run_that_is_spoilt_is_seen(tmp_path):
    """What the benchmark is for: a row twice, a value changed, a row lost, a file that is none of the root's."""
    spec, whole = chaos.undisturbed(tmp_path, packs=1, steps=100)

    def judged():
        return chaos.judged(spec, whole, root, chaos.Kills())

    root = tmp_path / "root"
    for spoil in (None, twice, changed, lost, foreign):
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(whole, root)
        if spoil:
            spoil(root)
        assert judged().sound == (spoil is None), (spoil, judged())


def twice(root):
    file = next((root / "runs").iterdir())
    shutil.copy(file, file.with_name("again.parquet"))


def changed(root):
    file = next((root / "curves").iterdir())
    curves = pd.read_parquet(file)
    curves.loc[0, "train_loss"] += 1e-6
    curves.to_parquet(file, index=False)


def lost(root):
    file = next((root / "runs").iterdir())
    pd.read_parquet(file).iloc[1:].to_parquet(file, index=False)


def foreign(root):
    file = next((root / "runs").iterdir())
    shutil.copy(file, file.with_name(f"{file.name}#3037"))


def test_an_object_store_that_fails_as_well_spoils_nothing(tmp_path, monkeypatch):
    """A tenth of its requests fails, or is carried out and its answer lost."""
    spec, whole = chaos.undisturbed(tmp_path, packs=24, steps=1000)
    faults = at_random(seed=7, share=0.1, kinds=("refuse:500", "refuse:503", "refuse:409", "lose"))
    with s3_server(monkeypatch, faults) as address:
        root = chaos.entered(spec, whole, address)
        nodes = chaos.Nodes()
        try:
            killed = chaos.Chaos(nodes, spec, root, 24, chaos.Kills(16, 1, 1)).train(random.Random(0))
        finally:
            nodes.shut_down()
        assert killed.workers >= 1, "as many as there is time for: 16 on a slow day, 2 on a quick one"
        assert (killed.drivers, killed.nodes) == (1, 1)
        verdict = verify(Root.open(root))
        assert (verdict.wrong, verdict.committed) == ((), 24 * chaos.RUNS_PER_PACK)
        assert_same_tables(whole, root)
