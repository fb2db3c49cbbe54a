"""The data of the page: JSON for its scripts, and columns as packed bytes, in the order in which page/sweep.js reads them."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.default_rule import misfit
from grokjax.analysis.labels.events import EVENTS, events
from grokjax.analysis.labels.rules import PHASES, NamedRule, classify, is_built_in, rules
from grokjax.analysis.labels.thresholds import describe_rule, thresholds_of
from grokjax.analysis.plots.layout.style import PHASE_MARKERS
from grokjax.analysis.report.curves import Array, PackedCurves, packed, planes
from grokjax.analysis.report.sweep import TRAINED, CodedColumn, PageSweep, crossings
from grokjax.analysis.statistics.grid import MOST_PANELS, NO_FACET, choose_axes
from grokjax.analysis.tables.budget import run_lengths, runs_as_of
from grokjax.analysis.tables.planned import swept_names
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS
from grokjax.sweeps.store.specs import SpecEntry

# The label of a run that was not trained yet; page/rules.js has the same.
NO_LABEL = 255


@dataclass(frozen=True)
class PageAxes:
    """The axes of the map when the page opens; None to choose from the hyperparameters that vary."""

    x: str | None = None
    y: str | None = None
    facet: str | None = None


def root_metadata(specs: Sequence[SpecEntry], title: str | None) -> dict[str, Any]:
    """The title, description and steps of a page, from the specs of its root."""
    names, descriptions = (list(dict.fromkeys(str(spec.spec.get(key) or "") for spec in specs)) for key in ("name", "description"))
    steps = {spec.steps for spec in specs}
    return {
        "title": title or ", ".join(names),
        "description": "; ".join(filter(None, descriptions)),
        "spec": names[0] if len(names) == 1 else "run",
        "steps": max(steps, default=None),
        "version": metadata.version("grokjax"),
    }


def columns_metadata(sweep: PageSweep, axes: PageAxes, specs: Sequence[SpecEntry]) -> dict[str, Any]:
    """Names and meanings of the columns of `packed_columns`, and the axes of the map when the page opens.

    Raises:
      AnalysisError: an axis that is not in the table, or that is given twice.
    """
    return {
        "runs": len(sweep.runs),
        "lengths": list(run_lengths(sweep.trained)),
        "hyperparameters": [_column_metadata(column) for column in sweep.hyperparameters],
        "varied": sweep.varied,
        "seeds": sweep.seeds,
        "provenance": [_column_metadata(column) for column in sweep.provenance],
        "outcomes": [
            {"name": each.name, "unit": each.unit, "meaning": each.meaning}
            for each in OUTCOME_COLUMNS
            if each.name in sweep.outcomes
        ],
        "crossings": crossings(),
        "axes": asdict(_opening_axes(sweep, axes, swept_names(specs))),
        "mostPanels": MOST_PANELS,
    }


def page_rules(sweep: PageSweep, rule: NamedRule) -> dict[NamedRule, Array | None]:
    """The rules of the page, each with its labels [R] if the page cannot compute them itself.

    These are the rules of this package and those of installed packages that can label these runs. `rule`, which labels the runs
    when the page opens, keeps its thresholds; the others have their defaults.
    """
    labels: dict[NamedRule, Array | None] = {}
    for name, kind in {**rules(), rule.name: type(rule)}.items():
        try:
            each = rule if name == rule.name else kind()
            labels[each] = None if is_built_in(each) else _labels(sweep, sweep.runs, each)
        except Exception as error:  # any that a rule of another package may raise
            if name == rule.name:
                raise
            warnings.warn(f"the rule {name} cannot label these runs and is not on the page: {error}", stacklevel=2)
    return labels


def _labels(sweep: PageSweep, runs: pd.DataFrame, rule: NamedRule) -> Array:
    """The index in PHASES of the phase of each run [R], or NO_LABEL for those that were not trained or are not in `runs`."""
    labels = np.full(len(sweep.runs), NO_LABEL, np.uint8)
    trained = runs[sweep.status[runs.index] == TRAINED]
    labels[trained.index] = classify(trained, rule).cat.codes
    return labels


def packed_labels(sweep: PageSweep, rules: Mapping[NamedRule, Array | None], curves: pd.DataFrame, budgets: Sequence[int]) -> str:
    """The labels as of each budget of the rules that the page cannot compute itself."""
    computed = [rule for rule, labels in rules.items() if labels is not None]
    tables = [runs_as_of(sweep.runs, budget, curves) for budget in budgets] if computed else []
    return packed(b"".join(_labels(sweep, table, rule).tobytes() for rule in computed for table in tables))


def rules_metadata(sweep: PageSweep, shown: Mapping[NamedRule, Array | None], rule: NamedRule) -> dict[str, Any]:
    """The phases and their markers, the rules with their thresholds, and the rule that labels the runs when the page opens.

    A rule with precomputed labels has no thresholds to move.
    """
    return {
        "phases": [{"name": phase, "mark": PHASE_MARKERS[phase]} for phase in PHASES],
        "rules": [_rule_metadata(sweep, each, labels is not None) for each, labels in shown.items()],
        "rule": {"name": rule.name, "settings": asdict(rule) if shown[rule] is None else {}},
        "conventions": [name for name, factors in sweep.loss_factors.items() if factors is not None],
    }


def _rule_metadata(sweep: PageSweep, rule: NamedRule, computed: bool) -> dict[str, Any]:
    thresholds = {} if computed else thresholds_of(rule)
    defaults = {field.name: field.default for field in dataclasses.fields(rule)}
    return {
        "name": rule.name,
        "source": rule.source,
        "meaning": inspect.cleandoc(type(rule).__doc__ or ""),
        "fields": [{"name": name, "default": defaults[name], **asdict(each)} for name, each in thresholds.items()],
        "columns": rule.columns if computed else None,
        "words": describe_rule(rule),
        "warning": misfit(sweep.trained, rule) if rule.tasks else None,
    }


def event_kinds() -> list[dict[str, str]]:
    """The kinds of events with their meanings."""
    return [{"name": name, "meaning": meaning} for name, meaning in EVENTS.items()]


def packed_events(sweep: PageSweep, curves: pd.DataFrame) -> tuple[int, str]:
    """How many events there are; and of each the index of its run, its step, and the index of its kind."""
    found = events(curves)
    runs = pd.Series(np.arange(len(sweep.runs)), index=sweep.runs["run_id"]).reindex(found["run_id"]).to_numpy(np.float64)
    kinds = found["event"].cat.codes.to_numpy(np.uint8)
    return len(found), packed(b"".join(map(planes, (runs, found["step"].to_numpy(np.float64), kinds))))


def packed_columns(sweep: PageSweep, labels: Iterable[Array | None]) -> str:
    """The columns of the runs: status, codes of hyperparameters and provenance, outcomes, loss factors, labels, run_ids."""
    codes = (column.codes for column in (*sweep.hyperparameters, *sweep.provenance))
    numbers: Iterable[Array] = (sweep.numbers(name) for name in sweep.outcomes)
    factors = (factor.astype(np.float64) for factor in sweep.loss_factors.values() if factor is not None)
    arrays = [sweep.status, *codes, *numbers, *factors, *(each for each in labels if each is not None)]
    return packed(b"".join(map(planes, arrays)) + "\n".join(sweep.runs["run_id"].astype(str)).encode())


def packed_points(curves: PackedCurves) -> str:
    """The index of each run's grid of steps, and how many points of it the run has."""
    return packed(planes(curves.grid) + planes(curves.points))


