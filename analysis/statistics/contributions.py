"""The contribution of each frequency's hidden units to the outputs of modular addition, and the outputs without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from grokjax.analysis.statistics.units import Array, UnitMaps, unit_frequencies
from grokjax.errors import AnalysisError

ACTIVATIONS: Mapping[str, Callable[[Array], Array]] = {"relu": lambda x: np.maximum(x, 0), "quadratic": np.square, "tanh": np.tanh}


@dataclass(frozen=True)
class Contributions:
    """What the hidden units of each of G frequencies add to the V outputs, over all pairs of tokens, trained on or not.

    Attributes:
      frequencies: of the groups of units, most units first.
      units: the number of units of each.
      by_offset: mean contribution to output a + b + d modulo V, for d = 0 to V - 1: [G, V]. The mean of each row is taken away.
      correlation: of each group's contributions with cos(2 pi k (a + b - c) / V), over all pairs and outputs c: [G].
      accuracy, loss: of all units together; a tie counts as wrong, the loss is the mean cross-entropy in nats.
      accuracy_without, loss_without: the same without the units of each frequency: [G].
      accuracy_alone: the same with the units of that frequency alone: [G].
    """

    frequencies: list[int]
    units: Array
    by_offset: Array
    correlation: Array
    accuracy: float
    loss: float
    accuracy_without: Array
    loss_without: Array
    accuracy_alone: Array


def contributions(maps: UnitMaps, run: Mapping[str, Any], at: int = -1) -> Contributions:
    """The contributions of each frequency at the stored step with index `at`.

    A unit belongs to the frequency with most of its power (`unit_frequencies`); units without power to none.

    Args:
      maps: from `unit_maps`.
      run: the run's row of the runs table.

    Raises:
      AnalysisError: the run does not learn a + b, its activation is not one of `ACTIVATIONS`, or no unit has a frequency.
    """
    activate = ACTIVATIONS.get(str(run["activation"]))
    if run["operation"] != "add" or activate is None:
        raise AnalysisError(
            f"operation = {run['operation']!r} with activation = {run['activation']!r}; contributions of frequencies need "
            f"operation = 'add' and one of {', '.join(ACTIVATIONS)}"
        )
    reads, writes = maps.reads[at], maps.writes[at]  # [L, V, H], [H, V]
    found, tokens = unit_frequencies(maps, at), reads.shape[1]
    if not found.keys:
        raise AnalysisError("no hidden unit has any power at a frequency, so there are no contributions; choose a later step")
    a, b = np.divmod(np.arange(tokens * tokens), tokens)
    hidden = activate(reads[0][a] + reads[-1][b])  # [V^2, H]
    groups = [np.flatnonzero(found.frequency == key) for key in found.keys]
    parts = np.stack([hidden[:, group] @ writes[group] for group in groups])  # [G, V^2, V]
    whole, labels = hidden @ writes, (a + b) % tokens
    offset = (labels[:, None] + np.arange(tokens)) % tokens  # the output at each distance d from a + b
    shifted = np.take_along_axis(parts, np.broadcast_to(offset, parts.shape), axis=2)
    shifted = shifted - shifted.mean(axis=2, keepdims=True)
    without = [_score(whole - part, labels) for part in parts]
    accuracy, loss = _score(whole, labels)
    return Contributions(
        found.keys,
        np.array([len(group) for group in groups]),
        shifted.mean(axis=1),
        np.array([_correlation(part, key) for part, key in zip(shifted, found.keys, strict=True)]),
        accuracy,
        loss,
        np.array([each[0] for each in without]),
        np.array([each[1] for each in without]),
        np.array([_score(part, labels)[0] for part in parts]),
    )


def _correlation(shifted: Array, frequency: int) -> float:
    """Of contributions [V^2, V] by distance d, each row of mean zero, with cos(2 pi k d / V); 0 for contributions of zero."""
    wave = np.cos(2 * np.pi * frequency * np.arange(shifted.shape[1]) / shifted.shape[1])
    norm = np.linalg.norm(shifted) * np.linalg.norm(wave) * len(shifted) ** 0.5
    return float((shifted @ wave).sum() / norm) if norm else 0.0


def _score(outputs: Array, labels: Array) -> tuple[float, float]:
    """Accuracy and mean cross-entropy of outputs [N, V]; the label must have a strictly greater output than all others."""
    right = outputs[np.arange(len(labels)), labels]
    others = outputs.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return float((right > others.max(axis=1)).mean()), float((logsumexp(outputs, axis=1) - right).mean())
