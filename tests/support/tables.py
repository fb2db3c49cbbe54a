"""The tables of two roots compared value for value."""

import pandas as pd

from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.sweeps.execute.existing import enter_spec
from grokjax.sweeps.store.schema import COSTS


def values(root, **arguments):
    """The tables of a root without what a second training of the same runs changes: what it cost, where and when."""
    changing = {f"{name}_seconds" for name, _ in COSTS} | {"pack_id", "worker", "commit", "started_at", "finished_at", "peak_flops"}
    runs = load_runs(root).sort_values("run_id", ignore_index=True)
    return runs.drop(columns=[name for name in runs if name in changing]), load_curves(root, **arguments)


def assert_same_tables(one, other):
    for a, b in zip(values(one), values(other), strict=True):
        pd.testing.assert_frame_equal(a, b, check_exact=True)


def same_tuning(root, spec, other):
    """A second root, with the tunings of the first: those are measured."""
    store = enter_spec(other, spec)
    for key in enter_spec(root, spec).keys("groups"):
        store.put(key, enter_spec(root, spec).get(key))
    return other
