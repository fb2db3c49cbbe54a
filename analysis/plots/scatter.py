"""Scatter plot of the step at which each run fits (across) and the step at which it generalizes (upwards)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from grokjax.analysis.labels.rules import PHASE_COLORS, PHASES, align_phases
from grokjax.analysis.plots.layout.look import Look, Settings, styled
from grokjax.analysis.plots.layout.page import axes_size, new_figure, strip_above
from grokjax.analysis.plots.layout.style import GREY, PHASE_MARKERS, SINGLE, phase_mark
from grokjax.analysis.plots.layout.text import POINTS, counted, font_size
from grokjax.analysis.plots.layout.ticks import log_axis, step_axis
from grokjax.analysis.statistics.delays import Crossings, crossing_steps, crossing_text
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]
WIDEST = 3.4  # inches: the largest side of the panel
STRIP_LINE = 1.44  # height of a phase's line in the strip, in font sizes
# Area of the marker of one run in points squared, the number of runs beyond which markers shrink, the area of the largest marker.
MARK_SIZE, MANY, LARGEST = 13, 150, 120


@styled
def plot_scatter(
    runs: pd.DataFrame,
    phases: pd.Series[str],
    *,
    crossings: Crossings = Crossings(),
    **settings: Unpack[Settings],
) -> Figure:
    """Draws the step at which each run's test metric crosses a threshold against the step at which its train metric does.

    The higher a run is above the diagonal, the later it generalized. Runs of a phase with the same two steps share a marker,
    whose area grows with their number. A run whose test metric never crosses is censored and drawn in a strip above the panel;
    one whose train metric never does is only counted in the note.

    Args:
      runs: from `load_runs`.
      phases: the phase of each run, aligned by index.
      crossings: as for `grokking_delays`.
      settings: common to all figures; see below. The strip of censored runs stands above an `ax`.

    Raises:
      AnalysisError: as for `grokking_delays`, or no run's train metric crosses, or the phases are not those of the runs.
    """
    look = Look(**settings)
    width, ax = look.width or SINGLE, look.ax
    steps = _crossing_steps(runs, align_phases(phases, runs.index), crossings)
    present = [phase for phase in PHASES if (steps.labels[steps.fitted] == phase).any()]
    censored = [phase for phase in PHASES if (steps.labels[steps.censored] == phase).any()]
    side, strip = min(width - 0.6, WIDEST), STRIP_LINE * font_size("xtick.labelsize") / POINTS * len(censored)
    above, panel = _panels(ax, strip)
    figure = new_figure(
        width, side + strip + 0.4, replace(look, ax=above or ax), legend=[phase_mark(phase, look.name(phase)) for phase in present],
        note=look.full_note(f"{steps.note} {crossings.kind_text}", len(runs)), used=side + 0.6,
    )  # fmt: skip
    if panel is None:
        above, panel = _new_panels(figure, strip, side)
    _scale(panel, steps, side if ax is None else min(axes_size(ax)))
    size = float(np.clip(MARK_SIZE * (MANY / len(runs)) ** 0.5, 3, MARK_SIZE))
    drawn = pd.DataFrame({"train": steps.train, "test": steps.test, "phase": steps.labels})[steps.both]
    counts = drawn.value_counts().reset_index()  # most frequent first, so that small markers are in front
    for across, upwards, phase, count in counts.itertuples(index=False, name=None):
        _draw_runs(panel, across, upwards, phase, min(size * count, LARGEST))
    if above is not None:
        _draw_censored(above, steps, censored, size)
    panel.set(xlabel=f"train {crossing_text(crossings.train)} (step)", ylabel=f"test {crossing_text(crossings.test)} (step)")
    return figure


@dataclass(frozen=True, eq=False)
class _Steps:
    """Steps of the crossings [R], NaN for runs without one; step 0 is drawn at half of the least other step."""

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
    def note(self) -> str:
        train_only, neither = int(self.censored.sum()), int((~self.fitted).sum())
        return "".join([
            f"{counted(len(self.train), 'run')}: {int(self.both.sum()):,} cross both thresholds",
            f", {train_only:,} only that of the train metric (strip above)" if train_only else "",
            f", {neither:,} neither (not shown)" if neither else "",
            ".",
        ])  # fmt: skip


def _crossing_steps(runs: pd.DataFrame, phases: pd.Series[str], crossings: Crossings) -> _Steps:
    fitted, generalized = crossing_steps(runs, crossings)
    if np.isnan(fitted).all():
        raise AnalysisError(
            f"no run reaches train {crossing_text(crossings.train)}; choose another crossing than {crossings.train}"
        )
    positive = np.concatenate([fitted, generalized])
    zero = np.min(positive[positive > 0], initial=2.0 if not (positive > 0).any() else np.inf) / 2
    return _Steps(np.maximum(fitted, zero), np.maximum(generalized, zero), np.asarray(phases))


def _panels(ax: Axes | None, strip: float) -> tuple[Axes | None, Axes | None]:
    """The strip above a caller's Axes, if there are censored runs, and that Axes."""
    if ax is None or not strip:
        return None, ax
    return _bare(strip_above(ax, strip)), ax


def _new_panels(figure: Figure, strip: float, side: float) -> tuple[Axes | None, Axes]:
    """A square panel, with a strip above it if it needs one."""
    if not strip:
        return None, figure.subplots()
    above, panel = figure.subplots(2, 1, sharex=True, height_ratios=[strip, side])
    return _bare(above), panel


def _bare(strip: Axes) -> Axes:
    strip.spines[["bottom", "top", "right"]].set_visible(False)
    strip.tick_params(bottom=False, labelbottom=False, left=False, which="both")
    return strip


def _scale(panel: Axes, steps: _Steps, inches: float) -> None:
    """Makes both axes logarithmic over all steps, so that the diagonal is at 45 degrees, and draws it."""
    shown = np.concatenate([steps.train[steps.fitted], steps.test[steps.both]])
    log_axis(panel, "x", float(shown.min()), float(shown.max()))
    log_axis(panel, "y", float(shown.min()), float(shown.max()))
    for which in ("x", "y"):
        step_axis(panel, which, inches=inches)
    panel.axline((1, 1), (10, 10), color=GREY, lw=0.6, ls=":", zorder=0)


def _draw_runs(panel: Axes, across: Any, upwards: Any, phase: str, size: float) -> None:
    color, marker = PHASE_COLORS[phase], PHASE_MARKERS[phase]
    panel.scatter(across, upwards, s=size, c=color, marker=marker, linewidths=0, alpha=0.75, clip_on=False, label=phase)


def _draw_censored(strip: Axes, steps: _Steps, phases: Sequence[str], size: float) -> None:
    """Draws a line of markers for each phase, with the number of its runs."""
    for line, phase in enumerate(phases):
        chosen = steps.censored & (steps.labels == phase)
        _draw_runs(strip, steps.train[chosen], np.full(int(chosen.sum()), line), phase, size)
        place = strip.get_yaxis_transform()
        strip.annotate(
            f"{int(chosen.sum()):,}", (1.01, line), xycoords=place, fontsize=font_size("xtick.labelsize"), va="center",
            annotation_clip=False,
        )  # fmt: skip
    strip.set(ylim=(-0.6, len(phases) - 0.4), yticks=[(len(phases) - 1) / 2], yticklabels=["never"])
