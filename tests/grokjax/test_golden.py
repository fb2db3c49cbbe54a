"""Trajectories are a promise: these runs must come out as they did, on any machine, through every optimisation.

After a change that is meant to alter them, raise TRAJECTORY_VERSION, say why in docs/decisions.md, and write them anew:
python -m tests.grokjax.test_golden
"""

import json
from pathlib import Path

import numpy as np
import pytest

from grokjax.config import RunConfig
from grokjax.lanes import Tuning
from grokjax.pack import train_pack
from tests.conftest import SMALL_RUN

GOLDEN = Path(__file__).with_name("golden_curves.json")
TUNING = Tuning(lane_width=4)
FEW_STEPS = {"steps": 300, "log_every": 50, "train_size": 500, "test_size": 500}
# Adam divides a dying unit's tiny gradient by its tiny root mean square: with eps 1e-8 rounding alone moves a wide run by 0.2 % in
# 300 steps, from one kind of processor to the next. With this eps: by 1e-6.
CALM = {"eps": 1e-4}
L1 = {name: value for name, value in SMALL_RUN.items() if name != "weight_decay"} | {"optimizer": "adam_l1", "l1_penalty": 1e-4}
RUNS = {
    "narrow": SMALL_RUN | FEW_STEPS,
    "wide, strong weight decay": SMALL_RUN | FEW_STEPS | CALM | {"hidden_size": 64, "weight_decay": 1.0, "seed": 3},
    "few bits, L1": L1 | FEW_STEPS | {"num_bits": 12, "seed": 5},
}


def trained(name: str) -> dict[str, list[float]]:
    (result,) = train_pack([RunConfig.from_flat(RUNS[name])], TUNING).runs
    return {metric: values.tolist() for metric, values in result.curve.metrics.items()}


@pytest.mark.parametrize("name", RUNS)
def test_golden_curves(name):
    golden = json.loads(GOLDEN.read_text())[name]
    for metric, values in trained(name).items():
        np.testing.assert_allclose(values, golden[metric], rtol=1e-4, atol=1e-4, err_msg=metric)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: trained(name) for name in RUNS}, indent=1) + "\n")
