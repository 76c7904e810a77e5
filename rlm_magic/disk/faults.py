"""What can be wrong with the cache. None of these leaves the room: it is bypassed instead."""

from __future__ import annotations


class Doubtful(Exception):
    """One entry is not what was stored: it counts as missing, and is removed."""


class Damaged(Exception):
    """The database or the folder's layout is not ours to trust: the folder is set aside."""


class Busy(Exception):
    """Another process holds the database for longer than we wait."""


class Refused(Exception):
    """The folder is not fit to hold a cache; the message says why."""
