"""Chooses the tuning of a group: the root's record, a pinned one, this machine's record, or a measurement by `engine.tuning`.

The tuning can change the low bits of a result, so it must not depend on a new measurement each time. It is looked up in this order:

1. the root's own record (`groups/`), so that every worker and every resumed sweep uses the same one;
2. what the spec or `--tuning` pins;
3. this machine's record, in the user's cache folder, so that the same command in a new root gives the same bits;
4. a measurement, which is written to both records. The first record to be written is the one that everyone uses.
"""

import contextlib
import json
import logging
import os
from collections.abc import Collection
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from grokjax.config import RunConfig
from grokjax.engine.program import Tuning
from grokjax.engine.tuning import MOST_LANES, measure_tuning
from grokjax.errors import SpecError, StoreError
from grokjax.identity import digest
from grokjax.sweeps.execute.device import cache_folder, compiler_versions, device_kind
from grokjax.sweeps.spec.resources import PinnedTuning
from grokjax.sweeps.store.disk import create_file
from grokjax.sweeps.store.root import Root

logger = logging.getLogger(__name__)

NOTHING_PINNED = PinnedTuning()


def group_tuning(root: Root, config: RunConfig, runs: int, pinned: PinnedTuning = NOTHING_PINNED) -> Tuning:
    """The tuning of a group on this kind of device; measured for `runs` runs where no record has it."""
    known = recorded_tuning(root, config)
    if known is None:
        if pinned.complete:
            tuning, source = measure_tuning(config, runs, pinned=pinned.given), "pinned"
        else:
            tuning, source = _machine_tuning(config, runs, pinned)
        record = {"tuning": asdict(tuning), "source": source, "static": config.values("static")}
        root.put_if_absent(_key(root, config), json.dumps(record, indent=1).encode())
        known = recorded_tuning(root, config)
        logger.info("group %s: %s (%s); the root's record is %s", config.group_id, tuning, source, known)
    assert known is not None, f"{_key(root, config)} was just created"
    return known


def recorded_tuning(root: Root, config: RunConfig) -> Tuning | None:
    """The root's recorded tuning of a group on this kind of device; None if there is none yet."""
    entry = root.get_json(_key(root, config))
    return None if entry is None else Tuning(**entry["tuning"])


def check_pinned(root: Root, group_ids: Collection[str], pinned: PinnedTuning) -> None:
    """Raises SpecError if the root trained one of these groups under another tuning than the pinned one."""
    if not pinned.given:
        return
    for kept in root.tunings_of(group_ids):
        for name, value in pinned.given.items():
            if kept.get(name, value) != value:
                raise SpecError(
                    f"tuning {name} = {value!r}, but {root.address} trains runs of this sweep with {name} = {kept[name]!r}, and "
                    "one root keeps to one tuning a group; use another root, or leave the tuning out"
                )


def _key(root: Root, config: RunConfig) -> str:
    return root.tuning_key(config.group_id, device_kind())


def _machine_tuning(config: RunConfig, runs: int, pinned: PinnedTuning) -> tuple[Tuning, str]:
    """This machine's tuning for a group, and whether it was remembered or has just been measured."""
    depends_on = {
        "static": config.values("static"),
        "device": device_kind(),
        "cores": os.cpu_count(),
        "versions": {"grokjax": metadata.version("grokjax"), **compiler_versions()},
        "widest": _widest_tried(runs),
        "pinned": pinned.given,
    }
    name = f"{digest(depends_on)}.json"
    if (known := _remembered(name)) is not None:
        return known, "remembered"
    tuning = measure_tuning(config, runs, pinned=pinned.given)
    content = json.dumps({"tuning": asdict(tuning), **depends_on}, indent=1).encode()
    try:
        create_file(str(_folder()), name, content)
    except FileExistsError:  # another worker measured at the same time
        pass
    except (OSError, StoreError) as error:
        logger.warning("this machine's tuning of group %s cannot be remembered: %s", config.group_id, error)
    return _remembered(name) or tuning, "measured"


def _widest_tried(runs: int) -> int:
    """The most lanes that a measurement for this many runs tries, part of the key of a machine's record."""
    return int(min(MOST_LANES, 4 ** (((2 * runs).bit_length() - 1) // 2)))


def _remembered(name: str) -> Tuning | None:
    path = _folder() / name
    try:
        entry: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return Tuning(**entry["tuning"])
    except FileNotFoundError:
        return None
    except OSError as error:
        logger.warning("this machine's record %s cannot be read, so the tuning is measured again: %s", path, error)
        return None
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("this machine's record %s is damaged and is replaced: %s", path, error)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None


def _folder() -> Path:
    return cache_folder() / "tunings"
