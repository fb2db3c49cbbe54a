"""The article's multilayer perceptron over two embedded tokens, in all its variants."""

from __future__ import annotations

import typing
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import flax.linen as nn
import jax
import jax.numpy as jnp
import pydantic

from grokjax.fields import IntList, PositiveInt, SameAs, parse_int_list
from grokjax.models.base import ACTIVATIONS, Activation, EmbeddingModel, NeuronMaps, Params, drop, linear, one_hot
from grokjax.spectra import circle
from grokjax.tasks.base import Task

# The standard deviation of a standard normal truncated at two standard deviations.
TRUNCATED_DEVIATION = 0.87962566103423978

Embedding = Literal["tied", "untied", "input_tied", "circle"]
Tied = tuple[jax.Array, jax.Array]


class Pairs(NamedTuple):
    """N pairs of tokens, as rows of a table of T rows: V rows that both tokens share, or V for the first and V for the second."""

    rows: jax.Array  # [N, 2] int
    counts: jax.Array  # [T, N]: how often each row is in each pair, to sum gradients


class Tables(NamedTuple):
    """The model's weights multiplied out: each token's contribution to each hidden unit, and each unit's to each output."""

    input: jax.Array  # [T, H]
    output: jax.Array  # [C, H]


class ModularMlp(EmbeddingModel):
    """act(a E_a W_a + b E_b W_b) O U for one-hot tokens a and b (Pearce et al. 2023).

    `embedding` says what is shared: "tied" E_a = E_b = U^T, "input_tied" E_a = E_b, "untied" nothing; "circle" fixes all three to
    the points cos(2 pi k a / V), sin(2 pi k a / V), each column of norm one, for the frequencies k in `circle_frequencies`. With
    `tied_hidden`, W_a = W_b. `collapsed_hidden` leaves out W: the embedding is the hidden layer. `collapsed_output` leaves out O.

    First weights are those of the published code, truncated normals: embeddings of variance 2 / fan-in, the others of standard
    deviation 1 / sqrt(fan-in) before truncation.
    """

    reads: ClassVar[frozenset[str]] = frozenset({"tokens"})

    model: Literal["modular_mlp"] = "modular_mlp"
    embedding: Annotated[Embedding, pydantic.Field(description="which embeddings are shared, or fixed on a circle")] = "tied"
    embedding_size: Annotated[PositiveInt, pydantic.Field(description="length of a token's embedding")]
    hidden_size: Annotated[PositiveInt, pydantic.Field(default_factory=SameAs("embedding_size"), description="hidden units")]
    tied_hidden: Annotated[bool, pydantic.Field(description="both tokens go through the same hidden weights")] = True
    collapsed_hidden: Annotated[bool, pydantic.Field(description="the embeddings are the hidden weights")] = False
    collapsed_output: Annotated[bool, pydantic.Field(description="a single matrix maps hidden units to outputs")] = False
    activation: Activation = "relu"
    circle_frequencies: Annotated[IntList, pydantic.Field(description='of the circle, such as "1" or "3+11"')] = "1"

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.collapsed_hidden and not self.tied_hidden:
            raise ValueError(
                "tied_hidden = False has no effect with collapsed_hidden = True, which has no hidden weights; make it True"
            )
        same = self.hidden_size == self.embedding_size
        sizes = f"hidden_size = {self.hidden_size} and embedding_size = {self.embedding_size}"
        if self.collapsed_hidden and not same:
            raise ValueError(f"collapsed_hidden = True makes the embedding the hidden layer; {sizes} must be equal")
        if self.collapsed_output and self.embedding == "tied" and not same:
            raise ValueError(
                f"embedding = 'tied' with collapsed_output = True uses the embedding as output weights; {sizes} cannot be tied, "
                "make them equal or use 'input_tied'"
            )
        if self.embedding == "circle":
            self._check_circle()
        return self

    def _check_circle(self) -> None:
        size = 2 * len(parse_int_list(self.circle_frequencies))
        if self.embedding_size != size:
            raise ValueError(
                f"embedding_size = {self.embedding_size}, but circle_frequencies = {self.circle_frequencies!r} make {size}"
            )
        if self.collapsed_hidden or self.collapsed_output:
            raise ValueError(
                "embedding = 'circle' has no weights to collapse into; leave collapsed_hidden and collapsed_output False"
            )

    def check(self, task: Task, num_outputs: int) -> None:
        if task.num_inputs != 2:
            raise ValueError(f"model = 'modular_mlp' reads two tokens, the task gives {task.num_inputs}")
        if self.embedding in ("tied", "circle") and num_outputs != task.num_tokens:
            raise ValueError(
                f"embedding = {self.embedding!r} ties {task.num_tokens} tokens to {num_outputs} outputs; use 'input_tied'"
            )
        if self.embedding == "circle" and max(parse_int_list(self.circle_frequencies)) > (task.num_tokens - 1) // 2:
            raise ValueError(
                f"circle_frequencies = {self.circle_frequencies!r}: {task.num_tokens} tokens have the frequencies 1 to "
                f"{(task.num_tokens - 1) // 2}"
            )

    def arrange(self, task: Task, inputs: jax.Array) -> Pairs:
        rows = inputs + jnp.array([[0, 0 if self._shared else task.num_tokens]], inputs.dtype)
        counts = jnp.sum(one_hot(rows.T, task.num_tokens * (1 if self._shared else 2)), axis=0)
        return Pairs(rows, counts.T)

    def take(self, inputs: Pairs, indices: jax.Array) -> Pairs:
        return Pairs(inputs.rows[indices], inputs.counts[:, indices])

    def init(self, key: jax.Array, task: Task, num_outputs: int) -> Params:
        """Fresh weights: `embedding` [V, E], or `embedding_a` and `embedding_b`; `hidden` [H, E], or `hidden_a` and `hidden_b`;
        `output` [H, E]; `unembedding` [C, E], or [C, H] when collapsed. Weights that the variant does not have are absent. `key` is
        consumed.

        In the formula, W is `hidden` transposed, and U `unembedding`.
        """
        params: Params = self._module(task, num_outputs).init(key).get("params", {})
        return params

    def apply(self, task: Task, params: Params, inputs: Pairs, key: jax.Array | None = None) -> jax.Array:
        tables = self.tables(task, params)
        hidden = ACTIVATIONS[self.activation](sum_of_rows(tables.input, inputs))  # [H, N]
        return linear(tables.output, drop(key, hidden, self.dropout))

    def tables(self, task: Task, params: Params) -> Tables:
        """The multiplied-out weights, from which the outputs are computed with far fewer FLOPs."""
        tables = self._module(task, task.num_classes).apply({"params": params})
        assert isinstance(tables, Tables)
        return tables

    def step_flops(self, task: Task, num_outputs: int, num_examples: int) -> int:
        """FLOPs of a step: three products for the outputs, and three for each table, or two where a factor is fixed."""
        v, e, h = task.num_tokens, self.embedding_size, self.hidden_size
        factors = 2 if self.embedding == "circle" else 3
        hidden = 0 if self.collapsed_hidden else (1 if self._shared else 2) * factors * v * e * h
        output = 0 if self.collapsed_output else factors * h * e * num_outputs
        return 2 * (hidden + output + 3 * num_examples * h * num_outputs)

    def has_neuron_maps(self, task: Task) -> bool:
        return True

    def neuron_maps(self, task: Task, params: Params) -> NeuronMaps:
        """The products E W, which units read, and O U, which they write."""
        tables = self.tables(task, params)
        by_position = tables.input.reshape(-1, task.num_tokens, self.hidden_size)
        return NeuronMaps(jnp.broadcast_to(by_position, (2, *by_position.shape[1:])), tables.output.T)

    def embed(self, task: Task, params: Params, tokens: jax.Array) -> jax.Array:
        first, second = typing.cast("Tied", self._module(task, task.num_classes).apply({"params": params}, method="embeddings"))
        return jnp.stack([first[tokens[:, 0]], second[tokens[:, 1]]], axis=1)

    def apply_to_embedded(self, task: Task, params: Params, embedded: jax.Array) -> jax.Array:
        module = self._module(task, task.num_classes)
        into = module.apply({"params": params}, method="hidden_weights")  # [H, E] each, or None
        first, second = (embedded[:, i] if weights is None else embedded[:, i] @ weights.T for i, weights in enumerate(into))
        return self.tables(task, params).output @ ACTIVATIONS[self.activation](first + second).T

    @property
    def _shared(self) -> bool:
        return self.embedding != "untied" and (self.tied_hidden or self.collapsed_hidden)

    def _module(self, task: Task, num_outputs: int) -> _ModularMlp:
        return _ModularMlp(self, task.num_tokens, num_outputs)


