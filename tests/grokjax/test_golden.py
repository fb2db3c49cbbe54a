"""Trajectories are a promise: these runs must come out as they did, on any machine, through every optimisation.

After a change that is meant to alter them, raise TRAJECTORY_VERSION, say why in docs/explanation/decisions.md, and write them anew:
python -m tests.grokjax.test_golden
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grokjax.analysis.labels.rules import ArticleRule, classify
from grokjax.config import RunConfig
from grokjax.engine.pack import train_pack
from grokjax.engine.program import Tuning
from grokjax.sweeps.store.summaries import summarize
from tests.support.runs import SMALL_RUN

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).with_name("golden_curves.json")
TUNING = Tuning(lane_width=4)
FEW_STEPS = {"steps": 300, "log_every": 50, "train_size": 500, "test_size": 500}
# Adam divides a dying unit's tiny gradient by its tiny root mean square: with eps 1e-8 rounding alone moves a wide run by 0.2 % in
# 300 steps, from one kind of processor to the next (1e-5 in 100). With this eps: by 1e-6.
CALM = {"eps": 1e-4}
L1 = {name: value for name, value in SMALL_RUN.items() if name != "weight_decay"} | {"optimizer": "adam_l1", "l1_penalty": 1e-4}
PAIRS = {
    **{"task": "modular_arithmetic", "modulus": 23, "pairs": "a<=b", "train_fraction": 0.5, "loss": "cross_entropy", "seed": 1},
    **{"learning_rate": 1e-3, "weight_decay": 1.0, "steps": 100, "log_every": 20},
}
ADAMW = {"optimizer": "adamw", "eps": 1e-4}
MODULAR = {"model": "modular_mlp", "embedding_size": 24}
RUNS = {
    "narrow": SMALL_RUN | FEW_STEPS,
    "wide, strong weight decay": SMALL_RUN | FEW_STEPS | CALM | {"hidden_size": 64, "weight_decay": 1.0, "seed": 3},
    "wide, at the usual eps": SMALL_RUN | FEW_STEPS | {"hidden_size": 64, "weight_decay": 1.0, "seed": 3, "steps": 100},
    "few bits, L1": L1 | FEW_STEPS | {"num_bits": 12, "seed": 5},
    "modular, tied": PAIRS | ADAMW | MODULAR | {"hidden_size": 12},
    "modular, untied": PAIRS | ADAMW | MODULAR | {"embedding": "untied", "tied_hidden": False},
    "modular, collapsed": PAIRS | ADAMW | MODULAR | {"embedding": "input_tied", "collapsed_output": True, "activation": "gelu"},
    "modular, circle": PAIRS | ADAMW | MODULAR | {"embedding_size": 4, "embedding": "circle", "circle_frequencies": "2+5"},
    "transformer": PAIRS | ADAMW | {"model": "transformer", "width": 16, "heads": 2, "layers": 2, "layer_norm": True},
    "muon": PAIRS | MODULAR | {"optimizer": "muon", "embedding_learning_rate": 1e-4},
    "batches and dropout": PAIRS | ADAMW | MODULAR | {"batch_size": 32, "dropout": 0.2, "label_noise": 0.1, "data_seed": 9},
    "digits": {name: value for name, value in PAIRS.items() if name not in ("modulus", "pairs", "train_fraction")}
    | ADAMW
    | {"task": "digits", "train_size": 200, "model": "mlp", "hidden_size": 16, "layers": 2},
}

# Whole runs of the published sweep that lie far from every threshold: (train_size, weight_decay, seed) and label.
LABELS = {(750, 0.03, 22): "memorize", (750, 0.1, 21): "grok", (750, 1.0, 21): "fail", (1750, 0.1, 24): "generalize"}


def trained(name: str) -> dict[str, list[float]]:
    (result,) = train_pack([RunConfig.from_flat(RUNS[name])], TUNING).runs
    return {metric: values.tolist() for metric, values in result.curve.metrics.items()}


@pytest.mark.parametrize("name", RUNS)
def test_golden_curves(name):
    golden, curves = json.loads(GOLDEN.read_text())[name], trained(name)
    assert curves.keys() == golden.keys()
    for metric, values in curves.items():
        np.testing.assert_allclose(values, golden[metric], rtol=1e-4, atol=1e-4, err_msg=metric)


def test_golden_labels():
    article = {"hidden_size": 32, "test_size": 5000, "steps": 20_000, "log_every": 100}
    for (train_size, weight_decay, seed), label in LABELS.items():
        varied = {"train_size": train_size, "weight_decay": weight_decay, "seed": seed}
        (result,) = train_pack([RunConfig.from_flat(SMALL_RUN | article | varied)], Tuning(1)).runs
        summary = pd.DataFrame([summarize(result.curve.step, result.curve.metrics)])
        assert classify(summary, ArticleRule()).item() == label, varied


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: trained(name) for name in RUNS}, indent=1) + "\n")
