"""Read in parallel and get the results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from .stores import Head, Store


def in_order(calls: Iterable[Callable[[], bytes]], *, ahead: int) -> Generator[bytes, None, None]:
    """Yield what each call returns, in their order, at most `ahead` of them under way or waiting.

    The first error ends it; calls not yet begun are then dropped, as when the iterator is closed.
    """
    pool = ThreadPoolExecutor(ahead, thread_name_prefix="rlm index")
    begun: deque[Future[bytes]] = deque()
    try:
        for call in calls:
            begun.append(pool.submit(call))
            if len(begun) >= ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def block_reads(store: Store, key: str, head: Head, *, step_bytes: int) -> list[Callable[[], bytes]]:
    """Return the calls that read an object, as it was when `head` was taken, block by block."""
    return [
        partial(store.get, key, start=start, stop=min(start + step_bytes, head.size), version=head.version)
        for start in range(0, head.size, step_bytes)
    ]
