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

# The hyperparameters of this package in the order of the runs table. They are written here because this part of the package
# does not load the modules that define them; a test compares the two.
OWN_HYPERPARAMETERS = (
    *("task", "train_size", "operation", "modulus", "pairs", "train_fraction", "permuted", "num_bits", "parity_bits"),
    *("test_size", "label_noise", "model", "hidden_size", "activation", "layers", "embedding", "embedding_size", "tied_hidden"),
    *("collapsed_hidden", "collapsed_output", "circle_frequencies", "width", "heads", "layer_norm", "init_scale", "dropout"),
    *("optimizer", "b1", "b2", "eps", "l1_penalty", "l2_penalty", "weight_decay", "embedding_weight_decay", "momentum"),
    *("nesterov", "learning_rate", "embedding_learning_rate", "warmup_steps", "orthogonal_gradient", "gradient_filter"),
    *("filter_decay", "filter_strength", "loss", "batch_size", "precision", "seed", "data_seed", "log_every", "probes"),
    *("snapshots", "component_versions"),
)
OWN_FOLLOWS = {"embedding_weight_decay": "weight_decay", "embedding_learning_rate": "learning_rate", "data_seed": "seed"}

# The kinds of columns that make two runs different ones; `component_versions` is a hyperparameter in roots of version 0.2.
_KINDS = ("hyperparameter", "version")


def describe_columns(frame: pd.DataFrame, schema: pa.Schema) -> None:
    """Copies the column metadata of a schema into a frame's attrs.

    `attrs["hyperparameters"]` lists the hyperparameters, `component_versions` included; `attrs["follows"]` maps one to the
    hyperparameter whose value it takes when left out, and `attrs["units"]` and `attrs["meanings"]` map a column to its unit and its
    meaning.
    """
    metadata = {field.name: {key.decode(): value.decode() for key, value in (field.metadata or {}).items()} for field in schema}
    names = [name for name, about in metadata.items() if about.get("kind") in _KINDS]
    frame.attrs["hyperparameters"] = names
    frame.attrs["follows"] = {name: about["follows"] for name, about in metadata.items() if "follows" in about}
    frame.attrs["units"] = {name: about["unit"] for name, about in metadata.items() if about.get("unit")}
    frame.attrs["meanings"] = {name: about["meaning"] for name, about in metadata.items() if "meaning" in about}


def hyperparameters(runs: pd.DataFrame) -> list[str]:
    """The hyperparameters among the columns of a runs table, seeds and `component_versions` included.

    They are those of this package, which are known by name, and those that the frame's attrs list. In a table without attrs -
    merged, from a CSV file or `pandas.read_parquet` - the columns between `task` and the first outcome count too, where the runs
    table has hyperparameters of other packages. Columns that you added, such as merged notes, do not count.
    """
    listed = runs.attrs.get("hyperparameters")
    names = [str(name) for name in runs]
    known = {*OWN_HYPERPARAMETERS, *(listed if listed is not None else _before_outcomes(names))}
    return [name for name in names if name in known]


def varied_hyperparameters(runs: pd.DataFrame) -> list[str]:
    """The hyperparameters, seeds aside, that have more than one value in a runs table.

    Null does not count as a value: a hyperparameter that only one of two models has, with the same value in all its runs, does not
    vary. Nor does one that follows another in every run, such as embedding_learning_rate if only learning_rate was given.
    """
    names = [name for name in hyperparameters(runs) if name not in SEEDS]
    return [name for name in names if _varies(values_of(runs, name)) and not _follows_another(runs, name)]


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


def _varies(values: pd.Series[Any]) -> bool:
    try:
        return values.nunique() > 1
    except TypeError:  # lists, as a table of one's own may hold
        return values.astype(str)[values.notna()].nunique() > 1


def _follows_another(runs: pd.DataFrame, name: str) -> bool:
    """Whether a hyperparameter has, in every run that has it, the value of the one that it defaults to."""
    followed = {**OWN_FOLLOWS, **runs.attrs.get("follows", {})}.get(name)
    if not followed or followed not in runs:
        return False
    given = runs[name].notna()
    return bool((runs.loc[given, name] == runs.loc[given, followed]).fillna(False).all())
