"""Bring segments into memory: from a list that is already there, or from a store.

One request is in flight per segment, however many threads ask for it.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from ..config import ContextConfig
from ..errors import SegmentMissing
from .cache import MemoryTier
from .extents import Extents, settle
from .layout import Layout
from .plan import Request, plan
from .segment import Segment
from .stores import Store


class Segments(Protocol):
    """The segments of one text."""

    @property
    def resident(self) -> Mapping[int, Segment]:
        """Segments by number that can be read without waiting."""
        ...

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments, in order, all of them in memory at once."""
        ...

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:
        """Yield the given segments, a few in memory at a time; `keep` lets them stay while there is room."""
        ...


class GivenSegments:
    """Segments of a text that was given in memory. They are the only copy, so none is ever evicted."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.resident = dict(enumerate(segments))

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments."""
        return [self.resident[number] for number in numbers]

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:  # noqa: ARG002
        """Yield the given segments."""
        yield from self.load(numbers)


class StoredSegments:
    """Segments of a text in a store, read when needed, checked, and kept in a memory tier."""

    def __init__(self, store: Store, extents: Extents, layout: Layout, *, config: ContextConfig) -> None:
        self.store = store
        self.extents = extents
        self._layout = layout
        self._config = config
        self._tier = MemoryTier(config.memory_bytes)
        self.resident = self._tier.resident
        self._threads: ThreadPoolExecutor | None = None
        self._start_afresh()
        _survivors().add(self)

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments, those missing read in parallel."""
        return self._load(numbers, keep=True)

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:
        """Yield the given segments, one request ahead in memory."""
        for request in self._batches(numbers):
            yield from self._load(request, keep=keep)

    def _batches(self, numbers: range) -> Iterator[Sequence[int]]:
        for first in range(numbers.start, numbers.stop, self._config.read_threads):
            chunk = range(first, min(first + self._config.read_threads, numbers.stop))
            yield from (request.segments for request in self._plan(chunk))

    def _load(self, numbers: Sequence[int], *, keep: bool) -> list[Segment]:
        """A segment in another thread's hands is waited for; if that thread was interrupted, it is ours."""
        held: dict[int, Segment] = {}
        while missing := [number for number in numbers if number not in held]:
            mine, theirs = self._claim(missing, held)
            try:
                held.update(self._read(mine, keep=keep))
            finally:
                self._release(mine, held)
            for number, future in theirs.items():
                segment = future.result()
                if segment is not None:
                    held[number] = segment
        return [held[number] for number in numbers]

    def _claim(
        self, missing: Sequence[int], held: dict[int, Segment]
    ) -> tuple[list[int], dict[int, Future[Segment | None]]]:
        mine, theirs = [], {}
        with self._lock:
            for number in missing:
                if (segment := self.resident.get(number)) is not None:
                    segment.hot = True
                    held[number] = segment
                elif number in self._in_flight:
                    theirs[number] = self._in_flight[number]
                else:
                    self._in_flight[number] = Future()
                    mine.append(number)
        return mine, theirs

    def _release(self, mine: Sequence[int], held: Mapping[int, Segment]) -> None:
        with self._lock:
            futures = [(number, self._in_flight.pop(number)) for number in mine]
        for number, future in futures:
            # None sends whoever waits to read it himself, and so to his own error.
            future.set_result(held.get(number))

    def _read(self, numbers: Sequence[int], *, keep: bool) -> dict[int, Segment]:
        requests = self._plan(numbers)
        if len(requests) <= 1:
            batches = [self._answer(request, keep=keep) for request in requests]
        else:
            futures = [self._pool().submit(self._answer, request, keep=keep) for request in requests]
            batches = [future.result() for future in futures]
        return {number: segment for batch in batches for number, segment in batch.items()}

    def _plan(self, numbers: Sequence[int]) -> list[Request]:
        return plan(numbers, self.extents, request_bytes=self._config.request_bytes)

    def _answer(self, request: Request, *, keep: bool) -> dict[int, Segment]:
        body = self._get(request)
        answer = {}
        for number in request.segments:
            start = self.extents.offsets[number] - request.start
            length = self.extents.lengths[number]
            # A slice of all the bytes is those bytes, not a copy.
            raw = body[start:] if length < 0 else body[start : start + length]
            answer[number] = settle(raw, number, extents=self.extents, layout=self._layout)
            if keep:
                self._tier.admit(number, answer[number])
        return answer

    def _get(self, request: Request) -> bytes:
        key, version = self.extents.keys[request.object], self.extents.versions[request.object]
        try:
            return self.store.get(key, start=request.start, stop=request.stop, version=version)
        except SegmentMissing as error:
            starts = self._layout.newline_starts
            first, last = starts[request.segments[0]], starts[request.segments[-1] + 1]
            raise SegmentMissing(
                f"{error}; it holds lines {first} to {last} of the context, the others can still be read"
            ) from error

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._config.read_threads, thread_name_prefix="rlm read")
            return self._threads

    def _start_afresh(self) -> None:
        """Forget threads, locks and requests, which do not survive a fork."""
        self._lock = threading.Lock()
        self._in_flight: dict[int, Future[Segment | None]] = {}
        self._threads = None
        self._tier.start_afresh()


_forked: weakref.WeakSet[StoredSegments] | None = None


def _survivors() -> weakref.WeakSet[StoredSegments]:
    """Return the set of those to tell after a fork, hooked in when first needed: imports do nothing."""
    global _forked
    if _forked is None:
        _forked = weakref.WeakSet()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_start_all_afresh)
    return _forked


def _start_all_afresh() -> None:
    for segments in list(_forked or ()):
        segments._start_afresh()
