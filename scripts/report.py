"""grokjax report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.report.page_data import Axes
from grokjax.analysis.report.write import MEGABYTES, Report, write_report
from grokjax.scripts.options import Root
from grokjax.scripts.selection import Across, Panels, RuleName, SkipBadFiles, Thresholds, Upwards, Where, chosen_runs, on_bad_file
from grokjax.sweeps.store.objects import is_address
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.root import Root as SweepRoot


def command(
    root: Root,
    x: Across = None,
    y: Upwards = None,
    facet: Panels = None,
    where: Where = [],  # noqa: B006  (typer copies it)
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006
    title: Annotated[str | None, typer.Option(help="Above the map. [default: the spec's name]", show_default=False)] = None,
    megabytes: Annotated[float, typer.Option(min=1, help="How large the page may be; above, its curves are thinned.")] = MEGABYTES,
    out: Annotated[Path | None, typer.Option(help="The HTML file. [default: ROOT/report.html]", show_default=False)] = None,
    skip_bad_files: SkipBadFiles = False,
) -> None:
    """Write a sweep as one HTML file that opens anywhere, offline: map, curves, thresholds to move, each run's config and command.

    Examples:
        grokjax report results/demo

        grokjax report results/x --rule accuracy_delay --facet train_size --out docs/map.html
    """
    runs = chosen_runs(root, where, skip_bad_files)
    report = write_report(
        root,
        out or (Path("report.html") if is_address(root) else Path(root) / "report.html"),
        runs=runs,
        missing=unmade_runs(root, runs, [condition.partition("=")[0] for condition in where]),
        axes=Axes(x, y, facet),
        rule=choose_rule(root, runs, rule, threshold),
        title=title,
        megabytes=megabytes,
        on_bad_file=on_bad_file(skip_bad_files),
    )
    _tell(report)


def unmade_runs(root: str, runs: pd.DataFrame, narrowed: list[str]) -> pd.DataFrame:
    """run_id and hyperparameters of the runs that the root's specs ask for and that it does not hold.

    Of the hyperparameters `narrowed` only values that `runs` has.
    """
    planned: pd.DataFrame = (
        planned_runs(SweepRoot.open(root)).runs.drop_columns(["group_id", "steps"]).to_pandas(types_mapper=pd.ArrowDtype)
    )
    left = planned[~planned["run_id"].isin(runs["run_id"])]
    for name in narrowed:
        left = left[left[name].isin(runs[name])] if name in left else left[:0]
    return left.reset_index(drop=True)


def _tell(report: Report) -> None:
    missing = f"; partial: {report.missing:,} runs are still missing" if report.missing else ""
    thinned = f"; one logged step in {report.every} is drawn" if report.every > 1 else ""
    typer.echo(f"Wrote {report.path}: {report.runs:,} runs, {report.size / 1e6:.1f} MB{missing}{thinned}")
