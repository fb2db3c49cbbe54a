"""The article's experiments and claims: each trains in a small version, and each claim is computed from it."""

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.article import experiments, measures
from benchmarks.article.claims import CLAIMS, Claim, checked
from benchmarks.article.experiments import EXPERIMENTS, carry_out, named
from benchmarks.article.measures import Measured
from benchmarks.article.outcomes import OUTCOMES, swing
from grokjax.sweeps.execute.driver import Execution, run_sweep
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.load import load_spec
from grokjax.sweeps.spec.sweep_spec import PinnedTuning
from grokjax.sweeps.store.root import Root

# What makes an experiment small, beside few steps and two seeds.
SMALL = {
    "modular-main": ("embedding_size=6", "snapshots=3"),
    "modular-seeds": ("embedding_size=6",),
    "parity-l1": ("l1_penalty=1e-5", "hidden_size=6", "train_size=60", "test_size=60", "snapshots=3"),
    "parity-l2": ("weight_decay=0.3", "hidden_size=6", "train_size=60", "test_size=60", "snapshots=3"),
    "parity-article": ("weight_decay=0.1,1", "hidden_size=16", "train_size=750", "test_size=60"),
    "modular-circle": ("snapshots=3",),
    "modular-constructed": ("hidden_size=5", "activation=relu", "steps=1", "log_every=1", "seed=0"),
    "modular-variants": ("embedding=tied", "collapsed_hidden=true", "weight_decay=1", "optimizer=adamw", "embedding_size=6"),
    "modular-constraints": ("train_fraction=0.4", "seed=0"),
    "transformer": ("width=8", "heads=2"),
    "digits-scale": ("weight_decay=0.1", "init_scale=1,4", "hidden_size=8"),
}  # fmt: skip


def settings_of(experiment, *others):
    """The NAME=VALUE settings of an experiment's command; others win over them, later ones over earlier ones."""
    words = [word for word in experiment.settings.split() if word != "--set"]
    return ["=".join(pair) for pair in dict(word.split("=", 1) for word in (*words, *others)).items()]


def test_every_experiment_has_claims_and_every_claim_an_experiment():
    assert {claim.experiment for claim in CLAIMS} == {each.name for each in EXPERIMENTS}
    assert len(CLAIMS) >= 40
    assert len({(claim.section, claim.text) for claim in CLAIMS}) == len(CLAIMS)


def test_no_claim_agrees_by_itself():
    """A range that holds every number, or a missing number that counts as agreeing, would make a claim that cannot fail."""
    for claim in CLAIMS:
        assert math.isfinite(claim.low) or math.isfinite(claim.high), claim.text
        assert not claim.agrees(Measured(math.nan, "no run")), claim.text


def test_claims_without_results_are_not_run_yet(tmp_path):
    assert {checked(claim, tmp_path) for claim in CLAIMS} == {("", "not run yet")}


def test_a_claim_waits_for_the_last_run(tmp_path):
    spec = load_spec("modular-constructed", ["hidden_size=5", "seed=0,1"])
    claim = Claim("", "", "root", lambda root: Measured(1, "one"), "1", low=1)
    half = load_spec("modular-constructed", ["hidden_size=5", "seed=0"])
    run_sweep(half, tmp_path / "root", Execution("inline"))
    assert checked(claim, tmp_path) == ("one", "yes")
    enter_spec(Root.open(tmp_path / "root"), spec)
    assert checked(claim, tmp_path) == ("1 runs are missing", "not run yet")


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda each: each.name)
def test_an_experiment_trains_and_answers_its_claims(experiment, tmp_path):
    spec = load_spec(experiment.spec, settings_of(experiment))  # as `make article` trains it
    few = ("steps=4", "log_every=2", "seed=0,1")
    small = load_spec(experiment.spec, settings_of(experiment, *few, *SMALL.get(experiment.name, ())))
    if experiment.name == "modular-constraints":  # dropout, and a smaller model
        (zipped,) = small.zipped
        rows = {name: tuple(values[row] for row in (1, 6)) for name, values in zipped.items()}
        small = small.model_copy(update={"zipped": (rows,)})
    assert small.rule == spec.rule
    small = small.model_copy(update={"tuning": PinnedTuning(lane_width=2, dot_library="default")})  # measuring takes seconds
    outcome = run_sweep(small, tmp_path / experiment.name, Execution("inline"))
    assert outcome.failures == ()
    assert len(OUTCOMES[experiment.name](tmp_path / experiment.name)) > 0
    for claim in CLAIMS:
        if claim.experiment == experiment.name:
            text, agrees = checked(claim, tmp_path)
            assert text, claim.text
            assert agrees in {"yes", "no"}, (claim.text, text)


def test_a_command_that_fails_ends_the_article(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(
        experiments.subprocess, "run", lambda command, check: called.append(command) or subprocess.CompletedProcess(command, 3)
    )
    with pytest.raises(SystemExit) as ended:
        carry_out(EXPERIMENTS[0], tmp_path)
    assert ended.value.code == 3
    assert len(called) == 1


def test_an_unknown_experiment_is_named_with_those_that_exist():
    with pytest.raises(SystemExit, match="there is no experiment digit; there are modular-main"):
        named(("digit",))
    assert [each.name for each in named(("digits-scale", "modular-main"))] == ["modular-main", "digits-scale"]


def test_the_deepest_valley_of_a_curve():
    assert swing(np.array([0.1, 0.9, 0.7, 0.95, 0.94])) == (0.9, 0.7, 0.95)
    assert swing(np.array([0.1, 0.5, 0.9])) == (0.1, 0.1, 0.9)


def test_the_published_counts_are_those_of_1125_runs():
    assert [sum(counts.values()) for counts in measures.PUBLISHED_COUNTS.values()] == [225] * 5


def test_the_page_lists_the_experiments():
    page = (Path(__file__).parents[2] / "docs" / "article" / "index.md").read_text().splitlines()
    assert set(experiments.table()) <= set(page), "python -m benchmarks.article plan"
