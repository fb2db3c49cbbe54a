"""Specs: a base run plus axes, read from a TOML file or by the name of a shipped one, and checked before anything starts."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import pydantic

from grokjax.config import PART_NAMES, RunConfig, UnknownHyperparameter, hyperparameter_fields
from grokjax.fields import Value, role_of
from grokjax.kinds import kinds_of
from sweeps.axes import axis_values, parse_setting
from sweeps.errors import SpecError, nearest
from sweeps.stopping import DECIDERS, RuleName

Stop = Literal["never", "decided"]


class SweepSpec(pydantic.BaseModel):
    """A base run and the axes along which it is varied; their product is the sweep.

    `stop` says when a run ends: "never" before its steps, or once it is "decided", its label certain under `rule`.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    description: str = ""
    run: dict[str, Value]
    axes: dict[str, tuple[Value, ...]] = {}
    stop: Stop = "never"
    rule: RuleName | None = None

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.stop == "decided" and self.rule is None:
            raise ValueError(f'stop = "decided" needs a rule that decides; add rule = {" or ".join(map(repr, DECIDERS))}')
        return self

    @property
    def varied(self) -> tuple[str, ...]:
        """The axes with more than one value."""
        return tuple(name for name, values in self.axes.items() if len(values) > 1)

    @property
    def stopping_rule(self) -> RuleName | None:
        """The rule that ends runs once they are decided; None if all are trained to their end."""
        return self.rule if self.stop == "decided" else None

    @property
    def size(self) -> int:
        """How many runs the sweep has."""
        size = 1
        for values in self.axes.values():
            size *= len(values)
        return size


def load_spec(path_or_name: str, overrides: Sequence[str] = (), stop: Stop | None = None) -> SweepSpec:
    """The spec in a file, or the shipped spec of that name, with `hyperparameter=value` overrides laid over it.

    An override with one value fixes the hyperparameter, taking its axis away; one with several makes or replaces its axis. `stop`
    takes the place of the spec's own.

    Raises:
      SpecError: no such file or name, not TOML, or anything in it that cannot be run.
    """
    text, where = _read(path_or_name)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where} is not TOML: {error}") from None
    return spec_from(written if stop is None else {**written, "stop": stop}, where, overrides)


def spec_from(written: Mapping[str, Any], where: str, overrides: Sequence[str] = ()) -> SweepSpec:
    """The spec written as the TOML tables `written`; `where` names it in errors. Raises SpecError."""
    for key, value in written.items():
        if key not in SweepSpec.model_fields:
            raise SpecError(f"{where}: {key} is not a key of a spec{nearest(key, SweepSpec.model_fields)}")
        if key in ("run", "axes") and not isinstance(value, dict):
            raise SpecError(f"{where}: {key} is a table of hyperparameters ([{key}]), got {value!r}")
    axes = {name: _axis(where, name, value) for name, value in written.get("axes", {}).items()}
    run = dict(written.get("run", {}))
    for name, value in run.items():
        if not isinstance(value, bool | int | float | str):
            raise SpecError(f"{where}: [run] {name} holds {value!r}, and a run has one value; put several in [axes]")
    for name in sorted(run.keys() & axes.keys()):
        raise SpecError(f"{where}: {name} is given both in [run] and in [axes]; keep one")
    named = [override.partition("=")[0].strip() for override in overrides]
    for name, override in zip(named, overrides, strict=True):
        if named.count(name) > 1:
            raise SpecError(f"--set {name} is given {named.count(name)} times; give several values as {name}=A,B")
        _override(run, axes, override)
    try:
        spec = SweepSpec(**{**written, "run": run, "axes": axes})
    except pydantic.ValidationError as error:
        raise SpecError(f"{where}: {_first(error)}") from None
    _check_runs(spec, where)
    return spec


def shipped_specs() -> dict[str, str]:
    """The texts of the specs that come with the package, by name."""
    folder = resources.files("sweeps") / "specs"
    return {Path(file.name).stem: file.read_text("utf-8") for file in sorted(folder.iterdir(), key=lambda f: f.name)}


