"""What becomes of packs while a sweep is carried out."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.plan import Pack


@dataclass(frozen=True)
class Receipt:
    """What a worker returns in place of results, which are in the store."""

    pack_id: str
    runs: int
    run_steps: int  # asked for
    stopped: int = 0  # runs that ended early, decided
    saved: int = 0  # run-steps that those, and runs that diverged, were not trained


@dataclass(frozen=True)
class Failure:
    """A pack that failed at every try, with the last traceback."""

    pack: Pack
    error: str


Event = Receipt | Failure | None  # None: nothing finished, but time has passed
