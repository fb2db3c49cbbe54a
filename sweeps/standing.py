"""Which row of the runs table stands, where a run has several; the others are dropped."""

from __future__ import annotations

import pandas as pd

from sweeps.store import Store

# What it takes to tell which row of a run stands, where it has several.
KEYS = ("run_id", "stopped_by", "steps", "finished_at", "pack_id")


def superseded(runs: pd.DataFrame) -> pd.Series:
    """Which rows of a runs table, with columns KEYS, give way to another row of the same run.

    A run stopped early and trained on later is in two packs, and so is one that two drivers trained at once. What was trained to
    its end stands before what was stopped; else the longer, else what was committed first.
    """
    if runs["run_id"].is_unique:
        return pd.Series(False, index=runs.index)
    order = runs.assign(stopped=runs["stopped_by"].notna(), shorter=-runs["steps"])
    order = order.sort_values(["run_id", "stopped", "shorter", "finished_at", "pack_id"])
    return order["run_id"].duplicated().reindex(runs.index)


def drop_superseded(store: Store) -> None:
    """Leaves one row a run in the files.

    May be killed anywhere, or done by two at once: what is left over then goes the next time.
    """
    dataset = store.dataset("runs")
    if dataset is None:
        return
    runs = dataset.to_table(columns=[name for name in KEYS if name in dataset.schema.names]).to_pandas()
    runs = runs.reindex(columns=list(KEYS))  # a table of an older version may lack one
    for pack_id, gone in runs[superseded(runs)].groupby("pack_id")["run_id"]:
        store.drop_runs(str(pack_id), frozenset(gone))
