"""Read in parallel and get the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from functools import partial

from .connections import Connections
from .stores import Head, Store


def in_order(
    calls: Iterable[Callable[[], bytes]], *, ahead: int, idle_s: float
) -> Generator[bytes, None, None]:
    """Yield what each call returns, in their order, at most `ahead` of them under way or waiting.

    The first error ends it; calls not yet begun are then dropped, as when the iterator is closed. Threads end
    after `idle_s`; the process can end before those that wait for a store.
    """
    threads = Connections(ahead, background=ahead, idle_s=idle_s)
    begun: deque[Future[bytes]] = deque()
    try:
        for call in calls:
            begun.append(threads.ask(call))
            if len(begun) >= ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()


def block_reads(store: Store, key: str, head: Head, *, step_bytes: int) -> list[Callable[[], bytes]]:
    """Return the calls that read an object, as it was when `head` was taken, block by block."""
    return [
        partial(store.get, key, start=start, stop=min(start + step_bytes, head.size), version=head.version)
        for start in range(0, head.size, step_bytes)
    ]
