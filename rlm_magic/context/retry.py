"""Decide which failed reads are worth another attempt, and when. Pure: no I/O, no clock."""

from __future__ import annotations

from ..errors import IntegrityError, StoreUnavailable


def may_pass(error: Exception, *, attempt: int, attempts: int) -> bool:
    """Return whether the read that failed as its `attempt` (from 1) of `attempts` should be repeated.

    A store that asks for fewer requests is asked until the caller's deadline: it will answer in the end.
    Bytes that differ from the manifest are read again once: a flipped bit on the way passes, one in the
    store does not.
    """
    if isinstance(error, IntegrityError):
        return attempt == 1
    if not isinstance(error, StoreUnavailable) or error.is_final:
        return False
    return attempt < attempts or error.asks_for_fewer


def pause_s(attempt: int, *, first_s: float, most_s: float, chance: float) -> float:
    """Return how long to wait after an attempt (from 1): any time up to a limit that doubles.

    `chance` in [0, 1) picks the time. The whole range is used, so that those who failed together do not come
    back together.

    >>> pause_s(3, first_s=0.1, most_s=2.0, chance=0.5)
    0.2
    """
    return min(most_s, float(first_s * 2 ** (attempt - 1))) * chance
