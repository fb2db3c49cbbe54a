"""`grokjax status --watch`: a progress display that is refreshed until the sweep finishes."""

import itertools
import time
from collections.abc import Iterator, Mapping

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from grokjax.fields import Value
from grokjax.scripts.printing import clock
from grokjax.sweeps.store.planned import planned_groups
from grokjax.sweeps.store.progress import Counts, Watch
from grokjax.sweeps.store.root import Root

SCREEN_SECONDS, LOG_SECONDS = 2.0, 30.0
LOOKING_SHARE = 0.1  # the largest share of the time spent on looking: with many packs, or a distant store, looks are less frequent
FIRST_LINES = 2  # at the interval SCREEN_SECONDS, because a speed needs two looks
LINES_AROUND = 8  # of the screen, besides the groups
WAIT_SECONDS = 2.0  # between checks for a sweep that has not started


def wait_for_sweep(root: str) -> Root:
    """Waits until the root holds a sweep, with a message if it does not yet; returns the root."""
    place = Root(root)
    if not place.holds_sweep() or not place.names("specs"):  # the folder comes before the first spec
        print(f"{root} holds no sweep yet; waiting for one to start (Ctrl-C stops waiting)", flush=True)
        while not place.holds_sweep() or not place.names("specs"):
            time.sleep(WAIT_SECONDS)
    return Root.open(root)


def watch(root: Root, console: Console, every: float | None) -> bool:
    """Shows the progress of a sweep until it finishes; returns whether every run is done, with none in quarantine.

    Args:
      root: where the sweep was run to.
      console: the output. A terminal is redrawn; anything else gets a line at each refresh.
      every: seconds between refreshes; by default 2 on a terminal, else 30.
    """
    looks, described = _looks(Watch(root), every, console.is_terminal), describe_groups(planned_groups(root))
    if not console.is_terminal:
        for whole, _ in looks:
            console.print(f"{root}: {format_counts(whole)}", markup=False, highlight=False, soft_wrap=True)
            last = whole
    else:
        with Live(console=console, auto_refresh=False) as live:
            for whole, groups in looks:
                live.update(picture(str(root), whole, groups, described, console.height - LINES_AROUND), refresh=True)
                last = whole
    return not last.quarantined


def _looks(watch: Watch, every: float | None, is_terminal: bool) -> Iterator[tuple[Counts, dict[str, Counts]]]:
    """Yields the progress at intervals until the sweep is finished."""
    for count in itertools.count(1):
        started = time.monotonic()
        counts = watch.look(time.time())
        yield counts
        if counts[0].finished:
            return
        pause = every or (SCREEN_SECONDS if is_terminal or count < FIRST_LINES else LOG_SECONDS)
        time.sleep(max(pause, (time.monotonic() - started) / LOOKING_SHARE))


def format_counts(counts: Counts) -> str:
    """The progress as one line."""
    packs = f"{counts.running or 'no'} pack{'' if counts.running == 1 else 's'} in training"
    parts = [f"{counts.done:,} of {counts.runs:,} runs done", packs]
    if counts.quarantined:
        parts.append(f"{counts.quarantined:,} runs in quarantine")
    if counts.speed:
        parts.append(f"{counts.speed:,.0f} run-steps/s")
    if counts.seconds_left:
        parts.append(f"{clock(counts.seconds_left)} left")
    return ", ".join(parts)


def describe_groups(groups: Mapping[str, Mapping[str, Value]]) -> dict[str, str]:
    """A description of each group, by group_id: the static hyperparameters in which groups differ; task and model for one group."""
    values: dict[str, set[Value]] = {}
    for group in groups.values():
        for name, value in group.items():
            values.setdefault(name, set()).add(value)
    shown = {name for name, found in values.items() if len(found) > 1 or (len(groups) == 1 and name in ("task", "model"))}
    return {
        group_id: ", ".join(f"{name} {value}" for name, value in group.items() if name in shown)
        for group_id, group in groups.items()
    }


def picture(root: str, whole: Counts, groups: Mapping[str, Counts], described: Mapping[str, str], room: int) -> Group:
    """The progress display for a terminal: counts, a bar, and a row for each of at most `room` groups."""
    quarantine = ["quarantine"] if whole.quarantined else []
    numbers = ("done", "runs", "in training", *quarantine, "run-steps/s", "left")
    right = (Column(name, justify="right", no_wrap=True) for name in numbers)
    what = Column("what", no_wrap=True, overflow="ellipsis", ratio=1)
    table = Table(Column("group", no_wrap=True), what, *right, box=None, padding=(0, 1), expand=True)
    order = sorted(groups, key=lambda group_id: (not groups[group_id].running, groups[group_id].finished))  # active groups first
    for group_id in order[: max(room, 1)]:
        group = groups[group_id]
        speed = f"{group.speed:,.0f}" if group.speed else ""
        left = clock(group.seconds_left) if group.seconds_left and group.running else ""
        aside = [group.quarantined or ""] if quarantine else []
        cells = (f"{group.done:,}", f"{group.runs:,}", group.running or "", *aside, speed, left)
        table.add_row(group_id[:8], described[group_id], *map(str, cells))
    hidden = len(order) - max(room, 1)
    bar = ProgressBar(total=max(whole.run_steps, 1), completed=whole.run_steps_done)
    return Group(Text(f"{root}: {format_counts(whole)}"), bar, table, Text(f"and {hidden:,} more groups" if hidden > 0 else ""))
