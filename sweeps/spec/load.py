"""Loads a spec: finds its file, includes others, applies --set and --unset, and returns a checked `SweepSpec`."""

import tomllib
from collections.abc import Mapping, Sequence, Set
from importlib import resources
from pathlib import Path
from typing import Any

import pydantic

from grokjax.errors import SpecError, nearest, warn
from grokjax.fields import COMPONENTS, Value
from grokjax.registry import classes_of
from grokjax.sweeps.spec.axes import axis_of, parse_setting, parse_value, sampled_axis, zipped_axes
from grokjax.sweeps.spec.grid import EXAMPLE, parse_condition
from grokjax.sweeps.spec.sweep_spec import Stop, SweepSpec
from grokjax.sweeps.spec.validate import check_runs, first_complaint

# The keys of a spec file; [sample] becomes an axis, and `include` is replaced by the spec that it names, without `unset`.
SPEC_KEYS = (*SweepSpec.model_fields, "sample", "include", "unset")
# The types of tables and lists, and how messages describe them.
FORMS: dict[str, tuple[Any, str]] = {
    "run": (dict, "a table of hyperparameters ([run])"),
    "axes": (dict, "a table of hyperparameters ([axes])"),
    "zipped": (list[dict[str, Any]], "a list of tables ([[zipped]]), each of hyperparameters with equally many values"),
    "sample": (dict, "a table ([sample]) of method, count, seed and axes"),
    "leave_out": (list[str], f"a list of conditions, such as [{EXAMPLE}]"),
    "resources": (dict, "a table of resources ([resources])"),
    "tuning": (dict, "a table of settings ([tuning])"),
    "include": (str, "the name of a shipped spec or the path of a file"),
    "unset": (list[str], "a list of hyperparameters that the included spec gives"),
}


def load_spec(
    spec: str | Mapping[str, Any],
    overrides: Sequence[str] = (),
    stop: Stop | None = None,
    unset: Sequence[str] = (),
    tuning: Sequence[str] = (),
) -> SweepSpec:
    """A spec with `hyperparameter=value` overrides.

    An override with one value fixes the hyperparameter and removes its axis; one with several values adds or replaces the axis. If
    overrides remove a task, model or optimizer, hyperparameters that only it has are dropped from the spec, with a note.

    Args:
      spec: the path of a TOML file, the name of a shipped spec, or the tables of a spec as a dict.
      overrides: as with --set.
      stop: replaces the spec's `stop`.
      unset: hyperparameters to remove from the spec before the overrides are applied.
      tuning: `name=value` settings that replace those of the spec's [tuning].

    Raises:
      SpecError: there is no such file or name, it is not TOML, or it cannot be run.
    """
    written, where = _read(spec, ())
    written = _without(written, unset, where)
    if stop is not None:
        written = {**written, "stop": stop}
    if tuning:
        pairs = [_named(setting, "--tuning", "name=value, such as dot_library=default") for setting in tuning]
        settings = {name: parse_value(text) for name, text in pairs}
        written = {**written, "tuning": written.get("tuning", {}) | settings}
    return spec_from(written, where, overrides)


