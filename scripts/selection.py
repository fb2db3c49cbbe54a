"""What the commands that read results ask for: which runs, which axes, which thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
import typer

from analysis.load import AnalysisError, load_runs
from analysis.rules import RULES
from sweeps.axes import parse_setting
from sweeps.errors import nearest
from sweeps.root import planned_runs
from sweeps.store import Store

Where = Annotated[
    list[str],
    typer.Option(
        "--where", metavar="NAME=VALUE", help="Only runs with this value (or one of a,b,c). Repeatable.", show_default=False
    ),
]
Across = Annotated[
    str | None, typer.Option("--x", help="Hyperparameter across. [default: from the sweep's axes]", show_default=False)
]
Upwards = Annotated[str | None, typer.Option("--y", help="Hyperparameter upwards. [default: likewise]", show_default=False)]
Panels = Annotated[
    str | None, typer.Option("--facet", help="Hyperparameter that makes panels. [default: likewise]", show_default=False)
]
RuleName = Annotated[
    str | None,
    typer.Option(
        "--rule",
        metavar="NAME",
        help=f"What labels the runs: {', '.join(RULES)}. [default: the spec's, else one that fits the task]",
        show_default=False,
    ),
]
Thresholds = Annotated[
    list[str],
    typer.Option("--threshold", metavar="NAME=VALUE", help="A threshold of the rule. Repeatable.", show_default=False),
]


def chosen_runs(root: str, where: list[str]) -> pd.DataFrame:
    """The runs table of `root`, narrowed to NAME=VALUE conditions. Raises AnalysisError where one names no column or no run."""
    runs = load_runs(root)
    for condition in where:
        name, equals, text = condition.partition("=")
        if not equals:
            raise AnalysisError(f"--where {condition}: write NAME=VALUE, such as weight_decay=0.1")
        if name not in runs:
            there = ", ".join(runs.attrs["hyperparameters"])
            raise AnalysisError(
                f"--where {condition}: there is no column {name}; there are {there}{nearest(name, map(str, runs.columns))}"
            )
        try:
            wanted = parse_setting(text)
        except ValueError as error:
            raise AnalysisError(f"--where {condition}: {error}") from None
        values = wanted if isinstance(wanted, list) else [wanted]
        if pd.api.types.is_numeric_dtype(runs[name]) and any(isinstance(value, str) for value in values):
            raise AnalysisError(f"--where {condition}: {name} holds numbers, got {text}")
        kept = runs[runs[name].isin(values)]
        if kept.empty:
            there = ", ".join(str(value) for value in sorted(runs[name].dropna().unique()))
            raise AnalysisError(f"--where {condition}: no run has it; {name} is {there}")
        runs = kept
    return runs


def planned_cells(root: str, cell: Sequence[str]) -> pd.DataFrame:
    """The hyperparameters `cell` of every run that the specs of a root ask for, a row a run; null where a run has none such."""
    frames = []
    for group in planned_runs(Store(root)):
        fixed: dict[str, Any] = group.template.flat()
        columns = {name: group.columns[name] if name in group.columns else [fixed.get(name)] * len(group) for name in cell}
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)
