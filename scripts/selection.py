"""What the commands that read results ask for: which runs, which axes, which thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd
import typer

from grokjax.analysis.labels.rules import RULES
from grokjax.analysis.tables.hyperparameters import SEEDS, varied_hyperparameters
from grokjax.analysis.tables.load import load_runs
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.spec.axes import parse_setting
from grokjax.sweeps.store.planned import planned_runs
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.root import Root as SweepRoot

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
SkipBadFiles = Annotated[
    bool, typer.Option("--skip-bad-files", help="Leave out files that are missing, cut short or foreign, and say which.")
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


def on_bad_file(skip: bool) -> OnBadFile:
    """What --skip-bad-files asks for."""
    return "skip" if skip else "raise"


def chosen_runs(root: str, where: list[str], skip_bad_files: bool = False) -> pd.DataFrame:
    """The runs table of `root`, narrowed to NAME=VALUE conditions. Raises AnalysisError where one names no column or no run."""
    runs = load_runs(root, on_bad_file=on_bad_file(skip_bad_files))
    for condition in where:
        kept = runs[_holds(runs, condition)]
        if kept.empty:
            name = condition.partition("=")[0]
            there = ", ".join(str(value) for value in sorted(runs[name].dropna().unique()))
            raise AnalysisError(f"--where {condition}: no run has it; {name} is {there}")
        runs = kept
    return runs


def one_cell(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, by seed, if nothing but seeds varies among them. Raises AnalysisError otherwise."""
    if varied := varied_hyperparameters(runs):
        raise AnalysisError(f"choose one cell: add --where NAME=VALUE for {_choices(runs, varied)}")
    return runs.sort_values([name for name in SEEDS if name in runs])


def one_run(runs: pd.DataFrame) -> pd.Series[Any]:
    """The run, if there is but one. Raises AnalysisError otherwise."""
    if len(runs) > 1:
        varied = [*varied_hyperparameters(runs), *(name for name in SEEDS if name in runs and runs[name].nunique() > 1)]
        raise AnalysisError(f"choose one run: add --where NAME=VALUE for {_choices(runs, varied)}")
    return runs.iloc[0]


def run_with_weights(root: str, where: list[str]) -> pd.Series[Any]:
    """The one run that meets the conditions. Raises AnalysisError if there are several, or none kept its weights."""
    runs = chosen_runs(root, where)
    if "snapshots" in runs and not (runs["snapshots"] > 0).any():
        raise AnalysisError(f"{root} kept no weights; set snapshots in the spec's [run], and run it into another root")
    return one_run(runs)


def few(runs: pd.DataFrame, most: int) -> pd.DataFrame:
    """The runs, if a figure has room for a panel each. Raises AnalysisError otherwise."""
    if len(runs) > most:
        raise AnalysisError(f"{len(runs)} seeds are more than {most} panels can show; choose some with --where seed=0,1,2")
    return runs


def seed_labels(runs: pd.DataFrame) -> list[str]:
    """What tells the runs of a cell apart: the seeds that vary."""
    names = [name for name in SEEDS if name in runs and runs[name].nunique() > 1] or ["seed"]
    if len(names) > 1 and (runs["seed"] == runs["data_seed"]).all():
        names = ["seed"]
    return [", ".join(f"{name} {run[name]}" for name in names) for run in runs[names].to_dict("records")]


def _choices(runs: pd.DataFrame, names: Sequence[str]) -> str:
    return "; ".join(f"{name}: {', '.join(str(value) for value in sorted(runs[name].dropna().unique()))}" for name in names)


def _holds(runs: pd.DataFrame, condition: str) -> pd.Series[bool]:
    """Which runs have what NAME=VALUE asks for."""
    name, equals, text = condition.partition("=")
    if not equals:
        raise AnalysisError(f"--where {condition}: write NAME=VALUE, such as weight_decay=0.1")
    if name not in runs:
        there = ", ".join([*varied_hyperparameters(runs), *(seed for seed in SEEDS if seed in runs)])
        close = nearest(name, map(str, runs.columns)) or "; grokjax columns tells them all"
        raise AnalysisError(f"--where {condition}: there is no column {name}; the runs differ in {there}{close}")
    try:
        wanted = parse_setting(text)
    except ValueError as error:
        raise AnalysisError(f"--where {condition}: {error}") from None
    values = wanted if isinstance(wanted, list) else [wanted]
    if pd.api.types.is_numeric_dtype(runs[name]) and any(isinstance(value, str) for value in values):
        raise AnalysisError(f"--where {condition}: {name} holds numbers, got {text}")
    held: pd.Series[bool] = runs[name].isin(values)
    return held


def planned_cells(root: str, cell: Sequence[str], where: Sequence[str] = ()) -> pd.DataFrame | None:
    """The hyperparameters `cell` of every run that the specs of a root ask for, a row a run; null where a run has none such.

    With conditions, those of the runs that meet them; None if one asks for an outcome, which only a finished run has.
    """
    asked = [condition.partition("=")[0] for condition in where]
    planned: pd.DataFrame = planned_runs(SweepRoot.open(root), {*cell, *asked}).runs.to_pandas(types_mapper=pd.ArrowDtype)
    if not set(asked) <= set(planned):
        return None
    for condition in where:
        planned = planned[_holds(planned, condition)]
    return planned.reindex(columns=list(cell))


def missing_runs(root: str, where: Sequence[str], runs: pd.DataFrame) -> int:
    """How many of the runs that the specs of a root ask for, and that meet the conditions, are not among `runs`."""
    planned = planned_cells(root, ("seed",), where)
    return 0 if planned is None else max(0, len(planned) - len(runs))


def tell_missing(root: str, where: Sequence[str], runs: pd.DataFrame) -> None:
    """Says on standard error how many runs are not there yet, if any."""
    if missing := missing_runs(root, where, runs):
        typer.echo(f"partial: {missing:,} of {missing + len(runs):,} runs are still missing", err=True)


def names_of(joined: str) -> list[str]:
    """The names of a list with commas."""
    return [name.strip() for name in joined.split(",") if name.strip()]
