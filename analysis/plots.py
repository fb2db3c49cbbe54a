"""Pictures: phase diagrams and curves, in one quiet style that reads without colour too."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from analysis.load import AnalysisError, Weights
from analysis.rules import PHASES
from sweeps.errors import nearest
from sweeps.schema import SCALARS

# Okabe and Ito's palette, told apart in all common kinds of colour blindness; the shapes tell the phases apart without any colour.
PHASE_COLORS = {
    "memorize": "#E69F00",
    "grok": "#0072B2",
    "generalize": "#009E73",
    "fail": "#8C8C8C",
    "diverged": "#000000",
    "undecided": "#CC79A7",
}
PHASE_MARKERS = {"memorize": "s", "grok": "o", "generalize": "^", "fail": "X", "diverged": "*", "undecided": "D"}
TRAIN_COLOR, TEST_COLOR = "#0072B2", "#D55E00"
DASHED: Any = (0, (4, 1.5))
# Of the metrics of a panel, in their order.
LINES: Any = (
    (TRAIN_COLOR, "-"), (TEST_COLOR, DASHED), ("#009E73", "-."), ("#CC79A7", ":"), ("#E69F00", "-"), ("#000000", DASHED)
)  # fmt: skip
MOST_FACETS = 12
# Weights whose paths can still be told from a blot.
MOST_LINES = 1500

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.hashsalt": "grokjax",
    "svg.fonttype": "none",
}


def plot_phases(grid: pd.DataFrame, *, x: str, y: str, facet: str | None = None, title: str | None = None) -> Figure:
    """The phase diagram: a panel a value of `facet`, a cell a point of the grid, and in each cell a mark for every seed.

    Args:
      grid: from `phases.phase_grid` with the same x, y and facet.
      x, y, facet: hyperparameters; their values are evenly spaced, ascending. Cells without a run stay empty.
      title: above the figure.

    Raises:
      AnalysisError: more panels than can be read.
    """
    facets = [None] if facet is None else sorted(grid[facet].unique())
    if len(facets) > MOST_FACETS:
        raise AnalysisError(f"{facet} has {len(facets)} values, more than {MOST_FACETS} panels can show; choose some with --where")
    columns, rows = sorted(grid[x].unique()), sorted(grid[y].unique())
    side = math.ceil(math.sqrt(grid["seeds"].max()))
    cell = max(0.42, 0.13 * side, 1.3 / len(columns))  # inches
    width = len(facets) * (len(columns) * cell + 0.2) + 1.0
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(max(width, 4.5), len(rows) * cell + 1.15), layout="constrained")
        panels = figure.subplots(1, len(facets), sharey=True, squeeze=False)[0]
        for panel, value in zip(panels, facets, strict=True):
            cells = grid if facet is None else grid[grid[facet] == value]
            _draw_cells(panel, cells, {v: i for i, v in enumerate(columns)}, {v: i for i, v in enumerate(rows)}, (x, y), side, cell)
            panel.set_xlabel(x)
            if facet is not None:
                panel.set_title(f"{facet} {_text(value)}")
        panels[0].set_ylabel(y)
        present = [phase for phase in PHASES if grid[f"{phase}_count"].sum()]
        figure.legend(handles=[_legend_mark(phase) for phase in present], loc="outside lower center", ncols=len(present))
        if title:
            figure.suptitle(title, fontsize=10)
    return figure


def plot_curves(
    curves: pd.DataFrame, panels: Mapping[str, str], *, metrics: Sequence[str], title: str, phases: Mapping[str, str]
) -> Figure:
    """Metrics over steps, a panel a run: losses and norms on a log scale, all else on a linear one.

    Args:
      curves: from `load.load_curves`, with the metrics.
      panels: the runs to show, run_id -> the panel's title.
      metrics: at most six.
      title: above the figure.
      phases: run_id -> phase, shown beside the panel's title.

    Raises:
      AnalysisError: more metrics than can be told apart, or of units that share no axis.
    """
    unit = _shared_unit(metrics)
    across = math.ceil(math.sqrt(len(panels)))
    down = math.ceil(len(panels) / across)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.35 * across + 0.6, 1.6 * down + 0.9), layout="constrained")
        axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
        for panel, (run_id, label) in zip(axes, panels.items(), strict=False):
            curve = curves[curves["run_id"] == run_id]
            for metric, (color, style) in zip(metrics, LINES, strict=False):
                values = curve[metric].to_numpy(dtype=float)
                panel.plot(curve["step"].to_numpy(), values, color=color, lw=1, ls=style, label=metric)
            panel.set_yscale("log" if all(metric.endswith(("_loss", "_norm")) for metric in metrics) else "linear")
            panel.set_title(f"{label}: {phases[run_id]}", color=PHASE_COLORS[phases[run_id]], fontweight="bold")
        for index, panel in enumerate(axes):
            panel.set_visible(index < len(panels))
            panel.xaxis.set_major_formatter(EngFormatter(sep=""))
            panel.set_xlabel("step" if index + across >= len(panels) else "")
            panel.set_ylabel(unit if index % across == 0 else "")
            panel.tick_params(labelbottom=index + across >= len(panels))
        figure.suptitle(title, fontsize=10)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def plot_weights(weights: Weights, matrix: str, curve: pd.DataFrame, *, signal: int, title: str) -> Figure:
    """A weight matrix while its run trains: the losses, every weight's trajectory, and the matrix at four of its steps.

    Args:
      weights: from `load.load_weights`.
      matrix: which of them.
      curve: the run's rows of `load.load_curves`, with train_loss and test_loss.
      signal: how many leading columns, drawn apart, belong to inputs that the label depends on.
      title: above the figure.

    Raises:
      AnalysisError: no such matrix.
    """
    if matrix not in weights.arrays or weights.arrays[matrix].ndim != 3:
        there = ", ".join(sorted(name for name, array in weights.arrays.items() if array.ndim == 3))
        raise AnalysisError(f"the run keeps no matrix {matrix}; it keeps {there}")
    values = weights.arrays[matrix]  # [K, rows, columns]
    shown = np.unique(np.linspace(0, len(values) - 1, 4).round().astype(int))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 6.4), layout="constrained")
        rows = figure.add_gridspec(2, 1, height_ratios=[2.3, 1])
        lines, maps = (figure.add_subfigure(rows[index]) for index in range(2))
        above, below = lines.subplots(2, 1, sharex=True, height_ratios=[1, 1.3])
        for name, color, style in (("train_loss", TRAIN_COLOR, "-"), ("test_loss", TEST_COLOR, DASHED)):
            above.plot(curve["step"].to_numpy(), curve[name].to_numpy(dtype=float), color=color, lw=1.2, ls=style, label=name)
        above.set(yscale="log", ylabel="loss (nats)")
        above.legend(loc="best")
        _draw_trajectories(below, weights.step, values, signal)
        _draw_matrices(maps, values[shown], weights.step[shown], _meaning(matrix))
        figure.suptitle(title, fontsize=10)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure as the kind its suffix names (png, svg, pdf), without the date, so that the same figure is the same file."""
    kind = path.suffix.lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise AnalysisError(f"cannot write {path}: a figure is a .png, .svg or .pdf file")
    dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(STYLE):
            figure.savefig(path, metadata=dateless)
    except OSError as error:
        raise AnalysisError(f"cannot write {path}: {error.strerror}; choose another --out") from None
    return path


