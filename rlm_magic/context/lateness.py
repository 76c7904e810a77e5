"""When a request is late, and when it is given up. Its clock is the monotonic one."""

from __future__ import annotations

import time

from ..config import ContextConfig
from .flight import Flight
from .pace import Pace

_WATCH_S = 0.25
_LEAST_WAIT_S = 0.005
# No request is late before.
_SOON_S = 0.05
_FREE_HEDGES = 4


class Lateness:
    """What the requests for one text have taken, and what may be expected of the next ones.

    A late request is hedged: asked for a second time, as long as those are a small share of all.
    """

    def __init__(self, config: ContextConfig) -> None:
        self._config = config
        self._pace = Pace(unknown_s=config.hedge_unknown_s)
        self.sent = self.hedged = 0

    def note(self, seconds: float, size_bytes: int) -> None:
        """Learn from a request that came back."""
        self._pace.note(seconds, size_bytes)

    @property
    def may_hedge(self) -> bool:
        """Whether one more hedge is a small enough share of what was sent."""
        return self.hedged < _FREE_HEDGES + self._config.hedge_share * self.sent

    def is_late(self, flight: Flight, size_bytes: int) -> bool:
        """Return whether a flight of so many bytes takes longer than others did."""
        return _waited_s(flight) > self._pace.late_after_s(size_bytes)

    def is_past_first_deadline(self, flight: Flight) -> bool:
        """Return whether a flight would be given up if it had the network to itself."""
        return _waited_s(flight) > self._config.read_deadline_s

    def is_given_up(self, flight: Flight) -> bool:
        """Return whether a flight is past its deadline."""
        return _waited_s(flight) > self.deadline_s(flight)

    def deadline_s(self, flight: Flight) -> float:
        """Return after how long a flight is given up: the more shares the network with it, the later."""
        return self._config.read_deadline_s + flight.shares_bytes / self._config.slowest_bytes_per_s

    def look_again_after_s(self, flight: Flight, size_bytes: int, *, may_hedge: bool) -> float:
        """Return how long to wait for a flight before it is to be looked after."""
        if flight.began is None or not may_hedge:
            return _WATCH_S
        waited_s = _waited_s(flight)
        if waited_s < _SOON_S:
            return _SOON_S
        return min(_WATCH_S, max(_LEAST_WAIT_S, self._pace.late_after_s(size_bytes) - waited_s))


def _waited_s(flight: Flight) -> float:
    return 0.0 if flight.began is None else time.monotonic() - flight.began
