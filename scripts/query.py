"""grokjax query."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from grokjax.analysis.labels.default_rule import choose_rule
from grokjax.analysis.tables.export import write_table
from grokjax.analysis.tables.load import load_runs
from grokjax.analysis.tables.query import query
from grokjax.scripts.options import Root, table_console
from grokjax.scripts.selection import RuleName, SkipBadFiles, Thresholds, on_bad_file

ROWS = 100


def command(
    root: Root,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT over the views runs, curves, labels.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Write the answer to a .csv or .parquet file.", show_default=False)] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print it as CSV, all rows.")] = False,
    rule: RuleName = None,
    threshold: Thresholds = [],  # noqa: B006  (typer copies it)
    skip_bad_files: SkipBadFiles = False,
) -> None:
    """Ask a root in SQL (DuckDB's): a row a run in runs, a row a logged step in curves, a run's phase under every rule in labels.

    It reads the root and nothing else, and changes nothing. grokjax columns says what the columns are.

    Examples:
        grokjax query results/demo "SELECT phase, count(*), avg(min_test_loss) FROM runs JOIN labels USING (run_id) GROUP BY phase"

        grokjax query results/demo "FROM curves WHERE step = 20000" --out last.parquet
    """
    bad = on_bad_file(skip_bad_files)
    asked = choose_rule(root, load_runs(root, on_bad_file=bad), rule, threshold) if rule or threshold else None
    answer = query(root, sql, asked, bad)
    if out is not None:
        write_table(answer, out)
        typer.echo(f"Wrote {out}: {len(answer):,} rows")
    elif csv:
        answer.to_csv(sys.stdout, index=False)
    else:
        _tell(answer)


def _tell(answer: pd.DataFrame) -> None:
    table = Table(*map(str, answer.columns), box=None, padding=(0, 2))
    for row in answer.head(ROWS).itertuples(index=False, name=None):
        table.add_row(*(_text(value) for value in row))
    table_console().print(table, highlight=False, markup=False)
    if len(answer) > ROWS:
        typer.echo(f"{ROWS} of {len(answer):,} rows; --csv prints all, --out writes them to a file")


def _text(value: object) -> str:
    if value is None or value is pd.NA:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
