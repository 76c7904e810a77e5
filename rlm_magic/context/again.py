"""Ask a store again where that may help, and several things at once."""

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
from .promise import promised
from .retry import may_pass, pause_s

_Answer = TypeVar("_Answer")

# Of our own: a pause, taken by a thread in the background, must not move what the user has seeded.
_chance = random.Random()


def again(
    ask: Callable[[], _Answer],
    *,
    config: ContextConfig,
    attempts: int | None = None,
    began: float | None = None,
    within_s: float | None = None,
    on_again: Callable[[], None] | None = None,
) -> _Answer:
    """Return what `ask` returns; it is called again, after a pause, for failures that may pass.

    At most `attempts` times (config.read_attempts unless given), and not later than `within_s`
    (config.read_deadline_s unless given) after `began` on the monotonic clock (now unless given). `on_again`
    is told each time. Raises what the last call raised.
    """
    most = config.read_attempts if attempts is None else attempts
    patience_s = config.read_deadline_s if within_s is None else within_s
    deadline = (time.monotonic() if began is None else began) + patience_s
    for attempt in count(1):
        try:
            return ask()
        except (IntegrityError, StoreUnavailable) as error:
            pause = pause_s(
                attempt, first_s=config.retry_first_s, most_s=config.retry_most_s, chance=_chance.random()
            )
            is_too_late = time.monotonic() + pause > deadline
            if is_too_late or not may_pass(error, attempt=attempt, attempts=most):
                raise
        if on_again is not None:
            on_again()
        time.sleep(pause)
    raise AssertionError("unreachable")


def begun(ask: Callable[[], _Answer]) -> Future[_Answer]:
    """Begin to ask, and return what will hold the answer or the error.

    The thread is a daemon: nobody waits for an answer that turns out not to be needed, not even at exit.
    """
    future, run = promised(ask)
    threading.Thread(target=run, name="rlm open", daemon=True).start()
    return future
