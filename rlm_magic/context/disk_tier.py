"""The disk tier: the stored bytes of segments, kept between processes under what they are.

A segment whose digest is known goes by it, so that contexts, notebooks and kernels share it wherever the
text was bound from; another by its object, version and range.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial

from ..disk import DiskCache, segment_cache
from .extents import Extents
from .segment import Segment

_SCHEME = "v1"


class DiskTier:
    """Keeps and recalls segments of one text; none of its faults ever reaches a reader.

    What is to be kept is collected, and handed over by `write`, so that no write comes before a read that
    somebody waits for. What is among the `resident` segments is written if it still is when its turn comes:
    what the memory tier evicts does not stay in memory for the disk's sake.
    """

    def __init__(self, extents: Extents, *, url: str, is_used: bool, resident: Mapping[int, Segment]) -> None:
        self._extents = extents
        self._url = url
        self._resident = resident
        self._cache: DiskCache | None = segment_cache() if is_used else None
        self._pending: list[tuple[str, bytes | int]] = []
        self._lock = threading.Lock()

    def holding(self, numbers: Sequence[int]) -> frozenset[int]:
        """Return which of the given segments are probably there, at the price of no read."""
        if self._cache is None or not numbers:
            return frozenset()
        keys = {number: key for number in numbers if (key := self._key(number)) is not None}
        known = self._cache.known(set(keys.values()))
        return frozenset(number for number, key in keys.items() if key in known)

    def recall(self, number: int) -> bytes | None:
        """Return the stored bytes of a segment, or None."""
        key = self._key(number)
        return None if self._cache is None or key is None else self._cache.get(key)

    def keep(self, number: int, segment: Segment, raw: bytes) -> None:
        """Collect a segment and its stored bytes for the next `write`."""
        if self._cache is not None and (key := self._key(number)) is not None:
            with self._lock:
                is_resident = self._resident.get(number) is segment and segment.data is raw
                self._pending.append((key, number if is_resident else raw))

    def write(self) -> None:
        """Have what was collected written, behind everything else."""
        with self._lock:
            pending, self._pending = self._pending, []
        for key, held in pending:
            assert self._cache is not None
            if isinstance(held, bytes):
                self._cache.put(key, held)
            else:
                size_bytes = self._extents.lengths[held]
                self._cache.put_held(key, partial(_data, self._resident, held), size_bytes=size_bytes)

    def start_afresh(self) -> None:
        """Make the lock anew, as a fork demands."""
        self._lock = threading.Lock()

    def _key(self, number: int) -> str | None:
        extents = self._extents
        if digest := extents.digest(number):
            return f"{_SCHEME}:{digest.hex()}"
        place = extents.objects[number]
        version = extents.versions[place]
        if not version:
            return None
        where = f"{extents.offsets[number]}:{extents.lengths[number]}"
        return f"{_SCHEME}:{self._url}/{extents.keys[place]}:{version}:{where}"


def _data(resident: Mapping[int, Segment], number: int) -> bytes | None:
    segment = resident.get(number)
    return None if segment is None else segment.data
