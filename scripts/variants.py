"""`grokjax variants`: prints what analysis.statistics.variants finds, and draws it (analysis.plots: variants)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.variants import GENERALIZED
from grokjax.errors import AnalysisError
from grokjax.scripts.options import Names, RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import Labels, Selection, warn_of_missing


def command(
    root: RootArgument,
    by: Names,
    /,
    *,
    phases: Annotated[Names, Parameter(metavar="PHASES")] = GENERALIZED,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    """Compare variants, and find what each of their choices changes.

    Prints the shares of the phases in each combination of some hyperparameters, pooled over all others, and the differences that
    each of them makes among runs that are equal in all others.

    Args:
      by: Hyperparameters, joined by commas.
      phases: Phases whose share, together, sorts the variants and is compared.

    Examples:
        grokjax variants results/modular-variants embedding,tied_hidden,collapsed_hidden,collapsed_output --out variants.pdf
    """
    results, names, of = selection.open(root, labels), by or (), phases or ()
    warn_of_missing(results)
    table = results.variants(names, of)
    print(f"share that {' or '.join(of)}, rule {describe_rule(results.named_rule)}, 95 % intervals")
    cells = [tuple(str(row[name]) for name in names) for row in table.to_dict("records")]
    print_table(
        (*names, "runs", "share", "interval"),
        [(*cell, f"{size}", f"{share:.0%}", f"{low:.0%} to {high:.0%}") for cell, (size, share, low, high) in zip(
            cells, table[["runs", "share", "low", "high"]].itertuples(index=False), strict=True)],
    )  # fmt: skip
    rows = []
    for name in names:
        try:
            found = results.contrasts(name, of)
        except AnalysisError as error:
            print(error)
            continue
        rows += [
            (name, f"{row['value']} - {row['reference']}", f"{row['difference']:+.2f}", f"{row['low']:+.2f} to {row['high']:+.2f}",
             f"{row['higher']}", f"{row['lower']}", f"{row['strata']}")
            for row in found.to_dict("records")
        ]  # fmt: skip
    print_table(("hyperparameter", "values", "difference", "interval", "higher in", "lower in", "of setups"), rows)
    if picture.out:
        picture.write(results.plot_variants(names, of, **picture.settings), root, "variants")
