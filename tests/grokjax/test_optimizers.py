import jax.numpy as jnp
import numpy as np
import optax
import pytest

from grokjax.optimizers import AdamL1, AdamW


def adam_direction(gradients, b1, b2, eps):
    """NumPy Adam (Kingma and Ba 2015, algorithm 1): the last update's direction."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        direction = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    return direction


GRADIENTS = [np.array([0.3, -2.0, 1e-4]), np.array([-0.1, -1.0, 3e-4])]


@pytest.mark.parametrize("weight_decay", [0.0, 0.7])
def test_adamw_agrees_with_numpy_over_two_steps(weight_decay):
    transformation = AdamW(learning_rate=0.01, weight_decay=weight_decay, b1=0.9, b2=0.98).transformation()
    params = w = np.array([1.0, -2.0, 0.5])
    state = transformation.init(jnp.asarray(params))
    for count, gradient in enumerate(GRADIENTS, start=1):
        updates, state = transformation.update(jnp.asarray(gradient), state, params)
        params = optax.apply_updates(params, updates)
        w = w - 0.01 * (adam_direction(GRADIENTS[:count], 0.9, 0.98, 1e-8) + weight_decay * w)
    np.testing.assert_allclose(params, w, rtol=2e-6)


def test_l1_joins_the_gradient_before_the_moments():
    transformation = AdamL1(learning_rate=0.01, l1_penalty=0.05, b1=0.9, b2=0.98).transformation()
    w = np.array([1.0, -2.0, 0.0])
    updates, _ = transformation.update(jnp.asarray(GRADIENTS[0]), transformation.init(jnp.asarray(w)), jnp.asarray(w))
    penalised = GRADIENTS[0] + 0.05 * np.array([1.0, -1.0, 0.0])
    np.testing.assert_allclose(updates, -0.01 * adam_direction([penalised], 0.9, 0.98, 1e-8), rtol=2e-6)
