"""Builds the runs and curves tables of a trained pack, with the columns of `store.schema`."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
import pyarrow as pa

from grokjax.analysis.labels.early_stop import RuleName
from grokjax.engine.lane_run import RunResult
from grokjax.engine.program import Tuning
from grokjax.identity import TRAJECTORY_VERSION
from grokjax.registry import metrics_of
from grokjax.sweeps.execute.device import device_kind
from grokjax.sweeps.spec.group_runs import hyperparameter_columns
from grokjax.sweeps.store.schema import curves_schema, runs_schema
from grokjax.sweeps.store.summaries import summarize

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Costs:
    """Seconds of a worker's time per pack, besides training and measuring, which are recorded per run.

    `write` includes the commit of the previous pack, since a table cannot contain the time of its own commit.
    """

    startup: float
    compile: float
    idle_lane: float
    write: float
    wait: float


@dataclass(frozen=True)
class Provenance:
    """The provenance columns that are the same for all runs of a pack."""

    pack_id: str
    tuning: Tuning
    rule: RuleName | None
    peak_flops: float
    worker: str
    started_at: datetime
    commit: str | None


def curves_table(results: Sequence[RunResult]) -> pa.Table:
    """The curves of a pack's runs, sorted by run_id and step."""
    ordered = sorted(results, key=lambda result: result.config.run_id)
    columns: dict[str, Any] = {
        "run_id": np.repeat([result.config.run_id for result in ordered], [len(result.curve.step) for result in ordered]),
        "step": np.concatenate([result.curve.step for result in ordered]),
        **{name: np.concatenate([result.curve.metrics[name] for result in ordered]) for name in ordered[0].curve.metrics},
    }
    schema = curves_schema(metrics_of(ordered[0].config.chosen_probes))
    return pa.table([_curve_column(columns, field) for field in schema], schema=schema)


def _curve_column(columns: Mapping[str, Any], field: pa.Field) -> pa.Array:
    """A column [T] of numbers, of lists (a number per hidden unit), or of maps (the metrics named `field.name:key`)."""
    if pa.types.is_map(field.type):
        # sorted, because a run resumed from a states file has its metrics in another order
        keys = sorted(name.partition(":")[2] for name in columns if name.startswith(f"{field.name}:"))
        if keys:
            values = np.stack([columns[f"{field.name}:{key}"] for key in keys], axis=1)  # [T, K]
            return pa.MapArray.from_arrays(_offsets(values), keys * len(values), _numbers(values.ravel(), field.type.item_type))
    elif field.name in columns:
        values = columns[field.name]
        if not pa.types.is_list(field.type):
            return pa.array(values, field.type) if field.name in ("run_id", "step") else _numbers(values, field.type)
        return pa.ListArray.from_arrays(_offsets(values), _numbers(values.ravel(), field.type.value_type))
    return pa.nulls(len(columns["step"]), field.type)


def _offsets(values: Array) -> pa.Array:
    return pa.array(np.arange(len(values) + 1) * values.shape[1], pa.int32())


def _numbers(values: np.ndarray[Any, Any], kind: pa.DataType) -> pa.Array:
    """Numbers [n] as a column of the given type; NaN becomes null in integer columns."""
    return pa.array(values.astype(np.float64), pa.float64(), from_pandas=pa.types.is_integer(kind)).cast(kind)


def runs_table(results: Sequence[RunResult], provenance: Provenance) -> pa.Table:
    """The runs table of a pack, one row per run. The cost columns are null until `with_costs` fills them in."""
    shared = {
        "pack_id": provenance.pack_id,
        "group_id": results[0].config.group_id,
        **asdict(provenance.tuning),
        "device": device_kind(),
        "peak_flops": provenance.peak_flops,
        "worker": provenance.worker,
        "trajectory_version": TRAJECTORY_VERSION,
        "grokjax_version": metadata.version("grokjax"),
        "commit": provenance.commit,
        "jax_version": metadata.version("jax"),
        "python_version": platform.python_version(),
        "started_at": provenance.started_at,
        "finished_at": datetime.now(UTC),
    }
    rows = [
        {
            **result.config.flat(),
            **summarize(result.curve.step, result.curve.metrics),
            "num_classes": result.config.task.num_classes,
            "component_versions": ", ".join(f"{name} {number}" for name, number in result.config.raised_versions.items()) or None,
            "run_id": result.config.run_id,
            "stopped_by": provenance.rule if result.decided else None,
            "train_seconds": result.train_seconds,
            "measure_seconds": result.measure_seconds,
            "useful_flops": result.config.useful_flops() * int(result.curve.step[-1]) / result.config.steps,
            **shared,
        }
        for result in results
    ]
    first = results[0].config  # of one group, with one model and one set of probes
    schema = runs_schema(hyperparameter_columns(first.default_sources), metrics_of(first.chosen_probes))
    return pa.Table.from_pylist(rows, schema=schema)


def with_costs(runs: pa.Table, costs: Costs) -> pa.Table:
    """The runs table of a pack with each run's share of the pack's costs."""
    for name, seconds in asdict(costs).items():
        index = runs.schema.get_field_index(f"{name}_seconds")
        share = pa.array([seconds / runs.num_rows] * runs.num_rows, pa.float64())
        runs = runs.set_column(index, runs.schema.field(index), share)
    return runs
