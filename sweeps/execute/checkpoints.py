"""The file format of checkpoints and final states, with the runs of one pack in a file. `worker` saves them."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from grokjax.engine.lane_run import RunCheckpoint

Array = np.ndarray[Any, Any]
logger = logging.getLogger(__name__)

FILE_VERSION = 1  # of the file format; raise it when older versions would misread a file


def states_file(checkpoints: Mapping[str, RunCheckpoint], made_by: Mapping[str, Any]) -> bytes:
    """The bytes of a states file.

    Args:
      checkpoints: runs of one group by run_id.
      made_by: everything that must match for training to resume from them; JSON.
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
        for run_id, run in checkpoints.items()
    ]
    about = json.dumps({"format": FILE_VERSION, "made_by": made_by, "runs": runs}).encode()
    tensors = {"about": np.frombuffer(about, np.uint8)}
    each = list(checkpoints.values())
    tensors |= _joined("curve", [run.metrics for run in each], np.concatenate)
    tensors |= _joined("state", [run.state for run in each if run.state is not None], np.stack)
    tensors |= _joined("snapshots", [run.snapshots[row] for run in each for row in sorted(run.snapshots)], np.stack)
    return bytes(save(tensors))


def read_states(content: bytes, made_by: Mapping[str, Any]) -> dict[str, RunCheckpoint]:
    """The runs in a states file, by run_id; empty if its `made_by` differs, a newer version wrote it, or it is damaged.

    A file that does not match costs only time: its runs are trained again from the start.
    """
    try:
        tensors = load(content)
        about = json.loads(tensors.pop("about").tobytes())
        if (version := about.get("format", 1)) > FILE_VERSION:
            logger.warning(
                "a states file has format %s, but this version reads up to %s; its runs start again", version, FILE_VERSION
            )
            return {}
        wanted, found = json.loads(json.dumps(made_by)), about["made_by"]
        if found != wanted:
            different = [name for name in wanted | found if wanted.get(name) != found.get(name)]
            values = ", ".join(f"{name} was {found.get(name, 'not recorded')} and is {wanted.get(name)}" for name in different)
            logger.warning("a states file is not used, because %s; its runs start again", values)
            return {}
        return _runs(about["runs"], tensors)
    except Exception as error:  # of a Rust library, several kinds; or of a file with another content
        logger.warning("a states file cannot be read (%r); its runs start again", error)
        return {}


def _runs(listed: Sequence[Mapping[str, Any]], tensors: Mapping[str, Array]) -> dict[str, RunCheckpoint]:
    curve, state, snapshots = (_named(tensors, name) for name in ("curve", "state", "snapshots"))
    runs: dict[str, RunCheckpoint] = {}
    row = place = copy = 0
    for run in listed:
        copies = {at: _row(snapshots, copy + index) for index, at in enumerate(run["snapshots"])}
        runs[run["run_id"]] = RunCheckpoint(
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


def _joined(prefix: str, each: Sequence[Mapping[str, Array]], join: Any) -> dict[str, Array]:
    """The arrays of several runs, or several copies of weights, stacked into one array per name."""
    names = each[0] if each else ()
    return {f"{prefix}/{name}": join([values[name] for values in each]) for name in names}


def _named(tensors: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(f"{prefix}/"): values for name, values in tensors.items() if name.startswith(f"{prefix}/")}
