"""`grokjax boundary`: prints and draws what analysis.statistics.boundary finds (analysis.plots: boundary, fits)."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from cyclopts import Parameter

from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.boundary import STATUSES, boundary_table, other_hyperparameters
from grokjax.errors import AnalysisError
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Labels, Selection, warn_of_missing


def command(
    root: RootArgument,
    axis: Annotated[str, Parameter(help="Hyperparameter along which to look for the boundary.")],
    /,
    *,
    phase: str = "grok",
    against: Annotated[str | None, Parameter(metavar="PHASE", show_default="all others")] = None,
    fits: bool = False,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    """Find where along a hyperparameter one phase becomes another.

    The boundary is where the share of a phase crosses one half in a logistic fit, with a bootstrap band. There is one for every
    combination of the other hyperparameters that vary.

    Args:
      phase: Phase whose boundary to find.
      against: Phase on the other side of the boundary.
      fits: Draw the phase shares and their logistic fits along AXIS instead of the boundary.

    Examples:
        grokjax boundary results/demo weight_decay --against memorize

        grokjax boundary results/x train_size --out boundary.pdf

        grokjax boundary results/x train_size --fits --out fits.pdf
    """
    if fits and not picture.out:
        raise AnalysisError("--fits needs a file to draw to; add --out FILE")
    results = selection.open(root)
    warn_of_missing(results)
    rule = labels.choose(results)
    by = other_hyperparameters(results.runs, axis)
    print(f"share of {phase} against {against or 'all others'} along {axis}, rule {describe_rule(rule)}")
    table = boundary_table(results.boundaries(axis, phase, against, rule), by)
    _print_boundaries(table, axis, by)
    if against is None and (table["status"] == "no trend").any():
        print(f"if {phase} lies between two other phases, try --against PHASE (such as memorize) or another --phase (such as fail)")
    if picture.out:
        plot = results.plot_fits if fits else results.plot_boundary
        picture.write(plot(axis, phase, against, rule, **picture.settings), root, "boundary")


def _print_boundaries(table: pd.DataFrame, axis: str, by: list[str]) -> None:
    rows = []
    for row in table.to_dict("records"):
        known = row["status"] in ("found", "outside")
        at, band = (f"{row['boundary']:.3g}", f"{row['low']:.3g} to {row['high']:.3g}") if known else ("", "")
        rows.append((*(row[name] for name in by), row["runs"], row["left_out"], at, band, row["status"]))
    print_table((*by, "runs", "left out", axis, "95 %", "status"), rows)
    for status in table["status"].drop_duplicates():
        if status != "found":
            print(f"{status}: {STATUSES[status]}")
