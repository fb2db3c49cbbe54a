"""The costs of a sweep: workers' time by category (training, compiling, waiting ...), from the runs table."""

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
    """The costs of the committed packs of a root."""

    seconds: pd.Series  # [s] by category, over all workers
    share_of_peak: float  # useful arithmetic / (peak speed x all those seconds)
    share_of_peak_training: float  # the same with the seconds of training steps alone
    idle_at_end: float  # share of the last tenth of the sweep in which workers had no pack


def account(runs: pd.DataFrame) -> Account:
    """The costs of the runs in a table with the columns `COLUMNS`.

    `idle_at_end` is meaningful only if the sweep was trained by a single call of `grokjax run`.
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
    """One row per pack, in the order of their start: worker, start, runs, seconds by category, share of peak speed.

    Args:
      runs: a runs table with the columns `COLUMNS`.
    """
    seconds = [f"{name}_seconds" for name, _ in COSTS]
    packs = runs.groupby("pack_id")
    table = packs[["worker", "started_at"]].first().assign(runs=packs.size())
    table[[name for name, _ in COSTS]] = packs[seconds].sum()
    peak = _peak(runs).groupby(runs["pack_id"]).first()
    table["share_of_peak"] = packs["useful_flops"].sum() / (peak * table[[name for name, _ in COSTS]].sum(axis=1))
    return table.sort_values("started_at").reset_index()


def _peak(runs: pd.DataFrame) -> pd.Series:
    """The peak speed of each run's device: the greatest that its packs measured, since other load can slow a measurement."""
    by_pack = runs.groupby(["device", "pack_id"])["peak_flops"].first()
    return runs["device"].map(by_pack.groupby("device").max())


def _idle_at_end(runs: pd.DataFrame) -> float:
    packs = runs[["worker", "started_at", "finished_at"]].drop_duplicates()
    began, ended = (packs[name].to_numpy("datetime64[ms]").astype(float) for name in ("started_at", "finished_at"))  # [P] ms
    tenth = ended.max() - (ended.max() - began.min()) / 10
    busy = (ended - began.clip(min=tenth)).clip(min=0).sum()
    return float(1 - busy / ((ended.max() - tenth) * packs["worker"].nunique()))
