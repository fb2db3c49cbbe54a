"""Variants: the shares of the phases in each combination of hyperparameters, and at which value of one a phase is more frequent."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from grokjax.analysis.labels.rules import PHASES, align_phases
from grokjax.analysis.statistics.cells import cell_codes, cells_of, check_cell, check_confidence, distinct_values, places_of
from grokjax.analysis.statistics.grid import count_phases, wilson_interval
from grokjax.errors import AnalysisError, nearest

GENERALIZED = ("grok", "generalize")


def variant_shares(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    by: Sequence[str],
    mix: Sequence[str] = (),
    of: Sequence[str] = GENERALIZED,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The shares of the phases in each combination of hyperparameters that the runs have, a row per combination.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      by: the hyperparameters.
      mix: other hyperparameters that vary, whose values are pooled.
      of: the phases by whose share, together, the rows are sorted.
      confidence: of the interval of that share.

    Returns:
      The columns of `by`; `runs`; `share` of the phases in `of`, with `low` and `high`, its Wilson score interval; and the share of
      each phase p of PHASES, `p_share`. The greatest share comes first.

    Raises:
      AnalysisError: another hyperparameter varies (see `check_cell`), no such phase, or a confidence outside 0 to 1.
    """
    check_confidence(confidence)
    check_cell(runs, by, mix)
    _check_phases(of)
    codes, cells = cells_of(runs[list(by)])
    counts = count_phases(codes, len(cells), align_phases(phases, runs.index))
    size = counts.sum(axis=1)
    chosen = counts[:, [PHASES.index(phase) for phase in of]].sum(axis=1)
    low, high = wilson_interval(chosen, size, confidence)
    columns = {"runs": size, "share": chosen / size, "low": low, "high": high}
    columns |= {f"{phase}_share": counts[:, place] / size for place, phase in enumerate(PHASES)}
    return pd.concat([cells, pd.DataFrame(columns)], axis=1).sort_values("share", ascending=False, kind="stable", ignore_index=True)


def share_contrasts(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    name: str,
    strata: Sequence[str] = (),
    mix: Sequence[str] = (),
    of: Sequence[str] = GENERALIZED,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How much more often runs have one of some phases at one value of a hyperparameter than at another, all else equal.

    Two values are compared over the strata in which both have runs: their shares are averaged over these strata with the weights
    n m / (n + m) of Mantel and Haenszel, for n and m runs. The interval of the difference is
    Newcombe's (1998, method 10) from Wilson's intervals of the two averages at their effective numbers of runs, (sum w)^2 / sum
    (w^2 / n); it contains all differences of the table together with the given confidence (Bonferroni), is conservative where
    strata differ, and does not shrink to a point where no run or every run has the phase.

    Args:
      runs: a runs table.
      phases: the phase of each run, aligned by index.
      name: the hyperparameter.
      strata: hyperparameters that are equal in the runs compared.
      mix: other hyperparameters that vary, whose values are pooled.
      of: the phases.
      confidence: that all intervals contain their differences.

    Returns:
      A row per pair of values: `value`, `reference`, the `share` of each (`reference_share`), their `difference` with `low` and
      `high`, the number of `strata` in which both have runs, and in how many of them the share is `higher` and `lower` at `value`.

    Raises:
      AnalysisError: the hyperparameter has one value, no stratum has runs of two values, another one varies, or no such phase.
    """
    check_confidence(confidence)
    check_cell(runs, [name, *strata], mix)
    _check_phases(of)
    values = distinct_values(runs[name])
    if len(values) < 2:
        raise AnalysisError(f"{name} has one value in these runs, {values[0]}, and a contrast needs two; choose another one")
    chosen = align_phases(phases, runs.index).astype(str).isin(of).to_numpy()
    place = np.array(places_of(runs[name], values))
    _, stratum = np.unique(cell_codes(runs[list(strata)]), return_inverse=True)
    size = np.zeros((stratum.max() + 1, len(values)))
    count = np.zeros_like(size)
    np.add.at(size, (stratum, place), 1)
    np.add.at(count, (stratum, place), chosen)
    pairs = list(itertools.combinations(range(len(values)), 2))
    level = 1 - (1 - confidence) / len(pairs)
    rows = [
        {"value": values[second], "reference": values[first], **found}
        for first, second in pairs
        if (found := _contrast(count[:, [second, first]], size[:, [second, first]], level))
    ]
    if not rows:
        raise AnalysisError(f"no two values of {name} have runs with the same {', '.join(strata)}; compare within fewer strata")
    return pd.DataFrame(rows)


def _contrast(count: np.ndarray, size: np.ndarray, confidence: float) -> dict[str, float]:
    """The difference of the shares of two values, from counts and numbers of runs by stratum [S, 2]; empty if none has both."""
    both = (size > 0).all(axis=1)
    if not both.any():
        return {}
    count, size = count[both], size[both]
    weight = size.prod(axis=1) / size.sum(axis=1)
    share = count / size
    mean = (weight[:, None] * share).sum(axis=0) / weight.sum()
    effective = weight.sum() ** 2 / (weight[:, None] ** 2 / size).sum(axis=0)
    low, high = wilson_interval(mean * effective, effective, confidence)
    difference = float(mean[0] - mean[1])
    below = float(np.hypot(mean[0] - low[0], high[1] - mean[1]))
    above = float(np.hypot(high[0] - mean[0], mean[1] - low[1]))
    return {
        "share": float(mean[0]),
        "reference_share": float(mean[1]),
        "difference": difference,
        "low": max(-1.0, difference - below),
        "high": min(1.0, difference + above),
        "strata": len(share),
        "higher": int((share[:, 0] > share[:, 1]).sum()),
        "lower": int((share[:, 0] < share[:, 1]).sum()),
    }


def _check_phases(of: Sequence[str]) -> None:
    for phase in of or [""]:
        if phase not in PHASES:
            raise AnalysisError(f"there is no phase {phase}; there are {', '.join(PHASES)}{nearest(phase, PHASES)}")
