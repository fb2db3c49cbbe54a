"""The closed-form solution of modular addition: a model without trained weights."""

from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pydantic

from grokjax.fields import PositiveInt
from grokjax.models.base import ACTIVATIONS, Activation, Model, NeuronMaps, Params
from grokjax.tasks.base import Task


class ConstructedCircle(Model):
    """Hidden unit n of N reads cos(2 pi a / V - 2 pi n / N) of each token and writes cos(2 pi c / V - 4 pi n / N) to output c.

    The greatest output is a + b modulo an odd V with the quadratic activation for 3, 5, 6 or 7 units (4 do not tell c from V - c),
    and with relu for 5 or 7 (Pearce et al. 2023). It has no weights, so training does not change it.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"tokens"})
    precisions: ClassVar[frozenset[str]] = frozenset({"float64"})  # float32 cannot tell ties from near ones

    model: Literal["constructed_circle"] = "constructed_circle"
    hidden_size: Annotated[PositiveInt, pydantic.Field(description="hidden units")]
    activation: Activation = "relu"

    def check(self, task: Task, num_outputs: int) -> None:
        if num_outputs != task.num_tokens:
            raise ValueError(f"model = 'constructed_circle' writes {task.num_tokens} tokens, the task has {num_outputs} outputs")

    def init(self, key: jax.Array, task: Task, num_outputs: int) -> Params:
        return {}

    def apply(self, task: Task, params: Params, inputs: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """The outputs [C, N] for tokens [N, L], rounded to half of the precision's digits, which preserves ties."""
        maps = self.neuron_maps(task, params)
        hidden = sum(table[inputs[:, position]] for position, table in enumerate(maps.inputs))
        outputs = (ACTIVATIONS[self.activation](hidden) @ maps.outputs).T
        tick = float(np.finfo(outputs.dtype).eps) ** 0.5
        rounded: jax.Array = jnp.round(outputs / tick) * tick
        return rounded

    def step_flops(self, task: Task, num_outputs: int, num_examples: int) -> int:
        return 0

    def has_neuron_maps(self, task: Task) -> bool:
        return True

    def neuron_maps(self, task: Task, params: Params) -> NeuronMaps:
        tokens = 2 * np.pi * np.arange(task.num_tokens) / task.num_tokens  # [V]
        units = 2 * np.pi * np.arange(self.hidden_size) / self.hidden_size  # [H]
        reads = jnp.asarray(np.cos(tokens[:, None] - units), float)
        return NeuronMaps(jnp.stack([reads] * task.num_inputs), jnp.asarray(np.cos(tokens - 2 * units[:, None]), float))
