"""Tell the threads of a run's cells from everybody else's, whose output is none of the run's business."""

from __future__ import annotations

import threading
import weakref


class CellThreads:
    """The thread that runs the cells, and every thread that a cell started."""

    def __init__(self) -> None:
        self._started_by_cells: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
        self._foreign: dict[int | None, threading.Thread] = {}
        self.running = False

    def begin_cell(self) -> None:
        """Note who is foreign: every thread alive now, but for this one and those of earlier cells."""
        mine = {threading.current_thread(), *self._started_by_cells}
        self._foreign = {thread.ident: thread for thread in threading.enumerate() if thread not in mine}
        self.running = True

    def end_cell(self) -> None:
        """Keep the threads that the cell leaves behind as the run's."""
        self.running = False
        current = threading.current_thread()
        foreign = set(self._foreign.values())
        for thread in threading.enumerate():
            if thread is not current and thread not in foreign and not _serves_the_kernel(thread):
                self._started_by_cells.add(thread)
        self._foreign = {}

    def mine(self) -> bool:
        """Whether the calling thread belongs to the run: to its cell, or left behind by an earlier one."""
        if not self.running:
            return threading.current_thread() in self._started_by_cells
        foreign = self._foreign.get(threading.get_ident())
        if foreign is None:
            return not _serves_the_kernel(threading.current_thread())
        # An ident is used again after its thread has ended, so the ident alone would not do.
        return foreign is not threading.current_thread()


def _serves_the_kernel(thread: threading.Thread) -> bool:
    # A subshell that the user opens while a cell runs belongs to the user.
    return type(thread).__module__.partition(".")[0] == "ipykernel"
