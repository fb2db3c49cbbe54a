"""Where along an axis a share changes sides of one half, and how surely it changes at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy

from grokjax.analysis.statistics.logistic import saturated

Array = np.ndarray[Any, Any]

# The evidence in nats that one change of sides needs: an end of the axis on its own side needs this much, and a stretch in the
# middle, which takes two changes, twice as much. Four of four runs have 4 log 2 = 2.8 nats against a share of one half or less.
CHANGE = 1.3
# How much likelihood, in nats, the turning point of a rise and a fall may cost against the best one.
TURN = 1.0
DRAWS = 10_000


@dataclass(frozen=True)
class Crossing:
    """A change of a share from one side of one half to the other, as indices of cells in their order.

    `low` and `high` are the cells on either side, up to the next crossings. `window` are the cells between the turning points,
    along which the share only rises, or only falls.
    """

    direction: int  # 1 for a rise, -1 for a fall
    low: range
    high: range
    window: range


def crossings(successes: Array, trials: Array) -> list[Crossing]:
    """The crossings of one half along an axis, in order, from counts [P].

    Cells are divided into stretches above and below one half such that the likelihood of the best shares on these sides, less
    `CHANGE` for each change of sides, is greatest (Viterbi's algorithm).
    """
    above = _sides(successes, trials)
    starts = [0, *(int(place) for place in np.flatnonzero(np.diff(above)) + 1), len(above)]
    stretches = [range(first, last) for first, last in pairwise(starts)]
    turns = [_turning(successes, trials, stretch, falls=not above[stretch.start]) for stretch in stretches]
    found = []
    for (before, after), (turn, next_turn) in zip(pairwise(stretches), pairwise(turns), strict=True):
        rises = bool(above[after.start])
        low, high = (before, after) if rises else (after, before)
        window = range(min(turn[0], before.stop - 1), max(next_turn[1], after.start + 1))
        found.append(Crossing(1 if rises else -1, low, high, window))
    return found


def _sides(successes: Array, trials: Array) -> Array:
    """Whether each cell [P] is in a stretch above one half."""
    share = successes / trials
    evidence = saturated(successes, trials) + trials * np.log(2)  # of the side on which the cell's share is
    costs = np.stack([np.where(share > 0.5, evidence, 0.0), np.where(share < 0.5, evidence, 0.0)], axis=1)  # of below, of above
    total, came = costs[0], []
    for cost in costs[1:]:
        changed = total[::-1] + CHANGE < total
        came.append(changed)
        total = np.where(changed, total[::-1] + CHANGE, total) + cost
    side = int(total[1] < total[0])
    sides = [side]
    for changed in reversed(came):
        side = 1 - side if changed[side] else side
        sides.append(side)
    return np.array(sides[::-1], bool)


def _turning(successes: Array, trials: Array, stretch: range, *, falls: bool) -> tuple[int, int]:
    """The first and the last place at which the share of a stretch may turn from rising to falling, or from falling to rising.

    A place is the index of the first cell after the turn. The likelihood of monotonic shares on either side is at most TURN below
    that of the best place.
    """
    cells = slice(stretch.start, stretch.stop)
    k, n = (trials - successes if falls else successes)[cells], trials[cells]
    heights = np.array(
        [_monotonic(k[:place], n[:place]) + _monotonic(k[place:][::-1], n[place:][::-1]) for place in range(len(k) + 1)]
    )
    likely = np.flatnonzero(heights >= heights.max() - TURN)
    return stretch.start + int(likely[0]), stretch.start + int(likely[-1])


def _monotonic(successes: Array, trials: Array) -> float:
    """The highest log-likelihood of shares that never fall."""
    if not len(successes):
        return 0.0
    share = scipy.optimize.isotonic_regression(successes / trials, weights=trials).x.clip(1e-12, 1 - 1e-12)
    return float((successes * np.log(share) + (trials - successes) * np.log1p(-share)).sum())


def constant_p(successes: Array, trials: Array, seed: int = 0) -> float:
    """The share of sweeps with a constant share whose cells differ at least as much as these, by likelihood ratio.

    The ratio compares a share for each cell with one for all cells. With a few seeds in a cell its distribution is far from chi
    squared, so it is computed over all possible counts where there are at most `DRAWS`, and simulated otherwise.
    """
    trials = trials.astype(int)
    share = successes.sum() / trials.sum()

    def gain(counts: Array) -> Array:
        apart: Array = saturated(counts, trials).sum(axis=-1) - saturated(counts.sum(axis=-1), trials.sum())
        return apart

    if np.prod(trials + 1.0) <= DRAWS:
        counts = np.stack(np.meshgrid(*(np.arange(n + 1.0) for n in trials), indexing="ij"), axis=-1).reshape(-1, len(trials))
        extreme = counts[gain(counts) >= gain(successes) - 1e-9]
        return float(np.prod(scipy.stats.binom.pmf(extreme, trials, share), axis=1).sum())
    drawn = np.random.default_rng(seed).binomial(trials, share, (DRAWS, len(trials)))
    return float((1 + (gain(drawn) >= gain(successes) - 1e-9).sum()) / (1 + DRAWS))
