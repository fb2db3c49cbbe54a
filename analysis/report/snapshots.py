"""Copies of weights on the page: rounded to 8 bits, large matrices thinned, and those of as many runs as fit."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokjax.analysis.report.curves import Array
from grokjax.analysis.report.sweep import TRAINED, PageSweep
from grokjax.sweeps.store.root import Root

MOST_STEPS = 41
MOST_ROWS = 64  # of a matrix, and as many columns
CODES = 127  # either side of 0


@dataclass
class PackedSnapshots:
    """The weights of some runs: blocks by the index of their run, and what the page needs to read them."""

    blocks: dict[int, str] = field(default_factory=dict)
    layouts: list[dict[str, Any]] = field(default_factory=list)
    runs: list[tuple[int, int, list[float]]] = field(default_factory=list)  # its index, that of its layout, each matrix's limit
    kept: int = 0  # runs that have weights in the root

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the blocks, as JSON."""
        return {"snapshots": {"layouts": self.layouts, "runs": self.runs, "kept": self.kept}}


def pack_snapshots(root: Root, sweep: PageSweep, limit: float) -> PackedSnapshots:
    """Packs the weights of runs, the first seeds of all cells before the second ones, until the blocks exceed `limit` bytes."""
    packed, size = PackedSnapshots(), 0
    candidates = _in_turn(sweep)
    packed.kept = len(candidates)
    for run in candidates:
        found = root.get_weights(sweep.runs["run_id"].iloc[run])
        if found is None:
            packed.kept -= 1
            continue
        layout, limits, data = _packed(*found)
        block = base64.b64encode(zlib.compress(data, 9)).decode("ascii")
        size += len(block)
        if size > limit:
            break
        if layout not in packed.layouts:
            packed.layouts.append(layout)
        packed.runs.append((run, packed.layouts.index(layout), limits))
        packed.blocks[run] = block
    return packed


def keeps_weights(sweep: PageSweep) -> bool:
    """Whether any run was asked to keep its weights."""
    return bool(_in_turn(sweep))


def _in_turn(sweep: PageSweep) -> list[int]:
    """The trained runs that were asked to keep weights, the first of each cell before the second ones."""
    if "snapshots" not in sweep.runs:
        return []
    asked = (sweep.runs["snapshots"].fillna(0).to_numpy(np.int64) > 0) & (sweep.status == TRAINED)
    runs = sweep.runs[asked]
    if sweep.varied and len(runs):
        turn = runs.groupby(list(sweep.varied), dropna=False).cumcount().to_numpy()
    else:
        turn = np.arange(len(runs))
    places: list[int] = runs.index[np.argsort(turn, kind="stable")].tolist()
    return places


def _packed(step: Array, weights: Mapping[str, Array]) -> tuple[dict[str, Any], list[float], bytes]:
    """How the weights are laid out, the largest size of an entry of each matrix, and their codes: differences along the steps."""
    kept = np.unique(np.linspace(0, len(step) - 1, min(len(step), MOST_STEPS)).round().astype(int))
    matrices, limits, parts = [], [], []
    for name, values, every in _thinned(weights):
        chosen = values[kept]
        limit = float(np.abs(chosen[np.isfinite(chosen)]).max(initial=0)) or 1.0
        codes = 1 + CODES + np.rint(np.nan_to_num(chosen.astype(np.float64) / limit * CODES).clip(-CODES, CODES)).astype(np.int16)
        codes = np.where(np.isfinite(chosen), codes, 0).astype(np.uint8)
        parts.append(np.diff(codes, axis=0, prepend=np.zeros_like(codes[:1])).tobytes())
        matrices.append({"name": name, "rows": chosen.shape[1], "columns": chosen.shape[2], "every": every})
        limits.append(float(f"{limit:.4g}"))
    return {"steps": step[kept].astype(int).tolist(), "matrices": matrices}, limits, b"".join(parts)


def _thinned(weights: Mapping[str, Array]) -> Iterator[tuple[str, Array, list[int]]]:
    """Each weight as matrices [K, rows, columns] of at most MOST_ROWS each way: every n-th row and column of larger ones."""
    for name, values in sorted(weights.items()):
        matrices = values.reshape(len(values), -1, values.shape[-1] if values.ndim > 1 else 1)
        every = [max(1, math.ceil(size / MOST_ROWS)) for size in matrices.shape[1:]]
        yield name, matrices[:, :: every[0], :: every[1]], every
