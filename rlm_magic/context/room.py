"""Refuse results that would not fit in memory, before anything is read for them."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ContextTooLarge

# Below this, asking the operating system costs more than it can save.
_HARMLESS_BYTES = 32 * 1024 * 1024


SMALLER = "take smaller slices, or iterate: `for line in context` never holds the whole text"


def check_room(needed_bytes: int, *, limit_bytes: int, what: str, advice: str = SMALLER) -> None:
    """Raise ContextTooLarge if a result would need more than `limit_bytes`, or than half of what is left.

    `advice` says how to do it otherwise.
    """
    if needed_bytes <= min(limit_bytes, _HARMLESS_BYTES):
        return
    available = available_bytes()
    allowed = limit_bytes if available is None else min(limit_bytes, available // 2)
    if needed_bytes > allowed:
        raise ContextTooLarge(
            f"{what} would need about {needed_bytes:,} bytes of memory, and {allowed:,} are allowed; {advice}"
        )


def available_bytes() -> int | None:
    """Return how much memory this process may still take, or None where the system does not say."""
    found = [amount for amount in (_of_the_machine(), _of_the_control_group()) if amount is not None]
    return min(found, default=None)


def _of_the_machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        # Not Linux: all there is, for want of what is free.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _of_the_control_group() -> int | None:
    """The limit of a container, which /proc/meminfo does not know."""
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        return None if limit == "max" else int(limit) - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        return None
