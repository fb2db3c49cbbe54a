"""Export of finished runs to an experiment tracker: MLflow, or Weights & Biases offline.

Hyperparameters become the tracker's parameters, outcomes and curves its metrics, the rest its tags. Runs that the tracker already
has (same run_id and steps) are skipped; those that were entered incompletely or trained further are entered again.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from grokjax.analysis.tables.hyperparameters import hyperparameters
from grokjax.analysis.tables.load import load_curves, load_runs
from grokjax.environment import restored_environment
from grokjax.errors import AnalysisError, reason
from grokjax.sweeps.store.read import OnBadFile
from grokjax.sweeps.store.schema import OUTCOME_COLUMNS, PROVENANCE_COLUMNS

Tracker = Literal["mlflow", "wandb"]
# The number of runs whose curves are in memory at a time.
RUNS_AT_ONCE = 100
# The most metrics, runs and parameters in one request to MLflow.
MLFLOW_METRICS, MLFLOW_RUNS, MLFLOW_PARAMETERS = 1000, 1000, 100


@dataclass(frozen=True)
class Tracked:
    """A run in the form in which it is entered into a tracker, without null values."""

    run_id: str
    steps: int
    hyperparameters: dict[str, Any]
    outcomes: dict[str, float]
    tags: dict[str, str]
    started_ms: int
    finished_ms: int
    curve: list[tuple[int, dict[str, float]]]  # metrics by logged step; elements of lists and maps as name/index and name/key


class Session(NamedTuple):
    """A connection to a tracker, open for writing."""

    steps: Mapping[str, int]  # of the runs that it has already, by run_id
    enter: Callable[[Tracked], None]
    close: Callable[[], None]


@restored_environment()
def track(
    root: str | Path,
    tracker: Tracker,
    to: str,
    name: str,
    run_ids: Sequence[str] | None = None,
    on_bad_file: OnBadFile = "raise",
) -> tuple[int, int]:
    """Enters runs into a tracker. If it is interrupted, the same call enters the remaining ones.

    Args:
      root: where the sweep was run to.
      tracker: the kind of tracker.
      to: for mlflow a database file (SQLite), or the address of a tracking server or database; for wandb a folder of offline runs,
        which `wandb sync` uploads.
      name: of the experiment (mlflow) or project (wandb).
      run_ids: the runs to enter; all when None.
      on_bad_file: as for `load_runs`; runs whose curves cannot be read are not entered.

    Returns:
      How many runs were entered, and how many the tracker had already.

    Raises:
      StoreError: `root` holds no sweep, or a file of it cannot be read.
      AnalysisError: the tracker's library is not installed, or it cannot write there.
    """
    runs = load_runs(root, on_bad_file=on_bad_file)
    if run_ids is not None:
        runs = runs[runs["run_id"].isin(list(run_ids))]
    try:
        session = {"mlflow": _mlflow, "wandb": _wandb}[tracker](to, name)
    except ImportError:
        raise AnalysisError(f"{tracker} needs its library; pip install 'grokjax[{tracker}]'") from None
    missing = runs[[session.steps.get(run_id) != steps for run_id, steps in zip(runs["run_id"], runs["steps"], strict=True)]]
    entered = 0
    try:
        for run in _tracked(root, missing, on_bad_file):
            session.enter(run)
            entered += 1
    finally:
        session.close()
    return entered, len(runs) - len(missing)


def _mlflow(to: str, name: str) -> Session:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow.entities import Metric, Param  # noqa: PLC0415  (seconds to import, and optional)
    from mlflow.exceptions import MlflowException  # noqa: PLC0415
    from mlflow.tracking import MlflowClient  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    writing = functools.partial(_writing, to, (MlflowException, SQLAlchemyError, OSError))
    with writing():
        if "://" not in to:
            Path(to).open("ab").close()  # MLflow itself would retry for minutes if it cannot write
        client = MlflowClient(to if "://" in to else f"sqlite:///{Path(to).resolve()}")
        experiment = client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else client.create_experiment(name)
    finished: dict[str, int] = {}
    entered: dict[str, str] = {}  # MLflow's own id by run_id
    for run in _pages(lambda token: client.search_runs([experiment_id], max_results=MLFLOW_RUNS, page_token=token)):
        run_id = run.data.tags.get("grokjax.run_id")
        if run_id is None:  # somebody else's run
            continue
        entered[run_id] = run.info.run_id
        if run.info.status == "FINISHED":
            finished[run_id] = int(run.data.tags["grokjax.steps"])

    @writing()
    def enter(run: Tracked) -> None:
        if run.run_id in entered:  # incomplete, or with fewer steps
            client.delete_run(entered[run.run_id])
        made = client.create_run(experiment_id, start_time=run.started_ms, tags=run.tags, run_name=run.run_id)
        parameters = [Param(key, str(value)) for key, value in run.hyperparameters.items()]
        last = [Metric(key, value, run.finished_ms, run.steps) for key, value in run.outcomes.items()]
        curve = [Metric(key, value, run.finished_ms, step) for step, row in run.curve for key, value in row.items()]
        for chunk in _chunks(parameters, MLFLOW_PARAMETERS):
            client.log_batch(made.info.run_id, params=chunk)
        for chunk in _chunks(last + curve, MLFLOW_METRICS):
            client.log_batch(made.info.run_id, metrics=chunk)
        client.set_terminated(made.info.run_id, end_time=run.finished_ms)

    return Session(finished, enter, lambda: None)


def _wandb(to: str, name: str) -> Session:
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb  # noqa: PLC0415  (seconds to import, and optional)

    writing = functools.partial(_writing, to, (wandb.Error, OSError))
    folder, unfinished = Path(to), Path(to) / ".unfinished"
    with writing():
        folder.mkdir(parents=True, exist_ok=True)
    notes = {note.parent: json.loads(note.read_text("utf-8")) for note in folder.glob("offline-run-*/grokjax.json")}
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_git=True,
        x_disable_stats=True,  # statistics of this machine, which did not train the run
        x_disable_meta=True,
        x_save_requirements=False,
    )

    @writing()
    def enter(run: Tracked) -> None:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        config = run.hyperparameters | {"provenance": run.tags}
        made = wandb.init(
            mode="offline", dir=unfinished, project=name, id=run.run_id, config=config, reinit="create_new", settings=settings
        )
        for step, row in run.curve:
            made.log(row, step=step)
        made.summary.update(run.outcomes)
        made.finish()
        (written,) = (unfinished / "wandb").glob("offline-run-*")
        (written / "grokjax.json").write_text(json.dumps({"run_id": run.run_id, "steps": run.steps}), "utf-8")
        for old in [old for old, note in notes.items() if note["run_id"] == run.run_id]:
            shutil.rmtree(old)
        written.rename(folder / written.name)  # atomic
        shutil.rmtree(unfinished)

    return Session({note["run_id"]: note["steps"] for note in notes.values()}, enter, wandb.teardown)


@contextlib.contextmanager
def _writing(to: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        raise AnalysisError(f"cannot enter runs into {to}: {reason(error)}") from None


def _tracked(root: str | Path, runs: pd.DataFrame, on_bad_file: OnBadFile) -> Iterator[Tracked]:
    """The runs with their curves, pack by pack, so that few files are read at a time."""
    ordered = runs.sort_values([name for name in ("pack_id", "run_id") if name in runs])
    outcomes = [column.name for column in OUTCOME_COLUMNS if column.name in runs]
    provenance = [column.name for column in PROVENANCE_COLUMNS if column.name in runs]
    for start in range(0, len(ordered), RUNS_AT_ONCE):
        part = ordered.iloc[start : start + RUNS_AT_ONCE]
        curves = dict(list(load_curves(root, part["run_id"].tolist(), on_bad_file=on_bad_file).groupby("run_id")))
        for run in part[part["run_id"].isin(curves)].to_dict("records"):
            known = {name: run[name] for name in (*outcomes, *provenance) if not _null(run[name])}
            tags = {f"grokjax.{name}": str(known[name]) for name in ("steps", "stopped_by", *provenance) if name in known}
            yield Tracked(
                run_id=run["run_id"],
                steps=int(run["steps"]),
                hyperparameters={name: run[name] for name in hyperparameters(runs) if not _null(run[name])},
                outcomes={name: float(known[name]) for name in outcomes if name in known and name != "stopped_by"},
                tags={"grokjax.run_id": run["run_id"], **tags},
                started_ms=_milliseconds(run.get("started_at")),
                finished_ms=_milliseconds(run.get("finished_at")),
                curve=[_row(row) for row in curves[run["run_id"]].to_dict("records")],
            )


def _row(row: Mapping[Any, Any]) -> tuple[int, dict[str, float]]:
    """A logged step, and its metrics as floats."""
    metrics: dict[str, float] = {}
    for name, value in row.items():
        if name in ("run_id", "step") or _null(value):
            continue
        if isinstance(value, list):
            pairs = value if value and isinstance(value[0], tuple) else enumerate(value)
            metrics |= {f"{name}/{key}": float(each) for key, each in pairs if not _null(each)}
        else:
            metrics[str(name)] = float(value)
    return int(row["step"]), metrics


def _null(value: Any) -> bool:
    """Whether a value is null; NaN is not."""
    return value is None or value is pd.NA or value is pd.NaT


def _milliseconds(at: Any) -> int:
    """A timestamp in milliseconds since the epoch; 0 if an older version did not store it."""
    return 0 if _null(at) else math.floor(at.timestamp() * 1000)


def _chunks(entries: list[Any], size: int) -> Iterator[list[Any]]:
    return (entries[start : start + size] for start in range(0, len(entries), size))


def _pages(page: Callable[[str | None], Any]) -> Iterator[Any]:
    """The elements of all pages of a paginated API; `page` returns the page for a token, with the token of the next."""
    token = None
    while True:
        found = page(token)
        yield from found
        token = found.token
        if not token:
            return
