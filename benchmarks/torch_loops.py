"""PyTorch as a contender, with one model in a loop or B stacked models: the same function, written as PyTorch users would.

`torch.compile` fuses the operations between the products, but on a CPU it builds C++ and needs a compiler on the machine; so
compiled ensembles are a separate contender, for machines that have one.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy

from benchmarks.problem import BETAS, CLIP, EPSILON, LEARNING_RATE, WEIGHT_DECAY, Array, Problem

ADAMW_FORMS: dict[str, dict[str, bool]] = {"for-loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
WIDTHS = (1, 2, 4, 8, 16, 32, 64)
COMPILED_WIDTHS = (2, 8, 32)  # each is compiled anew, for several seconds


class Perceptron(torch.nn.Module):
    """relu(x W_in) w_out, [N, D] -> [N]; the bias is an input that is always one."""

    def __init__(self, num_inputs: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(num_inputs, hidden_size, bias=False)
        self.output = torch.nn.Linear(hidden_size, 1, bias=False)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The logits [N]."""
        return self.output(torch.relu(self.hidden(inputs))).squeeze(1)


def clipped_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean over examples (the last axis) of the clipped cross-entropy, summed over models if there are several."""
    total = binary_cross_entropy(torch.sigmoid(logits).clamp(CLIP, 1 - CLIP), labels, reduction="sum")
    return total / labels.shape[-1]


def adamw(parameters: list[torch.Tensor], form: str, weight_decay: float = WEIGHT_DECAY) -> torch.optim.AdamW:
    """PyTorch's AdamW in one of its implementations; it works element by element, so stacked models are trained independently."""
    chosen = ADAMW_FORMS[form]
    return torch.optim.AdamW(parameters, LEARNING_RATE, BETAS, EPSILON, weight_decay, **chosen)


class TorchLoop:
    """The first model of a problem: a module, an optimizer, and one step per iteration of a Python loop."""

    models = 1

    def __init__(self, problem: Problem, form: str) -> None:
        torch.set_num_threads(1)
        self.form = form
        self._inputs, self._labels = torch.from_numpy(problem.inputs[0].copy()), torch.from_numpy(problem.labels[0].copy())
        self._model = Perceptron(problem.inputs.shape[2], problem.hidden.shape[1])
        with torch.no_grad():
            self._model.hidden.weight.copy_(torch.from_numpy(problem.hidden[0].copy()))
            self._model.output.weight.copy_(torch.from_numpy(problem.output[:1].copy()))
        self._optimizer = adamw(list(self._model.parameters()), form)

    def train(self, steps: int) -> None:
        """Trains by `steps` steps."""
        for _ in range(steps):
            self._optimizer.zero_grad()
            clipped_loss(self._model(self._inputs), self._labels).backward()
            self._optimizer.step()

    def losses(self) -> Array:
        """The loss of the training examples, [1]."""
        with torch.no_grad():
            return np.asarray(clipped_loss(self._model(self._inputs), self._labels))[None]


class TorchEnsemble:
    """All B models of a problem at once, with batched matrix products and activations in place.

    Laid out by sample, [B, N, D] x [B, D, H], as most users write it, or by feature, [B, H, D] x [B, D, N], which is often faster.
    """

    def __init__(self, problem: Problem, by_feature: bool, compiled: bool = False) -> None:
        torch.set_num_threads(1)
        self.models, self._by_feature = len(problem.inputs), by_feature
        self.form = f"{self.models} by {'feature' if by_feature else 'sample'}"
        self._inputs = _laid_out(problem.inputs, swapped=by_feature)
        self._hidden = _laid_out(problem.hidden, swapped=not by_feature).requires_grad_()
        self._output = _laid_out(problem.output[:, None, :], swapped=not by_feature).requires_grad_()
        self._labels = torch.from_numpy(problem.labels.copy())
        self._optimizer = adamw([self._hidden, self._output], "fused")
        self._loss = torch.compile(self._total_loss, dynamic=False) if compiled else self._total_loss

    def train(self, steps: int) -> None:
        """Trains all models by `steps` steps."""
        for _ in range(steps):
            self._optimizer.zero_grad()
            self._loss().backward()
            self._optimizer.step()

    def losses(self) -> Array:
        """Each model's loss of the training examples, [B]."""
        with torch.no_grad():
            logits = self._logits()
            return np.stack([np.asarray(clipped_loss(*pair)) for pair in zip(logits, self._labels, strict=True)])

    def _total_loss(self) -> torch.Tensor:
        return clipped_loss(self._logits(), self._labels)

    def _logits(self) -> torch.Tensor:
        if self._by_feature:
            return torch.bmm(self._output, torch.bmm(self._hidden, self._inputs).relu_()).squeeze(1)
        return torch.bmm(torch.bmm(self._inputs, self._hidden).relu_(), self._output).squeeze(2)


def torch_loops(problem: Problem) -> list[TorchLoop]:
    """A loop with each implementation of AdamW."""
    return [TorchLoop(problem, form) for form in ADAMW_FORMS]


def torch_ensembles(problem: Problem) -> list[TorchEnsemble]:
    """Ensembles of every width for which the problem has models, in both layouts."""
    widths = [width for width in WIDTHS if width <= len(problem.inputs)]
    return [TorchEnsemble(problem.first(width), by_feature) for width, by_feature in itertools.product(widths, (False, True))]


def compiled_ensembles(problem: Problem) -> list[TorchEnsemble]:
    """Compiled ensembles of a few widths, by sample, which compiles to faster code."""
    torch.compiler.reset()  # it gives up on a function after eight shapes
    return [TorchEnsemble(problem.first(width), False, compiled=True) for width in COMPILED_WIDTHS if width <= len(problem.inputs)]


def _laid_out(array: Array, swapped: bool) -> torch.Tensor:
    """A contiguous copy of a tensor, optionally with its last two axes swapped."""
    return torch.from_numpy((array.swapaxes(1, 2) if swapped else array).copy())
