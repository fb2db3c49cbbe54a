"""The curves of the page: rounded, thinned to the size of the page, and packed into texts that page/bytes.js unpacks."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokjax.analysis.tables.load import scalar_metrics
from grokjax.metrics import is_logarithmic

Array = np.ndarray[Any, Any]

# The code of a category that a run does not have.
NO_CODE = 0xFFFF
# Runs whose curves are unpacked together: enough to compress well, few enough to unpack without a visible delay.
RUNS_PER_CHUNK = 128
FEW_RUNS = 2000  # of which the curves are compressed as far as possible, which takes three times as long
# Codes of curves. 0 is a number that is missing or not finite, 1 one that a log scale cannot show; the others are values.
MISSING, NOT_POSITIVE, FIRST_VALUE, LAST_VALUE = 0, 1, 2, 0xFFFF
# The distance of two codes: a small part of a pixel in every chart.
DECADES_A_CODE = 0.004  # 0.9 %
SHARE_A_CODE = 0.00025
CODES_OF_OTHERS = 5000


@dataclass(frozen=True)
class Scale:
    """The encoding of a metric: a code means `low + (code - 2) * step`, or on a log scale 10 to that power."""

    name: str
    unit: str
    meaning: str
    log: bool
    low: float
    step: float
    shown: tuple[float, float]  # the range of the values without the outermost thousandth at either end


def drawn_metrics(runs: pd.DataFrame) -> list[str]:
    """The metrics that any run has a curve of: those with a final value in the runs table."""
    return [name.removeprefix("final_") for name in map(str, runs) if name.startswith("final_") and runs[name].notna().any()]


@dataclass(frozen=True)
class PackedCurves:
    """The packed curves of R runs.

    `grids` are the distinct sequences of logged steps. Run r has the first `points[r] - 1` steps of grid `grid[r]`, and a last step
    of its own.
    """

    scales: tuple[Scale, ...]
    grids: tuple[tuple[int, ...], ...]
    grid: Array  # [R]
    points: Array  # [R]
    chunks: tuple[str, ...]
    every: int  # every n-th logged step is kept, and the last of each run
    rows: int  # logged steps of the longest run

    @property
    def size(self) -> int:
        """The size of the chunks in the page, in bytes."""
        return sum(map(len, self.chunks))

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata that the page needs to unpack the curves, as JSON."""
        return {
            "scales": [asdict(scale) for scale in self.scales],
            "grids": self.grids,
            "every": self.every,
            "rows": self.rows,
            "runsPerChunk": RUNS_PER_CHUNK,
        }


def pack_curves(curves: pd.DataFrame, runs: pd.DataFrame, budget: float) -> PackedCurves:
    """Packs the curves of the runs of a table, in its order: all logged steps, or one in n to stay within `budget` bytes.

    Args:
      curves: from `load_curves`, with the metrics of `drawn_metrics`.
      runs: with run_id; runs that were not trained yet have no curve.
      budget: bytes of base64.
    """
    table = _Table.of(curves, runs["run_id"])
    scales, codes = [], []
    for metric in scalar_metrics(curves).values():
        values = table.frame[metric.name].to_numpy(dtype=np.float64, na_value=np.nan)
        scale = _scale(metric.name, metric.unit, metric.meaning, values)
        scales.append(scale)
        codes.append(_codes(values, scale))
    every = max(1, math.ceil(table.lengths.max(initial=0) / (LAST_VALUE - 1)))  # a run's points are counted with 16 bits
    while True:
        packed = _packed(table, tuple(scales), codes, every)
        if packed.size <= budget or every >= table.lengths.max():
            return packed
        every = max(every + 1, math.ceil(every * packed.size / budget))


@dataclass(frozen=True)
class _Table:
    """Logged rows by run: run r has `lengths[r]` rows, from row `starts[r]` on."""

    frame: pd.DataFrame
    step: Array
    starts: Array
    lengths: Array

    @classmethod
    def of(cls, curves: pd.DataFrame, run_ids: pd.Series) -> _Table:
        ids = curves["run_id"].to_numpy(dtype=object)
        first = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]])) if len(ids) else np.zeros(0, np.int64)
        lengths = np.diff(np.append(first, len(ids)))
        places = pd.Series(np.arange(len(first)), index=ids[first]).reindex(run_ids.to_numpy(dtype=object)).to_numpy()
        logged = ~np.isnan(places.astype(np.float64))
        at = np.where(logged, places, 0).astype(np.int64)
        step = curves["step"].to_numpy(dtype=np.int64)
        return cls(curves, step, np.where(logged, first[at], 0), np.where(logged, lengths[at], 0))


