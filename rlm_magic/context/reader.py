"""Read one request from a store: again where that may help, checked before anybody sees a byte."""

from __future__ import annotations

import random
import time
from itertools import count

from ..config import ContextConfig
from ..errors import IntegrityError, SegmentMissing, StoreUnavailable
from .extents import Extents, settle
from .layout import Layout
from .plan import Request
from .retry import may_pass, pause_s
from .segment import Segment
from .stats import ReadCounter
from .stores import Store


class Reader:
    """Reads requests from one store. A local one is asked once, a remote one again until the deadline."""

    def __init__(
        self,
        store: Store,
        extents: Extents,
        layout: Layout,
        *,
        config: ContextConfig,
        counter: ReadCounter,
        is_remote: bool,
    ) -> None:
        self._store = store
        self._extents = extents
        self._layout = layout
        self._config = config
        self._counter = counter
        self._attempts = config.read_attempts if is_remote else 1

    def read(self, request: Request, *, began: float | None) -> dict[int, Segment]:
        """Return the segments of a request that began at `began` on the monotonic clock.

        Raises SegmentMissing, SnapshotChanged, IntegrityError or StoreUnavailable, naming object and lines.
        """
        deadline = (began or time.monotonic()) + self._config.read_deadline_s
        for attempt in count(1):
            try:
                return self._once(request)
            except (IntegrityError, StoreUnavailable) as error:
                pause = self._pause_s(attempt)
                too_late = time.monotonic() + pause > deadline
                if too_late or not may_pass(error, attempt=attempt, attempts=self._attempts):
                    raise
                self._counter.add(retries=1)
                time.sleep(pause)
        raise AssertionError("unreachable")

    def overdue(self, request: Request) -> StoreUnavailable:
        """Return the error for a request that is given up."""
        key = self._extents.keys[request.object]
        return StoreUnavailable(
            f"{key} did not arrive within {self._config.read_deadline_s:g} s ({self._lines(request)}); "
            "try again, or check the network"
        )

    def _pause_s(self, attempt: int) -> float:
        config = self._config
        return pause_s(
            attempt, first_s=config.retry_first_s, most_s=config.retry_most_s, chance=random.random()
        )

    def _once(self, request: Request) -> dict[int, Segment]:
        self._counter.add(requests=1)
        body = self._get(request)
        answer = {}
        for number in request.segments:
            start = self._extents.offsets[number] - request.start
            length = self._extents.lengths[number]
            # A slice of all the bytes is those bytes, not a copy.
            raw = body[start:] if length < 0 else body[start : start + length]
            answer[number] = settle(raw, number, extents=self._extents, layout=self._layout)
        self._counter.add(bytes=len(body), store_reads=len(answer))
        return answer

    def _get(self, request: Request) -> bytes:
        key, version = self._extents.keys[request.object], self._extents.versions[request.object]
        try:
            return self._store.get(key, start=request.start, stop=request.stop, version=version)
        except SegmentMissing as error:
            raise SegmentMissing(
                f"{error}; it holds {self._lines(request)}, the others can still be read"
            ) from error
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error} ({self._lines(request)})") from error

    def _lines(self, request: Request) -> str:
        starts = self._layout.newline_starts
        return f"lines {starts[request.segments[0]]} to {starts[request.segments[-1] + 1]} of the context"
