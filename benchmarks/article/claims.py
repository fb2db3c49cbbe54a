"""The claims of the article, each with the function that computes our number from the results of its experiment.

A claim agrees if its number lies in its range, ends included. No claim holds a result of ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.article.measures import (
    PUBLISHED_COUNTS,
    Measure,
    Measured,
    accuracy_of,
    collapsed,
    constraint,
    counts_distance,
    grokking_digits,
    helps_and_hurts,
    listed,
    median,
    number,
    phase_share,
    pruned_with_generalizing,
    published_cells,
    share,
    spread_over,
)
from benchmarks.article.outcomes import PURE
from grokjax import open_root
from grokjax.errors import AnalysisError, StoreError

CLOSE = 0.065  # of shares, as total-variation distance, between two samples of one sweep
MOST = 0.5  # of the runs


@dataclass(frozen=True)
class Claim:
    """A claim of the article, in our own words.

    Attributes:
      section: of the article.
      text: the claim.
      experiment: whose results it is computed from, a name of `EXPERIMENTS`.
      measure: computes our number from the folder of these results.
      published: the article's number, or what it says.
      low, high: the range in which our number agrees.
    """

    section: str
    text: str
    experiment: str
    measure: Measure
    published: str
    low: float = -math.inf
    high: float = math.inf

    def agrees(self, measured: Measured) -> bool:
        """Whether our number supports the claim; a missing one does not."""
        return self.low <= measured.value <= self.high


MAIN, ONES, WHEN = "Grokking modular addition", "Generalizing with 1s and 0s", "When does grokking happen?"
FIVE, STARS, WHICH = "Modular addition with five neurons", "It's full of stars", "Which model constraints work best?"
WHY, LARGER, APPENDIX = "Why is memorization easier than generalization?", "What about larger models?", "Appendix A"

CLAIMS = (
    Claim(MAIN, "The model generalizes long after it fits: 5,000 steps or more", "modular-main",
          share("modular-main", lambda t: t["grok"]), "450 of the 450 stored runs", low=0.95),
    Claim(MAIN, "It has 24 hidden units", "modular-main", median("modular-units", "units", form="{:.0f}"), "24", low=24, high=24),
    Claim(MAIN, "Its two matrices have 3,216 parameters", "modular-main", median("modular-units", "parameters", form="{:,.0f}"),
          "3,216", low=3216, high=3216),
    Claim(MAIN, "When it has fitted, test accuracy is still near chance", "modular-main",
          median("modular-main", "test_at_fit", "grok"), "near 0", high=0.1),
    Claim(MAIN, "Weights are noisy at first: mean share of a unit's power in one frequency", "modular-main",
          median("modular-main", "share_at_start", "grok"), "noisy", high=0.3),
    Claim(MAIN, "Periodic patterns appear as test accuracy rises: that share when test accuracy passes one half", "modular-main",
          median("modular-main", "share_before", "grok"), "between first and last", low=0.3, high=0.95),
    Claim(MAIN, "At the end every unit is periodic: 0.9 of its power in one frequency", "modular-main",
          share("modular-main", lambda t: t["least_share"] >= PURE, among=lambda t: t["grok"]), "every unit", low=0.95),
    Claim(MAIN, "Runs that do not generalize are not periodic", "modular-main",
          share("modular-main", lambda t: t["least_share"] < PURE, among=lambda t: ~t["grok"]), "implied", low=0.95),

    Claim(ONES, "Training data are fitted before test data", "parity-l1",
          share("parity-l1", lambda t: t["fit"] < t["generalize"]), "yes", low=0.95),
    Claim(ONES, "When the model has fitted, test accuracy is essentially random", "parity-l1",
          median("parity-l1", "test_at_fit"), "about 0.5", high=0.6),
    Claim(ONES, "Test accuracy becomes perfect", "parity-l1", share("parity-l1", lambda t: t["generalize"].notna()), "yes",
          low=0.95),
    Claim(ONES, "A memorizing model uses all inputs: weights on distracting bits relative to signal bits", "parity-l1",
          median("parity-l1", "dense_at_fit"), "dense", low=0.5),
    Claim(ONES, "A generalizing model ignores the distracting bits: the same ratio at the end", "parity-l1",
          median("parity-l1", "dense_at_end", form="{:.2g}"), "very low", high=0.01),
    Claim(ONES, "Train loss rises slightly before the model generalizes: greatest over an earlier one", "parity-l1",
          median("parity-l1", "rise"), "slightly above 1", low=1.0001, high=2),
    Claim(ONES, "Most weights interpolate smoothly: largest change between stored steps, of a weight's range", "parity-l1",
          median("parity-l1", "largest_jump"), "smooth", high=0.25),
    Claim(ONES, "Test accuracy becomes perfect when the last distracting weights are pruned: rank correlation of the steps",
          "parity-l1", number("parity-l1", pruned_with_generalizing),
          "at the same time", low=0.8),
    Claim(ONES, "Under L1 few units are left", "parity-l1", median("parity-l1", "units_left"), "4 in the explained solution",
          high=8),
    Claim(ONES, "Under L2 redundant units are left", "parity-l2", median("parity-l2", "units_left"), "more than under L1", low=9),

    Claim(WHEN, "Over a thousand models", "parity-article", number("parity-article", len, "{:,.0f}"), "1,125", low=1125),
    Claim(WHEN, "The most frequent phase of each of 75 cells", "parity-article", published_cells("same"), "75 of 75", low=72),
    Claim(WHEN, "The shares of the phases in these cells: mean distance", "parity-article", published_cells("distance"), "0",
          high=CLOSE),
    *(Claim(WHEN, f"Counts of phases under weight decay {decay:g}", "parity-article", counts_distance(decay),
            listed(pd.Series(counts)), high=CLOSE) for decay, counts in PUBLISHED_COUNTS.items()),
    Claim(WHEN, "With too little weight decay, 0.01, models memorize", "parity-article", phase_share("memorize", 0.01), "0.88",
          low=MOST),
    Claim(WHEN, "With more, 0.1, they grok", "parity-article", phase_share("grok", 0.1), "0.80", low=MOST),
    Claim(WHEN, "With even more, 0.3, test and train loss fall together more often than under 0.1: difference of shares",
          "parity-article", number("parity-article", lambda t: (
              (t["phase"] == "generalize").groupby(t["weight_decay"]).mean().reindex([0.1, 0.3]).diff().iloc[-1])),
          "0.05", low=0.0001),
    Claim(WHEN, "With too much, 1, they learn nothing", "parity-article", phase_share("fail", 1.0), "0.60", low=MOST),
    Claim(WHEN, "Grokking depends on model size: range of its share", "parity-article", spread_over("hidden_size"), "depends",
          low=0.1),
    Claim(WHEN, "Grokking depends on data size: range of its share", "parity-article", spread_over("train_size"), "depends",
          low=0.05),
    Claim(WHEN, "Grokking depends on weight decay: range of its share", "parity-article", spread_over("weight_decay"), "0.77",
          low=0.1),

    Claim(FIVE, "Five neurons on a circle reach perfect accuracy", "modular-circle", share("modular-circle", lambda t: t["solved"]),
          "the shown run", low=MOST),
    Claim(FIVE, "The solution has 20 parameters", "modular-circle", median("modular-circle", "parameters", form="{:.0f}"), "20",
          low=20, high=20),
    Claim(FIVE, "The neurons have roughly equal norms: greatest deviation from their mean", "modular-circle",
          median("modular-circle", "norm_spread", "solved"), "roughly equal", high=0.25),
    Claim(FIVE, "They are evenly distributed around the circle: greatest error of a gap, in radians", "modular-circle",
          median("modular-circle", "gap_error", "solved"), "evenly", high=0.2),
    Claim(FIVE, "Outputs rotate twice as fast as inputs: greatest error of an angle, in radians", "modular-circle",
          median("modular-circle", "turn_error", "solved"), "twice", high=0.15),

    Claim(STARS, "The model uses several frequencies: 3 to 5", "modular-main",
          share("modular-main", lambda t: t["frequencies"].between(3, 5), among=lambda t: t["grok"]), "449 of 450", low=0.95),
    Claim(STARS, "Other seeds find other frequencies; across 64 seeds, runs that grok use 3 to 5", "modular-seeds",
          share("modular-seeds", lambda t: t["frequencies"].between(3, 5), among=lambda t: t["grok"]), "449 of 450", low=0.95),
    Claim(STARS, "The spectrum becomes sparser: Gini coefficient at the end minus at the start", "modular-main",
          number("modular-main", lambda t: (t["gini_at_end"] - t["gini_at_start"])[t["grok"]].median()), "much sparser", low=0.2),
    Claim(STARS, "Units of one frequency form stars: median error of the doubled phase, in radians", "modular-main",
          median("modular-units", "doubling_error", "grok"), "same as the circle", high=0.3),
    Claim(STARS, "Each frequency adds cos(2 pi k (a + b - c) / 67): least correlation of a frequency", "modular-main",
          median("modular-units", "least_correlation", "grok"), "a wave", low=0.8),
    Claim(STARS, "Several frequencies interfere constructively: accuracy of the best frequency alone", "modular-main",
          median("modular-units", "best_alone", "grok"), "below all together", high=0.99),
    Claim(STARS, "Every frequency is needed: least loss without one, in nats, above that of all together", "modular-main",
          number("modular-units", lambda t: (t["least_loss_without"] - t["loss"])[t["grok"]].median()), "above 0", low=0.01),
    Claim(STARS, "The norm of the weights falls as the model generalizes: at the end relative to the fit", "modular-main",
          number("modular-main", lambda t: (t["norm_at_end"] / t["norm_at_fit"])[t["grok"]].median()), "falls", high=0.99),

    Claim(WHICH, "With both factors collapsed the model does not generalize", "modular-variants",
          collapsed(hidden=True, output=True), "never",
          high=0),
    Claim(WHICH, "With both factors kept it does", "modular-variants",
          collapsed(hidden=False, output=False), "yes", low=0.1),
    Claim(WHICH, "One factor is enough: the hidden one collapsed", "modular-variants",
          collapsed(hidden=True, output=False), "yes", low=0.01),
    Claim(WHICH, "One factor is enough: the output one collapsed", "modular-variants",
          collapsed(hidden=False, output=True), "yes", low=0.01),
    Claim(WHICH, "Untied embeddings: both collapsed", "modular-variants",
          collapsed(hidden=True, output=True, tied=False), "never", high=0),
    Claim(WHICH, "Collapsing the hidden rather than the output factor helps in some setups and hurts in others: the rarer",
          "modular-variants", number("modular-variants", helps_and_hurts, "{:.0f} setups"), "both happen", low=1),
    Claim(WHICH, "The multiplied-out matrices have high norms: at the end relative to the start", "modular-main",
          median("modular-units", "product_growth", "grok"), "high", low=1.0001),
    *(Claim(WHICH, f"Without weight decay, {name} can lead to generalization", "modular-constraints", constraint(name), said,
            low=0.2) for name, said in (
                ("dropout", "helps"), ("smaller model", "helps"), ("unstable Adam", "helps"),
                ("StableMax", "not in the article: Prieto et al. 2025"),
                ("orthogonal gradient", "not in the article: Prieto et al. 2025"),
                ("filtered gradient", "not in the article: Lee et al. 2024"), ("Muon", "not in the article: Jordan et al. 2024"))),
    Claim(WHICH, "Without any constraint the model does not generalize", "modular-constraints", constraint("none"), "memorizes",
          high=0.1),

    Claim(WHY, "Small models without weight decay can generalize first and memorize later", "modular-reverse",
          share("modular-reverse", lambda t: t["reverse"]), "the shown run", low=0.01),
    Claim(WHY, "Their weights are periodic, so structure is not sufficient: mean share in one frequency", "modular-reverse",
          median("modular-reverse", "mean_share", "reverse"), "periodic", low=0.5),
    Claim(WHY, "A model can generalize, memorize, and generalize again", "modular-gmg",
          share("modular-gmg", lambda t: t["again"]), "the shown run", low=1e-4),
    Claim(WHY, "Structure is not sufficient: runs with a mean share of 0.9 that do not generalize", "modular-variants",
          share("modular-variants", lambda t: ~t["generalizes"], among=lambda t: t["mean_share"] >= 0.9), "some", low=1e-4),
    Claim(WHY, "Structure is not necessary: runs that generalize with a mean share below one half", "modular-variants",
          share("modular-variants", lambda t: t["mean_share"] < 0.5, among=lambda t: t["generalizes"]), "some", low=1e-4),

    Claim(LARGER, "Small transformers grok: 99 % test accuracy 1,000 steps or more after the fit", "transformer",
          share("transformer", lambda t: t["first_step_test_accuracy_99"] - t["first_step_train_accuracy_100"] >= 1000), "yes",
          low=MOST),
    Claim(LARGER, "Images are grokked for some scales of the first weights", "digits-scale", grokking_digits, "yes", low=MOST),

    Claim(APPENDIX, "Squares with five neurons are exact", "modular-constructed", accuracy_of("quadratic", 5), "1", low=1),
    Claim(APPENDIX, "Four neurons are too few: their third sum does not vanish", "modular-constructed",
          accuracy_of("quadratic", 4), "fails", high=0.5),
    Claim(APPENDIX, "ReLU with five neurons is close enough", "modular-constructed", accuracy_of("relu", 5), "predicts right",
          low=1),
    Claim(APPENDIX, "ReLU with six is not", "modular-constructed", accuracy_of("relu", 6), "wrinkles", high=0.99),
)  # fmt: skip


def checked(claim: Claim, folder: Path) -> tuple[str, str]:
    """Our number, as text, and whether the claim agrees: "yes", "no", or "not run yet"."""
    root = folder / claim.experiment
    try:
        untrained = open_root(root).untrained
    except (AnalysisError, StoreError):
        return "", "not run yet"
    if untrained:
        return f"{untrained:,} runs are missing", "not run yet"
    measured = claim.measure(root)
    return measured.text, "yes" if claim.agrees(measured) else "no"
