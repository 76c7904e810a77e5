"""What %rlm_context and %rlm_cache return: small values that show themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..records import ReadStats
from ..text import counted

if TYPE_CHECKING:
    from typing import Self

    from ..context import Context
    from ..disk import DiskUsage


class ContextList:
    """The bound contexts, the default one marked."""

    def __init__(self, contexts: Mapping[str, Context]) -> None:
        self._rows = [f"{name} = {context!r}" for name, context in contexts.items()]

    def __repr__(self) -> str:
        if not self._rows:
            from .binding import HOW_TO_BIND

            return HOW_TO_BIND
        return "\n".join([*self._rows[:-1], f"{self._rows[-1]}  (default)"])


@dataclass(frozen=True, slots=True)
class CacheView:
    """What is kept on disk, and what the bound contexts have read from where."""

    disk: DiskUsage
    indexes: int
    index_bytes: int
    read: Mapping[str, ReadStats]
    freed_bytes: int | None = None

    @classmethod
    def now(cls, contexts: Mapping[str, Context], *, freed_bytes: int | None) -> Self:
        """Look at the caches as they are."""
        from ..context.remember import remembered
        from ..disk import segment_cache

        indexes, index_bytes = remembered()
        read = {name: context.stats for name, context in contexts.items()}
        return cls(segment_cache().summary(), indexes, index_bytes, read, freed_bytes)

    def __repr__(self) -> str:
        disk = self.disk
        held = f"{_entries(disk.entries)}, {disk.bytes:,} of {disk.limit_bytes:,} bytes; "
        held = held if disk.limit_bytes else ""
        lines = [] if self.freed_bytes is None else [f"freed {self.freed_bytes:,} bytes on disk"]
        lines += [
            f"segments in {disk.folder}",
            f"  {held}{disk.state}",
            "remembered indexes of files",
            f"  {_entries(self.indexes)}, {self.index_bytes:,} bytes",
            "segments read by each context",
            *(f"  {name}: {_read_from(stats)}" for name, stats in self.read.items()),
        ]
        return "\n".join(lines if self.read else [*lines, "  no context is bound"])


def _entries(number: int) -> str:
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def _read_from(stats: ReadStats) -> str:
    if stats == ReadStats():
        return "none"
    return (
        f"{stats.memory_hits:,} in memory, {stats.disk_hits:,} on disk, {stats.store_reads:,} in the store "
        f"({counted(stats.requests, 'request')}, {stats.bytes:,} bytes)"
    )
