"""What the page is told of a sweep as JSON, and its columns as bytes: page/sweep.js reads both in the same order."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.labels.events import EVENTS, EventRule, events
from grokjax.analysis.labels.rules import PHASES, RULES, NamedRule
from grokjax.analysis.labels.thresholds import thresholds_of
from grokjax.analysis.plots.layout.style import PHASE_MARKERS
from grokjax.analysis.report.curves import PackedCurves
from grokjax.analysis.report.packing import Array, packed, planes
from grokjax.analysis.report.sweep import Column, Sweep, milestones
from grokjax.analysis.statistics.grid import choose_axes
from grokjax.errors import AnalysisError, nearest
from grokjax.sweeps.store.root import Root
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS
from grokjax.sweeps.store.specs import read_specs

# As many panels as the page shows at once; page/cells.js says the same.
MOST_PANELS = 12


@dataclass(frozen=True)
class Axes:
    """The hyperparameters that the map opens with; None: chosen from what the sweep varies."""

    x: str | None = None
    y: str | None = None
    facet: str | None = None


def root_told(root: Root, title: str | None) -> dict[str, Any]:
    """What the root and its specs say of themselves."""
    specs = read_specs(root)
    names, descriptions = (list(dict.fromkeys(str(spec.spec.get(key) or "") for spec in specs)) for key in ("name", "description"))
    steps = {spec.steps for spec in specs}
    return {
        "title": title or ", ".join(names),
        "description": "; ".join(filter(None, descriptions)),
        "spec": names[0] if len(names) == 1 else "run",
        "steps": max(steps, default=None),
        "version": metadata.version("grokjax"),
    }


def columns_told(sweep: Sweep, axes: Axes) -> dict[str, Any]:
    """The columns of `packed_columns`, by name and meaning, and the axes that the map opens with.

    Raises:
      AnalysisError: an axis that is not in the table, or one that is asked for twice.
    """
    return {
        "runs": len(sweep.runs),
        "hyperparameters": [_column_told(column) for column in sweep.hyperparameters],
        "varied": sweep.varied,
        "seeds": sweep.seeds,
        "provenance": [_column_told(column) for column in sweep.provenance],
        "outcomes": [
            {"name": each.name, "unit": each.unit, "meaning": each.meaning}
            for each in OUTCOME_COLUMNS
            if each.name in sweep.outcomes
        ],
        "milestones": milestones(),
        "axes": asdict(_chosen(sweep, axes)),
    }


def rules_told(sweep: Sweep, rule: NamedRule) -> dict[str, Any]:
    """Every rule with its thresholds, the phases and their marks, and which rule labels the runs first, with what thresholds."""
    return {
        "phases": [{"name": phase, "mark": PHASE_MARKERS[phase]} for phase in PHASES],
        "rules": [
            {
                "name": name,
                "source": each.source,
                "meaning": inspect.getdoc(each),
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


def events_told(sweep: Sweep, curves: pd.DataFrame) -> dict[str, Any]:
    """The events of every run, as [run, kind, step], and what the kinds mean."""
    found = events(curves)
    runs = pd.Series(np.arange(len(sweep.runs)), index=sweep.runs["run_id"]).reindex(found["run_id"]).to_numpy()
    rows = np.stack([runs, found["event"].cat.codes.to_numpy(), found["step"].to_numpy()], axis=1)
    meanings = dict(re.findall(r"^([a-z-]+): (.+?)(?=\n[a-z-]+: |\Z)", inspect.getdoc(EventRule) or "", re.MULTILINE | re.DOTALL))
    return {"events": rows.tolist(), "kinds": [{"name": name, "meaning": meanings[name].replace("\n", " ")} for name in EVENTS]}


def packed_columns(sweep: Sweep) -> str:
    """The columns of a sweep: what stands, the codes of hyperparameters and provenance, outcomes, factors of losses, run_ids."""
    codes = (column.codes for column in (*sweep.hyperparameters, *sweep.provenance))
    numbers: Iterable[Array] = (sweep.numbers(name) for name in sweep.outcomes)
    factors = (factor.astype(np.float64) for factor in sweep.loss_factors.values() if factor is not None)
    arrays = [sweep.standing, *codes, *numbers, *factors]
    return packed(b"".join(map(planes, arrays)) + "\n".join(sweep.runs["run_id"].astype(str)).encode())


def packed_points(curves: PackedCurves) -> str:
    """Which steps each run was logged at, and how many of them are kept."""
    return packed(planes(curves.grid) + planes(curves.points))


def _chosen(sweep: Sweep, axes: Axes) -> Axes:
    """The axes asked for, and for the others what the sweep varies: none where nothing is left."""
    known = {column.name for column in sweep.hyperparameters}
    asked = [name for name in (axes.x, axes.y, axes.facet) if name is not None]
    for name in asked:
        if name not in known:
            raise AnalysisError(
                f"{name} is not in the table; there are {', '.join(sweep.varied or sorted(known))}{nearest(name, known)}"
            )
        if asked.count(name) > 1:
            raise AnalysisError(f"{name} is asked for twice in {' x '.join(asked)}; choose another hyperparameter for one of them")
    places = dict(zip(("x", "y", "facet"), choose_axes(sweep.runs, axes.x, axes.y, axes.facet), strict=True))
    free = [place for place, name in asdict(axes).items() if name is None]
    count = {name: sweep.runs[name].nunique() for name in places.values()}
    if "facet" in free and count[places["facet"]] > MOST_PANELS:  # panels for what has fewest values
        names = sorted((places[place] for place in free), key=lambda name: -count[name])
        places |= dict(zip(free, names, strict=True))
    return Axes(**{place: name if name in (*asked, *sweep.varied) else None for place, name in places.items()})


def _column_told(column: Column) -> dict[str, Any]:
    return {"name": column.name, "meaning": column.meaning, "kind": column.kind, "values": column.values}
