"""What the experiments of the article found: for each, a table with a row for each run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import grokjax
from grokjax.analysis.statistics.units import UnitMaps, components, unit_frequencies, unit_maps

Array = np.ndarray[Any, Any]
# Accuracies: a fitted run, a solved one, what is called a fall, and high enough before and after one.
FITTED, SOLVED, FELL, AGAIN = 0.999, 0.99, 0.05, 0.9
DELAY = 5000  # steps of perfect train accuracy before test accuracy is high, in a run of the main model that groks
PURE = 0.9  # share of a unit's power in one frequency from which it counts as periodic


def modular_main(root: Path) -> pd.DataFrame:
    """Which seeds of the main model grok, when, with how many frequencies, and how pure their units become."""
    runs = grokjax.load_runs(root).set_index("run_id")
    curves = grokjax.load_curves(
        root, columns=["train_accuracy", "test_accuracy", "neuron_share", "fourier_gini", "weight_l2_norm"]
    )
    curves["mean_share"] = curves["neuron_share"].map(np.mean)
    by_run = curves.groupby("run_id")
    first, last = by_run.first(), by_run.last()
    curves["test_99"] = curves["run_id"].map(runs["first_step_test_accuracy_99"])
    fitted = curves[(curves["train_accuracy"] == 1) & (curves["step"] <= curves["test_99"])].groupby("run_id").size()
    half = curves[curves["test_accuracy"] < 0.5].groupby("run_id").last()  # the last row at which it is below one half
    fit = curves[curves["train_accuracy"] == 1].groupby("run_id").first()
    table = pd.DataFrame(
        {
            "seed": runs["seed"],
            "train_100": runs["first_step_train_accuracy_100"],
            "test_99": runs["first_step_test_accuracy_99"],
            "fitted_before": fitted.reindex(runs.index, fill_value=0) * runs["log_every"],
            "final_test": runs["final_test_accuracy"],
            "test_at_fit": fit["test_accuracy"].reindex(runs.index),
            "frequencies": runs["final_key_frequencies"],
            "least_share": last["neuron_share"].map(min),
            "share_at_start": first["mean_share"],
            "share_before": half["mean_share"].reindex(runs.index),
            "share_at_end": last["mean_share"],
            "gini_at_start": first["fourier_gini"],
            "gini_at_end": last["fourier_gini"],
            "norm_at_fit": fit["weight_l2_norm"].reindex(runs.index),
            "norm_at_end": last["weight_l2_norm"],
        }
    )
    table["grok"] = table["fitted_before"] >= DELAY
    return table.sort_values("seed")


def modular_units(root: Path) -> pd.DataFrame:
    """What the stored weights of the main model say: parameters, stars, contributions and removal of frequencies, norms."""
    table = modular_main(root)
    runs = grokjax.load_runs(root).set_index("run_id")
    rows = {}
    for run_id in table.index:
        run = {str(name): value for name, value in runs.loc[run_id].items()}
        maps = unit_maps(grokjax.load_weights(root, run_id), run)
        parts = grokjax.contributions(maps, run)
        reads, writes = maps.reads[[0, -1], 0], maps.writes[[0, -1]]
        norms = np.linalg.norm(reads, axis=(1, 2)) + np.linalg.norm(writes, axis=(1, 2))
        rows[run_id] = {
            "seed": run["seed"],
            "grok": table.loc[run_id, "grok"],
            "units": reads.shape[-1],
            "parameters": reads[0].size + writes[0].size,
            "frequencies": len(parts.frequencies),
            "doubling_error": doubling_error(maps),
            "least_correlation": parts.correlation.min(),
            "accuracy": parts.accuracy,
            "best_alone": parts.accuracy_alone.max(),
            "loss": parts.loss,
            "least_loss_without": parts.loss_without.min(),
            "best_without": parts.accuracy_without.max(),
            "product_growth": norms[1] / norms[0],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def doubling_error(maps: UnitMaps, at: int = -1) -> float:
    """The median over pure units of |phase written - 2 x phase read| in radians, 0 to pi; NaN if no unit is pure."""
    found = unit_frequencies(maps, at)
    errors = []
    for unit in np.flatnonzero(found.share >= PURE):
        key = int(found.frequency[unit])
        read, written = (components(waves[:, [unit]], key)[0] for waves in (maps.reads[at, 0], maps.writes[at].T))
        angle = np.arctan2(written[1], written[0]) - 2 * np.arctan2(read[1], read[0])
        errors.append(abs((angle + np.pi) % (2 * np.pi) - np.pi))
    return float(np.median(errors)) if errors else float("nan")


def modular_circle(root: Path) -> pd.DataFrame:
    """Accuracy over all pairs, and the geometry of the five units, of each seed."""
    rows = []
    for run in grokjax.load_runs(root).to_dict("records"):
        kept = grokjax.load_weights(root, run["run_id"]).arrays
        read, written = kept["hidden"][-1], kept["output"][-1]  # [5, 2] each
        norms = [np.linalg.norm(vectors, axis=1) for vectors in (read, written)]
        angle = np.arctan2(read[:, 1], read[:, 0])
        turned = np.arctan2(written[:, 1], written[:, 0]) - 2 * angle
        gaps = np.diff(np.sort(angle % (2 * np.pi)), append=np.sort(angle % (2 * np.pi))[0] + 2 * np.pi)
        rows.append(
            {
                "seed": run["seed"],
                "solved": run["final_train_accuracy"] == 1 and run["final_test_accuracy"] == 1,
                "parameters": read.size + written.size,
                "norm_spread": max(np.abs(each / each.mean() - 1).max() for each in norms),
                "gap_error": np.abs(gaps - 2 * np.pi / len(read)).max(),
                "turn_error": np.abs((turned + np.pi) % (2 * np.pi) - np.pi).max(),
            }
        )
    return pd.DataFrame(rows).sort_values("seed")


def modular_constructed(root: Path) -> pd.DataFrame:
    """Accuracy of the closed-form solution over all pairs, by activation and number of hidden units."""
    runs = grokjax.load_runs(root)
    share = runs["train_fraction"]
    runs["accuracy"] = share * runs["final_train_accuracy"] + (1 - share) * runs["final_test_accuracy"]
    return runs[["activation", "modulus", "hidden_size", "accuracy"]].sort_values(["activation", "hidden_size"])


def modular_variants(root: Path) -> pd.DataFrame:
    """Whether each run of each variant generalizes, with the structure of what it has learned."""
    runs = grokjax.load_runs(root)
    shares = grokjax.load_curves(root, columns=["neuron_share"]).groupby("run_id")["neuron_share"].last().map(np.mean)
    runs["generalizes"] = runs["max_test_accuracy"] >= SOLVED
    runs["mean_share"] = runs["run_id"].map(shares)
    variant = ["optimizer", "embedding", "tied_hidden", "collapsed_hidden", "collapsed_output"]
    return runs[[*variant, "learning_rate", "embedding_size", "seed", "max_test_accuracy", "final_test_accuracy",
                 "final_gradient_symmetricity", "mean_share", "generalizes"]].sort_values(variant)  # fmt: skip


def modular_architectures(root: Path) -> pd.DataFrame:
    """The runs at 99 % test accuracy, by which layers are collapsed."""
    runs = grokjax.load_runs(root)
    runs["generalizes"] = runs["max_test_accuracy"] >= SOLVED
    by = ["embedding", "tied_hidden", "collapsed_hidden", "collapsed_output"]
    return (
        runs.groupby(by)
        .agg(runs=("seed", "size"), generalize=("generalizes", "sum"), best=("max_test_accuracy", "max"))
        .reset_index()
    )


def modular_constraints(root: Path) -> pd.DataFrame:
    """Whether each run without weight decay generalizes, by its constraint."""
    runs = grokjax.load_runs(root)
    runs["generalizes"] = runs["max_test_accuracy"] >= SOLVED
    runs["constraint"] = np.select(
        [
            runs["dropout"] > 0,
            runs["embedding_size"] < 500,
            runs["loss"] == "stablemax_cross_entropy",
            runs["orthogonal_gradient"],
            runs["gradient_filter"],
            runs["optimizer"] == "muon",
            runs["eps"] < 1e-14,
        ],
        ["dropout", "smaller model", "StableMax", "orthogonal gradient", "filtered gradient", "Muon", "unstable Adam"],
        "none",
    )
    names = ["constraint", "train_fraction", "dropout", "embedding_size", "hidden_size", "learning_rate", "filter_strength", "b2"]
    return runs[[*names, "seed", "max_test_accuracy", "generalizes"]].sort_values(names)


def modular_reverse(root: Path) -> pd.DataFrame:
    """How far test accuracy falls from its peak while train accuracy rises to 1."""
    runs = grokjax.load_runs(root).set_index("run_id")
    curves = grokjax.load_curves(root, columns=["test_accuracy", "neuron_share"])
    runs["peak_step"] = curves.pivot(index="run_id", columns="step", values="test_accuracy").idxmax(axis=1)
    runs["fall"] = runs["max_test_accuracy"] - runs["final_test_accuracy"]
    runs["reverse"] = (runs["fall"] >= FELL) & (runs["final_train_accuracy"] >= FITTED)
    runs["mean_share"] = curves.groupby("run_id")["neuron_share"].last().map(np.mean)
    names = [
        "seed",
        "final_train_accuracy",
        "max_test_accuracy",
        "peak_step",
        "final_test_accuracy",
        "fall",
        "mean_share",
        "reverse",
    ]
    return runs[names].sort_values("seed")


def generalizes_again(root: Path) -> pd.DataFrame:
    """How far test accuracy rises, falls, and rises again, the greatest swing first."""
    curves = grokjax.load_curves(root, columns=["test_accuracy"])
    test = curves.pivot(index="run_id", columns="step", values="test_accuracy")
    rises, falls, again = zip(*(swing(row) for row in test.to_numpy(dtype=float)), strict=True)
    table = pd.DataFrame({"rises_to": rises, "falls_to": falls, "again_to": again, "final": test.iloc[:, -1]}, index=test.index)
    table.insert(0, "seed", grokjax.load_runs(root, ["run_id", "seed"]).set_index("run_id")["seed"])
    table["swing"] = np.minimum(table["rises_to"], table["again_to"]) - table["falls_to"]
    table["again"] = (table[["rises_to", "again_to"]].min(axis=1) >= AGAIN) & (table["swing"] >= FELL)
    return table.sort_values("swing", ascending=False)


def swing(accuracy: Array) -> tuple[float, float, float]:
    """The deepest valley of a curve: the peak before it, its bottom, and the peak after it."""
    before = np.maximum.accumulate(accuracy)
    after = np.maximum.accumulate(accuracy[::-1])[::-1]
    bottom = int(np.argmax(np.minimum(before, after) - accuracy))
    return float(before[bottom]), float(accuracy[bottom]), float(after[bottom])


def parity_weights(root: Path) -> pd.DataFrame:
    """When runs of 1s and 0s fit, generalize and prune their weights, and whether the train loss rises on the way."""
    runs = grokjax.load_runs(root).set_index("run_id")
    curves = grokjax.load_curves(
        root, columns=["train_loss", "test_loss", "test_accuracy", "signal_weight_norm", "distractor_weight_norm"]
    )
    fitted = runs["first_step_train_accuracy_100"]
    at_fit = curves[curves["step"] == curves["run_id"].map(fitted)].set_index("run_id")
    table = pd.DataFrame(
        {
            "penalty": runs["l1_penalty"] if "l1_penalty" in runs else runs["weight_decay"],
            "seed": runs["seed"],
            "fit": fitted,
            "generalize": runs["first_step_test_accuracy_100"],
            "test_at_fit": at_fit["test_accuracy"],
            "dense_at_fit": at_fit["distractor_weight_norm"] / at_fit["signal_weight_norm"],
            "dense_at_end": runs["final_distractor_weight_norm"] / runs["final_signal_weight_norm"],
            "rise": pd.Series(
                {run_id: rise_before_generalizing(curve, fitted[run_id]) for run_id, curve in curves.groupby("run_id")}
            ),
        }
    )
    found = {}
    for run_id in runs.index:
        weights = grokjax.load_weights(root, run_id)
        pruned = grokjax.pruning(weights, int(runs.loc[run_id, "parity_bits"]))
        jump = largest_jump(weights.arrays["hidden"])
        found[run_id] = {"pruned": pruned.pruned, "units_left": pruned.units_left, "largest_jump": jump}
    return table.join(pd.DataFrame.from_dict(found, orient="index")).sort_values(["penalty", "seed"])


def rise_before_generalizing(curve: pd.DataFrame, fitted_step: Any) -> float:
    """The train loss at the step at which the test loss has halved for good, as a multiple of its least value since the run fitted.

    "For good": the last logged step at which the test loss is at least half of its greatest value after the run fitted. NaN for a
    run that never fitted.
    """
    if pd.isna(fitted_step):
        return float("nan")
    after = curve[curve["step"] >= fitted_step]
    high = after[after["test_loss"] >= after["test_loss"].max() / 2]
    before = after[after["step"] <= high["step"].iloc[-1]]["train_loss"]
    return float((before / before.cummin()).max())


def largest_jump(hidden: Array) -> float:
    """The median over all weights [K, H, D] of the largest change between two stored steps, as a share of the weight's range."""
    change, span = np.abs(np.diff(hidden, axis=0)).max(axis=0), np.ptp(hidden, axis=0)
    return float(np.median(change / np.where(span > 0, span, 1)))


