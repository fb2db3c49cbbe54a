"""Options that several commands share, declared once as the fields of option groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter
from cyclopts.token import Token
from cyclopts.types import PositiveInt

RootArgument = Annotated[str, Parameter(help="Root of the sweep: a folder, or an address such as s3://bucket/folder.")]
Spec = Annotated[str, Parameter(help="Name of a shipped spec (`grokjax specs` lists them), or a TOML file.")]

SETTING = "NAME=VALUE"


def _names(_: Any, tokens: Sequence[Token]) -> tuple[str, ...]:
    """The names in a comma-separated list."""
    return tuple(name.strip() for name in tokens[0].value.split(",") if name.strip())


Names = Annotated[tuple[str, ...] | None, Parameter(metavar="NAMES", converter=_names, n_tokens=1)]


@Parameter(name="*", group=Group("Changes to the spec", sort_key=22))
@dataclass(frozen=True, kw_only=True)
class SpecChanges:
    """Changes that the command line makes to a spec."""

    settings: Annotated[tuple[str, ...], Parameter("--set", metavar=SETTING)] = ()
    """Fix or vary a hyperparameter: weight_decay=0.1, seed=0..2, hidden_size=16,64, "weight_decay=0.1..1 log 5". Repeatable."""
    unset: Annotated[tuple[str, ...], Parameter(metavar="NAME")] = ()
    """Remove a hyperparameter from the spec. Repeatable."""
    stop: Annotated[Literal["decided", "never"] | None, Parameter(show_default="the spec's")] = None
    """When a run may end early: "decided" ends it once its label cannot change any more; "never" trains every step."""
    tuning: Annotated[tuple[str, ...], Parameter(metavar=SETTING)] = ()
    """Fix dot_library (default or eigen) or lane_width, which are otherwise measured once on each machine. Repeatable."""


@Parameter(name="*", group=Group("Execution", sort_key=23))
@dataclass(frozen=True, kw_only=True)
class Workers:
    """Where a sweep is trained. None of these options affects results."""

    address: Annotated[str | None, Parameter(metavar="HOST:PORT", show_default="start Ray on this machine")] = None
    """Running Ray cluster to train on; "auto" finds one on this machine."""
    cpus: Annotated[PositiveInt | None, Parameter(show_default="all")] = None
    """Number of CPU cores that a local Ray uses."""
    executor: Literal["ray", "inline"] = "ray"
    """"inline" trains in this process, without Ray: for debugging."""