def spec_from(written: Mapping[str, Any], where: str, overrides: Sequence[str] = ()) -> SweepSpec:
    """The spec written as the TOML tables `written`; `where` names it in errors. Raises SpecError."""
    _check_forms(written, where)
    axes = {name: axis_of(where, name, value) for name, value in written.get("axes", {}).items()}
    run = dict(written.get("run", {}))
    for name, value in run.items():
        if not isinstance(value, bool | int | float | str):
            raise SpecError(f"{where}: [run] {name} holds {value!r}, and a run has one value; put several in [axes]")
    zipped = zipped_axes(where, written.get("zipped", []))
    if "sample" in written:
        zipped.append(sampled_axis(where, written["sample"]))
    before, settings = _component_fields(run, axes, *zipped), _settings(overrides)
    for name, value in settings.items():
        if isinstance(value, tuple):  # a replaced axis keeps its position, since the last axis varies fastest
            run.pop(name, None)
            axes[name] = value
        else:
            axes.pop(name, None)
            run[name] = value
    left_out: list[str] = []
    if settings.keys() & set(COMPONENTS):
        unused = before - _component_fields(run, axes, *zipped) - settings.keys()
        left_out = sorted(unused & {name for table in (run, axes, *zipped) for name in table})
        written, zipped = _narrowed(written, unused, run, axes, zipped)
    _check_once(where, run, axes, zipped)
    rest = {key: value for key, value in written.items() if key in SweepSpec.model_fields}
    leave_out = tuple(written.get("leave_out", ()))
    try:
        spec = SweepSpec(**{**rest, "run": run, "axes": axes, "zipped": tuple(zipped), "leave_out": leave_out})
    except pydantic.ValidationError as error:
        raise SpecError(f"{where}: {first_complaint(error)}") from None
    check_runs(spec, where)
    if left_out:
        warn(f"left out {', '.join(left_out)}, which no task, model or optimizer of the narrowed sweep has")
    return spec


def _check_forms(written: Mapping[str, Any], where: str) -> None:
    """Raises SpecError for an unknown key, or a table or list of the wrong type."""
    for key, value in written.items():
        if key not in SPEC_KEYS:
            raise SpecError(f"{where}: {key} is not a key of a spec{nearest(key, SPEC_KEYS)}")
        kind, description = FORMS.get(key, (object, ""))
        try:
            pydantic.TypeAdapter(kind).validate_python(value)
        except pydantic.ValidationError:
            raise SpecError(f"{where}: {key} is {description}, got {value!r}") from None


def _check_once(where: str, run: Mapping[str, Value], axes: Mapping[str, Any], zipped: Sequence[Mapping[str, Any]]) -> None:
    """Raises SpecError for a hyperparameter that is given in two places."""
    places = [("[run]", run), ("[axes]", axes), *(("[[zipped]] or [sample]", axis) for axis in zipped)]
    seen: dict[str, str] = {}
    for place, table in places:
        for name in sorted(table):
            if name in seen:
                raise SpecError(f"{where}: {name} is given both in {seen[name]} and in {place}; keep one")
            seen[name] = place


def _settings(overrides: Sequence[str]) -> dict[str, Value | tuple[Value, ...]]:
    """The overrides by hyperparameter: one value, or a tuple of several."""
    settings: dict[str, Value | tuple[Value, ...]] = {}
    pairs = [_named(override, "--set", "hyperparameter=value, such as seed=0..2 or weight_decay=0.1,1") for override in overrides]
    names = [name for name, _ in pairs]
    for name, text in pairs:
        if names.count(name) > 1:
            raise SpecError(f"--set {name} is given {names.count(name)} times; give several values as {name}=A,B")
        try:
            value = parse_setting(text)
        except ValueError as error:
            raise SpecError(f"--set {name}={text}: {error}") from None
        settings[name] = axis_of("--set", name, value) if isinstance(value, list) else value
    return settings


def _component_fields(*tables: Mapping[str, Any]) -> set[str]:
    """The hyperparameters of all tasks, models and optimizers that the given tables name."""
    chosen = ((component, table[component]) for table in tables for component in COMPONENTS if component in table)
    return {
        name
        for component, values in chosen
        for value in (values if isinstance(values, tuple) else (values,))
        for name in getattr(classes_of(component).get(str(value)), "model_fields", ())
    }


def _narrowed(
    written: Mapping[str, Any], unused: Set[str], run: dict[str, Any], axes: dict[str, Any], zipped: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], list[dict[str, tuple[Value, ...]]]]:
    """A spec's tables and zipped axes without the hyperparameters `unused`. Changes `run` and `axes`."""
    for name in unused:
        run.pop(name, None)
        axes.pop(name, None)
    kept = []
    for axis in zipped:
        names = [name for name in axis if name not in unused]
        points = dict.fromkeys(
            zip(*(axis[name] for name in names), strict=True)
        )  # without the dropped hyperparameters some may be equal
        kept += [dict(zip(names, zip(*points, strict=True), strict=True))] if points else []
    conditions = [each for each in written.get("leave_out", ()) if not parse_condition(each) & unused]
    return {**written, "leave_out": conditions}, kept