def _draw_trajectories(panel: Axes, step: np.ndarray, values: np.ndarray, signal: int) -> None:
    """Every weight of [K, H, D] over its K steps, those of the first `signal` columns in front; of very many, every n-th."""
    rest, leading = (values[:, :, part].reshape(len(values), -1) for part in (slice(signal, None), slice(signal)))
    every = -(-rest.shape[1] // MOST_LINES)
    panel.plot(step, rest[:, ::every], color="#B0B0B0", lw=0.4, alpha=0.6, rasterized=True)
    panel.plot(step, leading, color=PHASE_COLORS["grok"], lw=0.8, alpha=0.9, rasterized=True)
    panel.axhline(0, color="black", lw=0.4)
    panel.set(xlabel="step", ylabel="weight" if every == 1 else f"weight (one in {every})")
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    if signal:
        handles = [
            Line2D([], [], color=PHASE_COLORS["grok"], label="signal inputs"),
            Line2D([], [], color="#B0B0B0", label="all others"),
        ]
        panel.legend(handles=handles, loc="upper left")


def _shared_unit(metrics: Sequence[str]) -> str:
    known = {metric.name: metric for metric in SCALARS}
    for metric in metrics:
        if metric not in known:
            raise AnalysisError(f"there is no metric {metric} to draw; there are {', '.join(known)}{nearest(metric, known)}")
    if len(metrics) > len(LINES):
        raise AnalysisError(f"{len(metrics)} metrics cannot be told apart in one panel; choose at most {len(LINES)}")
    units = {known[metric].unit for metric in metrics}
    if len(units) > 1:
        raise AnalysisError(f"{', '.join(metrics)} have different units ({', '.join(sorted(units))}); draw them apart")
    (unit,) = units
    name = metrics[0].split("_", 1)[1] if len(metrics) > 1 and len({metric.split("_", 1)[-1] for metric in metrics}) == 1 else ""
    name = name or (metrics[0] if len(metrics) == 1 else "")
    return f"{name.replace('_', ' ')} ({unit})" if unit not in ("1", "") else name.replace("_", " ")


def _meaning(matrix: str) -> tuple[str, str]:
    """What the rows and the columns of a weight matrix are, going by its name."""
    if matrix.startswith("hidden"):
        return "hidden unit", "input"
    return ("token", "dimension") if matrix.startswith("embedding") else ("row", "column")


def _draw_matrices(figure: SubFigure, values: np.ndarray, step: np.ndarray, axes: tuple[str, str]) -> None:
    """Heat maps of [K, rows, columns] on one scale, red below zero and blue above."""
    limit = float(np.abs(values).max()) or 1.0
    panels = figure.subplots(1, len(values), sharey=True)
    for panel, matrix, at in zip(panels, values, step, strict=True):
        image = panel.imshow(matrix, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        panel.set(title=f"step {at:,}", xlabel=axes[1])
    panels[0].set_ylabel(axes[0])
    figure.colorbar(image, ax=list(panels), shrink=0.9)


def _draw_cells(
    panel: Axes,
    cells: pd.DataFrame,
    columns: Mapping[Any, int],
    rows: Mapping[Any, int],
    names: tuple[str, str],
    side: int,
    cell: float,
) -> None:
    x, y = names
    offsets = (np.arange(side) - (side - 1) / 2) * 0.84 / side
    marks: dict[str, list[tuple[float, float]]] = {phase: [] for phase in PHASES}
    for row in cells.to_dict("records"):
        in_order = [phase for phase in PHASES for _ in range(int(row[f"{phase}_count"]))]
        for index, phase in enumerate(in_order):
            down, across = divmod(index, side)
            marks[phase].append((columns[row[x]] + offsets[across], rows[row[y]] - offsets[down]))
    size = min(cell * 72 * 0.84 / side * 0.72, 11) ** 2  # points squared
    for phase, points in marks.items():
        if points:
            xs, ys = zip(*points, strict=True)
            panel.scatter(xs, ys, s=size, c=PHASE_COLORS[phase], marker=PHASE_MARKERS[phase], linewidths=0)
    for edge in np.arange(len(columns) + 1) - 0.5:
        panel.axvline(edge, color="#E4E4E4", lw=0.6, zorder=0)
    for edge in np.arange(len(rows) + 1) - 0.5:
        panel.axhline(edge, color="#E4E4E4", lw=0.6, zorder=0)
    panel.set_xticks(list(columns.values()), [_text(value) for value in columns])
    panel.set_yticks(list(rows.values()), [_text(value) for value in rows])
    panel.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5))
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)


def _legend_mark(phase: str) -> Line2D:
    return Line2D(
        [], [], ls="", marker=PHASE_MARKERS[phase], color=PHASE_COLORS[phase], markersize=6, markeredgewidth=0, label=phase
    )


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
