"""Asynchronous exceptions: raise in another thread, and leave no trace of it in the interpreter."""

from __future__ import annotations

import ctypes
import threading
import time
from contextlib import suppress

from ..errors import CellTimeout


def throw_into(thread_id: int, kind: type[BaseException]) -> None:
    """Raise `kind` in a thread, at its next Python instruction."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(kind))


def absorb_thrown() -> None:
    """Take what was thrown into the calling thread and has not arrived; call it also after a last throw.

    One that never arrives (withdrawn by the C function, or its thread has ended) leaves the interpreter
    checking for it at every call, in all threads, and CPython 3.11 then hangs once tracing is on.
    """
    with suppress(CellTimeout, KeyboardInterrupt):
        throw_into(threading.get_ident(), CellTimeout)
        while True:
            time.sleep(0)
