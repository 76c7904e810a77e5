"""What a cell displays, as the plain text of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .capped import cap
from .threads import CellThreads


class Shown:
    """The displays of one cell, in order; an update replaces the display of its id."""

    def __init__(self, limit_chars: int) -> None:
        self._limit_chars = limit_chars
        self._texts: list[str] = []
        self._by_id: dict[str, int] = {}
        self._chars = 0
        self._omitted = 0

    def add(self, text: str, *, display_id: str | None = None) -> None:
        """Add a display, or replace the one with this id."""
        text = cap(text, self._limit_chars)
        place = self._by_id.get(display_id) if display_id is not None else None
        if place is not None:
            self._chars += len(text) - len(self._texts[place])
            self._texts[place] = text
        elif self._chars + len(text) > self._limit_chars:
            self._omitted += 1
        else:
            # One more for each: a million empty displays are not free either.
            self._chars += len(text) + 1
            if display_id is not None:
                self._by_id[display_id] = len(self._texts)
            self._texts.append(text)

    def clear(self) -> None:
        """Drop everything shown so far, as `clear_output()` does."""
        self._texts.clear()
        self._by_id.clear()
        self._chars = 0

    def texts(self) -> tuple[str, ...]:
        """Return the displays; the last entry counts those that were too many."""
        if self._omitted:
            return (*self._texts, f"[... {self._omitted:,} displays omitted ...]")
        return tuple(self._texts)


class CellPublisher:
    """Stands in for the shell's display publisher while a cell runs."""

    def __init__(self, outer: Any, *, shown: Shown, threads: CellThreads) -> None:
        self._outer = outer
        self._shown = shown
        self._threads = threads

    def publish(
        self,
        data: Mapping[str, Any],
        metadata: Any = None,
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **more: Any,
    ) -> None:
        """Keep what the run's threads display; pass on what others do."""
        if not self._threads.mine():
            self._outer.publish(data=data, metadata=metadata, transient=transient, update=update, **more)
            return
        text = data.get("text/plain")
        if not isinstance(text, str):
            text = f"[{', '.join(data)}]"
        self._shown.add(text, display_id=(transient or {}).get("display_id"))

    def clear_output(self, wait: bool = False) -> None:
        """Clear what the cell has displayed; the user's own cell is not touched."""
        if self._threads.mine():
            self._shown.clear()
        else:
            self._outer.clear_output(wait)

    def __getattr__(self, name: str) -> Any:
        # ipykernel steers its publisher through attributes of its own (set_parent and others).
        return getattr(self._outer, name)
