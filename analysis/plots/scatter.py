"""When runs fit and when they generalize: a mark a run, train step across, test step upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES, CrossingRule
from grokjax.analysis.plots.layout.page import new_figure
from grokjax.analysis.plots.layout.style import GREY, PHASE_MARKERS, SINGLE, SMALL, phase_mark, styled
from grokjax.analysis.plots.layout.text import counted, told_missing
from grokjax.analysis.plots.layout.ticks import Which, log_axis, step_axis
from grokjax.analysis.statistics.delays import Kind
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]
WIDEST, STRIP_LINE = 3.4, 0.13  # inches: the panel's side at most, a phase's line in the strip
# Points squared of a mark, and the runs from which on marks are smaller.
MARK_SIZE, MANY = 13, 150


@styled
def plot_scatter(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    *,
    train: str = "accuracy_99",
    test: str = "accuracy_99",
    kind: Kind = "first",
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
      train, test: a crossing of `rules.CROSSINGS` each, of the train and of the test metric.
      kind: "first" crossing, or "sustained": the first step from which on the metric stays there.
      title: above the figure.
      missing: how many planned runs are not there.
      width: in inches.

    Raises:
      AnalysisError: no such crossing, the table lacks it, or no run's train metric gets there.
    """
    steps = _crossings(runs, phases, CrossingRule(train, test, kind))
    present = [phase for phase in PHASES if (steps.labels[steps.fitted] == phase).any()]
    stripped = [phase for phase in PHASES if (steps.labels[steps.censored] == phase).any()]
    side, strip = min(width - 0.6, WIDEST), STRIP_LINE * len(stripped)
    figure = new_figure(
        width, side + strip + 0.4, title=title, legend=[phase_mark(phase) for phase in present],
        note=f"{steps.told} {told_missing(missing, len(runs))}".strip(), used=side + 0.6,
    )  # fmt: skip
    above, panel = _panels(figure, strip, side)
    axes: list[tuple[Which, Array]] = [("x", steps.train[steps.fitted])]
    axes.append(("y", steps.test[steps.both] if steps.both.any() else axes[0][1]))
    for which, shown in axes:
        log_axis(panel, which, float(shown.min()), float(shown.max()))
        step_axis(panel, which, inches=side)
    panel.axline((1, 1), (10, 10), color=GREY, lw=0.6, ls=":", zorder=0)
    size = float(np.clip(MARK_SIZE * (MANY / len(runs)) ** 0.5, 3, MARK_SIZE))
    for phase in sorted(present, key=lambda phase: -int((steps.labels == phase).sum())):  # the rare ones in front
        chosen = steps.both & (steps.labels == phase)
        if chosen.any():
            _draw_runs(panel, steps.train[chosen], steps.test[chosen], phase, size)
    if above is not None:
        _draw_censored(above, steps, stripped, size)
    panel.set(xlabel=f"train {_words(train)} (step)", ylabel=f"test {_words(test)} (step)")
    return figure


@dataclass(frozen=True)
class _Steps:
    """Steps at which metrics got there [R], NaN where they did not; step 0 stands at half the least of the others."""

    train: Array
    test: Array
    labels: Array

    @property
    def fitted(self) -> Array:
        return ~np.isnan(self.train)

    @property
    def both(self) -> Array:
        return self.fitted & ~np.isnan(self.test)

    @property
    def censored(self) -> Array:
        return self.fitted & np.isnan(self.test)

    @property
    def told(self) -> str:
        alone, neither = int(self.censored.sum()), int((~self.fitted).sum())
        return "".join([
            f"{counted(len(self.train), 'run')}: {int(self.both.sum()):,} got there in both",
            f", {alone:,} in training alone (strip above)" if alone else "",
            f", {neither:,} not even in training (not shown)" if neither else "",
            ".",
        ])  # fmt: skip


def _crossings(runs: pd.DataFrame, phases: pd.Series[str], rule: CrossingRule) -> _Steps:
    *names, _ = rule.columns
    for name in names:
        if name not in runs:
            raise AnalysisError(f"the scatter needs the column {name}, and the table has {', '.join(map(str, runs.columns))}")
    across, upwards = (runs[name].to_numpy(dtype=float, na_value=np.nan) for name in names)
    if np.isnan(across).all():
        raise AnalysisError(f"no run has {names[0]}; choose another --train than {rule.train}")
    positive = np.concatenate([across, upwards])
    zero = np.min(positive[positive > 0], initial=2.0 if not (positive > 0).any() else np.inf) / 2
    return _Steps(np.maximum(across, zero), np.maximum(upwards, zero), phases.to_numpy())


def _panels(figure: Figure, strip: float, side: float) -> tuple[Axes | None, Axes]:
    """A square panel, and a strip above it where there is something to show in it."""
    if not strip:
        return None, figure.subplots()
    above, panel = figure.subplots(2, 1, sharex=True, height_ratios=[strip, side])
    above.spines["bottom"].set_visible(False)
    above.tick_params(bottom=False, which="both")
    return above, panel


def _draw_runs(panel: Axes, across: Array, upwards: Array, phase: str, size: float) -> None:
    color, marker = PHASE_COLORS[phase], PHASE_MARKERS[phase]
    panel.scatter(across, upwards, s=size, c=color, marker=marker, linewidths=0, alpha=0.75, clip_on=False, label=phase)


def _draw_censored(strip: Axes, steps: _Steps, phases: Sequence[str], size: float) -> None:
    """A line a phase, with how many runs it has."""
    for line, phase in enumerate(phases):
        chosen = steps.censored & (steps.labels == phase)
        _draw_runs(strip, steps.train[chosen], np.full(int(chosen.sum()), line), phase, size)
        place = strip.get_yaxis_transform()
        strip.annotate(
            f"{int(chosen.sum()):,}", (1.01, line), xycoords=place, fontsize=SMALL, va="center", annotation_clip=False
        )  # fmt: skip
    strip.set(ylim=(-0.6, len(phases) - 0.4), yticks=[], ylabel="never")


def _words(crossing: str) -> str:
    """accuracy_99 as accuracy ≥ 99 %, loss_1e_5 as loss ≤ 1e-5 nats."""
    metric, threshold = crossing.split("_", 1)
    return f"accuracy ≥ {threshold} %" if metric == "accuracy" else f"{metric} ≤ {threshold.replace('_', '-')} nats"