def _scale(name: str, unit: str, meaning: str, values: Array) -> Scale:
    log = is_logarithmic(name)
    finite = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not len(finite):
        return Scale(name, unit, meaning, log, 0.0, 1.0, (1.0, 1.0))
    shown = np.quantile(finite, [0.001, 0.999], method="nearest")
    finite = np.log10(finite) if log else finite
    low, span = float(finite.min()), float(np.ptp(finite))
    finest = DECADES_A_CODE if log else SHARE_A_CODE if unit == "share" else span / CODES_OF_OTHERS or 1.0
    return Scale(name, unit, meaning, log, low, max(finest, span / (LAST_VALUE - FIRST_VALUE)), (float(shown[0]), float(shown[1])))


def _codes(values: Array, scale: Scale) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        place = ((np.log10(values) if scale.log else values) - scale.low) / scale.step
    codes = np.full(len(values), MISSING, np.uint16)
    finite = np.isfinite(values)
    codes[finite] = NOT_POSITIVE
    shown = finite & (values > 0) if scale.log else finite
    codes[shown] = FIRST_VALUE + np.rint(place[shown]).clip(0, LAST_VALUE - FIRST_VALUE).astype(np.uint16)
    return codes


def _packed(table: _Table, scales: tuple[Scale, ...], codes: Sequence[Array], every: int) -> PackedCurves:
    kept = [_kept(start, length, every) for start, length in zip(table.starts.tolist(), table.lengths.tolist(), strict=True)]
    points = np.array([len(rows) for rows in kept], np.uint16)
    chunks = []
    for begin in range(0, len(kept), RUNS_PER_CHUNK):
        rows = np.concatenate(kept[begin : begin + RUNS_PER_CHUNK])
        lengths = points[begin : begin + RUNS_PER_CHUNK].astype(np.int64)
        starts = (np.cumsum(lengths) - lengths)[lengths > 0]
        data = b"".join(planes(differences(each[rows], starts)) for each in codes)
        chunks.append(base64.b64encode(zlib.compress(data, 9 if len(kept) <= FEW_RUNS else 6)).decode("ascii"))
    grids, grid = _grids(table, kept)
    return PackedCurves(scales, grids, grid, points, tuple(chunks), every, int(table.lengths.max(initial=0)))


def _kept(start: int, length: int, every: int) -> Array:
    rows = np.arange(start, start + length, every)
    last = start + length - 1
    return rows if not length or rows[-1] == last else np.append(rows, last)


def _grids(table: _Table, kept: Sequence[Array]) -> tuple[tuple[tuple[int, ...], ...], Array]:
    """The distinct sequences of steps, and for each run the index of the one that it follows up to its last step."""
    grids: list[Array] = []
    grid = np.zeros(len(kept), np.uint16)
    for run in sorted(range(len(kept)), key=lambda run: -len(kept[run])):
        steps = table.step[kept[run]]
        alike = (index for index, known in enumerate(grids) if np.array_equal(known[: max(len(steps) - 1, 0)], steps[:-1]))
        index = next(alike, None)
        if index is None:
            index = len(grids)
            grids.append(steps)
        grid[run] = index
    return tuple(tuple(steps.tolist()) for steps in grids), grid


def packed(data: bytes) -> str:
    """Bytes as text: compressed with zlib (RFC 1950), then in base64."""
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def planes(numbers: Array) -> bytes:
    """The bytes of little-endian numbers [n], the lowest byte of all numbers first, as similar bytes compress well."""
    little = np.ascontiguousarray(numbers).astype(numbers.dtype.newbyteorder("<"), copy=False)
    return little.view(np.uint8).reshape(len(little), little.dtype.itemsize).T.tobytes()


def differences(codes: Array, starts: Array) -> Array:
    """Second differences of 16-bit codes [n], modulo 2^16 and zigzag-encoded: small where a curve is smooth.

    At `starts`, where the runs begin, they are the codes themselves, and after these first differences.
    """
    slopes = _differences(codes.astype(np.uint16), starts)
    slopes[starts] = 0
    signed = _differences(slopes, starts)
    signed[starts] = codes[starts]
    signed = signed.view(np.int16)
    return ((signed << 1) ^ (signed >> 15)).view(np.uint16)


def _differences(codes: Array, starts: Array) -> Array:
    """Differences between consecutive codes modulo 2^16; those at `starts` are taken from 0."""
    before = np.concatenate([[0], codes[:-1]]).astype(np.uint16)
    before[starts] = 0
    return codes - before
