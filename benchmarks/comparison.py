"""Claim: `compare` calls two samples of one truth different in about 5 % of cases, whether or not runs of one seed are alike.

Both tables are drawn from the shares of the published map of sparse parity (75 cells) and compared as any tables are. Then: how far
two such samples lie apart, the yardstick of docs/article/experiments.md.

    python -m benchmarks.comparison [SIMULATIONS]
"""

from __future__ import annotations

import sys
from statistics import NormalDist

import numpy as np
import pandas as pd

from benchmarks.machine import print_header
from grokjax.analysis.statistics.compare import Comparison, compare
from tests.support.published import ARTICLE_PHASES, article_runs

SIMULATIONS, PERMUTATIONS = 400, 200
CELL = ("weight_decay", "train_size", "hidden_size")
SLICE = {"hidden_size": (16, 64), "train_size": (750, 1250)}


def main(simulations: int) -> None:
    """Prints how often p < .05, and the distances of samples of one truth."""
    shares = published_shares()
    narrow = shares[
        [all(row[name] in values for name, values in SLICE.items()) for row in shares.index.to_frame().to_dict("records")]
    ]
    width = shares[shares.index.get_level_values("hidden_size") == 32]
    print_header(f"{simulations:,} pairs of samples of one truth, {PERMUTATIONS} permutations each")
    for chosen, first, second in ((shares, 9, 9), (narrow, 5, 9)):
        for alike, shared in ((0.0, False), (0.5, False), (0.5, True)):
            for paired in (False, True):
                if not paired or first == second:
                    settings = ((first, second), alike, shared, paired)
                    draws = [_compared(chosen, *settings, seed, PERMUTATIONS) for seed in range(simulations)]
                    found = np.array([each.p for each in draws])
                    data = "data of their own" if not shared else "the same data"
                    units = "pairs" if paired else "seeds"
                    print(
                        f"{len(chosen)} cells, {first} and {second} seeds with {data}, correlation {alike**2}, {units} exchanged: "
                        f"p < .05 in {np.mean(found < 0.05):.1%}",
                        flush=True,
                    )
    for what, cells, first in (("the slice", narrow, 5), ("width 32", width, 5), ("the map", shares, 9)):
        distances = [_compared(cells, (first, 9), 0.0, False, False, seed, 1).mean_distance for seed in range(simulations)]
        low, high = np.quantile(distances, [0.025, 0.975])
        print(f"{what}: {len(cells)} cells, {first} and 9 seeds: {np.mean(distances):.3f} apart, 95 % in {low:.3f} to {high:.3f}")


def published_shares() -> pd.DataFrame:
    """The shares of the phases in each published cell, [75, 4], with the cell as the index."""
    counts = article_runs().groupby([*CELL, "published_phase"]).size().unstack(fill_value=0)[list(ARTICLE_PHASES)]
    return counts.div(counts.sum(axis=1), axis=0)


def sample(shares: pd.DataFrame, tendencies: np.ndarray, alike: float, random: np.random.Generator) -> pd.DataFrame:
    """Runs of each cell with a seed for each tendency; runs of one seed are correlated by `alike` squared over the cells."""
    cells, seeds = len(shares), len(tendencies)
    latent = alike * tendencies + np.sqrt(1 - alike**2) * random.standard_normal((cells, seeds))
    places = np.vectorize(NormalDist().cdf)(latent)  # [C, S]
    labels = (places[..., None] > np.cumsum(shares.to_numpy(), axis=1)[:, None, :-1]).sum(axis=2)
    runs = shares.index.to_frame(index=False).loc[np.repeat(np.arange(cells), seeds)].reset_index(drop=True)
    return runs.assign(seed=np.tile(np.arange(seeds), cells), label=np.array(ARTICLE_PHASES)[labels.ravel()])


def _compared(
    shares: pd.DataFrame, seeds: tuple[int, int], alike: float, shared: bool, paired: bool, seed: int, permutations: int
) -> Comparison:
    random = np.random.default_rng(seed)
    tendencies = [random.standard_normal(max(seeds)) for _ in range(2)]
    tables = [sample(shares, tendencies[0 if shared else place][:count], alike, random) for place, count in enumerate(seeds)]
    x, y, facet = reversed(CELL)
    one, other = tables
    return compare(
        one, other, lambda runs: runs["label"], x=x, y=y, facet=facet, paired=paired, permutations=permutations, seed=seed
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIMULATIONS)