class _ModularMlp(nn.Module):
    config: ModularMlp
    num_tokens: int
    num_outputs: int

    def setup(self) -> None:
        """Declares the weights that the variant has."""
        self.read = self._embeddings()
        self.into = self._hidden_weights()
        self.write = self._output_weights()

    def _embeddings(self) -> tuple[jax.Array, jax.Array]:
        """E_a and E_b, [V, E] each; one array where they are shared."""
        drawn = _truncated, (self.num_tokens, self.config.embedding_size), _embedding_deviation(self.num_tokens)
        if self.config.embedding == "circle":
            shared = jnp.asarray(circle(self.num_tokens, parse_int_list(self.config.circle_frequencies)), float)
        elif self.config.embedding == "untied":
            return self.param("embedding_a", *drawn), self.param("embedding_b", *drawn)
        else:
            shared = self.param("embedding", *drawn)
        return shared, shared

    def _hidden_weights(self) -> tuple[jax.Array | None, jax.Array | None]:
        """W_a and W_b transposed, [H, E] each; one array where they are shared, None where they are left out."""
        drawn = _truncated, (self.config.hidden_size, self.config.embedding_size), self.config.embedding_size**-0.5
        if self.config.collapsed_hidden:
            return None, None
        if not self.config.tied_hidden:
            return self.param("hidden_a", *drawn), self.param("hidden_b", *drawn)
        shared = self.param("hidden", *drawn)
        return shared, shared

    def _output_weights(self) -> tuple[jax.Array, jax.Array | None]:
        """U [C, E] and O [H, E]; [C, H] and None where collapsed."""
        h, e = self.config.hidden_size, self.config.embedding_size
        output = None if self.config.collapsed_output else self.param("output", _truncated, (h, e), h**-0.5)
        if self.config.embedding in ("tied", "circle"):
            return self.read[0], output
        if self.config.collapsed_output:
            return self.param("unembedding", _truncated, (self.num_outputs, h), h**-0.5), output
        return self.param("unembedding", _truncated, (self.num_outputs, e), _embedding_deviation(e)), output

    def __call__(self) -> Tables:
        (read, read_b), (into, into_b), (write, output) = self.read, self.into, self.write
        shared = read is read_b and into is into_b
        if shared and read is write and into is not None and output is not None:
            both = read @ jnp.concatenate([into, output]).T  # [V, 2 H]: one product, faster than two
            return Tables(both[:, : self.config.hidden_size], both[:, self.config.hidden_size :])
        table = jnp.concatenate([_times(read, into), *([] if shared else [_times(read_b, into_b)])])
        return Tables(table, _times(write, output))

    def embeddings(self) -> tuple[jax.Array, jax.Array]:
        """The embeddings E_a and E_b, [V, E] each."""
        return self.read

    def hidden_weights(self) -> tuple[jax.Array | None, jax.Array | None]:
        """W_a and W_b transposed, [H, E] each; None if collapsed."""
        return self.into


