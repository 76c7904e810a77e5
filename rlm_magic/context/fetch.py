"""Bring the segments of a store into memory.

One request is in flight per segment, however many threads ask for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from functools import partial

from ..config import ContextConfig
from ..records import ReadStats
from .cache import MemoryTier
from .connections import FOREGROUND, Connections, Job
from .extents import Extents
from .flight import Flight
from .forked import tell_after_fork
from .layout import Layout
from .plan import Request, plan, shared_bytes
from .reader import Reader
from .segment import Segment
from .stats import ReadCounter
from .stores import Store
from .stores.directory import DirectoryStore

_WATCH_S = 0.25


class StoredSegments:
    """Segments of a text in a store, read when needed, checked, and kept in a memory tier.

    `listener` is told on the reading thread which segments a `load` had to wait for.
    """

    def __init__(self, store: Store, extents: Extents, layout: Layout, *, config: ContextConfig) -> None:
        self.store = store
        self.extents = extents
        self.listener: Callable[[Sequence[int], bool], None] | None = None
        self._layout = layout
        self._config = config
        self.is_remote = not isinstance(store, DirectoryStore)
        self._tier = MemoryTier(config.memory_bytes)
        self.resident = self._tier.resident
        self._counter = ReadCounter()
        self._reader = Reader(
            store, extents, layout, config=config, counter=self._counter, is_remote=self.is_remote
        )
        self.start_afresh()
        tell_after_fork(self)

    @property
    def stats(self) -> ReadStats:
        """What reading has cost so far."""
        return replace(self._counter.snapshot(), prefetched_wasted_bytes=self._tier.wasted_bytes)

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments, those missing read in parallel."""
        return self._load(numbers, keep=True)

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:
        """Yield the given segments, one batch ahead in memory."""
        for batch in self._batches(numbers):
            yield from self._load(batch, keep=keep)

    def prefetch(self, numbers: Sequence[int], *, priority: int, owner: object) -> None:
        """Queue reads behind the foreground; segments in memory or on their way are skipped.

        What exceeds `prefetch_bytes`, together with what is still under way, is left out.
        """
        with self._lock:
            wanted = self._affordable(
                [n for n in numbers if n not in self.resident and n not in self._flights]
            )
            flights = [
                Flight(request=request, keep=True, owner=owner, is_ahead=True)
                for request in self._plan(wanted)
            ]
            self._begin(flights, priority=priority)

    def used(self, number: int, segment: Segment) -> None:
        """Note the first read of a segment that was read ahead."""
        segment.ahead = False
        self._counter.add(prefetched_used_bytes=len(segment.data))
        if self.listener is not None:
            self.listener((number,), False)

    def cancel(self, owner: object) -> None:
        """Drop what this owner queued and is not yet on its way."""
        with self._lock:
            flights = {id(flight): flight for flight in self._flights.values() if flight.owner is owner}
        for flight in flights.values():
            if flight.job is not None and self._connections.drop(flight.job):
                self._land(flight, {})

    def _affordable(self, numbers: Sequence[int]) -> list[int]:
        left = self._config.prefetch_bytes - self._ahead_bytes
        taken: list[int] = []
        for number in numbers:
            left -= self._size(number)
            if left < 0:
                break
            taken.append(number)
        return taken

    def _size(self, number: int) -> int:
        starts = self._layout.byte_starts
        return int(starts[number + 1] - starts[number])

    def _batches(self, numbers: range) -> Iterator[Sequence[int]]:
        if not self.is_remote:
            for first in range(numbers.start, numbers.stop, self._config.read_threads):
                chunk = range(first, min(first + self._config.read_threads, numbers.stop))
                yield from (request.segments for request in self._plan(chunk))
            return
        first, step = numbers.start, 4
        while first < numbers.stop:
            yield range(first, min(first + step, numbers.stop))
            # A reader who stops early has paid for little; one who goes on soon uses every connection.
            first, step = first + step, min(2 * step, self._config.stream_segments)

    def _load(self, numbers: Sequence[int], *, keep: bool) -> list[Segment]:
        """A flight that brought nothing was dropped or failed for others; then it is ours to repeat."""
        held: dict[int, Segment] = {}
        started = time.monotonic()
        waited = False
        while missing := [number for number in numbers if number not in held]:
            mine, theirs = self._claim(missing, held, keep=keep)
            waited = waited or bool(mine or theirs)
            self._await(mine, held)
            for flight in theirs:
                held.update(self._result(flight) or {})
        if waited:
            self._counter.add(stall_s=time.monotonic() - started)
            if self.listener is not None:
                self.listener(numbers, True)
        return [held[number] for number in numbers]

    def _claim(
        self, missing: Sequence[int], held: dict[int, Segment], *, keep: bool
    ) -> tuple[list[Flight], list[Flight]]:
        absent: list[int] = []
        used: list[int] = []
        theirs: dict[int, Flight] = {}
        with self._lock:
            for number in missing:
                if (segment := self.resident.get(number)) is not None:
                    segment.hot = True
                    if segment.ahead:
                        used.append(number)
                    held[number] = segment
                elif (flight := self._flights.get(number)) is not None:
                    theirs[id(flight)] = flight
                else:
                    absent.append(number)
            mine = [Flight(request=request, keep=keep) for request in self._plan(absent)]
            is_here = not self.is_remote and len(mine) == 1
            self._begin(mine, priority=None if is_here else FOREGROUND)
        for flight in theirs.values():
            if flight.job is not None:
                self._connections.promote(flight.job)
        self._counter.add(memory_hits=len(held))
        for number in used:
            self.used(number, held[number])
        return mine, list(theirs.values())

    def _begin(self, flights: Sequence[Flight], *, priority: int | None) -> None:
        for flight in flights:
            self._flights.update(dict.fromkeys(flight.request.segments, flight))
            if flight.is_ahead:
                self._ahead_bytes += sum(map(self._size, flight.request.segments))
            if priority is not None:
                flight.job = Job(partial(self._fly, flight), priority)
                self._connections.submit(flight.job)

    def _await(self, mine: Sequence[Flight], held: dict[int, Segment]) -> None:
        try:
            for flight in mine:
                if flight.job is None:
                    self._fly(flight)
                held.update(self._result(flight) or {})
                if flight.error is not None:
                    raise flight.error
        finally:
            # After an error or an interrupt: nobody waits for the rest, except perhaps another thread,
            # which then asks for it itself.
            for flight in mine:
                if not flight.landed.done() and (flight.job is None or self._connections.drop(flight.job)):
                    self._land(flight, {})

    def _result(self, flight: Flight) -> dict[int, Segment]:
        """Wait, but not past the deadline of a flight that has begun: a body may stall for ever."""
        while True:
            try:
                return flight.landed.result(timeout=_WATCH_S if self.is_remote else None)
            except FutureTimeout:
                began = flight.began
                if began is not None and time.monotonic() - began > self._config.read_deadline_s:
                    self._disown(flight)
                    raise self._reader.overdue(flight.request) from None

    def _disown(self, flight: Flight) -> None:
        """Let the next reader ask anew instead of waiting for a flight that is lost."""
        with self._lock:
            for number in flight.request.segments:
                if self._flights.get(number) is flight:
                    del self._flights[number]

    def _fly(self, flight: Flight) -> None:
        flight.began = time.monotonic()
        answer: dict[int, Segment] = {}
        try:
            answer = self._answer(flight)
        except BaseException as error:  # noqa: BLE001
            # Whatever a store raised, an interrupt too, is the asker's and must not end this thread.
            flight.error = error
        finally:
            self._land(flight, answer)

    def _land(self, flight: Flight, answer: dict[int, Segment]) -> None:
        with self._lock:
            for number in flight.request.segments:
                if self._flights.get(number) is flight:
                    del self._flights[number]
            if flight.is_ahead:
                self._ahead_bytes -= sum(map(self._size, flight.request.segments))
        flight.landed.set_result(answer)

    def _answer(self, flight: Flight) -> dict[int, Segment]:
        answer = self._reader.read(flight.request, began=flight.began)
        for segment in answer.values():
            segment.ahead = flight.is_ahead
        if flight.keep:
            for number, segment in answer.items():
                self._tier.admit(number, segment)
        if flight.is_ahead:
            self._counter.add(prefetched_bytes=sum(map(self._size, answer)))
        return answer

    def _plan(self, numbers: Sequence[int]) -> list[Request]:
        most = self._config.request_bytes
        if self.is_remote:
            wanted = sum(map(self._size, numbers))
            shared = shared_bytes(wanted, connections=self._config.shared_connections, most=most)
            most = max(shared, min(most, self._config.split_bytes))
        return plan(numbers, self.extents, request_bytes=most)

    def start_afresh(self) -> None:
        """Forget threads, locks and requests, which do not survive a fork."""
        config = self._config
        self._lock = threading.RLock()
        self._flights: dict[int, Flight] = {}
        self._ahead_bytes = 0
        threads = config.connections if self.is_remote else config.read_threads
        background = config.background_connections if self.is_remote else config.read_threads - 1
        self._connections = Connections(
            threads, background=max(1, background), idle_s=config.connection_idle_s
        )
        self._counter.start_afresh()
        self._tier.start_afresh()
