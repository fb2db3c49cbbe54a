"""Pruning: which distracting weights a network of one hidden layer still uses, at each stored step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.analysis.tables.load import Weights
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]
SMALL = 0.05  # of the greatest contribution on a signal input at the end: what is below it counts as pruned


@dataclass(frozen=True)
class Pruning:
    """The contributions |input weight x output weight| of a network on sparse parity, at K stored steps.

    Attributes:
      step: [K].
      signal: contributions of the signal inputs, [K, H, signal].
      distracting: contributions of the distracting inputs, [K, H, distracting].
      threshold: below which a contribution counts as pruned: 5 % of the greatest one of a signal input at the last step.
      pruned: the step from which all distracting contributions stay below it; None if they do not.
      units_left: hidden units with a contribution, of any input, at or above it at the last step.
    """

    step: Array
    signal: Array
    distracting: Array
    threshold: float
    pruned: int | None
    units_left: int


def pruning(weights: Weights, signal: int) -> Pruning:
    """When the last distracting weight of a network on sparse parity is pruned, and how many hidden units are left.

    A hidden unit's input weights are multiplied by its output weight, so that a unit which is switched off at its output counts as
    pruned. The constant input, the last one, is neither signal nor distracting.

    Args:
      weights: from `load_weights`, with the matrices hidden [K, H, D] and output [K, 1, H].
      signal: the number of leading inputs that the label depends on.

    Raises:
      AnalysisError: the run has other matrices.
    """
    hidden, output = weights.arrays.get("hidden"), weights.arrays.get("output")
    if hidden is None or output is None or output.shape[1] != 1 or len(weights.arrays) != 2 or not 0 < signal < hidden.shape[2] - 1:
        raise AnalysisError("pruning needs the weights of an mlp with one hidden layer and one output on task sparse_parity")
    parts = np.abs(hidden * np.swapaxes(output, 1, 2)).astype(np.float64)
    threshold = SMALL * float(parts[-1, :, :signal].max())
    distracting = parts[:, :, signal:-1]
    kept = (distracting >= threshold).any(axis=(1, 2))  # [K]
    last = np.flatnonzero(kept)
    pruned = None if kept[-1] else int(weights.step[last[-1] + 1 if len(last) else 0])
    units_left = int((parts[-1].max(axis=1) >= threshold).sum())
    return Pruning(weights.step, parts[:, :, :signal], distracting, threshold, pruned, units_left)
