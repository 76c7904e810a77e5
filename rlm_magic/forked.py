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


class Pausable(Forkable, Protocol):
    """Something that must be at rest while the process forks."""

    def before_fork(self) -> None:
        """Come to rest, soon: the fork waits."""
        ...

    def after_fork(self) -> None:
        """Go on, in the process that was forked; its child is told to start afresh."""
        ...


_to_tell: weakref.WeakSet[Forkable] = weakref.WeakSet()
_to_pause: weakref.WeakSet[Pausable] = weakref.WeakSet()
_paused: list[Pausable] = []
_is_hooked_in = False


def tell_after_fork(one: Forkable) -> None:
    """Have `one.start_afresh()` called in every child that is forked while it lives."""
    _hook_in()
    _to_tell.add(one)


def pause_for_fork(one: Pausable) -> None:
    """Have `one` paused while the process forks, too."""
    tell_after_fork(one)
    _to_pause.add(one)


def _hook_in() -> None:
    global _is_hooked_in
    # When first needed: imports do nothing.
    if not _is_hooked_in and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_pause_all, after_in_parent=_resume_all, after_in_child=_tell_all)
    _is_hooked_in = True


def _pause_all() -> None:
    for one in list(_to_pause):
        one.before_fork()
        _paused.append(one)


def _resume_all() -> None:
    while _paused:
        _paused.pop().after_fork()


def _tell_all() -> None:
    _paused.clear()
    for one in list(_to_tell):
        one.start_afresh()
