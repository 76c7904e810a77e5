"""Bring the segments of a store into memory: from its memory tier, the disk tier, or the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ..config import MIB, ContextConfig
from ..forked import tell_after_fork
from ..records import ReadStats
from .cache import MemoryTier
from .connections import FOREGROUND
from .disk_tier import DiskTier
from .extents import Extents
from .flight import Flight
from .flights import Flights, Settled
from .layout import Layout
from .planner import Planner
from .reader import Reader
from .segment import Segment
from .stats import ReadCounter
from .stores import Store
from .stores.directory import DirectoryStore
from .stores.objects import ObstoreStore

_BESIDE_BYTES = 64 * MIB


class StoredSegments:
    """Segments of a text in a store, read when needed, checked, and kept in a memory tier.

    `listener` is told on the reading thread which segments a `load` had to wait for, `waste_listener` on
    whose behalf one was read ahead that was evicted unread. Those of a remote store are kept on disk, too.
    """

    def __init__(self, store: Store, extents: Extents, layout: Layout, *, config: ContextConfig) -> None:
        self.store = store
        self.extents = extents
        self.listener: Callable[[Sequence[int], bool], None] | None = None
        self.waste_listener: Callable[[object], None] | None = None
        self.is_remote = not isinstance(store, DirectoryStore)
        self._tier = MemoryTier(_tier_bytes(layout.byte_starts[-1], config, is_remote=self.is_remote))
        self.resident = self._tier.resident
        self._disk = DiskTier(extents, url=store.url, is_used=self.is_remote, resident=self.resident)
        self._planner = Planner(extents, layout, config=config, is_remote=self.is_remote)
        self._counter = ReadCounter()
        reader = Reader(
            store,
            extents,
            layout,
            config=config,
            counter=self._counter,
            is_remote=self.is_remote,
        )
        self._flights = Flights(
            config=config,
            is_remote=self.is_remote,
            counter=self._counter,
            reader=reader,
            recall=self._disk.recall,
            arrived=self._arrived,
            size_of=self._planner.size_of,
            passing=self._tier.passing,
            shared_as=store.shared_as if isinstance(store, ObstoreStore) else None,
        )
        self._flights.get_ready(min(len(layout), config.background_connections))
        tell_after_fork(self)

    def start_afresh(self) -> None:
        """Forget threads, locks and requests, which do not survive a fork."""
        self._flights.start_afresh()
        self._counter.start_afresh()
        self._tier.start_afresh()
        self._disk.start_afresh()

    def let_go(self) -> None:
        """End reading ahead: nobody reads any more. What is in memory is freed as soon as it is on disk.

        Without this it would all wait for the garbage collector, because the parts know each other.
        """
        self.listener = self.waste_listener = None
        self._flights.let_go()

    @property
    def stats(self) -> ReadStats:
        """What reading has cost so far."""
        return replace(self._counter.snapshot(), prefetched_wasted_bytes=self._tier.wasted_bytes)

    def load(self, numbers: Sequence[int]) -> list[Segment]:
        """Return the given segments, those missing read in parallel."""
        return self._load(numbers, keep=True)

    def stream(self, numbers: range, *, keep: bool) -> Iterator[Segment]:
        """Yield the given segments, one batch ahead in memory."""
        for batch in self._planner.batches(numbers):
            yield from self._load(batch, keep=keep)

    def on_disk(self, numbers: Sequence[int]) -> frozenset[int]:
        """Return which of the given segments the cache on disk probably holds, at the price of no read."""
        return self._disk.holding(numbers)

    def admit(self, number: int, segment: Segment) -> None:
        """Take in a segment that was read otherwise, as far as there is room."""
        wasted = self._tier.admit(number, segment)
        if self.waste_listener is not None:
            for owner in wasted:
                self.waste_listener(owner)

    def admit_all(self, found: Iterable[tuple[int, Segment, bytes]]) -> None:
        """Take in segments that were read otherwise, with their stored bytes: into memory and onto disk."""
        for number, segment, raw in found:
            self.admit(number, segment)
            self._disk.keep(number, segment, raw)
        self._disk.write()

    def prefetch(self, numbers: Sequence[int], *, priority: int, owner: object) -> None:
        """Queue reads behind the foreground; segments in memory or on their way are skipped.

        What exceeds `prefetch_bytes`, together with what is still under way, is left out.
        """
        with self._flights.lock:
            under_way = self._flights.under_way
            absent = [n for n in numbers if n not in self.resident and n not in under_way]
            wanted = self._planner.affordable(absent, beside_bytes=self._flights.ahead_bytes)
            self._flights.begin(self._planned(wanted, keep=True, owner=owner), priority=priority)

    def used(self, number: int, segment: Segment) -> None:
        """Note the first read of a segment that was read ahead."""
        segment.ahead = None
        self._counter.add(prefetched_used_bytes=len(segment.view))
        if self.listener is not None:
            self.listener((number,), False)

    def cancel(self, owner: object) -> None:
        """Drop what this owner queued and is not yet on its way."""
        with self._flights.lock:
            flights = self._flights.under_way.values()
            owned = {id(flight): flight for flight in flights if flight.owner == owner}
        for flight in owned.values():
            self._flights.drop(flight)

    def _load(self, numbers: Sequence[int], *, keep: bool) -> list[Segment]:
        """A flight that brought nothing was dropped or failed for others; then it is ours to repeat."""
        held: dict[int, Segment] = {}
        started = time.monotonic()
        waited = False
        while missing := [number for number in numbers if number not in held]:
            mine: list[Flight] = []
            try:
                theirs = self._claim(missing, held, mine, keep=keep)
                waited = waited or bool(mine or theirs)
                self._await(mine, held)
            finally:
                # After an error or an interrupt, wherever it came: nobody waits for the rest, except perhaps
                # another thread, which then asks for it itself.
                for flight in mine:
                    self._flights.drop(flight)
            for flight in theirs:
                held.update(self._taken(self._flights.wait(flight)))
        if waited:
            self._counter.add(stall_s=time.monotonic() - started)
            self._disk.write()
            if self.listener is not None:
                self.listener(numbers, True)
        return [held[number] for number in numbers]

    def _claim(
        self, missing: Sequence[int], held: dict[int, Segment], mine: list[Flight], *, keep: bool
    ) -> list[Flight]:
        """Take what is in memory into `held`, begin `mine` for what is absent, return others' under way."""
        absent: list[int] = []
        used: list[int] = []
        theirs: dict[int, Flight] = {}
        with self._flights.lock:
            for number in missing:
                if (segment := self.resident.get(number)) is not None:
                    segment.hot = True
                    if segment.ahead is not None:
                        used.append(number)
                    held[number] = segment
                elif (flight := self._flights.under_way.get(number)) is not None:
                    theirs[id(flight)] = flight
                else:
                    absent.append(number)
            mine += self._planned(absent, keep=keep)
            is_here = not self.is_remote and len(mine) == 1
            self._flights.begin(mine, priority=None if is_here else FOREGROUND)
        for flight in theirs.values():
            if flight.job is not None:
                flight.job.promote()
        self._counter.add(memory_hits=len(held))
        for number in used:
            self.used(number, held[number])
        return list(theirs.values())

    def _taken(self, landed: dict[int, Segment]) -> dict[int, Segment]:
        """Note that a reader waited for what was read ahead; that it had to wait, others say."""
        for segment in landed.values():
            if segment.ahead is not None:
                segment.ahead = None
                self._counter.add(prefetched_used_bytes=len(segment.view))
        return landed

    def _await(self, mine: Sequence[Flight], held: dict[int, Segment]) -> None:
        for flight in mine:
            if flight.job is None:
                self._flights.fly(flight)
            held.update(self._flights.wait(flight))
            if flight.error is not None:
                raise flight.error

    def _arrived(self, flight: Flight, settled: Settled) -> None:
        """Keep what a flight brought, and count it."""
        for number, (segment, raw) in settled.items():
            segment.ahead = flight.owner
            if flight.keep:
                self.admit(number, segment)
            if not flight.from_disk:
                self._disk.keep(number, segment, raw)
        self._counter.add(**{"disk_hits" if flight.from_disk else "store_reads": len(settled)})
        if flight.is_ahead:
            self._counter.add(prefetched_bytes=sum(map(self._planner.size_of, settled)))
            self._disk.write()

    def _planned(self, numbers: Sequence[int], *, keep: bool, owner: object = None) -> list[Flight]:
        on_disk = self._disk.holding(numbers)
        found = [number for number in numbers if number in on_disk]
        absent = [number for number in numbers if number not in on_disk] if on_disk else numbers
        flights = [
            Flight(request=request, keep=keep, owner=owner, from_disk=True)
            for request in self._planner.one_by_one(found)
        ]
        return flights + [Flight(request=r, keep=keep, owner=owner) for r in self._planner.requests(absent)]


def _tier_bytes(text_bytes: int, config: ContextConfig, *, is_remote: bool) -> int:
    """Return what the memory tier may hold of a text."""
    if not is_remote or text_bytes <= config.memory_bytes:
        return config.memory_bytes
    # What does not fit is read on and on, and malloc keeps holes between segments of unequal length. What the
    # connections and the disk tier's queue hold besides is the same for a small memory.
    return config.memory_bytes * 5 // 8 - min(_BESIDE_BYTES, config.memory_bytes // 4)
