import jax
import pytest

from benchmarks import against_loops, jax_loop
from benchmarks.against_loops import check_agreement
from benchmarks.machine import require


@pytest.fixture(autouse=True)
def usual_promotion():
    """Contenders call optax as its users do: it raises a decay to the power of an integer count."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


SMALL = {"hidden_size": 16, "train_size": 200, "steps": 50}


def test_all_contenders_train_the_same_function():
    told = check_agreement(**SMALL)
    assert {"engine", "JAX loop, jit"} <= told.keys()


def test_so_do_those_of_pytorch():
    pytest.importorskip("torch")
    assert {"PyTorch loop, fused", "bmm ensemble, 2 by sample", "bmm ensemble, 2 by feature"} <= check_agreement(**SMALL).keys()


def test_a_contender_without_weight_decay_is_caught(monkeypatch):
    unlike = jax_loop.optax.adamw(jax_loop.LEARNING_RATE, *jax_loop.BETAS, weight_decay=0.0)
    monkeypatch.setattr(jax_loop, "OPTIMIZER", unlike)
    jax_loop._step.clear_cache()
    with pytest.raises(AssertionError, match="JAX loop"):
        check_agreement(**SMALL)
    jax_loop._step.clear_cache()


def test_targets_stand_at_sizes_that_are_measured():
    assert {size for _, size in against_loops.TARGETS} <= {16, 64, 258}


def test_a_missing_library_is_said_with_how_to_install_it(capsys):
    assert not require("no_such_library", "the loop")
    said = capsys.readouterr().out
    assert "the rows of the loop are missing" in said
    assert "'.[bench]'" in said
