"""The events that a driver receives about packs: finished, failed, too large for memory, interrupted."""

import re
import traceback
from dataclasses import dataclass

from grokjax.sweeps.execute.plan import Pack


@dataclass(frozen=True)
class Receipt:
    """A worker's report on a finished pack; the results themselves are in the store."""

    pack_id: str
    runs: int
    run_steps: int  # asked for
    stopped: int = 0  # runs that ended early because their label was decided
    saved: int = 0  # run-steps not trained because runs ended early or diverged


@dataclass(frozen=True, eq=False)
class Failure:
    """A pack that used up its attempts, with the last traceback."""

    pack: Pack
    error: str


@dataclass(frozen=True)
class Limit:
    """The largest number of runs that a pack of a group may hold, found when a pack ran out of memory."""

    group_id: str
    runs: int
    pack_id: str  # of the pack that ran out of memory and was cut


Event = Receipt | Failure | Limit | None  # None: nothing finished, but time has passed


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a sweep, after the packs in training have been saved; the message says how many were.

    `saved` packs continue where they stopped; `lost` packs could not be saved in time and continue from their last checkpoint.
    """

    def __init__(self, saved: int, lost: int) -> None:
        in_training = f"{saved + lost:,} pack{'s' if saved + lost > 1 else ''} in training"
        if lost:
            message = f"Of {in_training}, {lost:,} could not be saved in time and will start again from the last checkpoint."
        else:
            message = f"The state of {in_training} was saved." if saved else "No pack was in training."
        super().__init__(message)
        self.saved, self.lost = saved, lost


# What JAX adds to every traceback that passes through it, and terminal colour codes.
NOISE = re.compile(r"-{20}\nFor simplicity, JAX has removed .*\n?|\x1b\[[0-9;?]*[A-Za-z]")


def traceback_of(error: BaseException) -> str:
    """The traceback of an error as plain text; its last line is the error message."""
    return NOISE.sub("", "".join(traceback.format_exception(error))).rstrip()
