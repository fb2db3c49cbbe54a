"""Sweeps of a few runs over seeds, and packs of them committed by hand, with no training."""

import pyarrow as pa

from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.done import COMMITTED
from tests.support.runs import SMALL_RUN

RUN = {name: value for name, value in SMALL_RUN.items() if name not in ("seed", "steps")}


def spec_of(steps, seeds=4, **changed):
    return SweepSpec(name="small", run=RUN | {"steps": steps}, axes={"seed": tuple(range(seeds))}, **changed)


def commit(root, pack_id, run_ids, steps, stopped_by=None):
    rows = [{"run_id": run_id, "steps": steps, "stopped_by": stopped_by, "pack_id": pack_id} for run_id in run_ids]
    root.put_curves(pack_id, pa.table({"run_id": list(run_ids), "step": [steps] * len(rows)}))
    root.commit_runs(pack_id, pa.Table.from_pylist(rows, schema=COMMITTED))


def ids_of(spec):
    return [run_id for runs in groups_of(spec) for run_id in runs.run_ids]
