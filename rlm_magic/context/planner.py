"""Decide how the segments of one text are asked for: in what requests, batches and amounts. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..config import ContextConfig
from .extents import Extents
from .layout import Layout
from .plan import Request, alone, plan, shared_bytes

_FIRST_BATCH = 4


class Planner:
    """Plans by the sizes of a text's segments, and by whether its store is remote."""

    def __init__(self, extents: Extents, layout: Layout, *, config: ContextConfig, is_remote: bool) -> None:
        self._extents = extents
        self._starts = layout.byte_starts
        self._segments = len(layout)
        self._config = config
        self._is_remote = is_remote

    def size_of(self, number: int) -> int:
        """Return the bytes of a segment."""
        return int(self._starts[number + 1] - self._starts[number])

    def one_by_one(self, numbers: Sequence[int]) -> list[Request]:
        """Return a request for each segment."""
        return [alone(number, self._extents) for number in numbers]

    def requests(self, numbers: Sequence[int]) -> list[Request]:
        """Return the requests that bring the given segments, neighbours together."""
        most = self._config.request_bytes
        if self._is_remote:
            wanted = sum(map(self.size_of, numbers))
            shared = shared_bytes(wanted, connections=self._config.shared_connections, most=most)
            most = max(shared, min(most, self._config.split_bytes))
        return plan(numbers, self._extents, request_bytes=most)

    def batches(self, numbers: range) -> Iterator[Sequence[int]]:
        """Yield what to read at a time of a text that is streamed."""
        if not self._is_remote:
            for first in range(numbers.start, numbers.stop, self._config.read_threads):
                chunk = range(first, min(first + self._config.read_threads, numbers.stop))
                yield from (request.segments for request in self.requests(chunk))
            return
        # A batch is held beside the memory tier, which may evict of it meanwhile.
        fitting = self._config.memory_bytes // 32 * self._segments // max(1, self._starts[-1])
        most = max(_FIRST_BATCH, min(self._config.stream_segments, fitting))
        first, step = numbers.start, _FIRST_BATCH
        while first < numbers.stop:
            yield range(first, min(first + step, numbers.stop))
            # A reader who stops early has paid for little; one who goes on soon uses every connection.
            first, step = first + step, min(2 * step, most)

    def affordable(self, numbers: Sequence[int], *, beside_bytes: int) -> list[int]:
        """Return as many of the first segments as may be read ahead beside so many bytes under way."""
        most, share = self._config.prefetch_bytes, self._config.memory_bytes // 4
        under_way = beside_bytes
        taken: list[int] = []
        for number in numbers:
            under_way += self.size_of(number)
            # Where a segment is more than the share of a small memory, one at a time.
            is_only_one = under_way == self.size_of(number)
            if under_way > most or (under_way > share and not is_only_one):
                break
            taken.append(number)
        return taken
