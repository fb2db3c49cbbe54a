"""Where a sweep's time went: the workers' account, from the runs table alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from grokjax.sweeps.store.schema import COSTS

COLUMNS = [
    *(f"{name}_seconds" for name, _ in COSTS),
    "useful_flops",
    "peak_flops",
    "device",
    "pack_id",
    "worker",
    "started_at",
    "finished_at",
]


@dataclass(frozen=True)
class Account:
    """What the committed packs of a root cost."""

    seconds: pd.Series  # [s] by kind of cost, over all workers
    share_of_peak: float  # useful arithmetic / (the peak x all those seconds)
    share_of_peak_training: float  # the same over the seconds of training steps alone
    idle_at_end: float  # share of the workers' last tenth of the sweep in which they had no pack


def account(runs: pd.DataFrame) -> Account:
    """The account of a runs table that has the columns `COLUMNS`.

    `idle_at_end` takes the packs of one call of `grokjax run` as the sweep; over several calls it has little meaning.
    """
    seconds = pd.Series({name: float(runs[f"{name}_seconds"].sum()) for name, _ in COSTS})
    useful, peak = float(runs["useful_flops"].sum()), _peak(runs)
    possible = pd.DataFrame({name: runs[f"{name}_seconds"] * peak for name, _ in COSTS}).sum()
    return Account(
        seconds=seconds,
        share_of_peak=useful / float(possible.sum()),
        share_of_peak_training=useful / float(possible["train"]),
        idle_at_end=_idle_at_end(runs),
    )


def pack_costs(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a pack, in the order they were taken up: worker, start, runs, seconds by kind, useful arithmetic as a share of peak.

    `runs` has the columns `COLUMNS`.
    """
    seconds = [f"{name}_seconds" for name, _ in COSTS]
    packs = runs.groupby("pack_id")
    table = packs[["worker", "started_at"]].first().assign(runs=packs.size())
    table[[name for name, _ in COSTS]] = packs[seconds].sum()
    peak = _peak(runs).groupby(runs["pack_id"]).first()
    table["share_of_peak"] = packs["useful_flops"].sum() / (peak * table[[name for name, _ in COSTS]].sum(axis=1))
    return table.sort_values("started_at").reset_index()


def _peak(runs: pd.DataFrame) -> pd.Series:
    """The peak of each run's device: the best over its packs, since a short timing may meet a busy machine."""
    by_pack = runs.groupby(["device", "pack_id"])["peak_flops"].first()
    return runs["device"].map(by_pack.groupby("device").max())


def _idle_at_end(runs: pd.DataFrame) -> float:
    packs = runs[["worker", "started_at", "finished_at"]].drop_duplicates()
    began, ended = (packs[name].to_numpy("datetime64[ms]").astype(float) for name in ("started_at", "finished_at"))  # [P] ms
    tenth = ended.max() - (ended.max() - began.min()) / 10
    busy = (ended - began.clip(min=tenth)).clip(min=0).sum()
    return float(1 - busy / ((ended.max() - tenth) * packs["worker"].nunique()))
