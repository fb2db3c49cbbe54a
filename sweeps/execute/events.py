"""What becomes of packs while a sweep is carried out."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

from grokjax.sweeps.execute.plan import Pack


@dataclass(frozen=True)
class Receipt:
    """What a worker returns in place of results, which are in the store."""

    pack_id: str
    runs: int
    run_steps: int  # asked for
    stopped: int = 0  # runs that ended early, decided
    saved: int = 0  # run-steps that those, and runs that diverged, were not trained


# What JAX adds to every traceback that passes through it, and what colours a terminal.
NOISE = re.compile(r"-{20}\nFor simplicity, JAX has removed .*\n?|\x1b\[[0-9;?]*[A-Za-z]")


def traceback_of(error: BaseException) -> str:
    """The traceback of an error as plain text, whose last line says what it was."""
    return NOISE.sub("", "".join(traceback.format_exception(error))).rstrip()


@dataclass(frozen=True)
class Failure:
    """A pack that failed as often as it may, with the last traceback."""

    pack: Pack
    error: str


@dataclass(frozen=True)
class Limit:
    """How many runs a pack of a group may hold at most, as running out of memory has shown."""

    group_id: str
    runs: int
    pack_id: str  # of the pack that showed it, which is no more


Event = Receipt | Failure | Limit | None  # None: nothing finished, but time has passed
