"""Published outcomes, as figures: what a checkout alone is compared with."""

import pandas as pd

# Phases of the published 1s-and-0s sweep under its own rule, counted per cell: 675 of its 1,125 runs, nine seeds a cell.
# Source: PAIR-code/ai-explorables, source/grokking/sweep-sparse-parity/data__hypers_sparse_parity_v4.csv,
# Copyright 2023 Google LLC, Apache License 2.0. It is the data of Pearce et al. 2023, "Do Machine Learning Models Memorize or
# Generalize?".
# (train_size, weight_decay): for each hidden size the runs that (memorize, grok, generalize, fail).
HIDDEN_SIZES = (16, 32, 64, 128, 258)
ARTICLE_PHASES = ("memorize", "grok", "generalize", "fail")
ARTICLE_COUNTS = {
    (750, 0.01): ((9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0)),
    (750, 0.03): ((7, 0, 0, 2), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0)),
    (750, 0.1): ((3, 5, 0, 1), (0, 9, 0, 0), (0, 9, 0, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (750, 0.3): ((0, 0, 0, 9), (9, 0, 0, 0), (8, 1, 0, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (750, 1.0): ((0, 0, 0, 9), (0, 0, 0, 9), (0, 0, 0, 9), (9, 0, 0, 0), (9, 0, 0, 0)),
    (1250, 0.01): ((4, 0, 5, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0)),
    (1250, 0.03): ((0, 3, 6, 0), (2, 7, 0, 0), (7, 2, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0)),
    (1250, 0.1): ((0, 0, 9, 0), (0, 9, 0, 0), (0, 9, 0, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (1250, 0.3): ((0, 0, 8, 1), (0, 8, 1, 0), (0, 8, 1, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (1250, 1.0): ((0, 0, 0, 9), (0, 0, 0, 9), (0, 0, 0, 9), (7, 2, 0, 0), (8, 1, 0, 0)),
    (1750, 0.01): ((3, 0, 6, 0), (5, 3, 1, 0), (9, 0, 0, 0), (9, 0, 0, 0), (9, 0, 0, 0)),
    (1750, 0.03): ((0, 1, 8, 0), (0, 4, 5, 0), (0, 8, 1, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (1750, 0.1): ((0, 0, 9, 0), (0, 0, 9, 0), (0, 8, 1, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (1750, 0.3): ((0, 0, 8, 1), (0, 0, 9, 0), (0, 7, 2, 0), (0, 9, 0, 0), (0, 9, 0, 0)),
    (1750, 1.0): ((0, 0, 0, 9), (0, 0, 0, 9), (0, 0, 0, 9), (0, 8, 1, 0), (0, 9, 0, 0)),
}
# For each phase, of the published runs that have it, the values nearest to the rule's thresholds (1e-5, 1e-5, 5e4), and where no
# threshold is near, the farthest: min_train_loss, min_test_loss, max_loss_ratio.
ARTICLE_NEAREST = {
    "memorize": (1.0536529089e-06, 1.04063001344e-05, 57469.62159299373),
    "grok": (1.224994718995731e-07, 8.8169754235e-06, 53346.71484375),
    "generalize": (2.1409992712051465e-07, 1.5619780242e-06, 49795.64931730398),
    "fail": (1.12243815237e-05, 2.33301925618e-05, 4396.4929949913),
}

# The 11 x 11 runs of the phase diagram of representation learning (Liu et al. 2022): how many have which phase, and the steps to
# 90 % train and test accuracy of the run nearest to the limit of 1,000 steps between them; None is not within 100,000 steps.
# Source: ejmichaud/grokking-squared, phase_diagram_plot/{train,test}_steps.txt, MIT License.
DELAY_COUNTS = {"generalize": 17, "grok": 16, "memorize": 49, "fail": 39}
DELAY_NEAREST = {"generalize": (1250, 2193), "grok": (1605, 2790), "memorize": (28683, None), "fail": (None, None)}


def article_runs() -> pd.DataFrame:
    """A runs table with the published number of runs of each phase in each cell, each as near to the thresholds as any was."""
    rows = []
    for (train_size, weight_decay), cells in ARTICLE_COUNTS.items():
        for hidden_size, counts in zip(HIDDEN_SIZES, cells, strict=True):
            phases = [phase for phase, count in zip(ARTICLE_PHASES, counts, strict=True) for _ in range(count)]
            rows += [
                (train_size, hidden_size, weight_decay, seed, *ARTICLE_NEAREST[phase], phase) for seed, phase in enumerate(phases)
            ]
    summaries = ["min_train_loss", "min_test_loss", "max_loss_ratio"]
    return pd.DataFrame(rows, columns=["train_size", "hidden_size", "weight_decay", "seed", *summaries, "published_phase"])


def delay_runs() -> pd.DataFrame:
    """A runs table with the published number of runs of each phase of the diagram of representation learning."""
    rows = [(*DELAY_NEAREST[phase], phase) for phase, count in DELAY_COUNTS.items() for _ in range(count)]
    names = ["first_step_train_accuracy_90", "first_step_test_accuracy_90"]
    return pd.DataFrame(rows, columns=[*names, "published_phase"]).astype(dict.fromkeys(names, "Int64"))
