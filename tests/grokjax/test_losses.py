import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax.losses import CLIP, binary_accuracy, clipped_binary_cross_entropy


def plain(logits, labels):
    p = jnp.clip(jax.nn.sigmoid(logits), CLIP, 1 - CLIP)
    return -jnp.mean(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))


def test_hand_computed_values():
    loss = clipped_binary_cross_entropy(jnp.array([0.0, jnp.log(3.0)]), jnp.array([1.0, 0.0]))
    assert float(loss) == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-6)


def test_least_loss_is_the_published_floor():
    assert float(clipped_binary_cross_entropy(jnp.array([50.0, -50.0]), jnp.array([1.0, 0.0]))) == pytest.approx(
        1.192093e-07, rel=1e-6
    )


def test_greatest_loss_is_finite():
    assert float(clipped_binary_cross_entropy(jnp.array([-200.0]), jnp.array([1.0]))) == pytest.approx(-np.log(1e-7), rel=1e-5)


def test_gradient_is_that_of_differentiating_through_the_clip():
    logits = jnp.array([-40.0, -17.0, -16.0, -2.0, 0.0, 0.5, 15.0, 40.0])
    labels = jnp.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(
        jax.grad(clipped_binary_cross_entropy)(logits, labels), jax.grad(plain)(logits, labels), rtol=1e-4, atol=1e-9
    )


def test_a_logit_of_zero_is_wrong_either_way():
    assert float(binary_accuracy(jnp.array([0.0, 0.0, 1.0, -1.0]), jnp.array([1.0, 0.0, 1.0, 0.0]))) == 0.5
