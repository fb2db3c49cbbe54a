"""Decides which row counts if a run has several in the runs table, and removes the superseded ones."""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.sweeps.store.done import COMMITTED, KEYS, RULES_JOINED_BY, unfinished_runs
from grokjax.sweeps.store.planned import planned_runs
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

    A run may be done for a spec that stops runs early only because of a row that is removed: one spec trained it for 100 steps, and
    another asks for 200 and had it decided at step 20. The row that counts then takes over its `stopped_by`: a label that was
    certain at step 20 is certain at step 100. More steps of that run will start anew, since a stopped run is never resumed. Where
    specs stop runs under different rules, the row that counts names all rules that had decided its run.

    Safe to interrupt and to run in two drivers at once: the next call removes the rest. Files stay, even if empty.

    Raises BadFileError if a file of a run with several rows is missing or damaged; none of that run's rows is removed.
    """
    rows = committed_rows(root)
    gone = superseded(rows)
    counting = rows[~gone & rows["run_id"].isin(rows["run_id"][gone])]
    for file in counting["file"].unique():
        check_file(root, "curves", str(file))
    for pack_id in set(rows["pack_id"][gone].dropna()) - set(rows["pack_id"][~gone]):
        root.delete(root.key("states", pack_id))
    unmarked = _mark_stopped(root, rows[gone], counting)
    kept = set(zip(counting["run_id"], counting["file"], strict=True))
    for file, run_ids in rows[gone].groupby("file")["run_id"]:
        dropped = [run_id for run_id in run_ids if (run_id, file) not in kept and run_id not in unmarked]
        logger.info("dropping %d rows of %s: the runs were trained further, or twice", len(dropped), file)
        # Curves first: if killed in between, this leaves a superseded row, and no curve without a row.
        if all(_replace_rows(root, table, str(file), functools.partial(_without, dropped)) for table in ("curves", "runs")):
            continue
        logger.warning("%s was committed again meanwhile; its superseded rows are removed next time", file)


def _mark_stopped(root: Root, gone: pd.DataFrame, counting: pd.DataFrame) -> frozenset[str]:
    """Marks rows that count as `drop_superseded` says; returns the runs whose file another driver changed meanwhile."""
    if gone["stopped_by"].isna().all():
        return frozenset()
    planned = planned_runs(root, ())
    before, after = (
        unfinished_runs(planned, pa.Table.from_pandas(each[list(KEYS)], COMMITTED, preserve_index=False))
        for each in (pd.concat([gone, counting]), counting)
    )
    only_by_gone = set(after) - set(before)
    rules = {
        str(run_id): RULES_JOINED_BY.join(sorted({rule for several in each for rule in several.split(RULES_JOINED_BY)}))
        for run_id, each in pd.concat([gone, counting]).dropna(subset="stopped_by").groupby("run_id")["stopped_by"]
    }
    own = counting["stopped_by"].fillna("")
    changed = (counting["run_id"].map(rules).fillna("") != own) & ((own != "") | counting["run_id"].isin(only_by_gone))
    failed: set[str] = set()
    for file, run_ids in counting[changed].groupby("file")["run_id"]:
        if not _replace_rows(root, "runs", str(file), functools.partial(_stopped, {run_id: rules[run_id] for run_id in run_ids})):
            failed.update(run_ids)
    return frozenset(failed)


def _replace_rows(root: Root, table: Table, file: str, change: Callable[[pa.Table], pa.Table]) -> bool:
    """Changes the rows of a file, unless another driver has changed or discarded it since it was read; returns whether it could."""
    key = root.key(table, file)
    content = root.get(key)
    if content is None and not root.is_committed(file):
        return False
    rows = read_file(root, table, file, content)
    return root.replace(key, parquet_bytes(change(rows), COMPRESSION[table]), expected=content or b"")


def _without(run_ids: Sequence[str], rows: pa.Table) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["run_id"], pa.array(run_ids, pa.string()))))


def _stopped(rules: Mapping[str, str], rows: pa.Table) -> pa.Table:
    """Rows of the runs table, with the rule of each run that is in `rules` as its `stopped_by`."""
    place = rows.schema.get_field_index("stopped_by")
    field = rows.schema.field(place).with_type(pa.string()) if place >= 0 else pa.field("stopped_by", pa.string())
    before = rows[place].cast(pa.string()) if place >= 0 else pa.nulls(len(rows), pa.string())
    marked = pa.array([rules.get(run_id) for run_id in rows["run_id"].to_pylist()], pa.string())
    values = pc.coalesce(marked, before)
    return rows.set_column(place, field, values) if place >= 0 else rows.append_column(field, values)
