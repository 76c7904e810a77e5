"""Tell objects with threads and locks that they live in a forked child now, where neither survived."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that can forget its threads, locks and requests."""

    def start_afresh(self) -> None:
        """Make them anew."""
        ...


_to_tell: weakref.WeakSet[Forkable] | None = None


def tell_after_fork(one: Forkable) -> None:
    """Have `one.start_afresh()` called in every child that is forked while it lives."""
    global _to_tell
    if _to_tell is None:
        # Hooked in when first needed: imports do nothing.
        _to_tell = weakref.WeakSet()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_tell_all)
    _to_tell.add(one)


def _tell_all() -> None:
    for one in list(_to_tell or ()):
        one.start_afresh()
