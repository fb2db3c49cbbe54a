"""The training problem of all contenders: data and initial weights of the parity task, as NumPy arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

LEARNING_RATE = 3e-3
BETAS = (0.99, 0.98)
EPSILON = 1e-8
WEIGHT_DECAY = 0.1
CLIP = 1e-7


class Problem(NamedTuple):
    """B models, each with its own N examples of D inputs and initial weights for H hidden units; all float32."""

    inputs: Array  # [B, N, D]
    labels: Array  # [B, N]
    hidden: Array  # [B, H, D]
    output: Array  # [B, H]

    def first(self, models: int) -> Problem:
        """The same problem with only its first models."""
        return Problem(*(array[:models] for array in self))


def run_config(hidden_size: int, train_size: int, steps: int, seed: int = 0) -> Any:
    """The run of the published sweep that `problem` represents, logged only at its end."""
    from grokjax.sweeps.spec.group_runs import expand  # noqa: PLC0415  (loads jax: not before a worker has set XLA's threads)
    from grokjax.sweeps.spec.load import load_spec  # noqa: PLC0415

    values = {"hidden_size": hidden_size, "train_size": train_size, "weight_decay": WEIGHT_DECAY, "seed": seed}
    settings = [f"{name}={value}" for name, value in {**values, "steps": steps, "log_every": steps}.items()]
    return next(expand(load_spec("parity-article", settings)))


def problem(hidden_size: int, train_size: int, models: int) -> Problem:
    """The data and initial weights of the engine's runs of seeds 0 to `models` - 1."""
    import jax  # noqa: PLC0415

    from grokjax.engine.step import init  # noqa: PLC0415

    template = run_config(hidden_size, train_size, 1)

    @jax.jit
    def start(seed: jax.Array) -> tuple[jax.Array, ...]:
        state = init(template.bind({"seed": seed, "data_seed": seed}))
        return (
            state.train.inputs.by_sample[:, : template.task.num_inputs],
            state.train.labels,
            state.params["hidden"],
            state.params["output"][0],
        )

    with jax.default_matmul_precision("highest"):
        each = [jax.device_get(start(np.int32(seed))) for seed in range(models)]
    return Problem(*(np.stack(arrays) for arrays in zip(*each, strict=True)))
