"""Makes of a root of thousands of small files one of few large ones: the packs' rows in bundles, sorted by run.

A bundle is what a pack is to a reader: a pair of files of one name under curves/ and runs/. Its name follows from its rows, so that
a compaction that was interrupted finds again what it had written. The runs files come last of all: whatever is there before them is
a root with its specs and fewer runs, and never one run twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from grokjax.errors import StoreError
from grokjax.identity import digest
from grokjax.sweeps.execute.enter import enter_specs
from grokjax.sweeps.store.duplicates import KEYS, committed_rows, drop_superseded, superseded
from grokjax.sweeps.store.layout import (
    LEFT_SECONDS,
    Store,
    commit_runs,
    drop_torn_writes,
    limits,
    put_curves,
    quarantine,
    set_limit,
    unreadable,
)
from grokjax.sweeps.store.objects import is_address
from grokjax.sweeps.store.read import check_table, read_pack

# Values of the curves in a bundle: some 200 MB in memory, a few times less in the file.
MOST_VALUES = 2**25
COPIES_AT_ONCE = 8

# Of the runs to be brought, by the stem of the file they stand in: a frame of KEYS.
Sources = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Compaction:
    """What was brought to the new root by one call."""

    runs: int
    packs: int  # files of the old root that they came from
    bundles: int


def compact(source: Store, root: str | Path) -> Compaction:
    """Brings all committed runs of a root to another, in few large files, with all else that belongs to them.

    What is in training stays where it is. Interrupted anywhere, the same call goes on. So it does where the old root has got more
    runs since, or longer ones. The old root is only read. In memory are the keys of all runs, and the rows of one bundle or of one
    pack, whichever is larger.

    Args:
      source: the old root.
      root: the new one: a new or empty folder or address, or one that holds the same sweep.

    Raises:
      SpecError: `root` holds another sweep.
      StoreError: a file of either cannot be read, or `root` not be written.
    """
    target = enter_specs(source, _apart(source, root))
    for key in target.files("runs"):
        check_table(target, "curves", Path(key).stem)
    missing, again = _missing(source, target)
    _copy_folders(source, target, missing, again)
    bundles = dict(_bundles(source, missing))
    for name, packs in bundles.items():
        if not target.exists(f"curves/{name}.parquet"):
            put_curves(target, name, _rows(source, "curves", packs, ["run_id", "step"]))
    for name, packs in bundles.items():
        commit_runs(target, name, _rows(source, "runs", packs, ["run_id"]))
    drop_superseded(target)
    _delete_leftovers(target)
    _empty_quarantine(target)
    return Compaction(sum(map(len, missing.values())), len(missing), len(bundles))


def _apart(source: Store, root: str | Path) -> str | Path:
    """The new root. Raises StoreError if it is the old one or lies in it."""
    if source.is_local is not is_address(root):
        here = str(Path(root).resolve()) if source.is_local else str(root).rstrip("/")
        if f"{here}/".startswith(f"{source.root}/"):
            raise StoreError(f"{root} lies in {source.root} itself; choose another place for the compacted root")
    return root


def _missing(source: Store, target: Store) -> tuple[Sources, frozenset[str]]:
    """What of the old root's runs the new one lacks; and the run_ids of those it has, but not as far trained."""
    here, there = committed_rows(target).assign(old=False), committed_rows(source).assign(old=True)
    rows = pd.concat([frame for frame in (here, there) if len(frame)], ignore_index=True) if len(there) else there
    missing = rows[rows["old"] & ~superseded(rows)]  # of equal rows the first stands, which is that of the new root
    by_file = {str(file): packs[list(KEYS)] for file, packs in missing.groupby("file", sort=True)}
    return by_file, frozenset(missing["run_id"]) & frozenset(here["run_id"])


