"""A small decoder-only transformer over tokens, read at its last position."""

from __future__ import annotations

import typing
from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import PositiveInt
from grokjax.models.base import ACTIVATIONS, Activation, EmbeddingModel, NeuronMaps, Params, drop, normal
from grokjax.tasks.base import Task

MLP_FACTOR = 4  # hidden units of a block per dimension of the residual stream


class Transformer(EmbeddingModel):
    """A decoder over the tokens followed by a final query token, at whose position the outputs are read.

    Learned positions, causal attention, `layers` blocks of attention and a perceptron of 4 x `width` hidden units, without biases
    (Power et al. 2022, Nanda et al. 2023). `layer_norm` normalizes the input of each half of a block and of the read-out, with a
    learned gain. First weights are normal with variance 1 / fan-in; embeddings and positions with variance 1 / width.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"tokens"})

    model: Literal["transformer"] = "transformer"
    width: Annotated[PositiveInt, pydantic.Field(description="length of the residual stream at each position")]
    layers: Annotated[PositiveInt, pydantic.Field(description="hidden layers, or blocks")] = 1
    heads: Annotated[PositiveInt, pydantic.Field(description="attention heads of a block")] = 4
    layer_norm: Annotated[bool, pydantic.Field(description="normalize before each half of a block, and before the read-out")] = (
        False
    )
    activation: Activation = "relu"

    @pydantic.model_validator(mode="after")
    def _check(self) -> Transformer:
        if self.width % self.heads:
            raise ValueError(f"heads = {self.heads} does not divide width = {self.width}")
        return self

    def init(self, key: jax.Array, task: Task, num_outputs: int) -> Params:
        """Fresh weights: `embedding` [V + 1, W], `embedding_position` [L + 1, W], `unembedding` [W, C]; for block 1 `query_1`,
        `key_1`, `value_1`, `attention_1` [W, W], `hidden_1` [W, 4 W], `output_1` [4 W, W], and so on. `key` is consumed.
        """
        tokens = jnp.zeros((1, task.num_inputs), jnp.int32)
        params: Params = self._module(task, num_outputs).init(key, tokens)["params"]
        return params

    def apply(self, task: Task, params: Params, inputs: jax.Array, key: jax.Array | None = None) -> jax.Array:
        outputs = self._of(task, params).apply({"params": params}, inputs, key)
        assert isinstance(outputs, jax.Array)
        return outputs

    def step_flops(self, task: Task, num_outputs: int, num_examples: int) -> int:
        """FLOPs of a step: three products for each product of the forward pass.

        In the last block, only the last position's queries, attention and perceptron count: nothing else reaches the outputs.
        """
        positions, square = task.num_inputs + 1, self.width**2
        flops = 0
        for layer in range(self.layers):
            queried = 1 if layer == self.layers - 1 else positions
            seen = positions if queried == 1 else positions * (positions + 1) // 2  # pairs of positions
            flops += 2 * positions * square + queried * (2 + 2 * MLP_FACTOR) * square + 2 * seen * self.width
        return 2 * 3 * num_examples * (flops + self.width * num_outputs)

    def has_neuron_maps(self, task: Task) -> bool:
        return task.num_inputs == 2

    def neuron_maps(self, task: Task, params: Params) -> NeuronMaps:
        """Maps of the last block's perceptron: each unit's pre-activation, averaged over the other token, and its output weights
        times the unembedding, without the last gain.
        """
        v, module = task.num_tokens, self._of(task, params)
        pairs = jnp.stack(jnp.divmod(jnp.arange(v * v), v), axis=1)  # [V^2, 2]
        hidden = jnp.reshape(typing.cast("jax.Array", module.apply({"params": params}, pairs, method="last_hidden")), (v, v, -1))
        reads = jnp.stack([hidden.mean(axis=1), hidden.mean(axis=0)])
        return NeuronMaps(reads, (params["unembedding"] @ params[f"output_{self.layers}"]).T)

    def embed(self, task: Task, params: Params, tokens: jax.Array) -> jax.Array:
        embedded: jax.Array = params["embedding"][tokens]
        return embedded

    def apply_to_embedded(self, task: Task, params: Params, embedded: jax.Array) -> jax.Array:
        outputs = self._of(task, params).apply({"params": params}, embedded, method="from_embedded")
        assert isinstance(outputs, jax.Array)
        return outputs

    def _of(self, task: Task, params: Params) -> _Transformer:
        return self._module(task, len(params["unembedding"]))

    def _module(self, task: Task, num_outputs: int) -> _Transformer:
        return _Transformer(self, task.num_tokens, task.num_inputs + 1, num_outputs)


class _Transformer(nn.Module):
    config: Transformer
    num_tokens: int  # without the query token
    num_positions: int
    num_outputs: int

    def setup(self) -> None:
        """Declares embeddings, blocks, gains and the unembedding."""
        w, wide = self.config.width, MLP_FACTOR * self.config.width
        self.embedding = self.param("embedding", normal, (self.num_tokens + 1, w), 1 / w)
        self.position = self.param("embedding_position", normal, (self.num_positions, w), 1 / w)
        shapes = {"query": (w, w), "key": (w, w), "value": (w, w), "attention": (w, w), "hidden": (wide, w), "output": (w, wide)}
        self.blocks = [
            {name: self.param(f"{name}_{block}", normal, shape, 1 / shape[1]) for name, shape in shapes.items()}
            for block in range(1, self.config.layers + 1)
        ]
        gains = range(2 * self.config.layers + 1) if self.config.layer_norm else ()
        self.gains = [self.param(f"gain_{index}", lambda _: jnp.ones(w)) for index in gains]
        self.unembedding = self.param("unembedding", normal, (self.num_outputs, w), 1 / w)

    def __call__(self, tokens: jax.Array, key: jax.Array | None = None) -> jax.Array:
        return self.from_embedded(self.embedding[tokens], key)

    def from_embedded(self, embedded: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """The outputs [C, N] from embeddings [N, L, W]."""
        last, hidden = self._through_blocks(embedded, key)
        last = last + self._drop(key, self.config.layers, ACTIVATIONS[self.config.activation](hidden)) @ self.blocks[-1]["output"].T
        return self.unembedding @ self._normed(last, 2 * self.config.layers).T

    def last_hidden(self, tokens: jax.Array) -> jax.Array:
        """The input of the last block's hidden units at the last position, [N, 4 W]."""
        return self._through_blocks(self.embedding[tokens], None)[1]

    def _through_blocks(self, embedded: jax.Array, key: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        """The stream [N, W] and the hidden units' inputs [N, 4 W] at the last position, in the last block's second half."""
        asking = jnp.broadcast_to(self.embedding[-1], (len(embedded), 1, self.config.width))
        stream = jnp.concatenate([embedded, asking], axis=1) + self.position[None]  # [N, P, W]
        for index, block in enumerate(self.blocks[:-1]):
            stream = stream + self._attention(block, self._normed(stream, 2 * index), self.num_positions)
            hidden = self._normed(stream, 2 * index + 1) @ block["hidden"].T
            stream = stream + self._drop(key, index, ACTIVATIONS[self.config.activation](hidden)) @ block["output"].T
        block, index = self.blocks[-1], self.config.layers - 1
        last = stream[:, -1] + self._attention(block, self._normed(stream, 2 * index), 1)[:, 0]
        return last, self._normed(last, 2 * index + 1) @ block["hidden"].T

    def _attention(self, block: dict[str, jax.Array], stream: jax.Array, queried: int) -> jax.Array:
        """Causal attention output at the last `queried` positions: [N, P, W] -> [N, queried, W].

        With so few positions, products of queries and keys are computed as sums over a row, not as matrix products.
        """
        count, positions, _ = stream.shape

        def by_head(each: jax.Array) -> jax.Array:
            return each.reshape(*each.shape[:2], self.config.heads, -1)

        queries = by_head(stream[:, -queried:] @ block["query"].T)
        keys, values = by_head(stream @ block["key"].T), by_head(stream @ block["value"].T)
        scores = (
            jnp.sum(queries[:, :, None] * keys[:, None], axis=-1) * (self.config.width // self.config.heads) ** -0.5
        )  # [N, queried, P, heads]
        later = jnp.arange(positions)[None] > jnp.arange(positions - queried, positions)[:, None]  # [queried, P]
        weights = jax.nn.softmax(jnp.where(later[None, :, :, None], -jnp.inf, scores), axis=2)
        taken = jnp.sum(weights[..., None] * values[:, None], axis=2)  # [N, queried, heads, W / heads]
        return taken.reshape(count, queried, self.config.width) @ block["attention"].T

    def _normed(self, stream: jax.Array, index: int) -> jax.Array:
        if not self.config.layer_norm:
            return stream
        centred = stream - jnp.mean(stream, axis=-1, keepdims=True)
        gain = jnp.expand_dims(self.gains[index], range(stream.ndim - 1))
        return gain * centred / jnp.sqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + 1e-5)

    def _drop(self, key: jax.Array | None, index: int, activations: jax.Array) -> jax.Array:
        return drop(None if key is None else jax.random.fold_in(key, index), activations, self.config.dropout)
