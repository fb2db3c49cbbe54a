"""HTML tables of grids and rules, for display in notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES
from grokjax.analysis.labels.thresholds import thresholds_of

# A grid with more cells than this is shown as a plain table.
MOST_CELLS = 2000
MOST_ROWS = 20  # of such a table


def grid_html(grid: pd.DataFrame, cell: Sequence[str], values: Mapping[str, Sequence[Any]]) -> str:
    """A grid from `phase_grid` as a table per facet: y downwards from its greatest value, x across, a bar of shares in each cell.

    cell: the hyperparameters of the grid: facet, y and x, or y and x.
    values: of each, in order; None for runs that do not have it.
    """
    *facet, y, x = cell
    columns, rows, facets = values[x], values[y][::-1], values[facet[0]] if facet else [None]
    if len(columns) * len(rows) * len(facets) > MOST_CELLS:
        return pd.DataFrame(grid).to_html(max_rows=MOST_ROWS, show_dimensions=True, notebook=True)
    at = {tuple(None if pd.isna(row[name]) else row[name] for name in cell): row for row in grid.to_dict("records")}
    tables = []
    for value in facets:
        head = "".join(f"<th scope='col'>{_text(column)}</th>" for column in columns)
        body = "".join(
            f"<tr><th scope='row'>{_text(row)}</th>"
            + "".join(_cell(at.get((*([value] if facet else []), row, column))) for column in columns)
            + "</tr>"
            for row in rows
        )
        title = f"{escape(facet[0])} {_text(value)}" if facet else ""
        tables.append(
            f"<table style='display:inline-table;margin-right:1em'><caption>{title}</caption>"
            f"<thead><tr><th>{escape(y)} \\ {escape(x)}</th>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    present = [phase for phase in PHASES if grid[f"{phase}_count"].sum()]
    legend = " ".join(f"<span>{_swatch(phase)} {phase}</span>" for phase in present)
    return f"<div>{''.join(tables)}<div>{legend}</div></div>"


def rule_html(rule: Any) -> str:
    """A rule as a table: each threshold with its value, allowed values and meaning."""
    rows = "".join(
        f"<tr><th scope='row'>{name}</th><td>{_text(getattr(rule, name))}</td><td>{escape(threshold.unit)}</td>"
        f"<td>{escape(threshold.allowed)}</td><td style='text-align:left'>{escape(threshold.meaning)}</td></tr>"
        for name, threshold in thresholds_of(rule).items()
    )
    head = "".join(f"<th scope='col'>{title}</th>" for title in ("threshold", "value", "unit", "allowed", "meaning"))
    meaning = " ".join((type(rule).__doc__ or "").split())
    return (
        f"<div><strong>{escape(rule.name)}</strong> ({escape(rule.source)})<p>{escape(meaning)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(row: dict[Any, Any] | None) -> str:
    if row is None or not row["seeds"]:
        return "<td style='color:#8C8C8C;text-align:center' title='no run'>missing</td>"
    counts = [(phase, int(row[f"{phase}_count"])) for phase in PHASES if row[f"{phase}_count"]]
    shares = ", ".join(f"{phase} {count}" for phase, count in counts)
    bars = "".join(f"<span style='background:{PHASE_COLORS[phase]};flex:{count}'></span>" for phase, count in counts)
    short = f" of {row['planned']}" if row["planned"] > row["seeds"] else ""
    return (
        f"<td title='{shares} ({row['seeds']}{short} seeds)'>"
        f"<span style='display:flex;width:4em;height:1.2em' role='img' aria-label='{shares}'>{bars}</span></td>"
    )


def _swatch(phase: str) -> str:
    return f"<span style='display:inline-block;width:0.8em;height:0.8em;background:{PHASE_COLORS[phase]}'></span>"


def _text(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else escape(str(value))
