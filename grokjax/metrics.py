"""The metrics that a run logs: name, unit, meaning, and the probe that measures each. Imports no jax: readers use it too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Shape = Literal["scalar", "neurons", "matrices"]


@dataclass(frozen=True)
class Metric:
    """A logged metric: one number per step, one per hidden unit, or one per weight matrix, keyed by its name."""

    name: str
    unit: str
    meaning: str
    probe: str | None = None  # None: logged for every run
    shape: Shape = "scalar"
    whole: bool = False  # stored as integers


METRICS: tuple[Metric, ...] = (
    Metric("train_loss", "nats", "mean cross-entropy per training example"),
    Metric("test_loss", "nats", "mean cross-entropy per test example"),
    Metric("train_accuracy", "share", "training examples predicted right"),
    Metric("test_accuracy", "share", "test examples predicted right"),
    Metric("weight_l1_norm", "1", "sum of the absolute values of all weights"),
    Metric("weight_l2_norm", "1", "root of the sum of the squares of all weights"),
    Metric("signal_weight_norm", "1", "L2 norm of the input weights on the inputs the label depends on", "inputs"),
    Metric("distractor_weight_norm", "1", "L2 norm of the input weights on the distracting inputs", "inputs"),
    Metric("matrix_norms", "1", "L2 norm of each weight matrix, by name", "matrices", "matrices"),
    Metric("gradient_norm", "1", "L2 norm of the objective's gradient over all training examples", "gradient"),
    Metric(
        "collapsed_share",
        "share",
        "training examples whose softmax denominator is, in float arithmetic, its greatest term",
        "collapse",
    ),
    Metric(
        "neuron_frequency",
        "1",
        "frequency with the most of a hidden unit's power; 0 if it has no power",
        "fourier",
        "neurons",
        whole=True,
    ),
    Metric("neuron_share", "share", "share of that frequency in the unit's power", "fourier", "neurons"),
    Metric("key_frequencies", "1", "number of distinct frequencies over all hidden units", "fourier", whole=True),
    Metric("fourier_gini", "1", "Gini coefficient of the power per frequency, summed over the units", "fourier"),
    Metric("fourier_ipr", "1", "inverse participation ratio of a unit's power over frequencies, mean over units", "fourier"),
    Metric(
        "restricted_loss",
        "nats",
        "mean cross-entropy over all pairs, of the outputs kept at the key frequencies alone",
        "fourier_losses",
    ),
    Metric("excluded_loss", "nats", "mean training cross-entropy, of the outputs without the key frequencies", "fourier_losses"),
    Metric("gradient_symmetricity", "1", "mean cosine between an output's gradients by the two tokens' embeddings", "symmetricity"),
)

PROBE_NAMES: tuple[str, ...] = tuple(dict.fromkeys(metric.probe for metric in METRICS if metric.probe is not None))


def is_logarithmic(metric: str) -> bool:
    """Whether a metric, of any package, is drawn on a log scale: losses and norms are."""
    return metric.endswith(("_loss", "_norm"))


def finite_rows(metrics: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Whether all values of each of k logged rows are finite, [k]. Metrics are [k], or [k, ...] where a row has several values."""
    each = [np.isfinite(values.reshape(len(values), -1)).all(axis=1) for values in metrics.values()]
    finite: np.ndarray[Any, Any] = np.logical_and.reduce(each)
    return finite
