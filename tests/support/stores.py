"""Roots filled by hand, with no training."""

from datetime import UTC, datetime

import pyarrow as pa

from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.spec.group_runs import groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from grokjax.sweeps.store.done import COMMITTED
from grokjax.sweeps.store.schema import curves_schema
from tests.support.runs import SMALL_RUN


def table(ids):
    return pa.table({"run_id": list(ids)})


def commit_pack(root, pack_id, curves, runs):
    root.put_curves(pack_id, curves)
    return root.commit_runs(pack_id, runs)


def twice_committed(tmp_path, spec):
    """Run a was stopped in pack p and trained on in q; b is in both to its end; c was stopped in r, and diverged sooner in p."""
    root = enter_spec(tmp_path / "root", spec)
    early, late = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
    for pack_id, ids, steps, stopped, at in (
        ("p", "abc", [50, 100, 40], ["article", None, None], late),
        ("q", "ab", [100, 100], [None, None], early),
        ("r", "c", [50], ["article"], early),
    ):
        rows = pa.table({"run_id": list(ids), "steps": steps, "stopped_by": pa.array(stopped, pa.string())})
        rows = rows.append_column("pack_id", [[pack_id] * len(ids)]).append_column("finished_at", [[at] * len(ids)])
        rows = rows.append_column("diverged_step", pa.array([40 if made == 40 else None for made in steps], pa.int64()))
        curves = pa.table({name: [0] * len(ids) for name in curves_schema().names if name != "run_id"} | {"run_id": list(ids)})
        commit_pack(root, pack_id, curves.append_column("of", [[pack_id] * len(ids)]), rows)
    return root


def seeds_of(steps, seeds=4, **changed):
    """A spec of one group, a run for each seed."""
    run = {name: value for name, value in SMALL_RUN.items() if name not in ("seed", "steps")}
    return SweepSpec(name="small", run=run | {"steps": steps}, axes={"seed": tuple(range(seeds))}, **changed)


def ids_of(spec):
    """The run_ids of a spec."""
    return [run_id for runs in groups_of(spec) for run_id in runs.run_ids]


def commit_steps(root, pack_id, run_ids, steps, stopped_by=None):
    """Commits a pack of runs that made so many steps; its curves are one row a run."""
    rows = [{"run_id": run_id, "steps": steps, "stopped_by": stopped_by, "pack_id": pack_id} for run_id in run_ids]
    root.put_curves(pack_id, pa.table({"run_id": list(run_ids), "step": [steps] * len(rows)}))
    root.commit_runs(pack_id, pa.Table.from_pylist(rows, schema=COMMITTED))
