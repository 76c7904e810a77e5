"""Who runs a cell in this process: one at a time, but a cell that waits for sub-calls lets others nest in it.

Stdout, the working directory and the signal handlers are the process's, so two cells never run side by side.
A child run's cell is run by the very thread whose own cell waits for that child: what it swaps it puts back
before the outer cell goes on, so captures and clocks nest like the calls themselves.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ReplBusy
from .clock import CellClock

_lock = threading.Lock()
_clocks: list[CellClock] = []
_thread_id: int | None = None


@contextmanager
def running(clock: CellClock) -> Iterator[CellClock | None]:
    """Hold the process for one cell; yield the clock of the cell around it, if there is one.

    Raises ReplBusy when another cell runs and does not wait on this very thread.
    """
    outer = _enter(clock)
    try:
        yield outer
    finally:
        with _lock:
            _clocks.remove(clock)


def _enter(clock: CellClock) -> CellClock | None:
    global _thread_id
    with _lock:
        outer = _clocks[-1] if _clocks else None
        if outer is not None and not (outer.waiting and _thread_id == threading.get_ident()):
            raise ReplBusy("a cell is running in this process already; wait for its run to end, or stop it")
        _thread_id = threading.get_ident()
        _clocks.append(clock)
    return outer
