"""Which row of the runs table stands, where a run has several; the others are dropped."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.sweeps.store.layout import Store, put_table
from grokjax.sweeps.store.read import OnBadFile, check_table, read_pack, read_parts, rows_of

# What it takes to tell which row of a run stands, where it has several.
KEY_TYPES = {
    "run_id": pa.string(),
    "stopped_by": pa.string(),
    "steps": pa.int64(),
    "diverged_step": pa.int64(),
    "finished_at": pa.timestamp("ms", tz="UTC"),
    "pack_id": pa.string(),
}
KEYS = tuple(KEY_TYPES)


def superseded(runs: pd.DataFrame) -> pd.Series:
    """Which rows of a runs table, with columns KEYS, give way to another row of the same run.

    A run trained on later, after it was stopped or for more steps, is in two packs, and so is one that two drivers trained at once.
    One that diverged stands, since it cannot be trained on; else the longer; else what was not stopped, or was committed first.
    """
    if runs["run_id"].is_unique:
        return pd.Series(False, index=runs.index)
    order = runs.assign(goes_on=runs["diverged_step"].isna(), shorter=-runs["steps"], stopped=runs["stopped_by"].notna())
    order = order.sort_values(["run_id", "goes_on", "shorter", "stopped", "finished_at", "pack_id"])
    return order["run_id"].duplicated().reindex(runs.index)


def committed_rows(store: Store, on_bad_file: OnBadFile = "raise") -> pd.DataFrame:
    """KEYS of every row of the runs table, and `file`: the stem of the pair of files that hold the row and its curve.

    Arrow-backed columns; null where a table of an older version lacks one. Bad files as in `read_parts`.
    """
    parts = read_parts(store, "runs", KEYS, on_bad_file=on_bad_file)
    named = [part._replace(rows=part.rows.append_column("file", pa.repeat(part.file, len(part.rows)))) for part in parts]
    schema = pa.schema({**KEY_TYPES, "file": pa.string()})
    frame: pd.DataFrame = rows_of(named, schema).to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def drop_superseded(store: Store) -> None:
    """Leaves one row a run in the files, where the curves of the row that stands can be read.

    May be killed anywhere, or done by two at once: what is left over then goes the next time. The files stay, even empty.

    Raises:
      BadFileError: a file of a run that is in several is missing or damaged; nothing of that run is dropped.
    """
    rows = committed_rows(store)
    give_way = superseded(rows)
    standing = rows[~give_way & rows["run_id"].isin(rows["run_id"][give_way])]
    for file in standing["file"].unique():
        check_table(store, "curves", str(file))
    for pack_id in set(rows["pack_id"][give_way].dropna()) - set(rows["pack_id"][~give_way]):
        store.delete(f"states/{pack_id}.safetensors")
    stay = set(zip(standing["run_id"], standing["file"], strict=True))
    for file, gone in rows[give_way].groupby("file")["run_id"]:
        _drop_runs(store, str(file), [run_id for run_id in gone if (run_id, file) not in stay])


def _drop_runs(store: Store, file: str, run_ids: Sequence[str]) -> None:
    """Takes runs out of a pair of files, curves first: a kill between leaves a row that gives way, and no curve without a row."""
    for table in ("curves", "runs"):
        rows = read_pack(store, table, file)
        put_table(store, table, file, rows.filter(pc.invert(pc.is_in(rows["run_id"], pa.array(run_ids, pa.string())))))
