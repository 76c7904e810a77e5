"""What the server has done: counts since the start or the last reset, and the latest requests."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TypedDict

from .config import REQUEST_LOG


class RequestRecord(TypedDict):
    """One finished request. Times are seconds on a clock of its own; `status` is 0 without an answer."""

    verb: str
    operation: str
    bucket: str
    key: str
    range: str
    status: int
    fault: str
    bytes_in: int
    bytes_out: int
    started_s: float
    ended_s: float


class Stats(TypedDict):
    """A snapshot of the counts. Bytes are those of bodies, without their framing.

    `errors` counts answers by S3's code, `faults` by kind; `in_flight` and `peak_in_flight` are requests
    between their head and the last byte of their answer.
    """

    requests: int
    verbs: dict[str, int]
    operations: dict[str, int]
    errors: dict[str, int]
    faults: dict[str, int]
    bytes_in: int
    bytes_out: int
    in_flight: int
    peak_in_flight: int
    connections: int
    open_connections: int
    peak_connections: int


@dataclass(slots=True)
class Counts:
    """The running counts behind `Stats`. Requests are counted when their head has come."""

    verbs: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    connections: int = 0
    open_connections: int = 0
    peak_connections: int = 0
    log: deque[RequestRecord] = field(default_factory=lambda: deque(maxlen=REQUEST_LOG))

    def connected(self) -> None:
        self.connections += 1
        self.open_connections += 1
        self.peak_connections = max(self.peak_connections, self.open_connections)

    def disconnected(self) -> None:
        self.open_connections -= 1

    def began(self, verb: str) -> None:
        self.verbs[verb] += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def ended(self, record: RequestRecord) -> None:
        self.in_flight -= 1
        self.bytes_in += record["bytes_in"]
        self.bytes_out += record["bytes_out"]
        self.log.append(record)

    def reset(self) -> None:
        """Start counting anew; what is in flight or connected stays counted as such."""
        kept = Counts(in_flight=self.in_flight, open_connections=self.open_connections)
        for name in Counts.__slots__:
            setattr(self, name, getattr(kept, name))
        self.peak_in_flight, self.peak_connections = self.in_flight, self.open_connections

    def snapshot(self) -> Stats:
        return Stats(
            requests=self.verbs.total(),
            verbs=dict(self.verbs),
            operations=dict(self.operations),
            errors=dict(self.errors),
            faults=dict(self.faults),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            in_flight=self.in_flight,
            peak_in_flight=self.peak_in_flight,
            connections=self.connections,
            open_connections=self.open_connections,
            peak_connections=self.peak_connections,
        )
