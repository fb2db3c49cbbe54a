"""The model of a spec: a base run, the axes along which it is varied, and how runs are stopped, labelled and carried out."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import pydantic

from grokjax.analysis.labels.early_stop import RuleName
from grokjax.analysis.labels.rules import deciders, rules
from grokjax.fields import COMPONENTS, Value
from grokjax.registry import classes_of
from grokjax.sweeps.spec.resources import PinnedTuning, Resources

Stop = Literal["never", "decided"]

# The fields of the first versions, which stored every one. Never add to them: a spec_id is a hash of what is stored.
ALWAYS_STORED = frozenset(
    ("name", "description", "run", "axes", "zipped", "leave_out", "stop", "rule", "final_states", "resources", "tuning")
)


class SweepSpec(pydantic.BaseModel):
    """A base run and the axes along which it is varied; the sweep is their product, without the points that `leave_out` excludes.

    Each entry of `zipped` is one axis over several hyperparameters that change together. `leave_out` holds conditions such as
    "hidden_size > train_size"; runs for which any of them is true are not trained.

    `rule` is the default rule for labelling the runs. `stop` says whether runs may end early: "never", or once they are "decided",
    which means that the label under `rule` can no longer change. With `final_states` the last state of every run is stored, so that
    it can be trained for more steps. `resources` are what each worker reserves in a cluster; they do not affect results. `tuning`
    fixes how programs are compiled, which may change the low bits of a result.
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str = pydantic.Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    description: str = ""
    run: dict[str, Value]
    axes: dict[str, tuple[Value, ...]] = {}
    zipped: tuple[dict[str, tuple[Value, ...]], ...] = ()
    leave_out: tuple[str, ...] = ()
    stop: Stop = "never"
    rule: RuleName | None = None
    final_states: bool = True
    resources: Resources = Resources()
    tuning: PinnedTuning = PinnedTuning()

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON, as roots store them.

        Fields that are not in `ALWAYS_STORED` are left out at their defaults, so that a spec keeps its spec_id when a later version
        adds a field whose default is the old behaviour.
        """
        changed = self.model_dump(exclude_defaults=True).keys() | ALWAYS_STORED
        return {name: value for name, value in self.model_dump(mode="json").items() if name in changed}

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        # a rule of another package may not be installed where a stored spec is read; `check_runs` refuses unknown rules
        if self.stop == "decided" and (self.rule is None or self.rule in rules()) and self.rule not in deciders():
            got = "" if self.rule is None else f", and {self.rule} decides none before its end"
            raise ValueError(f'stop = "decided" needs a rule that decides{got}; set rule = {" or ".join(map(repr, deciders()))}')
        return self

    @property
    def swept(self) -> dict[str, tuple[Value, ...]]:
        """The hyperparameters on axes, zipped ones included, with their values."""
        return self.axes | {name: values for axis in self.zipped for name, values in axis.items()}

    @property
    def varied(self) -> tuple[str, ...]:
        """The swept hyperparameters with more than one value."""
        return tuple(name for name, values in self.swept.items() if len(set(values)) > 1)

    @property
    def stopping_rule(self) -> RuleName | None:
        """The rule under which runs end early; None if all runs are trained to their last step."""
        return self.rule if self.stop == "decided" else None

    def hyperparameters(self, point: Mapping[str, Value]) -> dict[str, Value]:
        """The hyperparameters of the run at a point of the axes.

        If a task, model or optimizer is on an axis, hyperparameters that only the axis's other values have are left out.
        """
        flat = {**self.run, **point}
        own = {name for part in COMPONENTS for name in _fields(part, flat.get(part))}
        others = {name for part in COMPONENTS for kind in self.swept.get(part, ()) for name in _fields(part, kind)}
        return {name: value for name, value in flat.items() if name in own or name not in others}

    @property
    def size(self) -> int:
        """The number of points of the axes, before `leave_out` is applied."""
        lengths = [len(values) for values in self.axes.values()] + [len(next(iter(axis.values()))) for axis in self.zipped]
        return math.prod(lengths)


def _fields(part: str, kind: Value | None) -> frozenset[str]:
    cls = classes_of(part).get(str(kind))
    return frozenset() if cls is None else frozenset(cls.model_fields)
