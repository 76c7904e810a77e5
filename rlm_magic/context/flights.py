"""Requests under way: one per segment however many threads ask, the most urgent first, hedged when late.

What arrives is checked by a few threads of its own, so that those that wait for the network send their next
request first: on a fast network that is what a wide slice waits for.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial

from ..config import ContextConfig
from ..errors import IntegrityError, StoreUnavailable
from .connections import FOREGROUND, Connections
from .flight import Flight
from .lateness import Lateness
from .networks import network_for
from .plan import Request
from .reader import Body, Reader
from .segment import Segment
from .stats import ReadCounter

_SMALL_BYTES = 256 * 1024

Landed = dict[int, Segment]
Settled = dict[int, tuple[Segment, bytes]]


class Flights:
    """Flies requests for one text. `arrived` is called with what one brings, before anybody may see it.

    `recall` gives the stored bytes of a segment if the disk tier holds them. `size_of` is a segment's bytes.
    Texts with the same `shared_as` share their connections. `passing` is told of bytes on their way, and of
    as many less than none when they have come.
    """

    def __init__(
        self,
        *,
        config: ContextConfig,
        is_remote: bool,
        counter: ReadCounter,
        reader: Reader,
        recall: Callable[[int], bytes | None],
        arrived: Callable[[Flight, Settled], None],
        size_of: Callable[[int], int],
        passing: Callable[[int], None],
        shared_as: Hashable = None,
    ) -> None:
        self._config = config
        self._is_remote = is_remote
        self._counter = counter
        self._recall = recall
        self._arrived = arrived
        self._size_of = size_of
        self._passing = passing
        self._shared_as = shared_as
        self._reader = reader
        reader.heed = self.heed
        self.start_afresh()

    def start_afresh(self) -> None:
        """Forget threads, locks and requests, which do not survive a fork."""
        config = self._config
        self.lock = threading.RLock()
        self.under_way: dict[int, Flight] = {}
        self.ahead_bytes = 0
        self._lateness = Lateness(config)
        self._network = network_for(config, is_remote=self._is_remote, shared_as=self._shared_as)
        checkers = min(config.read_threads, os.cpu_count() or 1)
        self._checkers = Connections(checkers, background=checkers, idle_s=config.connection_idle_s)

    def let_go(self) -> None:
        """Drop what is queued, and forget whom to tell of what still comes."""
        with self.lock:
            for flight in list(self.under_way.values()):
                self.drop(flight)
        self._recall, self._arrived, self._passing = _nothing, _unwanted, _nothing

    def get_ready(self, requests: int) -> None:
        """Have threads waiting for the first so many requests to a remote store."""
        if self._is_remote:
            self._network.get_ready(requests)

    def begin(self, flights: Sequence[Flight], *, priority: int | None) -> None:
        """Send flights, of segments that none is under way for; with no priority the caller `fly`s them."""
        together_bytes = sum(self._bytes_of(flight.request) for flight in flights)
        with self.lock:
            try:
                for flight in flights:
                    flight.shares_bytes = together_bytes
                    self._begin(flight, priority)
            except BaseException:
                # An interrupt: nobody must wait for what is entered and will never be sent.
                for flight in flights:
                    self.drop(flight)
                raise

    def drop(self, flight: Flight) -> None:
        """Give up a flight that is still queued; who else waits for it asks anew."""
        with self.lock:
            if not flight.landed.is_set and (flight.job is None or flight.job.drop()):
                self._land(flight, {})

    def wait(self, flight: Flight) -> Landed:
        """Return what a flight brings, nothing if it was dropped or failed; then `flight.error` says why.

        Raises StoreUnavailable once it is past its deadline: a body may stall for ever.
        """
        # Most have landed when their turn comes: how long to wait is not worth asking then.
        while not flight.landed.is_set:
            if not flight.landed.wait(self._look_again_after_s(flight)):
                self._look_after(flight)
        return flight.landed.value

    def fly(self, flight: Flight) -> None:
        """Make one attempt at a flight, on this thread."""
        flight.began = flight.began or time.monotonic()
        self._passing(self._bytes_of(flight.request))
        try:
            body = self._fetch(flight)
        except BaseException as error:  # noqa: BLE001
            # Whatever a store raised, an interrupt too, is the asker's and must not end this thread.
            self._passing(-self._bytes_of(flight.request))
            self._fail(flight, error)
            return
        flight.is_here = True
        # Where no request waits for this thread, handing over a small body costs more than it saves.
        if self._is_remote and (self._network.is_behind or len(body) > _SMALL_BYTES):
            priority = FOREGROUND if flight.job is None else flight.job.priority
            self._checkers.submit(partial(self._check, flight, body), priority)
        else:
            self._check(flight, body)

    def heed(self, seconds: float, size_bytes: int, refusal: StoreUnavailable | None) -> None:
        """Learn from an answer of the store: how long it took, or that it asks for fewer requests."""
        if refusal is None:
            self._lateness.note(seconds, size_bytes)
            self._network.well()
        elif refusal.asks_for_fewer:
            self._network.fewer()

    def _begin(self, flight: Flight, priority: int | None) -> None:
        self.under_way.update(dict.fromkeys(flight.request.segments, flight))
        if flight.is_ahead:
            self.ahead_bytes += self._bytes_of(flight.request)
        if flight.from_disk and priority is not None:
            flight.job = self._checkers.submit(partial(self._from_disk, flight, priority), priority)
        elif priority is not None:
            self._send(flight, priority)

    def _send(self, flight: Flight, priority: int) -> None:
        self._lateness.sent += 1
        flight.job = self._network.submit(partial(self.fly, flight), priority)

    def _check(self, flight: Flight, body: Body) -> None:
        self._passing(-self._bytes_of(flight.request))
        if flight.landed.is_set:
            return
        try:
            settled = self._settled(flight, body)
            self._arrived(flight, settled)
        except BaseException as error:  # noqa: BLE001 - see fly
            self._fail(flight, error)
            return
        self._land(flight, _segments(settled))

    def _settled(self, flight: Flight, body: Body) -> Settled:
        try:
            return self._reader.settled(flight.request, body)
        except IntegrityError:
            if not self._is_remote:
                raise
        # A bit that flipped on the way is right the second time; one that did in the store is not.
        self._counter.add(retries=1)
        return self._reader.settled(flight.request, self._fetch(flight))

    def _fetch(self, flight: Flight) -> Body:
        began = flight.began or time.monotonic()
        return self._reader.fetch(flight.request, began=began, within_s=self._lateness.deadline_s(flight))

    def _from_disk(self, flight: Flight, priority: int) -> None:
        """Take a segment from the disk tier, or send for it if that turns out not to hold it."""
        (number,) = flight.request.segments
        try:
            body = self._recall(number)
            settled = {} if body is None else self._reader.settled(flight.request, body)
        except IntegrityError:
            # Not what the store was to give: the store itself is asked.
            settled = {}
        except BaseException as error:  # noqa: BLE001 - see fly
            self._fail(flight, error)
            return
        if settled:
            self._arrived(flight, settled)
            self._land(flight, _segments(settled))
            return
        with self.lock:
            flight.from_disk = False
            self._send(flight, priority if flight.job is None else flight.job.priority)

    def _fail(self, flight: Flight, error: BaseException) -> None:
        with self.lock:
            flight.attempts -= 1
            if flight.attempts and not flight.landed.is_set:
                return
            flight.error = error
            self._land(flight, {})

    def _land(self, flight: Flight, landed: Landed) -> None:
        with self.lock:
            if flight.landed.is_set:
                return
            self._forget(flight)
            if flight.is_ahead:
                self.ahead_bytes -= self._bytes_of(flight.request)
            flight.landed.set(landed)
        if flight.hedge is not None:
            flight.hedge.drop()

    def _disown(self, flight: Flight) -> None:
        """Let the next reader ask anew instead of waiting for a flight that is lost."""
        with self.lock:
            self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        for number in flight.request.segments:
            if self.under_way.get(number) is flight:
                del self.under_way[number]

    def _look_after(self, flight: Flight) -> None:
        """Hedge a flight that is late; raise StoreUnavailable for one past its deadline.

        A local disk may take its time: who asks it again gets no other answer.
        """
        if flight.began is None or flight.is_here or not self._is_remote:
            for connections in (self._network, self._checkers):
                connections.serve()
            return
        late = self._lateness
        if late.is_past_first_deadline(flight):
            self._see_company_of(flight)
        if late.is_given_up(flight):
            self._disown(flight)
            raise self._reader.overdue(flight.request, within_s=late.deadline_s(flight))
        if self._may_hedge(flight) and late.is_late(flight, self._bytes_of(flight.request)):
            self._hedge(flight)

    def _see_company_of(self, flight: Flight) -> None:
        with self.lock:
            under_way_bytes = sum(map(self._size_of, self.under_way))
        flight.shares_bytes = max(flight.shares_bytes, under_way_bytes)

    def _look_again_after_s(self, flight: Flight) -> float:
        size_bytes, may_hedge = self._bytes_of(flight.request), self._may_hedge(flight)
        return self._lateness.look_again_after_s(flight, size_bytes, may_hedge=may_hedge)

    def _may_hedge(self, flight: Flight) -> bool:
        if not self._is_remote or flight.is_here or flight.from_disk or flight.hedge is not None:
            return False
        # Not where the store asks for fewer requests: it would be one more.
        return self._lateness.may_hedge and self._network.allowed == self._config.connections

    def _hedge(self, flight: Flight) -> None:
        """Ask a second time, beside the first; whichever comes first counts."""
        with self.lock:
            if flight.landed.is_set or flight.hedge is not None:
                return
            self._lateness.hedged += 1
            flight.attempts += 1
            flight.hedge = self._network.submit(partial(self.fly, flight), FOREGROUND)
        self._counter.add(hedges=1)

    def _bytes_of(self, request: Request) -> int:
        return sum(map(self._size_of, request.segments))


def _nothing(_number: int) -> None:
    """Do nothing, and recall nothing."""


def _unwanted(_flight: Flight, _settled: Settled) -> None:
    """Keep nothing."""


def _segments(settled: Settled) -> Landed:
    return {number: segment for number, (segment, _) in settled.items()}
