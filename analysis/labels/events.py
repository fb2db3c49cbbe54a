"""Detects events in a run's curve, such as fitting, generalizing and loss spikes, with their steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from grokjax.analysis.labels.thresholds import WithThresholds, number
from grokjax.errors import AnalysisError

Array = np.ndarray[Any, Any]

# The events and their meanings; names in backquotes are the thresholds of `EventRule`.
EVENTS: Mapping[str, str] = {
    "memorized": "the first step of high train accuracy, if test accuracy is low then.",
    "generalized": "the first step of high test accuracy.",
    "semi-grokked": "in a run that memorized and never generalized, the first step from which test accuracy stays `rise` above its "
    "value when the run memorized (Varma et al. 2023).",
    "ungrokked": "after high test accuracy, the first of at least `hold` logged rows of low test accuracy (Varma et al. 2023).",
    "regrokked": "after that, the first step of high test accuracy.",
    "spike": "after high train accuracy, the first step of a train loss of at least `spike_factor` times its least value so far "
    "and at least `spike_loss`, which comes down again before the end (the slingshots of Thilak et al. 2022).",
    "diverged": "the first step at which a loss or an accuracy is not finite; later rows are ignored.",
}
METRICS = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")


class Event(NamedTuple):
    """An event of a run, with the logged step that first shows it."""

    step: int
    event: str


@dataclass(frozen=True)
class EventRule(WithThresholds):
    """The thresholds that define the events; EVENTS has the events' meanings.

    An accuracy is high if it reaches `fitted`, low if it is below `lost`, and neither in between.
    """

    name: ClassVar[str] = "events"
    source: ClassVar[str] = (
        "Varma et al. 2023, Explaining Grokking Through Circuit Efficiency; Thilak et al. 2022, The Slingshot Mechanism"
    )

    fitted: float = number(0.99, 0, 1, "accuracy that is high", "share", log=False)
    lost: float = number(0.9, 0, 1, "accuracy below which it is low", "share", log=False)
    hold: float = number(3, 1, 1e6, "for how long test accuracy has to stay low", "logged rows")
    rise: float = number(0.2, 0, 1, "by how much test accuracy has to rise for a partial generalization", "share", log=False)
    spike_factor: float = number(10, 1, 1e16, "how many times its least value the train loss has to rise to", "1")
    spike_loss: float = number(1e-2, 1e-16, 1e3, "the least train loss of a spike", "nats")


def events(curves: pd.DataFrame, rule: EventRule | None = None) -> pd.DataFrame:
    """The events of every run, one row per event, sorted by run and step.

    Args:
      curves: from `load_curves`, with the columns METRICS.
      rule: the thresholds; the defaults of `EventRule` when None.

    Returns:
      The columns run_id, step, and event (categorical over EVENTS).

    Raises:
      AnalysisError: a metric is not in the table.
    """
    for name in ("run_id", "step", *METRICS):
        if name not in curves:
            raise AnalysisError(f"events need the column {name}, and the curves have {', '.join(map(str, curves.columns))}")
    ordered = curves[["run_id", "step", *METRICS]].sort_values(["run_id", "step"], kind="stable")
    ids, names = pd.factorize(ordered["run_id"])
    step = ordered["step"].to_numpy(np.int64)
    metrics = {name: ordered[name].to_numpy(np.float64, na_value=np.nan) for name in METRICS}
    edges = np.flatnonzero(np.diff(ids, prepend=-1, append=len(names)))
    rows: list[tuple[Any, int, str]] = []
    for run_id, start, stop in zip(names, edges[:-1], edges[1:], strict=True):
        part = slice(start, stop)
        found = run_events(step[part], {name: values[part] for name, values in metrics.items()}, rule)
        rows += [(run_id, *event) for event in found]
    frame = pd.DataFrame(rows, columns=["run_id", "step", "event"])
    return frame.astype({"step": np.int64, "event": pd.CategoricalDtype(list(EVENTS))})


def run_events(step: Array, metrics: Mapping[str, Array], rule: EventRule | None = None) -> list[Event]:
    """The events of one run, sorted by step.

    Args:
      step: [T] ascending.
      metrics: each of METRICS, [T].
      rule: the thresholds; the defaults of `EventRule` when None.
    """
    rule = rule or EventRule()
    finite = np.logical_and.reduce([np.isfinite(metrics[name]) for name in METRICS])  # [T]
    end = len(step) if finite.all() else int(np.argmin(finite))
    found = [] if end == len(step) else [Event(int(step[end]), "diverged")]
    train, test = (metrics[name][:end].astype(np.float32) for name in ("train_accuracy", "test_accuracy"))
    fitted, high, low = train >= np.float32(rule.fitted), test >= np.float32(rule.fitted), test < np.float32(rule.lost)  # [T] each
    fit = _first(fitted)
    if fit is not None:
        found += [Event(int(step[at]), "spike") for at in _spikes(metrics["train_loss"][:end], fit, rule)]
        if low[fit]:
            found.append(Event(int(step[fit]), "memorized"))
            if not high.any() and (partial := _first(_lasting(test >= test[fit] + np.float32(rule.rise)))) is not None:
                found.append(Event(int(step[partial]), "semi-grokked"))
    found += [Event(int(step[at]), name) for at, name in _turns(high, low, int(rule.hold))]
    order = list(EVENTS)
    return sorted(found, key=lambda event: (event.step, order.index(event.event)))


def _turns(high: Array, low: Array, hold: int) -> list[tuple[int, str]]:
    """The rows at which test accuracy becomes high, is lost, and becomes high again, with their events.

    high, low: whether test accuracy is high or low, [T] each.
    """
    starts = np.flatnonzero(np.diff(low.astype(np.int8), prepend=0) == 1)
    stops = np.flatnonzero(np.diff(low.astype(np.int8), append=0) == -1)
    losses = starts[stops - starts + 1 >= hold]  # rows that begin `hold` low rows or more
    turns: list[tuple[int, str]] = []
    at, name = _first(high), "generalized"
    while at is not None:
        turns.append((at, name))
        later = losses[losses > at]
        if not len(later):
            break
        lost = int(later[0])
        turns.append((lost, "ungrokked"))
        again = _first(high[lost:])
        at, name = (None if again is None else lost + again), "regrokked"
    return turns


def _spikes(train_loss: Array, fit: int, rule: EventRule) -> list[int]:
    """The rows at which spikes of the train loss [T] begin, after row `fit`."""
    least = np.minimum.accumulate(train_loss[fit:])
    up = train_loss[fit:] >= np.maximum(rule.spike_factor * least, rule.spike_loss)
    starts = np.flatnonzero(np.diff(up.astype(np.int8), prepend=0) == 1)
    downs = np.flatnonzero(np.diff(up.astype(np.int8), prepend=0) == -1)
    return [fit + int(start) for start in starts[: len(downs)]]


def _lasting(holds: Array) -> Array:
    """Whether a condition [T] holds at a row and at all later ones, [T]."""
    lasting: Array = np.logical_and.accumulate(holds[::-1])[::-1]
    return lasting


def _first(holds: Array) -> int | None:
    """The first row at which a condition [T] holds; None if there is none."""
    return int(np.argmax(holds)) if holds.any() else None
