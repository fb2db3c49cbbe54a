"""Claim: 95 % bands hold what they should in 93 to 97 % of simulated sweeps, those of boundaries in 93 to 99 %.

Sweeps are drawn from a known law, analysed as any sweep is, and counted. Bands of boundaries hold more than they say, because they
are the wider of two: one for seeds whose runs are independent, one for seeds with a threshold of their own.

    python -m benchmarks.coverage [SIMULATIONS]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import binom

from benchmarks.machine import print_header
from grokjax.analysis.statistics.boundary import Boundaries, fit_boundaries
from grokjax.analysis.statistics.delay_law import delay_law
from grokjax.analysis.statistics.grid import wilson_interval
from grokjax.analysis.statistics.scale import AxisScale
from grokjax.analysis.statistics.survival import median_delays, survival_curves
from grokjax.analysis.statistics.variants import share_contrasts

Generator = np.random.Generator
SEEDS, NOMINAL, WITHIN = 9, 0.95, 0.02
SIMULATIONS = 200
# Differences between the shares at two values of a hyperparameter: strata, runs of each value in a stratum, the difference, and the
# range of the strata's shares at the second value.
CONTRASTS = (
    (1, (9, 9), 0.0, (0.5, 0.5)),
    (6, (2, 2), 0.3, (0.0, 0.7)),
    (6, (4, 4), 0.3, (0.0, 0.7)),
    (24, (2, 2), 0.0, (0.0, 1.0)),
    (6, (4, 4), 0.0, (0.02, 0.05)),
    (12, (3, 9), 0.2, (0.3, 0.5)),
)


def main(simulations: int) -> None:
    """Prints a row a band: how often it held the truth."""
    print_header(f"bands of {NOMINAL:.0%} in {simulations:,} simulated sweeps of {SEEDS} seeds a cell")
    boundaries(min(simulations, 1000))
    for share in (0.1, 0.3, 0.5):
        _tell(f"Wilson, share {share} of {SEEDS} seeds", _repeat(partial(_wilson, share), simulations))
    for runs in (9, 45):
        _tell(f"Kaplan-Meier curve at its median, {runs} runs", _repeat(partial(_survival, runs), simulations))
        _tell(f"Kaplan-Meier median, {runs} runs", _repeat(partial(_median, runs), simulations))
    for case in CONTRASTS:
        strata, sizes, difference, shares = case
        what = f"difference {difference}: {sizes[0]} and {sizes[1]} runs in each of {strata} strata, {shares[0]} to {shares[1]}"
        _tell(what, _repeat(partial(_difference, case), simulations))
    _tell("exponent of a delay law, 45 runs", _repeat(_exponent, min(simulations, 500)))


def _tell(what: str, held: float, least: float = NOMINAL - WITHIN, most: float = NOMINAL + WITHIN) -> None:
    mark = "" if least <= held <= most else f"  (not within {least:.0%} to {most:.0%})"
    print(f"{what:<82} {held:>7.1%}{mark}", flush=True)


def _repeat(holds: Callable[[Generator], bool], simulations: int) -> float:
    generator = np.random.default_rng(0)
    return float(np.mean([holds(generator) for _ in range(simulations)]))


def boundaries(simulations: int) -> None:
    """Prints how often the bands of boundaries hold them, and how often a boundary is found where there is none."""
    for shared in (False, True):
        for seeds, values in ((5, 5), (5, 9), (5, 17), (9, 17)):
            for slope in (2, 4):
                place, shares = _boundary(seeds, values, slope, shared, simulations)
                kind = "one threshold a seed" if shared else "independent"
                _tell(f"boundary, {seeds} seeds, {values} values, slope {slope}, {kind}: its place", place, least=0.93, most=0.99)
                print(f"{'    share at the values, pointwise':<82} {shares:>7.1%}", flush=True)
    found = _found_without_any(simulations)
    print(f"sweeps of a constant share in which a boundary is found: {found:,} of {simulations:,}", flush=True)
    found = _found_beside_one(simulations)
    print(f"sweeps of one rise to a share of 0.6 or 0.7 in which more is found: {found:,} of {simulations:,}", flush=True)


def _boundary(seeds: int, count: int, slope: float, shared: bool, simulations: int) -> tuple[float, float]:
    """How often the bands of the boundary's place and, pointwise, of the shares hold theirs.

    Where `shared`, each seed has a threshold, above which all its runs grok; thresholds have the logistic distribution that gives
    the same shares as independent runs. The boundary lies anywhere between two values, since bands of steep boundaries hold those
    halfway between values more often than those close to one.
    """
    generator = np.random.default_rng(0)
    values = np.geomspace(0.01, 1, count)
    places, curves = [], []
    for _ in range(simulations):
        middle = 10 ** generator.uniform(-1.25, -0.75)
        shares = 1 / (1 + np.exp(-slope * np.log(values / middle)))
        grokked = generator.random((seeds, 1 if shared else count)) < shares
        for each in _fitted(values, grokked):
            if each.direction == "rise":
                places.append(each.band[0] <= middle <= each.band[1])
                band = each.shares(values)
                curves.append(((band["low"] <= shares) & (shares <= band["high"])).mean())
    return float(np.mean(places)), float(np.mean(curves))


def _found_without_any(simulations: int) -> int:
    """In how many sweeps of a constant share a boundary is found, over five shares and the numbers of seeds and values above."""
    generator, found = np.random.default_rng(0), 0
    cases = [(seeds, values, share) for seeds, values in ((5, 5), (5, 9), (5, 17), (9, 17)) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
    for index in range(simulations):
        seeds, count, share = cases[index % len(cases)]
        fitted = _fitted(np.geomspace(0.01, 1, count), generator.random((seeds, count)) < share)
        found += any(each.status == "found" for each in fitted)
    return found


def _found_beside_one(simulations: int) -> int:
    """In how many sweeps more than one boundary is found, where the share is 0 and then 0.6 or 0.7, half of the values each."""
    generator, found = np.random.default_rng(0), 0
    cases = [(seeds, values, share) for seeds, values in ((5, 9), (9, 9), (5, 17), (9, 17)) for share in (0.6, 0.7)]
    for index in range(simulations):
        seeds, count, share = cases[index % len(cases)]
        grokked = generator.random((seeds, count)) < np.where(np.arange(count) < count // 2, 0, share)
        found += sum(each.status == "found" for each in _fitted(np.geomspace(0.01, 1, count), grokked)) > 1
    return found


def _fitted(values: np.ndarray, grokked: np.ndarray) -> Boundaries:
    return fit_boundaries("x", values, grokked.astype(float), np.ones(grokked.shape), scale=AxisScale(log=True))


def wilson() -> None:
    """Prints the coverage of Wilson intervals, exactly: summed over the binomial counts whose interval holds the share."""
    shares = np.linspace(0.005, 0.995, 199)
    for seeds in (1, 2, 3, 5, 9, 15, 30):
        counts = np.arange(seeds + 1)
        low, high = wilson_interval(counts, np.full(seeds + 1, seeds), NOMINAL)
        holds = (low[:, None] <= shares) & (shares <= high[:, None])
        covered = (holds * binom.pmf(counts[:, None], seeds, shares)).sum(axis=0)
        print(f"{seeds:>3} seeds: {covered.mean():.3f} on average, {covered.min():.3f} at least; all agree: from {low[-1]:.2f}")


def _wilson(share: float, generator: Generator) -> bool:
    low, high = wilson_interval(generator.binomial(SEEDS, share), SEEDS, NOMINAL)
    return bool(low <= share <= high)


def _delays(runs: int, generator: Generator) -> pd.DataFrame:
    """Delays with median 1 that are seen up to a random end."""
    delay, end = generator.weibull(2, runs) / np.log(2) ** 0.5, generator.uniform(0.5, 3, runs)
    return pd.DataFrame({"delay": np.minimum(delay, end), "generalized": delay <= end})


def _survival(runs: int, generator: Generator) -> bool:
    curve = survival_curves(pd.DataFrame(index=range(runs)), _delays(runs, generator), [])
    before = curve[curve["delay"] <= 1]
    return before.empty or not (before["low"].iloc[-1] > 0.5 or before["high"].iloc[-1] < 0.5)


def _median(runs: int, generator: Generator) -> bool:
    row = median_delays(pd.DataFrame(index=range(runs)), _delays(runs, generator), []).iloc[0]
    return not (row["low"] > 1 or row["high"] < 1)  # an unknown end contains everything


def _difference(case: tuple[int, tuple[int, int], float, tuple[float, float]], generator: Generator) -> bool:
    strata, sizes, difference, shares = case
    at_second = generator.uniform(*shares, strata)
    draws = [
        (value, stratum, generator.random(size) < at_second[stratum] + difference * (value == 1))
        for value, size in ((1, sizes[0]), (0, sizes[1]))
        for stratum in range(strata)
    ]
    runs = pd.concat([pd.DataFrame({"x": value, "stratum": stratum, "grok": grok}) for value, stratum, grok in draws])
    runs = runs.reset_index(drop=True)
    phases = runs["grok"].map({True: "grok", False: "memorize"})
    row = share_contrasts(runs[["x", "stratum"]], phases, "x", ["stratum"]).iloc[0]
    return bool(row["low"] <= difference <= row["high"])


def _exponent(generator: Generator) -> bool:
    x = np.repeat(np.geomspace(0.1, 1, 5), SEEDS)
    delays = _delays(len(x), generator)
    row = delay_law(pd.DataFrame({"x": x}), delays.assign(delay=delays["delay"] / x), ["x"]).exponents.iloc[0]
    return bool(row["low"] <= -1 <= row["high"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIMULATIONS)
