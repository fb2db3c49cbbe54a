"""The moving picture of grokjax status --watch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from grokjax.config import RunConfig
from grokjax.fields import Value
from grokjax.scripts.printing import clock
from grokjax.sweeps.store.layout import Store, holds_sweep
from grokjax.sweeps.store.progress import Standing, Watch

SCREEN_SECONDS, LOG_SECONDS = 2.0, 30.0
# At most this share of the time goes into looking: with many packs, or a store far away, looks come less often.
LOOKING_SHARE = 0.1
WAIT_SECONDS = 2.0  # between looks for a sweep that has not begun
FIRST_LINES = 2  # which come after SCREEN_SECONDS: a pace needs two looks
LINES_AROUND = 8  # of the screen, that are not groups


def watch(store: Store, console: Console, every: float | None) -> bool:
    """Shows how far a sweep is until it is finished; returns whether every run is done, with none in quarantine.

    Args:
      store: the root.
      console: a terminal is redrawn; anything else gets a line now and then.
      every: seconds from look to look; None: 2 on a terminal, and 30.
    """
    looks, described = _looks(Watch(store), every, console.is_terminal)
    if not console.is_terminal:
        for whole, _ in looks:
            console.print(f"{store.root}: {told(whole)}", markup=False, highlight=False, soft_wrap=True)
            last = whole
    else:
        with Live(console=console, auto_refresh=False) as live:
            for whole, groups in looks:
                live.update(_picture(store.root, whole, groups, described, console.height - LINES_AROUND), refresh=True)
                last = whole
    return not last.quarantined


def wait_for_sweep(root: str) -> None:
    """Returns once a sweep has begun in the root; says that it waits if there is none yet."""
    if not holds_sweep(root):
        print(f"{root} holds no sweep yet; waiting for one to begin (Ctrl-C stops waiting)", flush=True)
        while not holds_sweep(root):
            time.sleep(WAIT_SECONDS)


def _looks(
    watch: Watch, every: float | None, is_terminal: bool
) -> tuple[Iterator[tuple[Standing, dict[str, Standing]]], dict[str, str]]:
    """Look after look until the sweep is finished, and what each group is."""

    def looks() -> Iterator[tuple[Standing, dict[str, Standing]]]:
        count = 0
        while True:
            started = time.monotonic()
            standing = watch.look(time.time())
            yield standing
            if standing[0].finished:
                return
            count += 1
            pause = every or (SCREEN_SECONDS if is_terminal or count < FIRST_LINES else LOG_SECONDS)
            time.sleep(max(pause, (time.monotonic() - started) / LOOKING_SHARE))

    return looks(), describe(list(watch.templates.values()))


def told(standing: Standing) -> str:
    """A standing in a line."""
    packs = f"{standing.running or 'no'} pack{'' if standing.running == 1 else 's'} in training"
    parts = [f"{standing.done:,} of {standing.runs:,} runs done", packs]
    if standing.quarantined:
        parts.append(f"{standing.quarantined:,} runs in quarantine")
    if standing.pace:
        parts.append(f"{standing.pace:,.0f} run-steps/s")
    if standing.seconds_left:
        parts.append(f"{clock(standing.seconds_left)} left")
    return ", ".join(parts)


def describe(groups: Sequence[RunConfig]) -> dict[str, str]:
    """What each group is, by group_id: the static hyperparameters in which groups differ."""
    different = _different(groups)
    return {
        group.group_id: ", ".join(f"{name} {value}" for name, value in group.values("static").items() if name in different)
        for group in groups
    }


def _different(groups: Sequence[RunConfig]) -> set[str]:
    values: dict[str, set[Value]] = {}
    for group in groups:
        for name, value in group.values("static").items():
            values.setdefault(name, set()).add(value)
    return {name for name, found in values.items() if len(found) > 1 or (len(groups) == 1 and name in ("task", "model"))}


def _picture(root: str, whole: Standing, groups: Mapping[str, Standing], described: Mapping[str, str], room: int) -> Group:
    numbers = ("done", "runs", "in training", "quarantine", "run-steps/s", "left")
    table = Table("group", "what", *(Column(name, justify="right") for name in numbers), box=None, padding=(0, 2))
    order = sorted(groups, key=lambda group_id: (not groups[group_id].running, groups[group_id].finished))  # what moves comes first
    for group_id in order[: max(room, 1)]:
        group = groups[group_id]
        pace = f"{group.pace:,.0f}" if group.pace else ""
        left = clock(group.seconds_left) if group.seconds_left and group.running else ""
        cells = (f"{group.done:,}", f"{group.runs:,}", group.running or "", group.quarantined or "", pace, left)
        table.add_row(group_id, described[group_id], *map(str, cells))
    hidden = len(order) - max(room, 1)
    bar = ProgressBar(total=max(whole.run_steps, 1), completed=whole.run_steps_done)
    return Group(Text(f"{root}: {told(whole)}"), bar, table, Text(f"and {hidden:,} groups more" if hidden > 0 else ""))
