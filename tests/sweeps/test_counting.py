"""The number of runs of a spec, counted without making them."""

import pytest

from grokjax.errors import SpecError
from grokjax.sweeps.spec.group_runs import count_runs, groups_of
from grokjax.sweeps.spec.sweep_spec import SweepSpec
from tests.support.runs import SMALL_RUN

AXES = {
    "optimizer": ("adamw", "adam_l1"),
    "weight_decay": (0.1, 1.0),
    "l1_penalty": (1e-5, 1e-4, 1e-3),
    "hidden_size": (8, 16),
    "seed": (0, 1),
}


def spec_of(*leave_out):
    run = {name: value for name, value in SMALL_RUN.items() if name not in AXES}
    return SweepSpec(name="mixed", run=run, axes=AXES, leave_out=leave_out)


@pytest.mark.parametrize(
    ("leave_out", "runs"),
    [
        ((), (2 + 3) * 2 * 2),
        (("hidden_size == 16 and seed == 1",), (2 + 3) * 3),
        (("train_size > 100 and hidden_size < 10", "weight_decay > l1_penalty * 1e5"), (2 + 3) * 2),
    ],
)
def test_runs_are_counted_as_they_are_made(leave_out, runs):
    spec = spec_of(*leave_out)
    assert count_runs(spec) == sum(map(len, groups_of(spec))) == runs


def test_a_condition_that_names_no_axis_leaves_out_all_runs_or_none():
    assert count_runs(spec_of("train_size > 1000")) == count_runs(spec_of())
    with pytest.raises(SpecError, match="leaves out all 48 runs"):
        count_runs(spec_of("train_size > 100"))