def _bundles(source: Store, missing: Sources) -> Iterator[tuple[str, Sources]]:
    """Bundles by name: packs one after the other, as many as hold no more than MOST_VALUES, and at least one."""
    bundle: Sources = {}
    values = 0
    for file, runs in missing.items():
        size = _values(source, file)
        if bundle and values + size > MOST_VALUES:
            yield _name(bundle), bundle
            bundle, values = {}, 0
        bundle[file], values = runs, values + size
    if bundle:
        yield _name(bundle), bundle


def _values(source: Store, file: str) -> int:
    """How many values a pack's curves hold, from the end of the file alone."""
    key = f"curves/{file}.parquet"
    try:
        told = pq.read_metadata(key, filesystem=source.filesystem())
    except (OSError, pa.ArrowException) as error:
        raise unreadable(source, key, error) from None
    groups = [told.row_group(index) for index in range(told.num_row_groups)]
    return sum(group.column(column).num_values for group in groups for column in range(group.num_columns))


def _name(bundle: Sources) -> str:
    """A name that tells the rows of a bundle from any others, however far the same runs were trained."""
    return f"bundle-{digest({file: runs.to_csv(index=False) for file, runs in bundle.items()})}"


def _rows(source: Store, table: str, packs: Sources, order: Sequence[str]) -> pa.Table:
    """The rows of the runs of a bundle, sorted, so that the statistics of row groups tell where a run is."""
    tables = [_pack_rows(source, table, file, runs) for file, runs in packs.items()]
    return pa.concat_tables(tables, promote_options="permissive").sort_by([(name, "ascending") for name in order])


def _pack_rows(source: Store, table: str, file: str, runs: pd.DataFrame) -> pa.Table:
    run_ids = pa.array(runs["run_id"].tolist(), pa.string())
    rows = read_pack(source, table, file)
    rows = rows.filter(pc.is_in(rows["run_id"], run_ids))
    if pc.count_distinct(rows["run_id"]).as_py() != len(run_ids):
        raise StoreError(
            f"{source.root}/{table}/{file}.parquet lacks runs that were there a moment ago, or their curves; "
            f"start the same command again, and if that does not help, grokjax verify {source.root}"
        )
    return rows


def _delete_leftovers(target: Store) -> None:
    """Deletes what killed calls left: torn files, and old curves of bundles that were not committed."""
    drop_torn_writes(target)
    for key in target.keys("curves", untouched=LEFT_SECONDS):
        if Path(key).name.startswith("bundle-") and not target.exists(f"runs/{Path(key).name}"):
            target.delete(key)


def _copy_folders(source: Store, target: Store, missing: Sources, again: AbstractSet[str]) -> None:
    """Brings what is no table: tunings that the new root has not measured itself, and what belongs to the runs to be brought.

    Weights and states that are there already are of an earlier call, but for weights of runs that were trained further.
    """
    rows = pd.concat(missing.values()) if missing else pd.DataFrame(columns=list(KEYS))
    named = {"weights": set(rows["run_id"]), "states": set(rows["pack_id"].dropna())}
    for group_id, runs in limits(source).items():
        set_limit(target, group_id, runs)
    wanted = [f"quarantine/{pack_id}.json" for pack_id in quarantine(source)]
    wanted += [key for key in source.keys("groups") if not target.exists(key)]
    for folder, names in named.items():
        there = target.sizes(folder)
        sizes = {key: size for key, size in source.sizes(folder).items() if Path(key).stem in names}
        wanted += [key for key, size in sizes.items() if there.get(key) != size or Path(key).stem in again]

    def copy(key: str) -> None:
        content = source.get(key)
        if content is not None:  # else it went meanwhile
            target.put(key, content)

    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        for _ in pool.map(copy, wanted):
            pass


def _empty_quarantine(target: Store) -> None:
    """Takes out of quarantine what was set aside at an earlier call and has been trained since."""
    entries = quarantine(target)
    if entries:
        done = frozenset(committed_rows(target)["run_id"])
        for pack_id, entry in entries.items():
            if done.issuperset(entry["run_ids"]):
                target.delete(f"quarantine/{pack_id}.json")
