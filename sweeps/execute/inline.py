"""Trains the packs of a plan in this process, one after another, and saves the current one on Ctrl-C."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any

from grokjax.errors import StoreError, warn
from grokjax.sweeps.execute.device import restored_device
from grokjax.sweeps.execute.events import Event, Failure, Interrupted, traceback_of
from grokjax.sweeps.execute.plan import Plan
from grokjax.sweeps.execute.worker import Worker, WorkerSetup

logger = logging.getLogger(__name__)


def train_inline(plan: Plan, setup: WorkerSetup, worker: type[Worker]) -> Generator[Event, None, None]:
    """Trains each pack once, in the order of the plan, and yields its outcome.

    The environment and jax's configuration are restored afterwards, but jax keeps the threads it was started with.

    Raises:
      StoreError: a pack could not be stored, so the following ones are not tried.
      Interrupted: Ctrl-C; the pack in training was saved first.
    """
    with restored_device():
        trainer = worker(setup, time.time())
        with _saving_first(trainer):
            for pack in plan.packs:
                try:
                    receipt = trainer.train(pack)
                except StoreError:
                    raise
                except Exception as error:
                    logger.warning("pack %s failed: %r", pack.pack_id, error)
                    yield Failure(pack, traceback_of(error))
                    continue
                if receipt is None:
                    raise Interrupted(saved=1, lost=0)
                yield receipt
                if trainer.stopping:
                    raise Interrupted(saved=0, lost=0)


@contextlib.contextmanager
def _saving_first(worker: Worker) -> Iterator[None]:
    """A context in which the first Ctrl-C makes the worker save the pack in training before it stops; a second stops at once.

    Signals that the caller handles itself are left alone, and so are all signals outside the main thread.
    """

    def handler(number: int, frame: Any) -> None:
        if not worker.stop():
            raise KeyboardInterrupt
        warn("stopping; the pack in training is saved first (Ctrl-C again ends at once)")

    numbers = []
    if threading.current_thread() is threading.main_thread():
        numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is signal.default_int_handler]
    for number in numbers:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.default_int_handler)
