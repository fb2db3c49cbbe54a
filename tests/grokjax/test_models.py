import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokjax.models.mlp import Mlp, relu_readout
from grokjax.tasks.sparse_parity import SparseParity

TASK = SparseParity(num_bits=30, parity_bits=3, train_size=1250)


def plain(hidden, output, x):
    return jnp.maximum(x @ hidden.T, 0) @ output


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 9), st.integers(1, 40), st.integers(1, 11))
def test_one_product_gives_the_gradients_of_plain_autodiff(seed, hidden_size, num_inputs, count):
    keys = jax.random.split(jax.random.key(seed), 4)
    hidden = jax.random.normal(keys[0], (hidden_size, num_inputs))
    output = jax.random.normal(keys[1], (hidden_size,))
    x = jax.random.normal(keys[2], (count, num_inputs))
    inputs, cotangent = Mlp(hidden_size=hidden_size).arrange(TASK, x), jax.random.normal(keys[3], (count,))
    ours, back = jax.vjp(lambda h, o: relu_readout(h, o, inputs), hidden, output)
    theirs, plain_back = jax.vjp(lambda h, o: plain(h, o, x), hidden, output)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for mine, reference in zip(back(cotangent), plain_back(cotangent), strict=True):
        np.testing.assert_allclose(mine, reference, atol=2e-5)


def test_first_weights_have_variance_one_over_fan_in():
    params = Mlp(hidden_size=4000).init(jax.random.key(0), TASK, 1)
    assert params["hidden"].shape == (4000, 31)
    np.testing.assert_allclose(jnp.std(params["hidden"]), 31**-0.5, rtol=0.02)
    np.testing.assert_allclose(jnp.std(params["output"]), 4000**-0.5, rtol=0.05)


def test_useful_flops_count_the_five_products_of_a_step():
    # forward and weight gradient: 2 N D H each; read-out, its gradient, and the way back through it: 2 N H each
    assert Mlp(hidden_size=16).step_flops(TASK, 1, 1250) == 2 * (2 * 1250 * 31 * 16) + 3 * (2 * 1250 * 16)
