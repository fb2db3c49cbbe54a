"""Specs: a base run plus axes, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pydantic

from grokjax.errors import SpecError, nearest
from grokjax.fields import Value
from grokjax.sweeps.spec.axes import axis_values, parse_setting, parse_value
from grokjax.sweeps.spec.conditions import EXAMPLE, parse_condition
from grokjax.sweeps.spec.files import KEYS, read_spec, without
from grokjax.sweeps.spec.resources import PinnedTuning, Resources
from grokjax.sweeps.spec.sampling import draw
from grokjax.sweeps.spec.sweep_spec import Stop, SweepSpec
from grokjax.sweeps.spec.validate import check_runs, first_complaint


def load_spec(
    path_or_name: str,
    overrides: Sequence[str] = (),
    stop: Stop | None = None,
    unset: Sequence[str] = (),
    tuning: Sequence[str] = (),
) -> SweepSpec:
    """The spec in a file, or the shipped spec of that name, with `hyperparameter=value` overrides laid over it.

    An override with one value fixes the hyperparameter, taking its axis away; one with several makes or replaces its axis. `stop`
    takes the place of the spec's own, and so do the `name=value` settings of `tuning`; the hyperparameters `unset` are taken out
    before anything is laid over.

    Raises:
      SpecError: no such file or name, not TOML, or anything in it that cannot be run.
    """
    written, where = read_spec(path_or_name)
    written = without(written, unset, where)
    if stop is not None:
        written = {**written, "stop": stop}
    if tuning:
        pairs = [_named(setting, "--tuning", "name=value, such as dot_library=default") for setting in tuning]
        written = {
            **written,
            "tuning": _table(where, written, "tuning", "settings") | {name: parse_value(text) for name, text in pairs},
        }
    return spec_from(written, where, overrides)


def spec_from(written: Mapping[str, Any], where: str, overrides: Sequence[str] = ()) -> SweepSpec:
    """The spec written as the TOML tables `written`; `where` names it in errors. Raises SpecError."""
    for key in written:
        if key not in KEYS:
            raise SpecError(f"{where}: {key} is not a key of a spec{nearest(key, KEYS)}")
    axes = {name: _axis(where, name, value) for name, value in _table(where, written, "axes").items()}
    run = _table(where, written, "run")
    for name, value in run.items():
        if not isinstance(value, bool | int | float | str):
            raise SpecError(f"{where}: [run] {name} holds {value!r}, and a run has one value; put several in [axes]")
    zipped = _zipped(where, written.get("zipped", []))
    if "sample" in written:
        zipped.append(_sampled(where, _table(where, written, "sample")))
    named = [override.partition("=")[0].strip() for override in overrides]
    for name, override in zip(named, overrides, strict=True):
        if named.count(name) > 1:
            raise SpecError(f"--set {name} is given {named.count(name)} times; give several values as {name}=A,B")
        _override(run, axes, override)
    _check_once(where, run, axes, zipped)
    for key, model, hint in (
        ("resources", Resources, "; a custom resource of a cluster goes in [resources.custom]"),
        ("tuning", PinnedTuning, ""),
    ):
        for name in _table(where, written, key, key):
            if name not in model.model_fields:
                known = ", ".join(model.model_fields)
                raise SpecError(f"{where}: [{key}] {name} is none of {known}{nearest(name, model.model_fields)}{hint}")
    rest = {key: value for key, value in written.items() if key in SweepSpec.model_fields}
    try:
        spec = SweepSpec(**{**rest, "run": run, "axes": axes, "zipped": tuple(zipped), "leave_out": _texts(where, written)})
    except pydantic.ValidationError as error:
        raise SpecError(f"{where}: {first_complaint(error)}") from None
    check_runs(spec, where)
    return spec


def _table(where: str, written: Mapping[str, Any], key: str, of: str = "hyperparameters") -> dict[str, Any]:
    table = written.get(key, {})
    if not isinstance(table, dict):
        raise SpecError(f"{where}: {key} is a table of {of} ([{key}]), got {table!r}")
    return dict(table)


def _texts(where: str, written: Mapping[str, Any]) -> tuple[str, ...]:
    conditions = written.get("leave_out", [])
    if not isinstance(conditions, list) or not all(isinstance(each, str) for each in conditions):
        raise SpecError(f"{where}: leave_out is a list of conditions, such as [{EXAMPLE}]; got {conditions!r}")
    for condition in conditions:
        parse_condition(condition)
    return tuple(conditions)


def _check_once(where: str, run: Mapping[str, Value], axes: Mapping[str, Any], zipped: Sequence[Mapping[str, Any]]) -> None:
    """A hyperparameter has one place."""
    places = [("[run]", run), ("[axes]", axes), *(("[[zipped]] or [sample]", axis) for axis in zipped)]
    seen: dict[str, str] = {}
    for place, table in places:
        for name in sorted(table):
            if name in seen:
                raise SpecError(f"{where}: {name} is given both in {seen[name]} and in {place}; keep one")
            seen[name] = place


def _zipped(where: str, written: object) -> list[dict[str, tuple[Value, ...]]]:
    if not isinstance(written, list) or not all(isinstance(table, dict) for table in written):
        raise SpecError(f"{where}: zipped is a list of tables ([[zipped]]), each of hyperparameters with equally many values")
    zipped = []
    for table in written:
        axis = {name: _axis(where, name, values, repeats=True) for name, values in table.items()}
        lengths = {name: len(values) for name, values in axis.items()}
        if len(set(lengths.values())) != 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items()) or "nothing"
            raise SpecError(f"{where}: [[zipped]] values belong together one by one, so all have equally many; got {told}")
        if len(set(zip(*axis.values(), strict=True))) < next(iter(lengths.values())):
            raise SpecError(f"{where}: [[zipped]] {', '.join(axis)} hold the same values together twice; every combination once")
        zipped.append(axis)
    return zipped


def _sampled(where: str, written: Mapping[str, Any]) -> dict[str, tuple[Value, ...]]:
    known = ("method", "count", "seed", "axes")
    for key in written:
        if key not in known:
            raise SpecError(
                f"{where}: [sample] {key} is none of {', '.join(known)}{nearest(key, known)}; hyperparameters go in [sample.axes]"
            )
    for key in ("method", "count", "axes"):
        if key not in written:
            raise SpecError(f"{where}: [sample] {key} is missing; it has method, count, axes, and may have a seed")
    try:
        drawn = draw(written["method"], written["count"], written.get("seed", 0), _table(where, written, "axes"))
    except ValueError as error:
        raise SpecError(f"{where}: [sample] {error}") from None
    once = dict.fromkeys(zip(*drawn.values(), strict=True))  # whole numbers may come out twice
    return dict(zip(drawn, zip(*once, strict=True), strict=True))


def _axis(where: str, name: str, written: object, *, repeats: bool = False) -> tuple[Value, ...]:
    try:
        values = axis_values(written)
    except ValueError as error:
        raise SpecError(f"{where}: axis {name}: {error}") from None
    if not values:
        raise SpecError(f"{where}: axis {name} is empty; give at least one value or take it out")
    seen: set[Value] = set()
    for value in values:
        if not isinstance(value, bool | int | float | str):
            raise SpecError(f"{where}: axis {name} holds {value!r}; a value is a number, a text, true or false")
        if value in seen and not repeats:
            raise SpecError(f"{where}: axis {name} holds {value!r} twice; every value once")
        seen.add(value)
    return tuple(values)


def _override(run: dict[str, Any], axes: dict[str, tuple[Value, ...]], override: str) -> None:
    name, text = _named(override, "--set", "hyperparameter=value, such as seed=0..2 or weight_decay=0.1,1")
    try:
        value = parse_setting(text)
    except ValueError as error:
        raise SpecError(f"--set {override}: {error}") from None
    if isinstance(value, list):
        run.pop(name, None)
        axes[name] = _axis("--set", name, value)
    else:
        axes.pop(name, None)
        run[name] = value


def _named(setting: str, option: str, form: str) -> tuple[str, str]:
    """The name and the text of a setting on the command line."""
    name, _, text = (word.strip() for word in setting.partition("="))
    if not name or not text:
        raise SpecError(f"{option} {setting}: write {option} {form}")
    return name, text
