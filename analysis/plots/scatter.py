"""When runs fit and when they generalize: a mark a run, train step across, test step upwards."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.load import AnalysisError
from analysis.plots.page import new_figure
from analysis.plots.style import GREY, PHASE_COLORS, PHASE_MARKERS, SINGLE, SMALL, phase_mark, styled
from analysis.plots.text import counted, told_missing
from analysis.plots.ticks import log_axis, step_axis
from analysis.rules import PHASES
from sweeps.errors import nearest
from sweeps.schema import crossing_columns

WIDEST, STRIP_LINE = 3.4, 0.13  # inches: the panel's side at most, a phase's line in the strip
# Points squared of a mark, and the runs from which on marks are smaller.
MARK_SIZE, MANY = 13, 150


@styled
def plot_scatter(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    *,
    crossing: str = "accuracy_99",
    kind: str = "sustained",
    title: str | None = None,
    missing: int = 0,
    width: float = SINGLE,
) -> Figure:
    """The step at which each run's test metric gets to a threshold, against that at which its train metric does.

    The higher above the diagonal, the later it generalized. A run whose test metric never did is censored: it stands in the strip
    above. One whose train metric did not is counted in the note alone.

    Args:
      runs: from `load.load_runs`.
      phases: the phase of each run, on the same index.
      crossing: which threshold, as the columns of crossings end: accuracy_99, loss_1e_5.
      kind: "first" crossing, or "sustained": the first step from which on the metric stays there.
      title: above the figure.
      missing: how many planned runs are not there.
      width: in inches.

    Raises:
      AnalysisError: the table has no such crossings, or no run's train metric gets there.
    """
    train, test = (f"{kind}_step_{part}_{crossing}" for part in ("train", "test"))
    known = [name for name, *_ in crossing_columns() if "_step_train_" in name]
    if train not in known or train not in runs or test not in runs:
        choices = ", ".join(dict.fromkeys(re.sub(r"^.*_step_train_", "", name) for name in known))
        raise AnalysisError(f"there is no {kind} crossing {crossing}; there are {choices}{nearest(crossing, choices.split(', '))}")
    across, upwards = (runs[name].to_numpy(dtype=float, na_value=np.nan) for name in (train, test))
    fitted, arrived = ~np.isnan(across), ~np.isnan(upwards)
    if not fitted.any():
        raise AnalysisError(f"no run has {train}; choose another --crossing than {crossing}")
    both, censored = fitted & arrived, fitted & ~arrived
    told = [
        f"{counted(len(runs), 'run')}: {int(both.sum()):,} got there in both",
        f", {int(censored.sum()):,} in training alone (strip above)" if censored.any() else "",
        f", {int((~fitted).sum()):,} not even in training (not shown)" if not fitted.all() else "",
        f". {told_missing(missing, len(runs))}",
    ]
    labels = phases.to_numpy()
    present = [phase for phase in PHASES if (fitted & (labels == phase)).any()]
    stripped = [phase for phase in PHASES if (censored & (labels == phase)).any()]
    side, strip = min(width - 0.6, WIDEST), STRIP_LINE * len(stripped)
    figure = new_figure(
        width, side + strip + 0.4, title=title, legend=[phase_mark(phase) for phase in present],
        note="".join(told).strip(), used=side + 0.6,
    )  # fmt: skip
    above, panel = _panels(figure, strip, side)
    positive = across[fitted & (across > 0)]
    zero = (positive.min() if len(positive) else 1.0) / 2  # where step 0 stands on a logarithmic axis
    for which, shown in (("x", across[fitted]), ("y", upwards[both] if both.any() else across[fitted])):
        log_axis(panel, which, max(float(shown.min()), zero), max(float(shown.max()), zero))
        step_axis(panel, which, inches=side)
    panel.axline((zero, zero), (10 * zero, 10 * zero), color=GREY, lw=0.6, ls=":", zorder=0)
    size = float(np.clip(MARK_SIZE * (MANY / max(len(runs), 1)) ** 0.5, 3, MARK_SIZE))
    for phase in sorted(present, key=lambda phase: -int((labels == phase).sum())):  # the rare ones in front
        chosen = both & (labels == phase)
        marks = {"s": size, "c": PHASE_COLORS[phase], "marker": PHASE_MARKERS[phase], "linewidths": 0, "alpha": 0.75}
        panel.scatter(np.maximum(across[chosen], zero), np.maximum(upwards[chosen], zero), label=phase, **marks)
        if above is not None and phase in stripped:
            chosen = censored & (labels == phase)
            place = np.full(int(chosen.sum()), stripped.index(phase))
            above.scatter(np.maximum(across[chosen], zero), place, label=f"{phase}, censored", clip_on=False, **marks)
            above.annotate(f"{len(place):,}", (1, place[0]), xycoords=above.get_yaxis_transform(), fontsize=SMALL, ha="right", va="bottom")
    if above is not None:
        above.set(ylim=(-0.6, len(stripped) - 0.4), yticks=[], ylabel="never")
    words = _words(crossing)
    panel.set(xlabel=f"train {words} (step)", ylabel=f"test {words} (step)")
    return figure


def _words(crossing: str) -> str:
    """accuracy_99 as accuracy ≥ 99 %, loss_1e_5 as loss ≤ 1e-5."""
    metric, threshold = crossing.split("_", 1)
    return f"accuracy ≥ {threshold} %" if metric == "accuracy" else f"{metric} ≤ {threshold.replace('_', '-')} nats"


def _panels(figure: Figure, strip: float, side: float) -> tuple[Axes | None, Axes]:
    """A square panel, and a strip above it where there is something to show in it."""
    if not strip:
        return None, figure.subplots()
    above, panel = figure.subplots(2, 1, sharex=True, height_ratios=[strip, side])
    above.spines["bottom"].set_visible(False)
    above.tick_params(bottom=False, which="both")
    return above, panel