def _opening_axes(sweep: PageSweep, axes: PageAxes, swept: Sequence[str]) -> PageAxes:
    """The given axes, completed with hyperparameters that vary; None where too few of them vary."""
    known = {column.name for column in sweep.hyperparameters}
    given = [name for name in (axes.x, axes.y, axes.facet) if name not in (None, NO_FACET)]
    for name in given:
        if name not in known:
            raise AnalysisError(
                f"{name} is not in the table; there are {', '.join(sweep.varied or sorted(known))}{nearest(name, known)}"
            )
    chosen = choose_axes(_with_full_axes(sweep, given), axes.x, axes.y, axes.facet, swept)
    return PageAxes(*(name if name in (*given, *sweep.varied) else None for name in chosen))


def _with_full_axes(sweep: PageSweep, given: Sequence[str]) -> pd.DataFrame:
    """The given hyperparameters and those that vary and that all runs have; the whole table if these are fewer than two.

    On other axes, runs of another task, model or optimizer would stand in a row or column of their own, named "none".
    """
    full = [name for name in sweep.varied if sweep.runs[name].notna().all()]
    names = list(dict.fromkeys([*given, *full]))
    return sweep.runs[names] if len(names) >= 2 else sweep.runs


def _column_metadata(column: CodedColumn) -> dict[str, Any]:
    return {"name": column.name, "meaning": column.meaning, "kind": column.kind, "values": column.values}
