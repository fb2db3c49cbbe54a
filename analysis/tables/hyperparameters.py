"""Finds which columns of a runs table are hyperparameters and which of them vary, so that cells do not mix different runs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from grokjax.sweeps.store.schema import OUTCOME_COLUMNS, PROVENANCE_COLUMNS

# Columns in which the runs of one cell differ.
SEEDS = ("seed", "data_seed")
# The runs table begins with run_id and the hyperparameters; FIRST is the first of them, and these columns follow them.
FIRST_HYPERPARAMETER = "task"
_LATER = frozenset(column.name for column in (*OUTCOME_COLUMNS, *PROVENANCE_COLUMNS))

# Every hyperparameter in the schemas read so far, with the one that it defaults to ("" if none). `merge` and `concat` drop a
# frame's attrs; without this, a hyperparameter of such a frame would be taken for a column that the user added.
_read: dict[str, str] = {}


def describe_columns(frame: pd.DataFrame, schema: pa.Schema) -> None:
    """Copies the column metadata of a schema into a frame's attrs, and remembers the names of the hyperparameters.

    `attrs["hyperparameters"]` lists them, `attrs["follows"]` maps one to the hyperparameter whose value it takes when left out, and
    `attrs["meanings"]` maps a column to its meaning.
    """
    metadata = {field.name: {key.decode(): value.decode() for key, value in (field.metadata or {}).items()} for field in schema}
    names = [name for name, about in metadata.items() if about.get("kind") == "hyperparameter"]
    _read.update({name: metadata[name].get("follows", "") for name in names})
    frame.attrs["hyperparameters"] = names
    frame.attrs["follows"] = {name: about["follows"] for name, about in metadata.items() if "follows" in about}
    frame.attrs["meanings"] = {name: about["meaning"] for name, about in metadata.items() if "meaning" in about}


def hyperparameters(runs: pd.DataFrame) -> list[str]:
    """The hyperparameters among the columns of a runs table, seeds included.

    A table from `load_runs` lists them in its attrs. Any other table - merged, concatenated, from a query or from
    `pandas.read_parquet` - is judged by its column names: hyperparameters known from the roots that this process has read, and
    columns between `run_id` and the first outcome, where the runs table has its hyperparameters. Columns that you added, such as
    merged notes, do not count.
    """
    listed = runs.attrs.get("hyperparameters")
    if listed is not None:
        return [name for name in listed if name in runs]
    known = {*_read, *_before_outcomes([str(name) for name in runs])}
    return [str(name) for name in runs if name in known]


def varied_hyperparameters(runs: pd.DataFrame) -> list[str]:
    """The hyperparameters, seeds aside, that have more than one value in a runs table.

    Null does not count as a value: a hyperparameter that only one of two models has, with the same value in all its runs, does not
    vary. Nor does one that follows another in every run, such as embedding_learning_rate if only learning_rate was given.
    """
    names = [name for name in hyperparameters(runs) if name not in SEEDS]
    return [name for name in names if values_of(runs, name).nunique() > 1 and not _follows_another(runs, name)]


def values_of(runs: pd.DataFrame, name: str) -> pd.Series[Any]:
    """The values of a hyperparameter, null where a run has none; for `component_versions`, null means version 1."""
    return runs[name].fillna("1") if name == "component_versions" else runs[name]


def is_number(values: pd.Series[Any]) -> bool:
    """Whether a column is numeric; booleans do not count."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _before_outcomes(names: list[str]) -> list[str]:
    end = next((place for place, name in enumerate(names) if name in _LATER), 0)
    start = names.index(FIRST_HYPERPARAMETER) if FIRST_HYPERPARAMETER in names[:end] else 0
    return [name for name in names[start:end] if name != "run_id"]


def _follows_another(runs: pd.DataFrame, name: str) -> bool:
    followed = runs.attrs.get("follows", _read).get(name)
    return bool(followed) and followed in runs and runs[name].equals(runs[followed].rename(name))
