"""Plan which byte ranges to request for a set of segments. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .extents import Extents


@dataclass(frozen=True, slots=True)
class Request:
    """One range of one object, and the neighbouring segments that it brings. `stop` None is to the end."""

    object: int
    start: int
    stop: int | None
    segments: tuple[int, ...]


def plan(segments: Iterable[int], extents: Extents, *, request_bytes: int) -> list[Request]:
    """Return requests that bring the given segments in order, each once.

    Segments stored next to each other share a request of at most `request_bytes`; gaps are never read.
    """
    requests: list[Request] = []
    for segment in segments:
        single = alone(segment, extents)
        joined = _joined(requests[-1], single, request_bytes=request_bytes) if requests else None
        if joined is None:
            requests.append(single)
        else:
            requests[-1] = joined
    return requests


def shared_bytes(wanted_bytes: int, *, connections: int, most: int) -> int:
    """Return how large a request may be so that no connection is left idle while another reads much.

    Twice the even share: segments do not divide evenly, and a request too many would cost a round trip.

    >>> shared_bytes(100, connections=50, most=8)
    4
    """
    return max(1, min(most, 2 * wanted_bytes // connections))


def alone(segment: int, extents: Extents) -> Request:
    """Return the request that brings one segment and nothing else."""
    start, length = extents.offsets[segment], extents.lengths[segment]
    stop = None if length < 0 else start + length
    return Request(extents.objects[segment], start, stop, (segment,))


def _joined(before: Request, after: Request, *, request_bytes: int) -> Request | None:
    if before.object != after.object or before.stop != after.start or after.stop is None:
        return None
    if after.stop - before.start > request_bytes:
        return None
    return Request(before.object, before.start, after.stop, before.segments + after.segments)
