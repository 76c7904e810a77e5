"""Text whose middle is left out once it is too long, so that memory stays bounded while it grows."""

from __future__ import annotations

import io
import threading


def cap(text: str, limit_chars: int) -> str:
    """Return `text`, its middle replaced by a count when it is longer than `limit_chars`.

    >>> cap("abcdefghij", 4)
    'ab\\n[... 6 characters omitted ...]\\nij'
    """
    if len(text) <= limit_chars:
        return text
    head_chars = limit_chars // 2
    tail_chars = limit_chars - head_chars
    return _joined(text[:head_chars], len(text) - limit_chars, text[len(text) - tail_chars :])


def _joined(head: str, omitted_chars: int, tail: str) -> str:
    return f"{head}\n[... {omitted_chars:,} characters omitted ...]\n{tail}"


def well_formed(text: str) -> str:
    """Return `text` with lone surrogates escaped: they can be printed into a str, but never be sent or saved.

    >>> well_formed("a\\ud800") == "a" + chr(92) + "ud800"
    True
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class CappedText:
    """Collect text from any thread, keeping the first and the last half of `limit_chars`."""

    def __init__(self, limit_chars: int) -> None:
        self._head_chars = limit_chars // 2
        self._tail_chars = limit_chars - self._head_chars
        self._total_chars = 0
        self._head = io.StringIO()
        # Two buffers, each as long as the tail: the older one is dropped whole, which is cheaper than
        # trimming one buffer at every write.
        self._older = ""
        self._newer = io.StringIO()
        self._newer_chars = 0
        # A C lock taken by `with`: an exception thrown by a signal handler cannot leak it.
        self._lock = threading.Lock()

    def write(self, text: str) -> None:
        """Append `text`."""
        with self._lock:
            room = max(self._head_chars - self._total_chars, 0)
            self._total_chars += len(text)
            if room:
                self._head.write(text[:room])
            if len(text) > room:
                self._write_tail(text[max(room, len(text) - self._tail_chars) :])

    def _write_tail(self, text: str) -> None:
        self._newer.write(text)
        self._newer_chars += len(text)
        if self._newer_chars >= self._tail_chars:
            self._older = self._newer.getvalue()
            self._newer, self._newer_chars = io.StringIO(), 0

    def getvalue(self) -> str:
        """Return what was kept, with the count of what was not."""
        with self._lock:
            head = self._head.getvalue()
            beyond_head = self._total_chars - len(head)
            tail_chars = min(beyond_head, self._tail_chars)
            kept = self._older + self._newer.getvalue()
            tail = kept[len(kept) - tail_chars :]
        omitted = beyond_head - tail_chars
        return _joined(head, omitted, tail) if omitted else head + tail
