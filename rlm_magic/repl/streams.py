"""The sys.stdout and sys.stderr of a cell: what the run's own threads print is kept, the rest passes."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

from .capped import CappedText
from .threads import CellThreads


class CellStream(io.TextIOBase):
    """A stream that outlives its cell.

    Code may keep it (`logging.basicConfig()` does), so it lives as long as the run: what threads left behind
    print between cells is shown with the next one, and after the run it writes to the stream of the day.
    """

    def __init__(self, name: str, *, threads: CellThreads, limit_chars: int) -> None:
        self._name = name
        self._threads = threads
        self._limit_chars = limit_chars
        self._kept = CappedText(limit_chars)
        self._outer: TextIO | None = None
        self._closed_run = False
        self._pid = os.getpid()
        self.child_fd: int | None = None
        """Where child processes write what belongs to this stream; None where that is not captured."""
        self.before_write: Callable[[], None] | None = None
        """Called before each write, to fetch first what children wrote first."""
        self.buffer = _Bytes(self)

    def begin_cell(self, outer: TextIO | None) -> None:
        """Capture from now on; `outer` gets what foreign threads print."""
        self._outer = outer

    def end_cell(self) -> str:
        """Return what the cell printed."""
        kept, self._kept = self._kept, CappedText(self._limit_chars)
        self._outer = None
        return kept.getvalue()

    def end_run(self) -> None:
        """Pass everything through from now on."""
        self._closed_run = True
        self.child_fd = self.before_write = None

    def deliver(self, text: str) -> None:
        """Add what a child process wrote."""
        self._kept.write(text)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if os.getpid() != self._pid:
            self._write_from_fork(text)
        elif self._closed_run or not self._threads.mine():
            self._elsewhere().write(text)
        else:
            if self.before_write is not None:
                self.before_write()
            self._kept.write(text)
        return len(text)

    def _write_from_fork(self, text: str) -> None:
        # Memory is no longer shared with the run; the pipe is.
        if self.child_fd is not None:
            os.write(self.child_fd, text.encode("utf-8", "backslashreplace"))

    def _elsewhere(self) -> TextIO:
        outer = self._outer or getattr(sys, self._name)
        if outer is None or outer is self:
            outer = getattr(sys, f"__{self._name}__")
        return outer if outer is not None else io.StringIO()

    def flush(self) -> None:
        if self._closed_run or not self._threads.mine():
            self._elsewhere().flush()

    def close(self) -> None:
        """Stay open: a cell that closes sys.stdout would silence the cells after it."""

    def fileno(self) -> int:
        if self.child_fd is None:
            raise io.UnsupportedOperation("fileno")
        return self.child_fd

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    def __getattr__(self, name: str) -> Any:
        # ipykernel steers its streams through attributes of its own (set_parent and others).
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._elsewhere(), name)


class _Bytes(io.RawIOBase):
    """The `.buffer` of a stream: bytes that are text in UTF-8."""

    def __init__(self, stream: CellStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: Any) -> int:
        content = bytes(data)
        self._stream.write(self._decoder.decode(content))
        return len(content)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open, like the stream."""
