"""Trains the packs of a plan on a Ray cluster, or on a private Ray of this machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from grokjax.errors import StoreError, warn
from grokjax.sweeps.execute.events import Event, Interrupted
from grokjax.sweeps.execute.on_ray.connection import connected
from grokjax.sweeps.execute.plan import Plan
from grokjax.sweeps.execute.schedule import Schedule
from grokjax.sweeps.execute.worker import WorkerSetup
from grokjax.sweeps.store.root import Root

if TYPE_CHECKING:
    from grokjax.sweeps.execute.on_ray.pool import Pool


def train_on_ray(
    plan: Plan, root: Root, setup: WorkerSetup, worker: Any, address: str | None, cpus: int | None
) -> Generator[Event, None, None]:
    """Trains packs and yields the outcome of each, in the order they finish. Results never pass through the driver.

    Args:
      plan: the packs to train.
      root: the root that they are committed to.
      setup: the settings that all workers share.
      worker: the class that trains packs; `Worker` except in tests.
      address: of a running cluster; None starts a private Ray on this machine.
      cpus: cores that the private Ray may use; all when None.

    Raises:
      ClusterError: there is no cluster at the address, or it refuses this process.
      Interrupted: Ctrl-C; the packs in training were saved first.
    """
    began, pool = time.time(), None
    try:
        with connected(address, cpus):
            from grokjax.sweeps.execute.on_ray.pool import Pool  # noqa: PLC0415  (imports ray)
            from grokjax.sweeps.execute.on_ray.starting import Cluster  # noqa: PLC0415

            cluster = Cluster(plan.spec.resources, began, private=address is None)
            with contextlib.closing(Pool(worker, setup, Schedule(plan.packs), cluster)) as pool:
                try:
                    while pool.unfinished:
                        yield from pool.turn()
                except KeyboardInterrupt:
                    warn("stopping; the packs in training are saved first (Ctrl-C again ends at once)")
                    raise Interrupted(*pool.save()) from None
    finally:
        if pool is not None:
            with contextlib.suppress(StoreError):  # a store that cannot be written may be the reason for ending
                _delete_traces(root, pool)


def _delete_traces(root: Root, pool: Pool) -> None:
    for pack in pool.in_training:
        root.delete(root.key("progress", pack.pack_id))
    for pack_id in pool.doubled:  # the slower of two workers may have written after the other had finished
        if root.is_committed(pack_id):
            root.delete_traces(pack_id)