def _times(rows: jax.Array, weights: jax.Array | None) -> jax.Array:
    """Rows [V, E] times weights [H, E] transposed: [V, H]; the rows themselves if there are no weights."""
    return rows if weights is None else rows @ weights.T


def _embedding_deviation(fan_in: int) -> float:
    """The deviation before truncation that gives a variance of 2 / fan-in after it."""
    return float((2 / fan_in) ** 0.5 / TRUNCATED_DEVIATION)


def _truncated(key: jax.Array, shape: tuple[int, int], deviation: float) -> jax.Array:
    """Truncated normal weights (at two standard deviations), always drawn in float32, whatever the run's precision."""
    weights: jax.Array = deviation * jax.random.truncated_normal(key, -2, 2, shape, jnp.float32)
    return weights.astype(float)


@jax.custom_vjp
def sum_of_rows(table: jax.Array, pairs: Pairs) -> jax.Array:
    """The sum of each pair's two rows of a table [T, H]: [H, N].

    The forward pass gathers rows; the backward pass sums them by one product with the counts, many times faster than a scatter.
    """
    return (table[pairs.rows[:, 0]] + table[pairs.rows[:, 1]]).T


def _sum_of_rows_forward(table: jax.Array, pairs: Pairs) -> tuple[jax.Array, Any]:
    return sum_of_rows(table, pairs), pairs


def _sum_of_rows_backward(pairs: Pairs, cotangent: jax.Array) -> tuple[jax.Array, None]:
    return pairs.counts @ cotangent.T, None


sum_of_rows.defvjp(_sum_of_rows_forward, _sum_of_rows_backward)
