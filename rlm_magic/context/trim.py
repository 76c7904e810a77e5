"""Give memory that was freed back to the system, where the allocator can be asked to."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any


def trim() -> None:
    """Return free memory between blocks in use to the system; nothing happens where that is not possible.

    Segments are of unequal length, so that glibc keeps a hole for nearly each one that was evicted: a text
    read through a small memory then takes twice as much.
    """
    release = _malloc_trim()
    if release is not None:
        release(0)


@cache
def _malloc_trim() -> Any:
    if sys.platform != "linux":
        return None
    import ctypes

    # musl and others have none.
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
