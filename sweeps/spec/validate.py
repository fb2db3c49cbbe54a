"""Validates a spec, name by name and value by value, with one-sentence error messages."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pydantic

from grokjax.analysis.labels.rules import make_rule
from grokjax.config import RunConfig, UnknownHyperparameter, hyperparameter_fields
from grokjax.entry_points import why_unknown
from grokjax.errors import AnalysisError, SpecError, nearest
from grokjax.fields import COMPONENTS, Value, role_of
from grokjax.registry import ENTRY_POINTS, classes_of
from grokjax.sweeps.spec.grid import points
from grokjax.sweeps.spec.resources import PinnedTuning, Resources
from grokjax.sweeps.spec.sweep_spec import SweepSpec


def check_runs(spec: SweepSpec, where: str) -> None:
    """Checks every name, every value that an axis takes, and the extreme combinations of the axes together.

    For a traced field only the least and the greatest value of each type are checked, because a value between two valid ones is
    valid. Raises SpecError.
    """
    if spec.rule is not None:
        try:
            make_rule(spec.rule)
        except AnalysisError as error:
            raise SpecError(f"{where}: {error}") from None
    _check_components(spec, where)
    _check_names(spec, where)
    for point in _left_in(spec) if spec.leave_out else _corners(spec):
        _check_run(spec, point, where)


def _corners(spec: SweepSpec) -> Iterator[dict[str, Value]]:
    """The points to check: the first, those that differ from it in one value, and those with all numbers least or all greatest."""
    first = {name: values[0] for name, values in spec.swept.items()}
    yield first
    for name in spec.axes:
        for value in _to_check(spec, name):
            yield _where_it_counts(spec, first, name) | {name: value}
    for axis in spec.zipped:
        if all(_is_traced(name) for name in axis):
            yield from (first | {name: value} for name in axis for value in _extremes(axis[name]))
        else:
            yield from (first | dict(zip(axis, point, strict=True)) for point in zip(*axis.values(), strict=True))
    numeric = [name for name, values in spec.axes.items() if all(isinstance(value, int | float) for value in values)]
    for extreme in (min, max):
        yield first | {name: extreme(spec.axes[name]) for name in numeric}


def _left_in(spec: SweepSpec) -> Iterator[dict[str, Value]]:
    """For each value to be checked, the first point that has it."""
    at = points(spec)
    for name in at.values:
        for value in _to_check(spec, name):
            has_value = at.codes[name] == at.values[name].index(value)
            if has_value.any():
                yield at.at(int(np.argmax(has_value)))


def _to_check(spec: SweepSpec, name: str) -> Sequence[Value]:
    return _extremes(spec.swept[name]) if _is_traced(name) else spec.swept[name]


def _is_traced(name: str) -> bool:
    return role_of(hyperparameter_fields()[name]) == "traced"


def _where_it_counts(spec: SweepSpec, point: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The point with its task, model and optimizer replaced by ones from the axes that have the hyperparameter `name`."""
    if name not in spec.hyperparameters(point):
        for part in COMPONENTS:
            for kind in spec.swept.get(part, ()):
                if name in spec.hyperparameters({**point, part: kind}):
                    return {**point, part: kind}
    return dict(point)


def _extremes(values: Sequence[Value]) -> list[Value]:
    """The least and the greatest value of each numeric type, and all other values."""
    found: list[Value] = []
    for kind in (int, float):
        if numbers := [value for value in values if type(value) is kind]:
            found += dict.fromkeys((min(numbers), max(numbers)))
            found += [value for value in numbers if value != value][:1]  # noqa: PLR0124  (not a number)
    return found + [value for value in values if type(value) not in (int, float)]


def _check_names(spec: SweepSpec, where: str) -> None:
    known = hyperparameter_fields()
    for table, names in (("run", spec.run), ("axes", spec.swept)):
        for name in names:
            if name not in known:
                hint = "; it is a key of the spec itself" if name in SweepSpec.model_fields else nearest(name, known)
                hint = "; use --stop, or stop in the spec itself" if name == "stop" else hint
                hint = "; what a worker takes of a cluster goes in [resources]" if name in Resources.model_fields else hint
                raise SpecError(f"{where}: [{table}] {name} is not a hyperparameter{hint}")
    for name in spec.swept:
        if name == "probes":
            raise SpecError(f"{where}: probes is one value for a whole sweep; join several by +, such as fourier+gradient")
        if role_of(known[name]) == "recording":
            raise SpecError(
                f"{where}: {name} sets how long runs are trained or what is logged, for a whole sweep at once; put it in [run]"
            )


def _check_components(spec: SweepSpec, where: str) -> None:
    """Raises SpecError for an unknown task, model or optimizer, before its unknown hyperparameters would be reported."""
    for component in COMPONENTS:
        known = classes_of(component)
        choices = spec.swept.get(component) or (spec.run[component],) if component in {*spec.run, *spec.swept} else (None,)
        for choice in choices:
            if choice not in known:
                got = "it is missing" if choice is None else f"got {choice!r}"
                hint = "" if choice is None else why_unknown(str(choice), known, *ENTRY_POINTS)
                raise SpecError(f"{where}: {component} is one of {', '.join(known)}; {got}{hint}")


def _check_run(spec: SweepSpec, point: Mapping[str, Value], where: str) -> None:
    flat = spec.hyperparameters(point)
    try:
        RunConfig.from_flat(flat)
    except UnknownHyperparameter as error:
        owners = [
            f"{part} {kind}" for part in COMPONENTS for kind, cls in classes_of(part).items() if error.name in cls.model_fields
        ]
        chosen = ", ".join(f"{part} {flat[part]}" for part in COMPONENTS)
        belongs = f"{error.name} belongs to {' or '.join(owners)}, but this sweep has {chosen}"
        raise SpecError(f"{where}: {belongs}; leave it out (--unset {error.name})") from None
    except pydantic.ValidationError as error:
        raise SpecError(f"{where}: {impossible_run(error, spec, point)}") from None


def impossible_run(error: pydantic.ValidationError, spec: SweepSpec, point: Mapping[str, Value]) -> str:
    """Why the run at a point is invalid, as a sentence, with the values on the axes if the error concerns several of them."""
    complaint = first_complaint(error)
    at = ", ".join(f"{name} = {point[name]}" for name in spec.varied if name in point and name not in complaint)
    return complaint + (f" (in the run with {at})" if at and error.errors()[0]["type"] == "value_error" else "")


def first_complaint(error: pydantic.ValidationError) -> str:
    """The first error of a pydantic validation, as a sentence with the hyperparameter, its value, and what is allowed."""
    complaint = error.errors()[0]
    name = next((str(part) for part in reversed(complaint["loc"]) if isinstance(part, str)), "spec")
    if complaint["type"] == "value_error":
        why = str(complaint["ctx"]["error"])
        return why if name == "spec" else f"{name}: {why}"
    if complaint["type"] == "missing" and error.title == SweepSpec.__name__:
        return f"{name} is missing; a spec has a name and a [run] table, and may have [axes]"
    if complaint["type"] == "missing":
        return f"{name} is missing; give it in [run] or as an axis"
    if complaint["type"] == "extra_forbidden" and (table := complaint["loc"][0]) in ("resources", "tuning"):
        known = (Resources if table == "resources" else PinnedTuning).model_fields
        hint = "; a custom resource of a cluster goes in [resources.custom]" if table == "resources" else ""
        return f"[{table}] {name} is none of {', '.join(known)}{nearest(name, known)}{hint}"
    message = complaint["msg"][0].lower() + complaint["msg"][1:]
    return f"{name} = {complaint['input']!r}: {message}"
