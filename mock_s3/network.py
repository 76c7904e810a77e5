"""The network that is modelled: round trips, jitter, bandwidth. Time is a number it is given."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields

from .config import CHUNK_BYTES, PACED_CHUNK_BYTES, PACED_CHUNK_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How far away the server is. Raises ValueError for a number that makes no network."""

    latency_ms: float = 0.0
    """One round trip: from a request's last byte to its answer's first."""
    jitter_ms: float = 0.0
    """Each round trip takes up to this much longer, evenly spread, by the seed."""
    connect_ms: float = 0.0
    """Added to the first answer of each connection, for the handshakes that loopback does not need."""
    bandwidth_mbps: float | None = None
    """Megabits (10**6) a second for all connections together, each way; None is unlimited."""
    connection_mbps: float | None = None
    """The same for each connection."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_mbps"):
                if value is not None and not 0 < value < float("inf"):
                    raise ValueError(f"{field.name}={value!r}: give a positive number, or None for no limit")
            elif not 0 <= value < float("inf"):
                raise ValueError(f"{field.name}={value!r}: give a number from 0 on")

    def settings(self) -> dict[str, float | None]:
        """Return the numbers by name."""
        return asdict(self)


class TokenBucket:
    """A link of `bytes_per_s` which carries one piece after the other, in the order of `reserve`.

    Time is a parameter, so that this is arithmetic. A piece is through when its last byte would be; a
    sender that was late by up to `slack_s` may catch up, so that timers cost no bandwidth.
    """

    def __init__(self, bytes_per_s: float, *, slack_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._slack_s = slack_s
        self._free_at = float("-inf")

    def reserve(self, size: int, now: float) -> float:
        """Take `size` bytes of the link and return in how many seconds they are through.

        >>> bucket = TokenBucket(1000, slack_s=0)
        >>> bucket.reserve(500, now=10.0), bucket.reserve(500, now=10.0), bucket.reserve(100, now=20.0)
        (0.5, 1.0, 0.1)
        """
        self._free_at = max(self._free_at, now - self._slack_s) + size / self._bytes_per_s
        return round(max(0.0, self._free_at - now), 9)


def _bucket(mbps: float | None) -> TokenBucket | None:
    return None if mbps is None else TokenBucket(mbps * 125_000, slack_s=PACED_CHUNK_S)


class Link:
    """The state of one modelled network: its random numbers and what its links still have to carry."""

    def __init__(self, network: Network, *, seed: int) -> None:
        self.network = network
        self._random = random.Random(seed)
        self._down = _bucket(network.bandwidth_mbps)
        self._up = _bucket(network.bandwidth_mbps)

    def delay_s(self, *, first: bool) -> float:
        """Return how long the next answer takes to begin; `first` of its connection."""
        delay_ms = self.network.latency_ms + (self.network.connect_ms if first else 0.0)
        if self.network.jitter_ms:
            delay_ms += self.network.jitter_ms * self._random.random()
        return delay_ms / 1000

    def pacer(self) -> Pacer | None:
        """Return the limits of one more connection, None when there are none."""
        own = self.network.connection_mbps
        if own is None and self._down is None:
            return None
        rate = min(limit for limit in (own, self.network.bandwidth_mbps) if limit is not None)
        piece = int(rate * 125_000 * PACED_CHUNK_S)
        return Pacer(
            down=[bucket for bucket in (_bucket(own), self._down) if bucket],
            up=[bucket for bucket in (_bucket(own), self._up) if bucket],
            chunk_bytes=min(CHUNK_BYTES, max(PACED_CHUNK_BYTES, piece)),
        )


class Pacer:
    """The bandwidth limits which one connection is under, both ways."""

    def __init__(self, *, down: list[TokenBucket], up: list[TokenBucket], chunk_bytes: int) -> None:
        self.chunk_bytes = chunk_bytes
        self._down = down
        self._up = up

    def send_wait_s(self, size: int, now: float) -> float:
        """Return in how many seconds the next `size` bytes of answers have passed every limit."""
        return max(bucket.reserve(size, now) for bucket in self._down)

    def receive_wait_s(self, size: int, now: float) -> float:
        """Return the same for bytes of requests."""
        return max(bucket.reserve(size, now) for bucket in self._up)
