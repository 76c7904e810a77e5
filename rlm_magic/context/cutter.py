"""Cut a stream of bytes into segments."""

from __future__ import annotations

from collections.abc import Iterator

from .utf8 import cut_point


class Cutter:
    """Takes bytes as they come and gives segments of at most `segment_bytes`, cut as `cut_point` says."""

    def __init__(self, segment_bytes: int) -> None:
        self._segment_bytes = segment_bytes
        self._pending = bytearray()

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Take more bytes; yield the segments that are complete."""
        self._pending += data
        yield from self._cut(final=False)

    def finish(self) -> Iterator[bytes]:
        """Yield what is left."""
        yield from self._cut(final=True)

    def _cut(self, *, final: bool) -> Iterator[bytes]:
        pending = self._pending
        while pending and (cut := cut_point(pending, limit_bytes=self._segment_bytes, final=final)):
            segment = bytes(memoryview(pending)[:cut])
            del pending[:cut]
            yield segment