def _named(setting: str, option: str, form: str) -> tuple[str, str]:
    """The name and the value of a command-line setting, as text."""
    name, _, text = (word.strip() for word in setting.partition("="))
    if not name or not text:
        raise SpecError(f"{option} {setting}: write {option} {form}")
    return name, text


def shipped_specs() -> dict[str, str]:
    """The texts of the specs that come with the package, by name."""
    folder = resources.files("grokjax.sweeps") / "specs"
    return {Path(file.name).stem: file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda f: f.name)}


def _read(spec: str | Mapping[str, Any], includers: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """The tables of a spec merged over those that it includes, and its name for error messages."""
    if isinstance(spec, Mapping):
        written, where, folder, identity = dict(spec), "the spec", Path(), ""
    else:
        text, where, folder = _text(spec)
        identity = str(folder / where)
        if identity in includers:
            raise SpecError(f"{where} includes itself through {' and '.join(Path(each).name for each in includers)}")
        try:
            written = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SpecError(f"{where} is not TOML: {error}") from None
    _check_forms(written, where)
    included, unset = written.pop("include", None), written.pop("unset", [])
    if included is None:
        return written, where
    path = included if included in shipped_specs() else str(folder / included)
    base, _ = _read(path, (*includers, identity))
    return _laid_over(_without(base, unset, where), written), where


def _without(written: Mapping[str, Any], names: Sequence[str], where: str) -> dict[str, Any]:
    """A spec's tables without some hyperparameters of its [run] and [axes]. Raises SpecError for one that is in neither."""
    tables = {key: dict(written.get(key, {})) for key in ("run", "axes")}
    for name in names:
        if all(table.pop(name, None) is None for table in tables.values()):
            known = [given for table in tables.values() for given in table]
            raise SpecError(f"{where}: cannot unset {name}, which is in neither [run] nor [axes]{nearest(str(name), known)}")
    return {**written, **tables}


def _text(path_or_name: str) -> tuple[str, str, Path]:
    shipped = shipped_specs()
    if path_or_name in shipped:
        return shipped[path_or_name], path_or_name, Path()
    path = Path(path_or_name)
    try:
        return path.read_text("utf-8"), path.name, path.parent.resolve()
    except UnicodeDecodeError:
        raise SpecError(f"{path_or_name} is not a text file; a spec is TOML") from None
    except OSError as error:
        hint = nearest(path_or_name, shipped) or f"; shipped specs: {', '.join(shipped)}"
        raise SpecError(f"cannot read spec {path_or_name}: {error.strerror}{hint}") from None


def _laid_over(base: Mapping[str, Any], written: Mapping[str, Any]) -> dict[str, Any]:
    """The included spec merged with the including one, which takes precedence, also on which hyperparameters are axes."""
    drawn = written.get("sample", {}).get("axes", {})
    given = {name for key in ("run", "axes") for name in written.get(key, {})}
    given |= {name for axis in written.get("zipped", []) for name in axis} | (drawn.keys() if isinstance(drawn, dict) else set())
    merged: dict[str, Any] = {key: value for key, value in base.items() if key not in ("name", "description")} | dict(written)
    for key in ("run", "axes"):
        merged[key] = {name: value for name, value in base.get(key, {}).items() if name not in given} | written.get(key, {})
    for key in ("zipped", "leave_out"):
        merged[key] = [*base.get(key, []), *written.get(key, [])]
    for key in ("resources", "tuning"):
        merged[key] = base.get(key, {}) | written.get(key, {})
    return merged