def _read(path_or_name: str) -> tuple[str, str]:
    shipped = shipped_specs()
    if path_or_name in shipped:
        return shipped[path_or_name], path_or_name
    path = Path(path_or_name)
    try:
        return path.read_text("utf-8"), path.name
    except UnicodeDecodeError:
        raise SpecError(f"{path_or_name} is not a text file; a spec is TOML") from None
    except OSError as error:
        hint = nearest(path_or_name, shipped) or f"; shipped specs: {', '.join(shipped)}"
        raise SpecError(f"cannot read spec {path_or_name}: {error.strerror}{hint}") from None


def _axis(where: str, name: str, written: object) -> tuple[Value, ...]:
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
        if value in seen:
            raise SpecError(f"{where}: axis {name} holds {value!r} twice; every value once")
        seen.add(value)
    return tuple(values)


def _override(run: dict[str, Any], axes: dict[str, tuple[Value, ...]], override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip() or not text.strip():
        raise SpecError(f"--set {override}: write --set hyperparameter=value, such as seed=0..2 or weight_decay=0.1,1")
    name = name.strip()
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


def _check_runs(spec: SweepSpec, where: str) -> None:
    """Checks every name, every value of every axis, and the extreme combinations of the axes together."""
    _check_names(spec, where)
    first = {name: values[0] for name, values in spec.axes.items()}
    _check_run(spec, first, where)
    for name, values in spec.axes.items():
        for value in values:
            _check_run(spec, first | {name: value}, where)
    numeric = [name for name, values in spec.axes.items() if all(isinstance(value, int | float) for value in values)]
    for extreme in (min, max):
        _check_run(spec, first | {name: extreme(spec.axes[name]) for name in numeric}, where)


def _check_names(spec: SweepSpec, where: str) -> None:
    known = hyperparameter_fields()
    for table, names in (("run", spec.run), ("axes", spec.axes)):
        for name in names:
            if name not in known:
                hint = "; it is a key of the spec itself" if name in SweepSpec.model_fields else nearest(name, known)
                hint = "; use --stop, or stop in the spec itself" if name == "stop" else hint
                raise SpecError(f"{where}: [{table}] {name} is not a hyperparameter{hint}")
    for name in spec.axes:
        if role_of(known[name]) == "recorded":
            raise SpecError(
                f"{where}: {name} says how far runs are trained and what is logged, the same for a whole sweep; put it in [run]"
            )


def _check_run(spec: SweepSpec, point: Mapping[str, Value], where: str) -> None:
    flat = {**spec.run, **point}
    for part in PART_NAMES:
        kinds = kinds_of(part)
        if flat.get(part) not in kinds:
            got = f"got {flat[part]!r}" if part in flat else "it is missing"
            raise SpecError(f"{where}: {part} is one of {', '.join(kinds)}; {got}{nearest(str(flat.get(part)), kinds)}")
    try:
        RunConfig.from_flat(flat)
    except UnknownHyperparameter as error:
        owners = [f"{part} {kind}" for part in PART_NAMES for kind, cls in kinds_of(part).items() if error.name in cls.model_fields]
        kinds_here = ", ".join(f"{part} {flat[part]}" for part in PART_NAMES)
        raise SpecError(f"{where}: {error.name} belongs to {' or '.join(owners)}, but this sweep has {kinds_here}") from None
    except pydantic.ValidationError as error:
        varied = {name: value for name, value in point.items() if name in spec.varied}
        told = _first(error)
        at = ", ".join(f"{name} = {value}" for name, value in varied.items() if name not in told)
        raise SpecError(
            f"{where}: {told}" + (f" (in the run with {at})" if at and error.errors()[0]["type"] == "value_error" else "")
        ) from None


def _first(error: pydantic.ValidationError) -> str:
    """The first complaint of a validation, as a sentence with the hyperparameter, the value, and what is allowed."""
    complaint = error.errors()[0]
    if complaint["type"] == "value_error":
        return str(complaint["ctx"]["error"])
    name = next((str(part) for part in reversed(complaint["loc"]) if isinstance(part, str)), "spec")
    if complaint["type"] == "missing" and error.title == SweepSpec.__name__:
        return f"{name} is missing; a spec has a name and a [run] table, and may have [axes]"
    if complaint["type"] == "missing":
        return f"{name} is missing; give it in [run] or as an axis"
    message = complaint["msg"][0].lower() + complaint["msg"][1:]
    return f"{name} = {complaint['input']!r}: {message}"
