"""Claim: intervals and tests of delays hold their level in small groups of runs, or say that they are unknown.

Groups are drawn from a known law and analysed as any sweep is.

    python -m benchmarks.coverage_of_delays [SIMULATIONS]
"""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pandas as pd

from benchmarks.machine import print_header
from grokjax.analysis.statistics.delay_law import delay_law
from grokjax.analysis.statistics.delay_ratios import delay_ratios
from grokjax.analysis.statistics.incidence import cumulative_incidence
from grokjax.analysis.statistics.logrank import log_rank
from grokjax.analysis.statistics.survival import median_delays
from grokjax.errors import AnalysisError

SIMULATIONS = 200
Generator = np.random.Generator


def main(simulations: int) -> None:
    """Prints how often intervals contain the truth, and how often tests of equal delays find a difference."""
    print_header(f"delays in {simulations:,} simulated sweeps")
    print("Kaplan-Meier median: share of intervals that contain it, of all and as R gives them; share with known low and high end")
    for censored in (False, True):
        for runs in (1, 2, 3, 4, 5, 6, 9):
            print(
                f"  {runs} runs, {'some' if censored else 'none'} censored: {_medians(runs, censored, 4 * simulations)}", flush=True
            )
    print("log-rank test of equal delays: share of p < 0.05, of all that were not refused; share refused")
    for groups, seeds, strata in ((4, 4, 1), (14, 5, 1), (32, 3, 1), (2, 5, 1), (3, 5, 4), (5, 9, 5), (5, 80, 1)):
        print(f"  {groups} groups of {seeds} in each of {strata} strata: {_size(groups, seeds, strata, simulations)}", flush=True)
    print("ratios of delays: share of sweeps in which all intervals contain their ratios")
    for law in ("weibull", "lognormal"):
        for groups, seeds, strata in ((2, 5, 1), (2, 9, 1), (3, 5, 3), (5, 9, 3)):
            print(
                f"  {law}, {groups} values, {seeds} seeds, {strata} strata: {_ratios(law, groups, seeds, strata, simulations)}",
                flush=True,
            )
    print("curvature of a power law: share of p < 0.05 where the delays follow one")
    for law in ("weibull", "lognormal"):
        for values, seeds, axes in ((3, 5, 1), (5, 3, 1), (5, 9, 1), (4, 3, 2)):
            size = _curvature(law, values, seeds, axes, simulations)
            print(f"  {law}, {values} values on {axes} axes, {seeds} seeds: {size}", flush=True)
    print("cumulative incidence of grok at the last step, none and some runs censored before: share of intervals that contain it")
    for runs in (5, 9, 30):
        for share in (0.1, 0.5, 0.9):
            shown = [_incidence(runs, share, censored, simulations) for censored in (False, True)]
            print(f"  {runs} runs, share {share}: {shown[0]}, {shown[1]}", flush=True)


def drawn(runs: int, generator: Generator, *, censored: bool = True, law: str = "weibull") -> pd.DataFrame:
    """Delays with median 1, seen up to a random end."""
    delay = generator.weibull(2, runs) / np.log(2) ** 0.5 if law == "weibull" else generator.lognormal(0, 0.6, runs)
    end = generator.uniform(0.5, 3, runs) if censored else np.full(runs, np.inf)
    return pd.DataFrame({"delay": np.minimum(delay, end), "generalized": delay <= end})


def _medians(runs: int, censored: bool, simulations: int) -> str:
    generator, rows = np.random.default_rng(0), []
    for _ in range(simulations):
        delays = drawn(runs, generator, censored=censored)
        for fewest in (5, 1):
            rows.append(median_delays(pd.DataFrame(index=delays.index), delays, [], fewest=fewest)[["low", "high"]].iloc[0])
    ends = np.array(rows).reshape(simulations, 2, 2)
    held = ~((ends[..., 0] > 1) | (ends[..., 1] < 1))  # an unknown end contains everything
    low, high = (~np.isnan(ends[:, 0])).mean(axis=0)
    return f"{held[:, 0].mean():.1%}, R {held[:, 1].mean():.1%}; known {low:.0%} and {high:.0%}"


def _size(groups: int, seeds: int, strata: int, simulations: int) -> str:
    generator, found, refused = np.random.default_rng(0), [], 0
    runs = pd.DataFrame(
        {"group": np.tile(np.arange(groups), seeds * strata), "stratum": np.repeat(np.arange(strata), groups * seeds)}
    )
    scale = 1 + runs["stratum"].to_numpy()
    for seed in range(simulations):
        delays = drawn(len(runs), generator)
        delays["delay"] = np.ceil(20 * scale * delays["delay"])  # with ties, as logged steps give
        try:
            found.append(log_rank(runs, delays, ["group"], ["stratum"], permutations=499, seed=seed).p < 0.05)
        except AnalysisError:
            refused += 1
    return f"{np.mean(found):.1%}; {refused / simulations:.1%}"


def _ratios(law: str, groups: int, seeds: int, strata: int, simulations: int) -> str:
    generator, held, refused = np.random.default_rng(0), [], 0
    values = 2.0 ** np.arange(groups)
    runs = pd.DataFrame({"x": np.tile(values, seeds * strata), "stratum": np.repeat(np.arange(strata), groups * seeds)})
    for _ in range(simulations):
        delays = drawn(len(runs), generator, law=law)
        delays["delay"] *= 100 / runs["x"] * (1 + runs["stratum"])
        try:
            table = delay_ratios(runs, delays, "x", ["stratum"]).dropna()
        except AnalysisError:
            refused += 1
            continue
        true = table["reference"] / table["value"]
        held.append(((table["low"] <= true) & (true <= table["high"])).all())
    return f"{np.mean(held):.1%}; refused {refused / simulations:.1%}"


def _curvature(law: str, values: int, seeds: int, axes: int, simulations: int) -> str:
    generator, found = np.random.default_rng(0), []
    grid = np.meshgrid(*[2.0 ** np.arange(values)] * axes, indexing="ij")
    runs = pd.DataFrame({f"x{axis}": np.repeat(column.ravel(), seeds) for axis, column in enumerate(grid)})
    for _ in range(simulations):
        delays = drawn(len(runs), generator, law=law)
        delays["delay"] *= 100 / runs["x0"]
        with contextlib.suppress(AnalysisError):
            found.append(delay_law(runs, delays, list(map(str, runs))).curvature < 0.05)
    return f"{np.mean(found):.1%}; refused {1 - len(found) / simulations:.1%}"


def _incidence(runs: int, share: float, censored: bool, simulations: int) -> str:
    generator, held = np.random.default_rng(0), []
    for _ in range(simulations):
        step = generator.uniform(0, 1, runs)
        outcome = np.where(generator.uniform(0, 1, runs) < share, "grok", "generalize").astype(object)
        end = generator.uniform(0.3, 3, runs) if censored else np.ones(runs)
        outcome[step > end] = None
        table = cumulative_incidence(
            pd.DataFrame(index=range(runs)), pd.DataFrame({"step": np.minimum(np.minimum(step, end), 1), "outcome": outcome})
        )
        last = table[(table["outcome"] == "grok") & (table["step"] <= 0.8)]
        if len(last):
            held.append(last["low"].iloc[-1] <= 0.8 * share <= last["high"].iloc[-1])
    return f"{np.mean(held):.1%}"


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIMULATIONS)
