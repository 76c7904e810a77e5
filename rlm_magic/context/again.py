"""Ask a store again where that may help, and several things at once.

For what is asked before there is a text; how its segments are read is the business of `reader`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import TypeVar

from ..config import ContextConfig
from ..errors import IntegrityError, StoreUnavailable
from .retry import may_pass, pause_s

_Answer = TypeVar("_Answer")


def again(ask: Callable[[], _Answer], *, config: ContextConfig) -> _Answer:
    """Return what `ask` returns; it is called again for failures that may pass, as long as reading would.

    Raises what the last call raised.
    """
    deadline = time.monotonic() + config.read_deadline_s
    for attempt in count(1):
        try:
            return ask()
        except (IntegrityError, StoreUnavailable) as error:
            pause = pause_s(
                attempt, first_s=config.retry_first_s, most_s=config.retry_most_s, chance=random.random()
            )
            is_too_late = time.monotonic() + pause > deadline
            if is_too_late or not may_pass(error, attempt=attempt, attempts=config.read_attempts):
                raise
        time.sleep(pause)
    raise AssertionError("unreachable")


def begun(ask: Callable[[], _Answer]) -> Future[_Answer]:
    """Begin to ask, and return what will hold the answer or the error.

    The thread is a daemon: nobody waits for an answer that turns out not to be needed, not even at exit.
    """
    future: Future[_Answer] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:  # noqa: BLE001
            # Whoever wants the answer gets it.
            future.set_exception(error)

    threading.Thread(target=run, name="rlm open", daemon=True).start()
    return future
