"""States that training goes on from, as one safetensors file a pack: of packs in training, and of the runs of finished ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from grokjax.engine.lane_run import Begun

Array = np.ndarray[Any, Any]
FORMAT = 1  # of a file of states; version 0.1 wrote none into it. Raise when its layout changes.
logger = logging.getLogger(__name__)


def states_file(begun: Mapping[str, Begun], made_by: Mapping[str, Any]) -> bytes:
    """The content of a file of states.

    Args:
      begun: runs of one group by run_id, as far as they have come.
      made_by: what must be the same where training goes on; JSON.
    """
    runs = [
        {
            "run_id": run_id,
            "rows": run.rows,
            "has_state": run.state is not None,
            "train_seconds": run.train_seconds,
            "measure_seconds": run.measure_seconds,
            "snapshots": sorted(run.snapshots),
        }
        for run_id, run in begun.items()
    ]
    about = json.dumps({"format": FORMAT, "made_by": made_by, "runs": runs}).encode()
    tensors = {"about": np.frombuffer(about, np.uint8)}
    each = list(begun.values())
    tensors |= _joined("curve", [run.metrics for run in each], np.concatenate)
    tensors |= _joined("state", [run.state for run in each if run.state is not None], np.stack)
    tensors |= _joined("snapshots", [run.snapshots[row] for run in each for row in sorted(run.snapshots)], np.stack)
    return bytes(save(tensors))


def read_states(content: bytes, made_by: Mapping[str, Any]) -> dict[str, Begun]:
    """The runs of a file of states by run_id; none, with a line in the log, if training cannot go on from it.

    That is so if it is damaged, has a newer format, or was made by another version, tuning or device: its runs are trained anew.
    """
    try:
        tensors = load(content)
        about = json.loads(tensors.pop("about").tobytes())
        if about.get("format", FORMAT) > FORMAT:
            refused = f"they have format {about['format']}, and this version reads formats up to {FORMAT}"
        elif differing := [name for name, value in json.loads(json.dumps(made_by)).items() if about["made_by"].get(name) != value]:
            refused = f"they were made with another {', '.join(differing)}"
        else:
            return _runs(about["runs"], tensors)
    except Exception as error:  # of a Rust library, several kinds; a state that does not fit costs time, not truth
        refused = f"they cannot be read ({type(error).__name__}: {error})"
    logger.warning("states are not gone on from, and their runs start anew: %s", refused)
    return {}


def _runs(told: Sequence[Mapping[str, Any]], tensors: Mapping[str, Array]) -> dict[str, Begun]:
    curve, state, snapshots = (_part(tensors, name) for name in ("curve", "state", "snapshots"))
    runs: dict[str, Begun] = {}
    row = place = copy = 0
    for run in told:
        copies = {at: _row(snapshots, copy + index) for index, at in enumerate(run["snapshots"])}
        runs[run["run_id"]] = Begun(
            {name: values[row : row + run["rows"]] for name, values in curve.items()},
            _row(state, place) if run["has_state"] else None,
            run["train_seconds"],
            run["measure_seconds"],
            copies,
        )
        row, place, copy = row + run["rows"], place + run["has_state"], copy + len(copies)
    return runs


def _row(arrays: Mapping[str, Array], index: int) -> dict[str, Array]:
    return {name: values[index] for name, values in arrays.items()}


def _joined(part: str, each: Sequence[Mapping[str, Array]], join: Any) -> dict[str, Array]:
    """The arrays of several runs, or several copies of weights, as one for each name."""
    names = each[0] if each else ()
    return {f"{part}/{name}": join([values[name] for values in each]) for name in names}


def _part(tensors: Mapping[str, Array], part: str) -> dict[str, Array]:
    return {name.removeprefix(f"{part}/"): values for name, values in tensors.items() if name.startswith(f"{part}/")}
