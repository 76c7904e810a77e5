"""Leave out documents by shell patterns over their names. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatch


def kept(keys: Sequence[str], exclude: tuple[str, ...]) -> list[str]:
    """Return the keys whose names match none of the patterns; `*` crosses directories too."""
    return [key for key in keys if not any(fnmatch(printable(key), pattern) for pattern in exclude)]


def but(exclude: tuple[str, ...]) -> str:
    """Return how a message that nothing was found says what was left out."""
    return f" (leaving out {', '.join(exclude)})" if exclude else ""


def printable(key: str) -> str:
    """Return a path as a name that UTF-8 can hold, with slashes."""
    return os.fsencode(key).decode("utf-8", "replace").replace(os.sep, "/")
