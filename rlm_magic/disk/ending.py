"""Let caches store what still waits when the process ends."""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol


class Finishing(Protocol):
    """Something that can come to an end soon."""

    def finish(self) -> None:
        """Store what waits, for a moment at most, and let go of everything."""
        ...


_to_finish: weakref.WeakSet[Finishing] = weakref.WeakSet()
_is_hooked_in = False


def finish_at_exit(one: Finishing) -> None:
    """Have `one.finish()` called when the process ends, if it lives until then."""
    global _is_hooked_in
    # When first needed: imports do nothing.
    if not _is_hooked_in:
        _is_hooked_in = True
        atexit.register(_finish_all)
    _to_finish.add(one)


def _finish_all() -> None:
    for one in list(_to_finish):
        one.finish()
