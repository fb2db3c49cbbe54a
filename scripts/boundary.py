"""`grokjax boundary`: prints and draws what analysis.statistics.boundary finds (analysis.plots: boundary, fits)."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from cyclopts import Parameter

from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.results import Results
from grokjax.analysis.statistics.boundary import STATUSES, UNINFORMATIVE, boundary_table
from grokjax.errors import AnalysisError
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table, value_text
from grokjax.scripts.selection import CellSelection, Labels, Sides, warn_of_missing


def command(
    root: RootArgument,
    axis: Annotated[str, Parameter(help="Hyperparameter along which to look for the boundary.")],
    /,
    *,
    sides: Sides = Sides(),
    fits: bool = False,
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    """Find where along a hyperparameter a phase begins and ends.

    A boundary is where the share of a phase crosses one half in a logistic fit, with its 95 % band. Every rise and every fall of
    the share is a boundary of its own, for each combination of the other hyperparameters that vary.

    Args:
      fits: Draw the phase shares and their logistic fits along AXIS instead of the boundary.

    Examples:
        grokjax boundary results/demo weight_decay --against memorize

        grokjax boundary results/demo train_size --out boundary.pdf

        grokjax boundary results/demo train_size --fits --out fits.pdf
    """
    if fits and not picture.out:
        raise AnalysisError("--fits needs a file to draw to; add --out FILE")
    results = selection.open(root, labels)
    warn_of_missing(results)
    by = results.others(axis)
    print(f"share of {sides} along {axis}, rule {describe_rule(results.rule)}")
    found = results.boundaries(axis, sides.phase, sides.against)
    table = boundary_table(found, by)
    _print_boundaries(table, axis, by)
    if not any(len(group) for group in found.values()):
        _suggest(results, axis, sides.phase)
    if picture.out:
        plot = results.plot_fits if fits else results.plot_boundary
        picture.write(plot(axis, sides.phase, sides.against, **picture.settings), root, "boundary")


def _print_boundaries(table: pd.DataFrame, axis: str, by: list[str]) -> None:
    rows = []
    for row in table.to_dict("records"):
        known = isinstance(row["direction"], str)
        at, band = (f"{row['boundary']:.3g}", _band_text(row["low"], row["high"])) if known else ("", "")
        p = "" if pd.isna(row["p"]) else f"{row['p']:.2g}"
        start = (*(value_text(row[name]) for name in by), row["runs"], row["left_out"], row["direction"] if known else "")
        rows.append((*start, at, band, p, row["status"]))
    print_table((*by, "runs", "left out", "share", axis, "95 % band", "p", "status"), rows)
    for status in table["status"].drop_duplicates():
        if status != "found":
            print(f"{status}: {STATUSES[status]}")


def _band_text(low: float, high: float) -> str:
    """A band in words: 0.1 to 0.3; an end that is not known is said to be so."""
    if np.isfinite([low, high]).all() and low != 0:
        return f"{low:.3g} to {high:.3g}"
    if np.isfinite(high):
        return f"up to {high:.3g}"
    return f"from {low:.3g}" if np.isfinite(low) and low else "not known"


def _suggest(results: Results, axis: str, phase: str) -> None:
    """Says which other phases have boundaries along the axis, or what else to try."""
    present = [name for name in results.label().unique() if name not in (phase, *UNINFORMATIVE)]
    others = {name: sum(map(len, results.boundaries(axis, name).values())) for name in present}
    able = [f"--phase {name} ({count})" for name, count in others.items() if count]
    if able:
        print(f"{phase} has no boundary along {axis}; other phases have: try {', '.join(able)}")
    else:
        print(f"no phase has a boundary along {axis}; try another hyperparameter, or train more values or seeds")
