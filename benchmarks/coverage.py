"""Claim: 95 % bands hold what they should in 93 to 97 % of simulated sweeps.

Sweeps of nine seeds a cell are drawn from a known law, analysed as any sweep is, and counted. Where a boundary is so steep that
hardly a cell holds both phases, nobody can know its place between two values, and the bands hold it more often than they say.

    python -m benchmarks.coverage [SIMULATIONS]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.machine import print_header
from grokjax.analysis.statistics.boundary import fit_boundary
from grokjax.analysis.statistics.delay_law import delay_law
from grokjax.analysis.statistics.grid import wilson_interval
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.statistics.survival import median_delays, survival_curves

Generator = np.random.Generator
SEEDS, NOMINAL, WITHIN = 9, 0.95, 0.02
SIMULATIONS = 2000


def main(simulations: int) -> None:
    """Prints a row a band: how often it held the truth."""
    print_header(f"bands of {NOMINAL:.0%} in {simulations:,} simulated sweeps of {SEEDS} seeds a cell")
    for values, slope in ((5, 1), (5, 2), (9, 1), (9, 2), (9, 4), (5, 8)):
        for what, held in _boundary(values, slope, simulations).items():
            _tell(f"boundary, {values} values over two decades, slope {slope}: {what}", held)
    for share in (0.1, 0.3, 0.5):
        _tell(f"Wilson, share {share} of {SEEDS} seeds", _repeat(partial(_wilson, share), simulations))
    for runs in (9, 45):
        _tell(f"Kaplan-Meier curve at its median, {runs} runs", _repeat(partial(_survival, runs), simulations))
        _tell(f"Kaplan-Meier median, {runs} runs", _repeat(partial(_median, runs), simulations))
    _tell("exponent of a delay law, 45 runs", _repeat(_exponent, min(simulations, 500)))


def _tell(what: str, held: float) -> None:
    mark = "" if abs(held - NOMINAL) <= WITHIN else f"  (not within {WITHIN:.0%} of {NOMINAL:.0%})"
    print(f"{what:<70} {held:>7.1%}{mark}", flush=True)


def _repeat(holds: Callable[[Generator], bool], simulations: int) -> float:
    generator = np.random.default_rng(0)
    return float(np.mean([holds(generator) for _ in range(simulations)]))


def _boundary(count: int, slope: float, simulations: int) -> dict[str, float]:
    """How often the bands of the boundary's place and, pointwise, of the shares hold theirs."""
    generator = np.random.default_rng(0)
    values, middle = np.geomspace(0.01, 1, count), 0.13
    shares = 1 / (1 + np.exp(-slope * np.log(values / middle)))
    places, curves = [], []
    for seed, successes in enumerate(generator.binomial(SEEDS, shares, (simulations, count))):
        cells = pd.DataFrame({"value": values, "successes": successes, "trials": SEEDS})
        found = fit_boundary("x", cells, scale=AxisScale(log=True), resamples=500, seed=seed)
        if found.fit is not None:
            places.append(found.band[0] <= middle <= found.band[1])
            band = found.shares(values)
            curves.append(((band["low"] <= shares) & (shares <= band["high"])).mean())
    return {"its place": float(np.mean(places)), "shares": float(np.mean(curves))}


def _wilson(share: float, generator: Generator) -> bool:
    low, high = wilson_interval(generator.binomial(SEEDS, share), SEEDS, NOMINAL)
    return bool(low <= share <= high)


def _delays(runs: int, generator: Generator) -> pd.DataFrame:
    """Delays with median 1 that are seen up to a random end."""
    delay, end = generator.weibull(2, runs) / np.log(2) ** 0.5, generator.uniform(0.5, 3, runs)
    return pd.DataFrame({"delay": np.minimum(delay, end), "generalized": delay <= end})


def _survival(runs: int, generator: Generator) -> bool:
    curve = survival_curves(pd.DataFrame(index=range(runs)), _delays(runs, generator), [])
    at = curve[curve["delay"] <= 1].iloc[-1]
    return bool(at["low"] <= 0.5 <= at["high"])


def _median(runs: int, generator: Generator) -> bool:
    row = median_delays(pd.DataFrame(index=range(runs)), _delays(runs, generator), []).iloc[0]
    return bool(row["low"] <= 1 <= row["high"])


def _exponent(generator: Generator) -> bool:
    x = np.repeat(np.geomspace(0.1, 1, 5), SEEDS)
    delays = _delays(len(x), generator)
    row = delay_law(pd.DataFrame({"x": x}), delays.assign(delay=delays["delay"] / x), ["x"]).exponents.iloc[0]
    return bool(row["low"] <= -1 <= row["high"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIMULATIONS)
