"""Claims about the shipped experiments: prints the figures of docs/experiments.md from the root of a finished experiment.

grokjax run modular-main --root results/modular-main
python -m benchmarks.outcomes modular-main results/modular-main
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from grokjax.analysis.tables.load import load_curves, load_runs

# Accuracies: a fitted run, a solved one, what is called a fall, and high enough before and after one.
FITTED, SOLVED, FELL, AGAIN = 0.999, 0.99, 0.05, 0.9


def modular_main(root: str) -> None:
    """Which seeds grok, when, and with how many frequencies."""
    runs = load_runs(root).set_index("run_id")
    curves = load_curves(root, columns=["train_accuracy", "key_frequencies", "neuron_share"])
    last = curves.groupby("run_id").last()
    curves["test_99"] = curves["run_id"].map(runs["first_step_test_accuracy_99"])
    fitted = curves[(curves["train_accuracy"] == 1) & (curves["step"] <= curves["test_99"])].groupby("run_id").size()
    log_every = int(curves["step"].iloc[1])
    table = pd.DataFrame(
        {
            "seed": runs["seed"],
            "train_100": runs["first_step_train_accuracy_100"],
            "test_99": runs["first_step_test_accuracy_99"],
            "fitted_before": (fitted * log_every).reindex(runs.index, fill_value=0),
            "final_test": runs["final_test_accuracy"],
            "frequencies": last["key_frequencies"],
            "least_share": last["neuron_share"].map(min),
        }
    ).sort_values("seed")
    table["grok"] = table["fitted_before"] >= 5000
    table["periodic"] = table["frequencies"].between(3, 6) & (table["least_share"] >= 0.9)
    print(table.to_string(index=False))
    print(f"grok (99 % test, after 5,000 steps or more of 100 % train): {table.grok.sum()} of {len(table)}")
    same = (table["grok"] == table["periodic"]).all()
    print(f"3 to 6 frequencies, each unit at least 0.9 in one: {table.periodic.sum()}; the same runs: {same}")


def modular_architectures(root: str) -> None:
    """The runs at 99 % test accuracy, by which layers are collapsed."""
    runs = load_runs(root)
    runs["generalizes"] = runs["max_test_accuracy"] >= SOLVED
    by = ["embedding", "tied_hidden", "collapsed_hidden", "collapsed_output"]
    table = runs.groupby(by).agg(runs=("seed", "size"), generalize=("generalizes", "sum"), best=("max_test_accuracy", "max"))
    print(table.to_string())


def modular_reverse(root: str) -> None:
    """How far test accuracy falls from its peak while train accuracy rises to 1."""
    runs = load_runs(root).sort_values("seed")
    peak = load_curves(root, columns=["test_accuracy"]).pivot(index="run_id", columns="step", values="test_accuracy")
    runs = runs.set_index("run_id")
    runs["peak_step"] = peak.idxmax(axis=1)
    runs["fall"] = runs["max_test_accuracy"] - runs["final_test_accuracy"]
    runs["reverse"] = (runs["fall"] >= FELL) & (runs["final_train_accuracy"] >= FITTED)
    print(
        runs[
            ["seed", "final_train_accuracy", "max_test_accuracy", "peak_step", "final_test_accuracy", "fall", "reverse"]
        ].to_string(index=False)
    )
    print(f"fall by {FELL} or more, fitted: {runs.reverse.sum()} of {len(runs)}")


def generalizes_again(root: str) -> None:
    """Seeds whose test accuracy rises, falls, and rises again."""
    curves = load_curves(root, columns=["train_accuracy", "test_accuracy"])
    test = curves.pivot(index="run_id", columns="step", values="test_accuracy")
    rises, falls, again = zip(*(swing(row) for row in test.to_numpy()), strict=True)
    table = pd.DataFrame({"rises_to": rises, "falls_to": falls, "again_to": again}, index=test.index)
    seeds = load_runs(root, ["run_id", "seed"]).set_index("run_id")["seed"]
    table.insert(0, "seed", seeds)
    table["swing"] = np.minimum(table.rises_to, table.again_to) - table.falls_to
    print(table.sort_values("swing", ascending=False).head(12).to_string(index=False))
    high = table[["rises_to", "again_to"]].min(axis=1) >= AGAIN
    for least in (0.05, 0.1, 0.15):
        print(f"to {AGAIN} or more, down by {least} or more, and back: {(high & (table.swing >= least)).sum()} of {len(table)}")
    print(f"end at 0.98 or more: {(test.iloc[:, -1] >= 0.98).sum()}")


def swing(accuracy: np.ndarray) -> tuple[float, float, float]:
    """The deepest valley of a curve: the peak before it, its bottom, and the peak after it."""
    before = np.maximum.accumulate(accuracy)
    after = np.maximum.accumulate(accuracy[::-1])[::-1]
    bottom = int(np.argmax(np.minimum(before, after) - accuracy))
    return float(before[bottom]), float(accuracy[bottom]), float(after[bottom])


def parity_l1(root: str) -> None:
    """When runs fit and generalize, the remaining distracting weights, and whether the train loss rises before generalization."""
    runs = load_runs(root).set_index("run_id")
    curves = load_curves(root, columns=["train_loss", "test_loss"])
    runs["distractor_share"] = runs["final_distractor_weight_norm"] / runs["final_signal_weight_norm"]
    fitted = runs["first_step_train_accuracy_100"]
    runs["rise"] = pd.Series(
        {run_id: rise_before_generalizing(curve, fitted[run_id]) for run_id, curve in curves.groupby("run_id")}, dtype=float
    )
    table = runs.groupby("l1_penalty").agg(
        runs=("seed", "size"),
        fit_from=("first_step_train_accuracy_100", "min"),
        fit_to=("first_step_train_accuracy_100", "max"),
        generalize_from=("first_step_test_accuracy_100", "min"),
        generalize_to=("first_step_test_accuracy_100", "max"),
        least_distractor_share=("distractor_share", "min"),
        most_distractor_share=("distractor_share", "max"),
        least_rise=("rise", "min"),
        median_rise=("rise", "median"),
        most_rise=("rise", "max"),
    )
    print(table.T.to_string())
    share = runs["distractor_share"]
    above = ", ".join(f"l1_penalty {run.l1_penalty:g} seed {run.seed}" for run in runs[share >= 0.002].itertuples())
    print(f"distracting weights below 0.2 % of the signal weights: {(share < 0.002).sum()} of {len(runs)}; not {above or 'none'}")
    after = curves.merge(fitted.rename("fitted"), on="run_id").query("step >= fitted")
    later = after.groupby("run_id")["train_loss"].apply(lambda loss: (loss / loss.cummin()).max())
    print(f"greatest train loss over an earlier one, at any time after the fit: {later.min():.3f} to {later.max():.3f}")
    fit_first = runs["first_step_train_accuracy_100"] < runs["first_step_test_accuracy_100"]
    print(f"fit before they generalize: {fit_first.sum()} of {len(runs)}")


def rise_before_generalizing(curve: pd.DataFrame, fitted_step: int) -> float:
    """The train loss at the step at which the test loss has halved for good, as a multiple of its least value since the run fitted.

    "For good": the last logged step at which the test loss is at least half of its greatest value after the run fitted.
    """
    after = curve[curve["step"] >= fitted_step]
    high = after[after["test_loss"] >= after["test_loss"].max() / 2]
    before = after[after["step"] <= high["step"].iloc[-1]]["train_loss"]
    return float((before / before.cummin()).max())


def transformer_addition(root: str) -> None:
    """When runs fit and generalize."""
    columns = [
        "seed",
        "first_step_train_accuracy_100",
        "first_step_test_accuracy_99",
        "final_test_accuracy",
        "final_key_frequencies",
        "final_gradient_symmetricity",
    ]
    print(load_runs(root, columns).sort_values("seed").to_string(index=False))


OUTCOMES: dict[str, Callable[[str], None]] = {
    "modular-main": modular_main,
    "modular-seeds": modular_main,
    "modular-architectures": modular_architectures,
    "modular-reverse": modular_reverse,
    "modular-generalize-memorize-generalize": generalizes_again,
    "parity-l1": parity_l1,
    "transformer-addition": transformer_addition,
}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in OUTCOMES:
        raise SystemExit(f"usage: python -m benchmarks.outcomes NAME ROOT, with NAME one of {', '.join(OUTCOMES)}")
    OUTCOMES[sys.argv[1]](sys.argv[2])
