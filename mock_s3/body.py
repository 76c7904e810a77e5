"""Bodies of answers: bytes at hand, or a run of bytes of an open file, read as they are sent."""

from __future__ import annotations

import os
from typing import Protocol


class Body(Protocol):
    """A body of known length, read at any offset."""

    def __len__(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes: ...

    def shorten(self, length: int) -> None: ...

    def close(self) -> None: ...


class BytesBody:
    """A body which is already in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def shorten(self, length: int) -> None:
        """Keep the first `length` bytes."""
        self._data = self._data[:length]

    def close(self) -> None:
        return


class FileBody:
    """Bytes [start, stop) of an open file, which it owns.

    An open file stays the version it was: whoever replaces the object meanwhile changes nothing here.
    """

    def __init__(self, descriptor: int, *, start: int, stop: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._length = stop - start

    def __len__(self) -> int:
        return self._length

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes, fewer at the end, or when somebody truncated the file in place."""
        return os.pread(self._descriptor, min(size, self._length - offset), self._start + offset)

    def shorten(self, length: int) -> None:
        """Keep the first `length` bytes."""
        self._length = min(self._length, length)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
