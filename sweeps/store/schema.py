"""The columns of the runs table and of the curves: name, type, unit, meaning. Also written into the files themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from grokjax.metrics import METRICS, Metric

# The thresholds whose crossings are in the runs table: the literature's usual accuracies, and the published loss threshold.
ACCURACY_THRESHOLDS = (0.9, 0.95, 0.99, 1.0)
LOSS_THRESHOLDS = (1e-2, 1e-5)

Kind = Literal["hyperparameter", "version", "outcome", "provenance", "curve"]


@dataclass(frozen=True)
class Column:
    """One column of a table: name, type, unit and meaning."""

    name: str
    type: pa.DataType
    unit: str
    meaning: str
    kind: Kind
    follows: str = ""  # the hyperparameter whose value this one takes if it is not given

    @property
    def field(self) -> pa.Field:
        """The Arrow field, with unit, meaning, kind and, if set, `follows` as its metadata."""
        metadata = {"unit": self.unit, "meaning": self.meaning, "kind": self.kind}
        return pa.field(self.name, self.type, metadata=metadata | ({"follows": self.follows} if self.follows else {}))


SCALARS = tuple(metric for metric in METRICS if metric.shape == "scalar")


def _metric_column(metric: Metric) -> Column:
    number = pa.int32() if metric.whole else pa.float32()
    types = {"scalar": number, "neurons": pa.list_(number), "matrices": pa.map_(pa.string(), number)}
    probe = "" if metric.probe is None else f"; with the probe {metric.probe}"
    return Column(metric.name, types[metric.shape], metric.unit, metric.meaning + probe, "curve")


def curve_columns(metrics: Sequence[Metric] = METRICS) -> tuple[Column, ...]:
    """The columns of the curves table: run_id, step and the metrics, by default those of this package."""
    return (
        Column("run_id", pa.string(), "", "the run, as in the runs table", "curve"),
        Column("step", pa.int64(), "steps", "training steps made when the row was logged", "curve"),
        *map(_metric_column, metrics),
    )


def threshold_label(metric: str, threshold: float) -> str:
    """A threshold as written in column names: 99 for an accuracy of 0.99, 1e_5 for a loss of 1e-5."""
    if metric.endswith("accuracy"):
        return f"{100 * threshold:g}"
    return f"{threshold:.0e}".replace("e-0", "e_").replace("e-", "e_")


def crossing_columns() -> tuple[tuple[str, str, float, bool], ...]:
    """Column name, metric, threshold, and whether it is the sustained crossing, for each crossing in the runs table."""
    return tuple(
        (f"{kind}_step_{metric}_{threshold_label(metric, threshold)}", metric, threshold, kind == "sustained")
        for metric, thresholds in (
            ("train_accuracy", ACCURACY_THRESHOLDS),
            ("test_accuracy", ACCURACY_THRESHOLDS),
            ("train_loss", LOSS_THRESHOLDS),
            ("test_loss", LOSS_THRESHOLDS),
        )
        for threshold in thresholds
        for kind in ("first", "sustained")
    )


def _crossing_meaning(metric: str, threshold: float, sustained: bool) -> str:
    reaches = "is at least" if metric.endswith("accuracy") else "is at most"
    when = "first logged step from which on" if sustained else "first logged step at which"
    return f"{when} {metric} {reaches} {threshold:g}; null if not up to `steps`"


def final_columns(metrics: Sequence[Metric]) -> tuple[Column, ...]:
    """The columns of the runs table with the last logged value of each scalar metric."""
    return tuple(
        Column(f"final_{each.name}", pa.float64(), each.unit, f"{each.name} at the last logged step", "outcome")
        for each in metrics
        if each.shape == "scalar"
    )


OUTCOME_COLUMNS: tuple[Column, ...] = (
    Column("steps", pa.int64(), "steps", "training steps made", "outcome"),
    Column(
        "diverged_step",
        pa.int64(),
        "steps",
        "logged step at which a metric was not finite, where the run ended; null if none",
        "outcome",
    ),
    Column(
        "stopped_by",
        pa.string(),
        "",
        "the rule that had decided the run at `steps`, where it was stopped (several joined by +); null if trained to its end",
        "outcome",
    ),
    Column("min_train_loss", pa.float64(), "nats", "least train_loss over the logged steps", "outcome"),
    Column("min_test_loss", pa.float64(), "nats", "least test_loss over the logged steps", "outcome"),
    Column("max_loss_ratio", pa.float64(), "1", "greatest test_loss / train_loss over the logged steps", "outcome"),
    Column("max_test_accuracy", pa.float64(), "share", "greatest test_accuracy over the logged steps", "outcome"),
    *final_columns(SCALARS),
    *(
        Column(name, pa.int64(), "steps", _crossing_meaning(metric, threshold, sustained), "outcome")
        for name, metric, threshold, sustained in crossing_columns()
    ),
)

# The categories of a worker's time. Each run has its share of its pack's time, so sums over runs give the workers' time.
COSTS: tuple[tuple[str, str], ...] = (
    ("startup", "from the sweep's start until its worker was ready; of a worker's first pack"),
    ("compile", "compiling, tuning, and timing a matrix product for scale"),
    ("train", "training steps"),
    ("measure", "measuring the logged rows: rows times what one was timed to take"),
    ("idle_lane", "lanes without a run"),
    ("write", "making the tables and writing the curves"),
    ("wait", "its worker had nothing to do before the pack came"),
)

PROVENANCE_COLUMNS: tuple[Column, ...] = (
    Column("pack_id", pa.string(), "", "the pack that trained the run; names its two files but in a compacted root", "provenance"),
    Column("group_id", pa.string(), "", "the group of runs that share a compiled program", "provenance"),
    Column("lane_width", pa.int32(), "runs", "runs trained side by side", "provenance"),
    Column("dot_library", pa.string(), "", "what computed the matrix products: XLA's default choice, or eigen", "provenance"),
    *(Column(f"{name}_seconds", pa.float64(), "s", meaning, "provenance") for name, meaning in COSTS),
    Column("useful_flops", pa.float64(), "flop", "arithmetic of the matrix products of its training steps", "provenance"),
    Column(
        "peak_flops",
        pa.float64(),
        "flop/s",
        "speed of a large float32 matrix product in its worker, right before the pack",
        "provenance",
    ),
    Column("worker", pa.string(), "", "the process that trained it: host and process id", "provenance"),
    Column("device", pa.string(), "", "kind of device it was trained on", "provenance"),
    Column("num_classes", pa.int32(), "", "classes of the task; 1 / num_classes is the accuracy of guessing", "provenance"),
    Column("trajectory_version", pa.int32(), "", "version of the code's meaning of a config", "provenance"),
    Column("grokjax_version", pa.string(), "", "version of this package", "provenance"),
    Column("commit", pa.string(), "", "git commit of the code; null where it is not a checkout", "provenance"),
    Column("jax_version", pa.string(), "", "version of jax", "provenance"),
    Column("python_version", pa.string(), "", "version of Python", "provenance"),
    Column("started_at", pa.timestamp("ms", tz="UTC"), "", "when its worker took the pack up", "provenance"),
    Column("finished_at", pa.timestamp("ms", tz="UTC"), "", "when the pack was committed", "provenance"),
)


def runs_columns(hyperparameters: tuple[Column, ...], metrics: Sequence[Metric] = METRICS) -> tuple[Column, ...]:
    """The columns of the runs table: run_id, hyperparameters, outcomes, provenance, final values of other packages' metrics."""
    run_id = Column("run_id", pa.string(), "", "hash of all that determines the run's trajectory", "provenance")
    meaning = 'versions of its task, model and optimizer other than 1, such as "task 2"; null where all are 1'
    versions = Column("component_versions", pa.string(), "", meaning, "version")  # never mixed in a cell
    further = final_columns([metric for metric in metrics if metric not in METRICS])
    return (run_id, *hyperparameters, versions, *OUTCOME_COLUMNS, *PROVENANCE_COLUMNS, *further)


def runs_schema(hyperparameters: tuple[Column, ...], metrics: Sequence[Metric] = METRICS) -> pa.Schema:
    """The Arrow schema of the runs table; see `runs_columns`."""
    return pa.schema([column.field for column in runs_columns(hyperparameters, metrics)])


def curves_schema(metrics: Sequence[Metric] = METRICS) -> pa.Schema:
    """The Arrow schema of the curves table, which has a row per run and logged step."""
    return pa.schema([column.field for column in curve_columns(metrics)])
