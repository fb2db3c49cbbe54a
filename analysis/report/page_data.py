"""The data of the page: what its scripts read as JSON, and its columns as packed bytes, in the order that page/sweep.js reads."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.events import EVENTS, events
from grokjax.analysis.labels.rules import PHASES, RULES, NamedRule
from grokjax.analysis.labels.thresholds import thresholds_of
from grokjax.analysis.plots.layout.style import PHASE_MARKERS
from grokjax.analysis.report.curves import Array, PackedCurves, packed, planes
from grokjax.analysis.report.sweep import CodedColumn, PageSweep, crossings
from grokjax.analysis.statistics.grid import choose_axes
from grokjax.analysis.tables.planned import swept_names
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS

# The panels that the page shows at once.
MOST_PANELS = 12


@dataclass(frozen=True)
class Axes:
    """The hyperparameters of the map when the page opens; None for one that is chosen from those that vary."""

    x: str | None = None
    y: str | None = None
    facet: str | None = None


def root_metadata(specs: Sequence[dict[str, Any]], title: str | None) -> dict[str, Any]:
    """The title, description and steps of a page, from the specs of its root."""
    names, descriptions = (list(dict.fromkeys(str(spec.get(key) or "") for spec in specs)) for key in ("name", "description"))
    steps = {int(spec["run"]["steps"]) for spec in specs if "steps" in spec["run"]}
    return {
        "title": title or ", ".join(names),
        "description": "; ".join(filter(None, descriptions)),
        "spec": names[0] if len(names) == 1 else "run",
        "steps": max(steps, default=None),
        "version": metadata.version("grokjax"),
    }


def columns_metadata(sweep: PageSweep, axes: Axes, specs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Names and meanings of the columns of `packed_columns`, and the axes of the map when the page opens.

    Raises:
      AnalysisError: an axis that is not in the table, or that is given twice.
    """
    return {
        "runs": len(sweep.runs),
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


def rules_metadata(sweep: PageSweep, rule: NamedRule) -> dict[str, Any]:
    """The phases and their markers, every rule with its thresholds, and the rule that labels the runs when the page opens."""
    return {
        "phases": [{"name": phase, "mark": PHASE_MARKERS[phase]} for phase in PHASES],
        "rules": [
            {
                "name": name,
                "source": each.source,
                "meaning": inspect.cleandoc(each.__doc__ or ""),
                "fields": [
                    {"name": field.name, "default": field.default, **asdict(thresholds_of(each)[field.name])}
                    for field in dataclasses.fields(each)
                ],
            }
            for name, each in RULES.items()
        ],
        "rule": {"name": rule.name, "settings": asdict(rule)},
        "conventions": [name for name, factors in sweep.loss_factors.items() if factors is not None],
    }


def events_metadata(sweep: PageSweep, curves: pd.DataFrame) -> dict[str, Any]:
    """The events of every run, each as [index of the run, index of the event's kind, step], and the kinds with their meanings."""
    found = events(curves)
    runs = pd.Series(np.arange(len(sweep.runs)), index=sweep.runs["run_id"]).reindex(found["run_id"]).to_numpy()
    rows = np.stack([runs, found["event"].cat.codes.to_numpy(), found["step"].to_numpy()], axis=1)
    return {"events": rows.tolist(), "kinds": [{"name": name, "meaning": meaning} for name, meaning in EVENTS.items()]}


def packed_columns(sweep: PageSweep) -> str:
    """The columns of the runs: status, codes of hyperparameters and provenance, outcomes, loss factors, run_ids."""
    codes = (column.codes for column in (*sweep.hyperparameters, *sweep.provenance))
    numbers: Iterable[Array] = (sweep.numbers(name) for name in sweep.outcomes)
    factors = (factor.astype(np.float64) for factor in sweep.loss_factors.values() if factor is not None)
    arrays = [sweep.status, *codes, *numbers, *factors]
    return packed(b"".join(map(planes, arrays)) + "\n".join(sweep.runs["run_id"].astype(str)).encode())


def packed_points(curves: PackedCurves) -> str:
    """The index of each run's grid of steps, and how many points of it the run has."""
    return packed(planes(curves.grid) + planes(curves.points))


def _opening_axes(sweep: PageSweep, axes: Axes, swept: Sequence[str]) -> Axes:
    """The given axes, completed by hyperparameters that vary; None for a place that nothing is left for."""
    known = {column.name for column in sweep.hyperparameters}
    given = [name for name in (axes.x, axes.y, axes.facet) if name is not None]
    for name in given:
        if name not in known:
            raise AnalysisError(
                f"{name} is not in the table; there are {', '.join(sweep.varied or sorted(known))}{nearest(name, known)}"
            )
        if given.count(name) > 1:
            raise AnalysisError(f"{name} is asked for twice in {' x '.join(given)}; choose another hyperparameter for one of them")
    places = dict(zip(("x", "y", "facet"), choose_axes(sweep.runs, axes.x, axes.y, axes.facet, swept), strict=True))
    free = [place for place, name in asdict(axes).items() if name is None]
    count = {name: sweep.runs[name].nunique() for name in places.values()}
    if "facet" in free and count[places["facet"]] > MOST_PANELS:  # panels for the hyperparameter with the fewest values
        names = sorted((places[place] for place in free), key=lambda name: -count[name])
        places |= dict(zip(free, names, strict=True))
    return Axes(**{place: name if name in (*given, *sweep.varied) else None for place, name in places.items()})


def _column_metadata(column: CodedColumn) -> dict[str, Any]:
    return {"name": column.name, "meaning": column.meaning, "kind": column.kind, "values": column.values}
