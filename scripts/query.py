"""`grokjax query`: prints the results of analysis.tables.query."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from grokjax.analysis.results import open_root
from grokjax.analysis.tables.export import write_table
from grokjax.scripts.options import RootArgument
from grokjax.scripts.printing import print_table
from grokjax.scripts.selection import BadFiles, Labels

ROWS = 100


def command(
    root: RootArgument,
    sql: Annotated[str, Parameter(name="SQL", help="One SELECT over the views runs, curves and labels.")],
    /,
    *,
    out: Annotated[Path | None, Parameter(metavar="FILE")] = None,
    csv: bool = False,
    labels: Labels = Labels(),
    files: BadFiles = BadFiles(),
) -> None:
    r"""Query a root in SQL (DuckDB's dialect).

    The view "runs" has a row per run, "curves" a row per logged step, and "labels" the phase of each run under each rule.
    `grokjax columns` lists their columns. A query reads nothing but the root, and changes nothing.

    Args:
      out: Write the result to a .csv or .parquet file.
      csv: Print all rows of the result, as CSV.

    Examples:
        grokjax query results/demo "SELECT phase, count(*) \
            FROM runs JOIN labels USING (run_id) GROUP BY phase"

        grokjax query results/demo "FROM curves WHERE step = 20000" --out last.parquet
    """
    results = open_root(root, on_bad_file=files.on_bad_file)
    answer = (labels.of(results) if labels.given else results).query(sql)
    if out is not None:
        write_table(answer, out)
        print(f"Wrote {out}: {len(answer):,} rows")
    elif csv:
        answer.to_csv(sys.stdout, index=False)
    else:
        print_table(answer, answer.head(ROWS).itertuples(index=False, name=None))
        if len(answer) > ROWS:
            print(f"{ROWS} of {len(answer):,} rows; --csv prints all, --out writes them to a file")
