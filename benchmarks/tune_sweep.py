"""The contender of against_tune.py: a grid of the parity task under Ray Tune, with one trial per run, each a plain PyTorch loop.

It is written as its users would: a function as trainable, one CPU and one thread per trial, both losses logged every `log_every`
steps and reported once at the end, which is cheapest for Tune. Tune stores the results in its own files. With `--reuse-actors`, a
trial reuses the process of an earlier one, which is not Tune's default.

    python -m benchmarks.tune_sweep ROOT --weight-decay 0.01 0.1 --hidden-size 16 64 --train-size 750 --seeds 5 --steps 2000
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

NUM_BITS, PARITY_BITS, TEST_SIZE = 30, 3, 5000


def main() -> None:
    """Runs the grid and checks that every trial reported."""
    given = _arguments()
    import ray  # noqa: PLC0415
    from ray import tune  # noqa: PLC0415

    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    grid = {
        "weight_decay": tune.grid_search(given.weight_decay),
        "hidden_size": tune.grid_search(given.hidden_size),
        "train_size": tune.grid_search(given.train_size),
        "seed": tune.grid_search(list(range(given.seeds))),
        "steps": given.steps,
        "log_every": given.log_every,
    }
    tuner = tune.Tuner(
        tune.with_resources(train, {"cpu": 1}),
        param_space=grid,
        tune_config=tune.TuneConfig(reuse_actors=given.reuse_actors),
        run_config=tune.RunConfig(name="parity", storage_path=given.root, verbose=0),
    )
    results = tuner.fit()
    assert not results.num_errors, results.errors
    assert results.get_dataframe()["min_train_loss"].notna().all(), "a trial reported nothing"
    print(f"{len(results)} trials")


def train(config: dict[str, Any]) -> None:
    """One trial: trains a run and reports its curves and their minima."""
    import torch  # noqa: PLC0415
    from ray import tune  # noqa: PLC0415

    from benchmarks.torch_loops import Perceptron, adamw, clipped_loss  # noqa: PLC0415

    torch.set_num_threads(1)
    torch.manual_seed(config["seed"])
    bits = torch.randint(0, 2, (config["train_size"] + TEST_SIZE, NUM_BITS)).float()
    inputs = torch.cat([bits, torch.ones(len(bits), 1)], dim=1)
    labels = bits[:, :PARITY_BITS].sum(1) % 2
    (x, x_test), (y, y_test) = (array.split([config["train_size"], TEST_SIZE]) for array in (inputs, labels))
    model = Perceptron(NUM_BITS + 1, config["hidden_size"])
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=weights.shape[1] ** -0.5)
    optimizer = adamw(list(model.parameters()), "fused", config["weight_decay"])
    curve: dict[str, list[float]] = {"train_loss": [], "test_loss": []}
    for step in range(config["steps"] + 1):
        loss = clipped_loss(model(x), y)
        if step % config["log_every"] == 0:
            with torch.no_grad():
                curve["train_loss"].append(loss.item())
                curve["test_loss"].append(clipped_loss(model(x_test), y_test).item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    tune.report({**curve, **{f"min_{name}": min(values) for name, values in curve.items()}})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--weight-decay", type=float, nargs="+", required=True)
    parser.add_argument("--hidden-size", type=int, nargs="+", required=True)
    parser.add_argument("--train-size", type=int, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--reuse-actors", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
