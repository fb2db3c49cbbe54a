"""Compacts a root of thousands of small files into a root of few large ones: the packs' rows in bundles, sorted by run.

To a reader a bundle looks like a pack: a pair of files of the same name under curves/ and runs/. The name is a hash of its rows, so
that an interrupted compaction recognises what it has written. Runs files are written last: until then the new root is valid, with
fewer runs and none of them twice.
"""

import functools
import logging
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
from grokjax.sweeps.store.done import KEYS, release_done
from grokjax.sweeps.store.duplicates import committed_rows, drop_superseded, superseded
from grokjax.sweeps.store.enter import enter
from grokjax.sweeps.store.planned import read_planned
from grokjax.sweeps.store.read import check_file, concat_rows, naming_bad_file, read_file
from grokjax.sweeps.store.root import Root, Table
from grokjax.sweeps.store.specs import read_specs

# The most values of curves in a bundle: about 200 MB in memory, a few times less in the file.
MOST_VALUES = 2**25
COPIES_AT_ONCE = 8
ABANDONED_SECONDS = 3600.0  # older uncommitted curves of a bundle belong to a call that was killed

logger = logging.getLogger(__name__)

# The runs to copy, as a frame of KEYS, by the stem of their file.
Sources = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Compaction:
    """The result of `compact`: what it copied to the new root."""

    runs: int
    packs: int  # files of the old root that they came from
    bundles: int


def compact(source: Root, root: str | Path) -> Compaction:
    """Copies all committed runs of a root to another, in few large files, along with their weights, states and tunings.

    Packs in training are left out. After an interruption, the same call continues; called again later, it adds what is new in the
    old root, which it never changes. Memory holds the keys of all runs, and the rows of one bundle, or of one pack if that is
    larger.

    Args:
      source: the old root.
      root: the new root: a new or empty folder or address, or one that holds the same sweep.

    Raises:
      SpecError: `root` holds another sweep.
      StoreError: a file of either root cannot be read, or `root` cannot be written.
    """
    target = Root(root)
    if f"{target}/".startswith(f"{source}/"):
        raise StoreError(f"{target} lies in {source} itself; choose another place for the compacted root")
    enter(target, [(spec, functools.partial(read_planned, source, spec)) for spec in read_specs(source)])
    for name in target.names("runs"):
        check_file(target, "curves", name)
    missing, again = _missing(source, target)
    _copy_folders(source, target, missing, again)
    bundles = dict(_bundles(source, missing))
    for name, packs in bundles.items():
        if not target.exists(target.key("curves", name)):
            target.put_curves(name, _rows(source, "curves", packs, ["run_id", "step"]))
    for name, packs in bundles.items():
        target.commit_runs(name, _rows(source, "runs", packs, ["run_id"]))
    drop_superseded(target)
    _delete_leftovers(target)
    release_done(target)
    return Compaction(sum(map(len, missing.values())), len(missing), len(bundles))


def _missing(source: Root, target: Root) -> tuple[Sources, frozenset[str]]:
    """The runs of the old root that the new one lacks, and the run_ids of those that it has with fewer steps."""
    new, old = committed_rows(target).assign(old=False), committed_rows(source).assign(old=True)
    rows = pd.concat([frame for frame in (new, old) if len(frame)], ignore_index=True) if len(old) else old
    missing = rows[rows["old"] & ~superseded(rows)]  # of equal rows the first one counts, which is the new root's
    by_file = {str(file): packs[list(KEYS)] for file, packs in missing.groupby("file", sort=True)}
    return by_file, frozenset(missing["run_id"]) & frozenset(new["run_id"])


def _bundles(source: Root, missing: Sources) -> Iterator[tuple[str, Sources]]:
    """Bundles by name. Each has consecutive packs with at most MOST_VALUES values together, or a single larger pack."""
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


def _values(source: Root, file: str) -> int:
    """How many values a pack's curves hold, from the Parquet footer."""
    key = source.key("curves", file)
    with naming_bad_file(source, key):
        footer = pq.read_metadata(key, filesystem=source.filesystem())
    groups = [footer.row_group(index) for index in range(footer.num_row_groups)]
    return sum(group.column(column).num_values for group in groups for column in range(group.num_columns))


def _name(bundle: Sources) -> str:
    """The name of a bundle: a hash of its rows, which also changes when the same runs are trained for more steps."""
    return f"bundle-{digest({file: runs.to_csv(index=False) for file, runs in bundle.items()})}"


def _rows(source: Root, table: Table, packs: Sources, order: Sequence[str]) -> pa.Table:
    """The rows of a bundle, sorted, so that row-group statistics locate a run."""
    tables = [_pack_rows(source, table, file, runs) for file, runs in packs.items()]
    return concat_rows(tables).sort_by([(name, "ascending") for name in order])


def _pack_rows(source: Root, table: Table, file: str, runs: pd.DataFrame) -> pa.Table:
    run_ids = pa.array(runs["run_id"].tolist(), pa.string())
    rows = read_file(source, table, file)
    rows = rows.filter(pc.is_in(rows["run_id"], run_ids))
    if pc.count_distinct(rows["run_id"]).as_py() != len(run_ids):
        raise StoreError(
            f"{source}/{table}/{file}.parquet has lost runs, or their curves, since the copy began; "
            f"run the same command again, and if that does not help, grokjax verify {source}"
        )
    return rows


def _delete_leftovers(target: Root) -> None:
    """Deletes what killed calls left behind: old curves of bundles that were not committed."""
    for key in target.keys("curves", untouched=ABANDONED_SECONDS):
        if Path(key).name.startswith("bundle-") and not target.is_committed(Path(key).stem):
            logger.info("deleting %s, left by a compaction that was killed", key)
            target.delete(key)


def _copy_folders(source: Root, target: Root, missing: Sources, again: AbstractSet[str]) -> None:
    """Copies everything but tables: tunings that the new root has not measured itself, and the files of the runs to be copied.

    Existing weights and states in the new root are kept, except weights of runs that were trained further since.
    """
    rows = pd.concat(missing.values()) if missing else pd.DataFrame(columns=list(KEYS))
    named = {"weights": set(rows["run_id"]), "states": set(rows["pack_id"].dropna())}
    for group_id, entry in source.read_entries("limits").items():
        target.set_limit(group_id, entry["runs"])
    wanted = list(source.keys("quarantine"))
    wanted += [key for key in source.keys("groups") if not target.exists(key)]
    for folder, names in named.items():
        existing = target.sizes(folder)
        sizes = {key: size for key, size in source.sizes(folder).items() if Path(key).stem in names}
        wanted += [key for key, size in sizes.items() if existing.get(key) != size or Path(key).stem in again]

    def copy(key: str) -> None:
        content = source.get(key)
        if content is not None:  # otherwise it was deleted meanwhile
            target.put(key, content)

    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        for _ in pool.map(copy, wanted):
            pass