def parity_phases(root: Path) -> pd.DataFrame:
    """The phase of each run of the published sweep, by the published rule."""
    runs = grokjax.load_runs(root)
    runs["phase"] = grokjax.classify(runs, grokjax.ArticleRule()).astype(str)
    return runs


def transformer(root: Path) -> pd.DataFrame:
    """When runs of the transformer fit and generalize."""
    names = ["seed", "first_step_train_accuracy_100", "first_step_test_accuracy_99", "final_test_accuracy", "final_key_frequencies",
             "final_gradient_symmetricity"]  # fmt: skip
    return grokjax.load_runs(root, names).sort_values("seed")


def digits_scale(root: Path) -> pd.DataFrame:
    """When runs on handwritten digits fit and generalize, by the scale of the first weights and weight decay."""
    names = [
        "init_scale",
        "weight_decay",
        "seed",
        "first_step_train_accuracy_99",
        "first_step_test_accuracy_90",
        "max_test_accuracy",
    ]
    return grokjax.load_runs(root, names).sort_values(names[:3])


OUTCOMES: dict[str, Callable[[Path], pd.DataFrame]] = {
    "modular-main": modular_main,
    "modular-units": modular_units,
    "modular-seeds": modular_main,
    "parity-l1": parity_weights,
    "parity-l2": parity_weights,
    "parity-article": parity_phases,
    "modular-circle": modular_circle,
    "modular-constructed": modular_constructed,
    "modular-variants": modular_variants,
    "modular-architectures": modular_architectures,
    "modular-constraints": modular_constraints,
    "modular-reverse": modular_reverse,
    "modular-gmg": generalizes_again,
    "transformer": transformer,
    "digits-scale": digits_scale,
}
