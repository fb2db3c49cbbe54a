"""Decides which planned runs are done. Running, status, verify and compact all use this definition."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grokjax.sweeps.store.planned import Planned, planned_runs
from grokjax.sweeps.store.read import OnBadFile, concat_files, read_files
from grokjax.sweeps.store.root import Root

Mask = np.ndarray[Any, np.dtype[np.bool_]]
# The columns of the runs table that determine whether a run is done, and which of a run's rows counts.
COMMITTED = pa.schema(
    {
        "run_id": pa.string(),
        "stopped_by": pa.string(),
        "steps": pa.int64(),
        "diverged_step": pa.int64(),
        "finished_at": pa.timestamp("ms", tz="UTC"),
        "pack_id": pa.string(),
    }
)
KEYS = tuple(COMMITTED.names)
RULES_JOINED_BY = "+"  # in `stopped_by`, where several rules had decided a run


def committed_table(root: Root, on_bad_file: OnBadFile = "raise") -> pa.Table:
    """The columns COMMITTED of all committed rows, null where an older version's table lacks one. Raises as `read_files`."""
    return concat_files(read_files(root, "runs", KEYS, on_bad_file=on_bad_file), COMMITTED)


def is_done(rows: pa.Table, steps: int, rule: str | None) -> Mask:
    """Whether the run of each row of the runs table is done for a spec, that is, needs no more training for it.

    A run is done once it has made the steps that the spec asks for, or diverged. A run that was stopped early is done only for
    specs that stop runs under the same rule.

    Args:
      rows: rows with the columns COMMITTED, [R]. A null in `steps`, from a table without that column, counts as done.
      steps: the steps that the spec asks for.
      rule: the rule under which the spec stops runs; None if it stops none.

    Returns:
      A mask [R].
    """
    made = pc.fill_null(pc.greater_equal(rows["steps"], steps), True)
    by = pc.binary_join_element_wise("", rows["stopped_by"].cast(pa.string()), "", RULES_JOINED_BY)  # null if it was not stopped
    stopped = pc.fill_null(pc.match_substring(by, f"{RULES_JOINED_BY}{rule}{RULES_JOINED_BY}"), False) if rule else False
    return _mask(pc.or_(pc.or_(made, pc.is_valid(rows["diverged_step"])), stopped))


def is_resumable(rows: pa.Table, packs_with_states: Callable[[], Collection[str]]) -> Mask:
    """Whether the run of each row [R] has a stored final state to continue from; other runs start again from step 0.

    Runs that were stopped early or diverged have no final state. `packs_with_states` is called only if needed.
    """
    ended = _mask(pc.and_(pc.is_null(rows["stopped_by"]), pc.is_null(rows["diverged_step"])))
    packs = pa.array(sorted(packs_with_states()) if ended.any() else [], pa.string())
    return ended & _mask(pc.is_in(rows["pack_id"].cast(pa.string()), packs))


class Tally:
    """Tracks which planned runs are done, from rows of the runs table that may come in any order and repeatedly.

    A run that several specs ask for is done when it is done for each of them.
    """

    def __init__(self, planned: Planned) -> None:
        count = len(planned.runs)
        self._run_ids, self._asked = planned.runs["run_id"].combine_chunks(), planned.asked
        self._done_for = [np.zeros(count, bool) for _ in planned.asked]
        self._most_asked = planned.runs["steps"].to_numpy()
        self.steps = np.zeros(count, np.int64)  # [N] the most steps of any row, up to those asked for
        self.resumable_steps = np.zeros(count, np.int64)  # [N] the same over rows that training can continue from

    def add(self, rows: pa.Table, packs_with_states: Callable[[], Collection[str]]) -> None:
        """Adds rows with the columns COMMITTED; runs that no spec plans are ignored."""
        places = pc.index_in(rows["run_id"], value_set=self._run_ids).to_numpy(zero_copy_only=False)
        rows, places = rows.filter(pa.array(~np.isnan(places))), places[~np.isnan(places)].astype(np.int64)
        for asked, done in zip(self._asked, self._done_for, strict=True):
            done[places[is_done(rows, asked.steps, asked.rule)]] = True
        steps = np.minimum(pc.fill_null(rows["steps"], np.iinfo(np.int64).max).to_numpy(), self._most_asked[places])
        np.maximum.at(self.steps, places, steps)
        left = ~self.done[places]
        resumable = is_resumable(rows.filter(pa.array(left)), packs_with_states)
        np.maximum.at(self.resumable_steps, places[left][resumable], steps[left][resumable])

    @property
    def done(self) -> Mask:
        """Which planned runs [N] are done."""
        done = np.ones(len(self.steps), bool)
        for asked, done_for in zip(self._asked, self._done_for, strict=True):
            done[asked.rows] &= done_for[asked.rows]
        return done


def tally(planned: Planned, rows: pa.Table) -> Tally:
    """The tally of the planned runs after reading `rows` of the runs table."""
    counted = Tally(planned)
    counted.add(rows, tuple)
    return counted


def unfinished_runs(planned: Planned, rows: pa.Table) -> list[str]:
    """The run_ids that are not done for some spec that asks for them, given the committed `rows`."""
    run_ids: list[str] = planned.runs["run_id"].filter(pa.array(~tally(planned, rows).done)).to_pylist()
    return run_ids


def release_done(root: Root) -> None:
    """Releases packs in quarantine whose runs are all done, since other packs have trained them meanwhile. Raises StoreError."""
    if entries := root.quarantine():
        rows = committed_table(root)
        done = frozenset(rows["run_id"].to_pylist()).difference(unfinished_runs(planned_runs(root, ()), rows))
        for pack_id in (pack_id for pack_id, entry in entries.items() if done.issuperset(entry["run_ids"])):
            root.delete(root.key("quarantine", pack_id))


def _mask(values: Any) -> Mask:
    mask: Mask = np.asarray(values.to_numpy(), bool)
    return mask
