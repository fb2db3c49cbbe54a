"""`grokjax report`: writes the page of analysis.report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from grokjax.analysis.report.write import MEGABYTES
from grokjax.scripts.options import RootArgument
from grokjax.scripts.selection import Axes, Labels, Selection


def command(
    root: RootArgument,
    /,
    *,
    out: Annotated[Path | None, Parameter(metavar="FILE", show_default="ROOT/report.html")] = None,
    title: Annotated[str | None, Parameter(show_default="the spec's name")] = None,
    megabytes: Annotated[float, Parameter(validator=Number(gte=1))] = MEGABYTES,
    selection: Selection = Selection(),
    labels: Labels = Labels(),
    axes: Axes = Axes(),
) -> None:
    """Write a sweep as one HTML page that opens anywhere, offline.

    The page has the map, the curves, sliders for the rule's thresholds, and the config and command of each run.

    Args:
      out: HTML file to write.
      title: Title above the map.
      megabytes: Largest size of the page; curves are thinned to fit.

    Examples:
        grokjax report results/demo

        grokjax report results/demo --rule accuracy_delay --out docs/map.html
    """
    results = selection.open(root, labels)
    report = results.report(out, *axes.names, title=title, megabytes=megabytes)
    missing = f"; partial: {report.missing:,} runs are still missing" if report.missing else ""
    thinned = f"; one logged step in {report.every} is drawn" if report.every > 1 else ""
    print(f"Wrote {report.path}: {report.runs:,} runs, {report.size / 1e6:.1f} MB{missing}{thinned}")
