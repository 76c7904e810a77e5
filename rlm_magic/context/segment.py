"""One segment in memory: its bytes, and where its lines and characters lie.

Text stays UTF-8 and is decoded per slice: as a str, one emoji would make it four times as large.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

# With a line ending in every 16th byte or more, an offset for each would cost over a quarter of the text.
_DENSE_BYTES_PER_LINE = 16
_DENSE_STRIDE = 32
_BLOCK_BYTES = 1024
NEWLINE = ord("\n")


class Segment:
    """A run of valid UTF-8 with the number of its line endings, and their offsets once they are asked for.

    Made of bytes, or of a view of ASCII that somebody else holds, which is then not held a second time.
    """

    __slots__ = (
        "_char_starts",
        "_data",
        "_newlines",
        "ahead",
        "ascii",
        "hot",
        "newline_count",
        "size_bytes",
        "view",
    )

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = data if isinstance(data, bytes) else None
        self.view = memoryview(data)
        self.ascii = self._data is None or self._data.isascii()
        # Of most segments of a large slice only this is needed: finding the offsets takes ten times as long.
        self.newline_count = newlines_in(data)
        self._newlines: Sequence[int] | None = None
        self.size_bytes = len(data) + _offset_bytes(self.newline_count, len(data))
        # Set on every read, cleared by the memory tier as it looks for something to evict.
        self.hot = True
        # On whose behalf it was read ahead, as long as nobody has asked for it.
        self.ahead: object = None
        self._char_starts: Sequence[int] | None = None

    @property
    def data(self) -> bytes:
        """The bytes; of a view they are copied each time, so keep them while they are searched."""
        return bytes(self.view) if self._data is None else self._data

    @property
    def newlines(self) -> Sequence[int]:
        """The offsets of the line endings. Two threads may find them at once; they find the same."""
        if self._newlines is None:
            self._newlines = self._found_newlines()
        return self._newlines

    def newlines_before(self, offset: int) -> int:
        """Return how many line endings lie in the first `offset` bytes."""
        newlines = self.newlines
        return (
            newlines.before(offset) if isinstance(newlines, DenseNewlines) else bisect_left(newlines, offset)
        )

    def char_offset(self, character: int) -> int:
        """Return the byte offset at which a character starts; the segment's end for one past the last."""
        if self.ascii:
            return character
        starts = self._block_starts()
        block = bisect_right(starts, character) - 1
        within = character - starts[block]
        if block == len(starts) - 1:
            return len(self.view)
        first = block * _BLOCK_BYTES
        return first + int(_character_starts(self.view[first : first + _BLOCK_BYTES]).nonzero()[0][within])

    def chars_before(self, offset: int) -> int:
        """Return how many characters start in the first `offset` bytes."""
        if self.ascii:
            return offset
        block = offset // _BLOCK_BYTES
        first = block * _BLOCK_BYTES
        return self._block_starts()[block] + int(_character_starts(self.view[first:offset]).sum())

    def _found_newlines(self) -> Sequence[int]:
        import numpy as np

        offsets = np.flatnonzero(_newline_flags(self.view))
        if _is_dense(self.newline_count, len(self.view)):
            return DenseNewlines(
                self.data, _plain_ints(offsets[::_DENSE_STRIDE], len(self.view)), len(offsets)
            )
        return _plain_ints(offsets, len(self.view))

    def _block_starts(self) -> Sequence[int]:
        if self._char_starts is None:
            import numpy as np

            flags = _character_starts(self.view)
            counts = np.add.reduceat(flags, range(0, len(flags), _BLOCK_BYTES), dtype=np.int64)
            self._char_starts = list(accumulate(counts.tolist(), initial=0))
        return self._char_starts


class DenseNewlines(Sequence[int]):
    """The offsets of very many line endings: every 32nd is kept, the others are found when asked for."""

    def __init__(self, data: bytes, kept: memoryview, count: int) -> None:
        self._data = data
        self._kept = kept
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if index < 0:
            index += self._count
        offset = self._kept[index // _DENSE_STRIDE]
        for _ in range(index % _DENSE_STRIDE):
            offset = self._data.find(b"\n", offset + 1)
        return offset

    def before(self, offset: int) -> int:
        """Return how many line endings lie before `offset`."""
        kept = bisect_left(self._kept, offset)
        if kept == 0:
            return 0
        last = kept - 1
        return last * _DENSE_STRIDE + self._data.count(b"\n", self._kept[last], offset)


def newlines_in(data: bytes | memoryview) -> int:
    """Return how many line endings there are; three times as fast as bytes.count."""
    import numpy as np

    return int(np.count_nonzero(_newline_flags(data)))


def _newline_flags(data: bytes | memoryview) -> Any:
    import numpy as np

    return np.frombuffer(data, dtype=np.uint8) == NEWLINE


def _plain_ints(offsets: Any, size_bytes: int) -> memoryview:
    import numpy as np

    # Indexing a memoryview gives a plain int; indexing the array itself would make a numpy scalar each time.
    return memoryview(offsets.astype(np.uint32 if size_bytes < 2**32 else np.uint64))


def _is_dense(count: int, size_bytes: int) -> bool:
    return count * _DENSE_BYTES_PER_LINE > size_bytes


def _offset_bytes(count: int, size_bytes: int) -> int:
    """Return what the offsets will occupy."""
    kept = -(-count // _DENSE_STRIDE) if _is_dense(count, size_bytes) else count
    return kept * (4 if size_bytes < 2**32 else 8)


def _character_starts(view: memoryview) -> Any:
    import numpy as np

    return (np.frombuffer(view, dtype=np.uint8) & 0xC0) != 0x80
