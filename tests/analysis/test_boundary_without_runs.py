"""Groups of runs in which no run counts for a boundary."""

import pandas as pd

import grokjax
from grokjax.analysis.labels.rules import PHASES


def test_a_group_whose_runs_are_all_left_out_has_no_runs_and_ends_no_other_group():
    runs = pd.DataFrame({"weight_decay": [0.1, 1.0, 0.1, 1.0], "train_size": [100, 100, 200, 200], "seed": 0})
    phases = pd.Series(pd.Categorical(["undecided", "diverged", "memorize", "grok"], categories=PHASES))
    found = grokjax.boundaries(runs, phases, "weight_decay", ["train_size"])
    assert found[100,].status == "no runs"
    assert found[200,].cells["trials"].tolist() == [1, 1]
