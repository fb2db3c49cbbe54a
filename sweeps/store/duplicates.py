"""Decides which row counts if a run has several in the runs table, and removes the superseded ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.sweeps.store.done import COMMITTED, KEYS
from grokjax.sweeps.store.read import OnBadFile, check_file, concat_files, read_file, read_files
from grokjax.sweeps.store.root import COMPRESSION, Root, Table, parquet_bytes

logger = logging.getLogger(__name__)


def superseded(runs: pd.DataFrame) -> pd.Series:
    """Which rows of a runs table, with columns KEYS, are superseded by another row of the same run.

    A run is in two packs if it was trained further later, after an early stop or for more steps, or if two drivers trained it at
    once. Of its rows a diverged one counts, since it cannot be continued; else the longest; else one that was not stopped early,
    or the one committed first.
    """
    if runs["run_id"].is_unique:
        return pd.Series(False, index=runs.index)
    order = runs.assign(goes_on=runs["diverged_step"].isna(), shorter=-runs["steps"], stopped=runs["stopped_by"].notna())
    order = order.sort_values(["run_id", "goes_on", "shorter", "stopped", "finished_at", "pack_id"])
    return order["run_id"].duplicated().reindex(runs.index)


def committed_rows(root: Root, on_bad_file: OnBadFile = "raise") -> pd.DataFrame:
    """KEYS of every row of the runs table, and `file`, the stem of the file that holds the row and of the one with its curve.

    Columns are Arrow-backed, and null where an older version's table lacks one. Bad files are handled as in `read_files`.
    """
    files = read_files(root, "runs", KEYS, on_bad_file=on_bad_file)
    named = [each._replace(rows=each.rows.append_column("file", pa.repeat(each.file, len(each.rows)))) for each in files]
    schema = COMMITTED.append(pa.field("file", pa.string()))
    frame: pd.DataFrame = concat_files(named, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def drop_superseded(root: Root) -> None:
    """Removes superseded rows from the files, as long as the curves of the row that counts can be read.

    Safe to interrupt and to run in two drivers at once: the next call removes the rest. Files stay, even if empty.

    Raises:
      BadFileError: a file of a run with several rows is missing or damaged; none of that run's rows is removed.
    """
    rows = committed_rows(root)
    gone = superseded(rows)
    counting = rows[~gone & rows["run_id"].isin(rows["run_id"][gone])]
    for file in counting["file"].unique():
        check_file(root, "curves", str(file))
    for pack_id in set(rows["pack_id"][gone].dropna()) - set(rows["pack_id"][~gone]):
        root.delete_states(pack_id)
    kept = set(zip(counting["run_id"], counting["file"], strict=True))
    for file, run_ids in rows[gone].groupby("file")["run_id"]:
        dropped = [run_id for run_id in run_ids if (run_id, file) not in kept]
        logger.info("dropping %d rows of %s: the runs were trained further, or twice", len(dropped), file)
        # Curves first: if killed in between, this leaves a superseded row, and no curve without a row.
        if all(_drop_runs(root, table, str(file), dropped) for table in ("curves", "runs")):
            continue
        logger.warning("%s was committed again meanwhile; its superseded rows are removed next time", file)


def _drop_runs(root: Root, table: Table, file: str, run_ids: Sequence[str]) -> bool:
    """Removes runs from a file unless another driver has changed it since it was read; returns whether they were removed."""
    key = root.table_key(table, file)
    content = root.get(key)
    rows = read_file(root, table, file, content)
    left = rows.filter(pc.invert(pc.is_in(rows["run_id"], pa.array(run_ids, pa.string()))))
    return root.replace(key, parquet_bytes(left, COMPRESSION[table]), expected=content or b"")
