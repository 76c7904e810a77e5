"""A call that somebody else makes, and the future that will hold what came of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_Answer = TypeVar("_Answer")


def promised(call: Callable[[], _Answer]) -> tuple[Future[_Answer], Callable[[], None]]:
    """Return a future, and what makes the call and fulfils it, unless the future was cancelled before."""
    future: Future[_Answer] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001
            # Whoever wants the answer gets it.
            future.set_exception(error)

    return future, run
