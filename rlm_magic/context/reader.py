"""Read one request from a store: again where that may help, checked before anybody sees a byte."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from ..config import ContextConfig
from ..errors import SegmentMissing, StoreUnavailable
from .again import again
from .extents import Extents, settle
from .layout import Layout
from .plan import Request
from .segment import Segment
from .stats import ReadCounter
from .stores import Store
from .stores.objects import ObstoreStore

Body = bytes | memoryview


class Reader:
    """Reads requests from one store. A local one is asked once, a remote one again until the deadline.

    `heed` is told of every answer: the seconds and bytes it took, or how it was refused.
    """

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
        self._ask = store.view if isinstance(store, ObstoreStore) else store.get
        self._extents = extents
        self._layout = layout
        self._config = config
        self._counter = counter
        self._attempts = config.read_attempts if is_remote else 1
        self.heed: Callable[[float, int, StoreUnavailable | None], None] = _ignore

    def fetch(self, request: Request, *, began: float, within_s: float) -> Body:
        """Return the bytes of a request that began at `began` on the monotonic clock, and has `within_s`.

        Raises SegmentMissing, SnapshotChanged or StoreUnavailable, naming object and lines.
        """
        return again(
            partial(self._get, request),
            config=self._config,
            attempts=self._attempts,
            began=began,
            within_s=within_s,
            on_again=partial(self._counter.add, retries=1),
        )

    def settled(self, request: Request, body: Body) -> dict[int, tuple[Segment, bytes]]:
        """Return the segments that a request brought, each with its stored bytes.

        Raises IntegrityError if one is not as promised.
        """
        answer = {}
        for number in request.segments:
            start = self._extents.offsets[number] - request.start
            length = self._extents.lengths[number]
            # Of bytes, a slice of all of them is no copy; of a view, this is the only one.
            raw = bytes(body[start:] if length < 0 else body[start : start + length])
            answer[number] = settle(raw, number, extents=self._extents, layout=self._layout), raw
        return answer

    def overdue(self, request: Request, *, within_s: float) -> StoreUnavailable:
        """Return the error for a request that is given up."""
        key = self._extents.keys[request.object]
        return StoreUnavailable(
            f"{key} did not arrive within {round(within_s, 1):g} s ({self._lines(request)}); "
            "try again, or check the network"
        )

    def _get(self, request: Request) -> Body:
        key, version = self._extents.keys[request.object], self._extents.versions[request.object]
        started = time.monotonic()
        self._counter.add(requests=1)
        try:
            body = self._ask(key, start=request.start, stop=request.stop, version=version)
        except SegmentMissing as error:
            raise SegmentMissing(
                f"{error}; it holds {self._lines(request)}, the others can still be read"
            ) from error
        except StoreUnavailable as error:
            self.heed(time.monotonic() - started, 0, error)
            raise StoreUnavailable(f"{error} ({self._lines(request)})", status=error.status) from error
        self.heed(time.monotonic() - started, len(body), None)
        self._counter.add(bytes=len(body))
        return body

    def _lines(self, request: Request) -> str:
        starts = self._layout.newline_starts
        return f"lines {starts[request.segments[0]]} to {starts[request.segments[-1] + 1]} of the context"


def _ignore(_seconds: float, _size_bytes: int, _refusal: StoreUnavailable | None) -> None:
    """Stand in where nobody learns from the answers."""
