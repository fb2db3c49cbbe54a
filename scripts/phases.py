"""`grokjax phases`: prints the counts of phases and draws the map (analysis.plots: phases, shares)."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from cyclopts import Parameter

from grokjax.analysis.labels.marginal import marginal_note
from grokjax.analysis.labels.rules import PHASES
from grokjax.analysis.labels.thresholds import describe_rule
from grokjax.analysis.statistics.cells import cells_of
from grokjax.scripts.options import RootArgument
from grokjax.scripts.pictures import MapPicture
from grokjax.scripts.printing import print_table, value_text
from grokjax.scripts.selection import Axes, CellSelection, Labels, partial_note


def command(
    root: RootArgument,
    /,
    *,
    shares: Annotated[str | None, Parameter(metavar="PHASE")] = None,
    selection: CellSelection = CellSelection(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
    picture: MapPicture = MapPicture(),
) -> None:
    """Label every run, count the phases and draw the phase diagram.

    Draws ROOT/phases.png and ROOT/phases.svg unless --out names other files.

    Args:
      shares: Draw shares instead of runs, for cells with many seeds: the share of one phase as shades with numbers, or "all"
        phases as bars.

    Examples:
        grokjax phases results/demo

        grokjax phases results/demo --rule accuracy_delay --threshold delay=2000

        grokjax phases results/demo --x weight_decay --where train_size=1250

        grokjax phases results/demo --shares grok --out grok.pdf --width double
    """
    results = selection.open(root, labels)
    runs, rule, phases = results.runs, results.named_rule, results.label()
    if shares is None:
        figure = results.plot_phases(*axes.names, **picture.settings)
    else:
        figure = results.plot_shares(*axes.names, phase=None if shares == "all" else shares, **picture.settings)
    print("; ".join(words for words in (f"rule {describe_rule(rule)}", partial_note(results)) if words))
    x, y, facet = results.axes(*axes.names)
    varied = [name for name in (facet, x, y) if name is not None and runs[name].nunique() > 1]
    _print_counts(runs.assign(phase=phases), varied[0] if varied else x)
    if near := marginal_note(runs, rule):
        print(near)
    if stopped := int(((phases == "undecided") & runs["stopped_by"].notna()).sum()):
        print(f"{stopped:,} undecided runs were stopped by another rule; grokjax run with --stop never trains them to the end")
    picture.write(figure, root, "phases" if shares is None else "shares")


def _print_counts(labelled: pd.DataFrame, name: str) -> None:
    """Prints the count of each phase, one row per value of a hyperparameter."""
    codes, values = cells_of(labelled[[name]])
    counts = pd.crosstab(codes, labelled["phase"].astype(str).to_numpy())
    counts = counts[[phase for phase in PHASES if phase in counts]]
    rows = [(value_text(values[name].iloc[code]), *row) for code, *row in counts.itertuples()]
    print_table((name, *counts), [*rows, ("all", *counts.sum())], numbers=counts)
