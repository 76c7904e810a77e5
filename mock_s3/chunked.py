"""Chunked bodies, decoded as they arrive: HTTP's own chunks and the aws-chunked framing inside a body.

Both are `SIZE[;extension]\\r\\n` + data + `\\r\\n`, ended by a chunk of size 0, trailers and an empty line.
"""

from __future__ import annotations

from .config import HEAD_BYTES
from .errors import S3Error


class ChunkedDecoder:
    """Feed bytes in any pieces, get the payload; `trailers` is complete once `done`."""

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}
        self.done = False
        self._pending = bytearray()
        self._left = 0
        """Bytes still to come of the current chunk, its closing line break included."""
        self._in_trailers = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return (payload, rest); rest is not empty only once `done`. Raises S3Error on broken framing."""
        self._pending += data
        payload = bytearray()
        while not self.done and self._step(payload):
            pass
        rest = bytes(self._pending) if self.done else b""
        if self.done:
            self._pending.clear()
        return bytes(payload), rest

    def _step(self, payload: bytearray) -> bool:
        if self._left:
            return self._take_data(payload)
        line = self._take_line()
        if line is None:
            return False
        if self._in_trailers:
            self._take_trailer(line)
        else:
            self._start_chunk(line)
        return True

    def _take_data(self, payload: bytearray) -> bool:
        data_left = self._left - 2
        if data_left > 0:
            taken = self._pending[:data_left]
            payload += taken
            del self._pending[: len(taken)]
            self._left -= len(taken)
            return bool(taken)
        if len(self._pending) < self._left:
            return False
        if self._pending[:2] != b"\r\n":
            raise S3Error("IncompleteBody", "a chunk is not followed by a line break")
        del self._pending[:2]
        self._left = 0
        return True

    def _take_line(self) -> bytes | None:
        end = self._pending.find(b"\r\n")
        if end < 0:
            if len(self._pending) > HEAD_BYTES:
                raise S3Error("IncompleteBody", "a chunk's first line does not end")
            return None
        line = bytes(self._pending[:end])
        del self._pending[: end + 2]
        return line

    def _start_chunk(self, line: bytes) -> None:
        text = line.partition(b";")[0].strip()
        # int() would also take a sign, underscores and blanks.
        if not text or len(text) > 15 or text.strip(b"0123456789abcdefABCDEF"):
            raise S3Error("IncompleteBody", f"{line[:40]!r} is not the size of a chunk")
        size = int(text, 16)
        if size:
            self._left = size + 2
        else:
            self._in_trailers = True

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            self.done = True
            return
        name, _, value = line.decode("latin-1").partition(":")
        self.trailers[name.strip().lower()] = value.strip()
