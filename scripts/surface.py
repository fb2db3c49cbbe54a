"""`grokjax surface`: prints and draws what analysis.statistics.surface finds (analysis.plots: surface)."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.surface import Surface
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import Picture
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import CellSelection, Labels, Sides, warn_of_missing

MOST_ROWS = 12  # of a curve


def command(
    root: RootArgument,
    /,
    *,
    x: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None,
    y: Annotated[str | None, Parameter(metavar="NAME", show_default="from the sweep's axes")] = None,
    sides: Sides = Sides(),
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    picture: Picture = Picture(),
) -> None:
    r"""Find the boundary of a phase over two hyperparameters.

    The boundary is the curve on which half of the runs have the phase. Its share is fitted over both hyperparameters together, for
    points that were drawn at random or from a Sobol sequence as well as for grids of twelve cells and more. Among drawn points it
    is averaged over the other hyperparameters; in a grid, over those of --mix. Prints points of the curve; --out draws it with
    its band.

    Args:
      x: Numeric hyperparameter on the horizontal axis.
      y: Numeric hyperparameter on the vertical axis.

    Examples:
        grokjax surface results/parity-article --where hidden_size=64

        grokjax surface results/parity-article --x weight_decay --y train_size \
            --where hidden_size=64 --phase memorize --out surface.pdf
    """
    results = selection.open(root, labels)
    warn_of_missing(results)
    found = results.surface(x, y, sides.phase, sides.against)
    print(f"share of {sides} over {found.x} and {found.y}, rule {describe_rule(results.rule)}")
    if found.mixed:
        print(f"averaged over {', '.join(found.mixed)}")
    _print_curves(found)
    if picture.out:
        picture.write(results.plot_surface(x, y, sides.phase, sides.against, **picture.settings), root, "surface")


def _print_curves(found: Surface) -> None:
    curves = found.contour()
    if not curves:
        print(f"the fitted share of {found.phase} is one half nowhere among these points")
    for number, curve in enumerate(curves, 1):
        every = curve.iloc[:: max(1, -(-len(curve) // MOST_ROWS))]
        rows = [(f"{x:.3g}", f"{y:.3g}") for x, y in every.itertuples(index=False)]
        print(f"curve {number} of {len(curves)}")
        print_table((found.x, found.y), rows)
    points, share = found.points.table, found.unknown.mean()
    counted = f"{int(points['trials'].sum()):,} runs at {len(points):,} points, {found.points.left_out:,} left out"
    print(f"{counted}; the {100 * found.confidence:g} % band of the share contains one half on {share:.0%} of the map")
    if found.seed_text:
        print(found.seed_text)
