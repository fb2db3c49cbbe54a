"""Probes: what is measured of a run's weights beside its losses and accuracies."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from grokjax.config import RunConfig
from grokjax.models import Params


def weight_norms(config: RunConfig, params: Params) -> dict[str, jax.Array]:
    """Norms of all weights, and of the input weights on the signal and on the distracting inputs. Each a scalar.

    The distracting inputs are the bits the label does not depend on; the constant input is neither.
    """
    signal = config.task.num_signal_inputs
    inputs = config.model.input_weights(params)  # [H, D]
    return {
        "weight_l1_norm": sum((jnp.sum(jnp.abs(leaf)) for leaf in jax.tree.leaves(params)), jnp.zeros(())),
        "weight_l2_norm": optax.tree.norm(params),
        "signal_weight_norm": jnp.linalg.norm(inputs[:, :signal]),
        "distractor_weight_norm": jnp.linalg.norm(inputs[:, signal:-1]),
    }
